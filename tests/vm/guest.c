/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The guest's side of the wire through which the lab's commands get into a virtual node (wire.py is the
 * host's). The wire is a few virtio serial ports. Each is served by a process of its own, one request after
 * the other: a script for /bin/sh and its standard input come in; its wait status, output and errors go out.
 * When the host hangs up, the script is killed: a command that hangs costs the node nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_PORTS    8
#define SCRIPT_MAX (1U << 20)
#define INPUT_MAX  (64U << 20)

struct Request {
        uint64_t token; /* comes back with the answer, so that nobody takes another's for his own */
        uint32_t script_size;
        uint32_t input_size;
};

struct Answer {
        uint64_t token;
        uint32_t status;
        uint32_t output_size;
        uint32_t errors_size;
        uint32_t padding;
};

/* The three standard streams of a script. A file, unlike a pipe, does not keep us waiting for the end of a
 * daemon that the script left behind. */
enum { INPUT, OUTPUT, ERRORS, N_STREAMS };

static void die(const char *what)
{
        perror(what);
        exit(1);
}

/* A port says end-of-file while nobody is connected on the host. The kernel sends SIGIO, which is blocked,
 * when somebody is again. Returns 0, or -EPIPE when the host hung up in the middle. */
static int port_read(int port, void *data, size_t size)
{
        sigset_t connected;
        size_t done = 0;

        sigemptyset(&connected);
        sigaddset(&connected, SIGIO);
        while (done < size) {
                ssize_t n = read(port, (char *) data + done, size - done);
                if (n < 0 && errno != EINTR)
                        die("read");
                if (n > 0)
                        done += (size_t) n;
                if (n == 0 && done > 0)
                        return -EPIPE;
                if (n == 0)
                        sigtimedwait(&connected, NULL, &(struct timespec){ .tv_sec = 1 });
        }
        return 0;
}

/* Data may be here before the word that somebody is connected; so wait for that a while. */
static bool port_is_connected(int port)
{
        for (int i = 0; i < 100; i++) {
                struct pollfd event = { .fd = port };
                if (poll(&event, 1, 0) == 0)
                        return true;
                nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        }
        return false;
}

static void write_all(int fd, const void *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);
                if (n < 0 && errno != EINTR)
                        die("write");
                if (n > 0) {
                        data = (const char *) data + n;
                        size -= (size_t) n;
                }
        }
}

static void port_send_stream(int port, int stream, size_t size)
{
        void *data = size > 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, stream, 0) : NULL;
        if (data == MAP_FAILED)
                die("mmap");
        write_all(port, data, size);
        if (data)
                munmap(data, size);
}

static uint32_t stream_size(int stream)
{
        struct stat st;

        if (fstat(stream, &st) < 0)
                die("fstat");
        return (uint32_t) st.st_size;
}

static void __attribute__((noreturn)) become(const char *script, const int streams[N_STREAMS])
{
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        for (int i = 0; i < N_STREAMS; i++)
                dup2(streams[i], i);
        clearenv();
        setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
        setenv("HOME", "/root", 1);
        setenv("LANG", "C.UTF-8", 1);
        execl("/bin/sh", "sh", "-c", script, NULL);
        _exit(127);
}

/* Returns the wait status, or -EPIPE when the host hung up first. What does not even die when it is killed,
 * because the kernel has it, is left to the kernel. */
static int run(int port, const char *script, const int streams[N_STREAMS])
{
        int status = 0;

        pid_t pid = fork();
        if (pid < 0)
                die("fork");
        if (pid == 0)
                become(script, streams);

        int process = (int) syscall(SYS_pidfd_open, pid, 0);
        if (process < 0)
                die("pidfd_open");
        struct pollfd events[] = { { .fd = process, .events = POLLIN }, { .fd = port } };
        while (poll(events, 2, -1) < 0)
                if (errno != EINTR)
                        die("poll");
        if (!events[0].revents) {
                kill(-pid, SIGKILL);
                poll(events, 1, 1000);
                status = -EPIPE;
        }
        close(process);
        int found = 0;
        if (waitpid(pid, &found, WNOHANG) == pid && status == 0)
                status = found;
        return status;
}

static void answer(int port, uint64_t token, int status, const int streams[N_STREAMS])
{
        struct Answer a = {
                .token = token,
                .status = (uint32_t) status,
                .output_size = stream_size(streams[OUTPUT]),
                .errors_size = stream_size(streams[ERRORS]),
        };

        write_all(port, &a, sizeof(a));
        port_send_stream(port, streams[OUTPUT], a.output_size);
        port_send_stream(port, streams[ERRORS], a.errors_size);
}

/* One request and its answer. */
static void serve(int port)
{
        int streams[N_STREAMS];
        struct Request request;

        if (port_read(port, &request, sizeof(request)) < 0)
                return;
        if (request.script_size > SCRIPT_MAX || request.input_size > INPUT_MAX) {
                fprintf(stderr, "a request of %u and %u bytes: dropped\n", request.script_size,
                        request.input_size);
                return;
        }

        char *script = calloc(1, request.script_size + 1U), *input = malloc(request.input_size + 1U);
        if (!script || !input)
                die("malloc");
        for (int i = 0; i < N_STREAMS; i++) {
                streams[i] = memfd_create("stream", MFD_CLOEXEC);
                if (streams[i] < 0)
                        die("memfd_create");
        }
        if (port_read(port, script, request.script_size) == 0 &&
            port_read(port, input, request.input_size) == 0 && port_is_connected(port)) {
                write_all(streams[INPUT], input, request.input_size);
                lseek(streams[INPUT], 0, SEEK_SET);
                int status = run(port, script, streams);
                if (status >= 0)
                        answer(port, request.token, status, streams);
        }
        for (int i = 0; i < N_STREAMS; i++)
                close(streams[i]);
        free(script);
        free(input);
}

static void __attribute__((noreturn)) serve_port(const char *path)
{
        sigset_t blocked;

        sigemptyset(&blocked);
        sigaddset(&blocked, SIGIO);
        sigprocmask(SIG_BLOCK, &blocked, NULL);

        int port = open(path, O_RDWR | O_CLOEXEC);
        if (port < 0 || fcntl(port, F_SETOWN, getpid()) < 0 || fcntl(port, F_SETFL, O_ASYNC) < 0)
                die(path);
        for (;;)
                serve(port);
}

int main(void)
{
        glob_t ports = {};

        while (glob("/dev/vport*p*", 0, NULL, &ports) != 0 || ports.gl_pathc < N_PORTS) {
                globfree(&ports);
                nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        }
        for (size_t i = 0; i < ports.gl_pathc; i++) {
                pid_t pid = fork();
                if (pid < 0)
                        die("fork");
                if (pid == 0)
                        serve_port(ports.gl_pathv[i]);
        }
        /* One of them is gone: start again with all of them. */
        wait(NULL);
        kill(0, SIGTERM);
        return 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys, boot id, instance and start counter. */
#include "services/hbd/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "common/state.h"

int identity_parse_keys(const char *text, FrameKey ret_keys[static FRAME_KEYS_MAX], unsigned *ret_n_keys)
{
        uint8_t bytes[FRAME_KEY_BYTES];
        unsigned n = 0;
        int r = 0;

        while (r == 0 && *text) {
                size_t digits = strcspn(text, "\n"), used = 0;

                if (digits > 0 &&
                    (n == FRAME_KEYS_MAX ||
                     sodium_hex2bin(bytes, sizeof(bytes), text, digits, NULL, &used, NULL) < 0 ||
                     used != sizeof(bytes) || digits != 2 * sizeof(bytes)))
                        r = -EBADMSG;
                else if (digits > 0)
                        frame_key_init(&ret_keys[n++], bytes);
                text += digits + (text[digits] == '\n');
        }
        explicit_bzero(bytes, sizeof(bytes));
        if (r < 0 || n == 0)
                return -EBADMSG;
        *ret_n_keys = n;
        return 0;
}

static int load_keys(Log *log, HeartSelf *self)
{
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        char path[512], text[256];
        ssize_t n;
        int fd, r;

        snprintf(path, sizeof(path), "%s/heartbeat", directory ? directory : "/etc/hapair/keys");
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
                r = -errno;
                log_error(log, "heartbeat",
                          "The heartbeat key %s cannot be read: %s. Run 'hapair init' or 'hapair join'.",
                          path, strerror(-r));
                return r;
        }
        n = read(fd, text, sizeof(text) - 1);
        r = n < 0 ? -errno : 0;
        close(fd);
        if (r >= 0) {
                text[n] = '\0';
                r = identity_parse_keys(text, self->keys, &self->n_keys);
                explicit_bzero(text, sizeof(text));
        }
        if (r < 0)
                log_error(log, "heartbeat",
                          "The heartbeat key %s is not one or two lines of 64 hexadecimal digits; copy it "
                          "from the other node.",
                          path);
        return r;
}

static int starts_path(char *ret_path, size_t size)
{
        const char *directory = getenv("STATE_DIRECTORY");

        if (!directory)
                return -ENOENT;
        snprintf(ret_path, size, "%s/starts", directory);
        return 0;
}

/* Without a memory that works heartbeats go on all the same: the peer then tells starts apart by their
 * instance. */
static void count_start(Log *log, HeartSelf *self)
{
        uint64_t counter = 0;
        char path[512];
        int r = starts_path(path, sizeof(path));

        if (r == 0)
                r = state_load_now(path, &counter, sizeof(counter));
        if (r == -EBADMSG || r == -EMSGSIZE)
                log_warning(log, "heartbeat", "%s is damaged; the count of starts begins anew.", path);
        self->counter = counter + 1;
}

int identity_keep_start(const HeartSelf *self, sd_event *event, state_done_t done, void *userdata,
                        StateFile **ret_file)
{
        StateFile *file;
        uint64_t generation;
        char path[512];
        int r;

        r = starts_path(path, sizeof(path));
        if (r < 0)
                return r;
        r = state_open(path, event, done, userdata, &file);
        if (r < 0)
                return r;
        r = state_save(file, &self->counter, sizeof(self->counter), &generation);
        if (r < 0) {
                state_close(file);
                return r;
        }
        *ret_file = file;
        return 0;
}

int identity_load(Log *log, HeartSelf *ret_self)
{
        HeartSelf self = {};
        sd_id128_t boot_id;
        int r;

        if (sodium_init() < 0) {
                log_error(log, "heartbeat", "libsodium cannot start.");
                return -EIO;
        }
        r = load_keys(log, &self);
        if (r < 0)
                return r;
        r = sd_id128_get_boot(&boot_id);
        if (r < 0) {
                log_error(log, "heartbeat", "The kernel's boot id cannot be read: %s", strerror(-r));
                return r;
        }
        memcpy(self.boot_id, boot_id.bytes, sizeof(self.boot_id));
        while (self.instance == 0)
                randombytes_buf(&self.instance, sizeof(self.instance));
        count_start(log, &self);
        *ret_self = self;
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small record that survives a crash at any moment: two slots written in turn.
 */
#include "common/state.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/crc32.h"

#define SLOT_SIZE         2048
#define WRITER_STACK_SIZE (128 * 1024) /* it is locked in memory where the daemon is */
#define MAGIC             "hapairs1"

/* On disk, little-endian. The CRC covers what follows it. */
typedef struct Slot {
        char magic[8];
        uint32_t crc;
        uint32_t size;
        uint64_t generation;
        uint8_t data[STATE_SIZE_MAX];
        uint8_t unused[SLOT_SIZE - STATE_SIZE_MAX - 24];
} Slot;

static_assert(sizeof(Slot) == SLOT_SIZE, "a slot is half the file");

struct StateFile {
        int fd;
        int wake_fd; /* eventfd: the writer finished something */
        sd_event_source *source;
        state_done_t done;
        void *userdata;
        uint64_t generation; /* of the newest save asked for */

        pthread_t thread;
        pthread_mutex_t lock; /* guards what follows */
        pthread_cond_t changed;
        bool stop, pending;
        unsigned newest; /* index of the newest valid slot */
        Slot next;
        uint64_t written;
        int error;
};

static uint32_t slot_crc(const Slot *slot)
{
        return crc32_update(0, &slot->size, sizeof(*slot) - offsetof(Slot, size));
}

static bool slot_valid(const Slot *slot)
{
        return memcmp(slot->magic, MAGIC, sizeof(slot->magic)) == 0 &&
               le32toh(slot->size) <= STATE_SIZE_MAX && le32toh(slot->crc) == slot_crc(slot);
}

static bool slot_empty(const Slot *slot)
{
        const uint8_t *bytes = (const uint8_t *) slot;

        return bytes[0] == 0 && memcmp(bytes, bytes + 1, sizeof(*slot) - 1) == 0;
}

static void slot_fill(Slot *ret_slot, const void *data, size_t size, uint64_t generation)
{
        *ret_slot = (Slot){ .magic = MAGIC,
                            .size = htole32((uint32_t) size),
                            .generation = htole64(generation) };
        memcpy(ret_slot->data, data, size);
        ret_slot->crc = htole32(slot_crc(ret_slot));
}

static int slot_write(int fd, unsigned index, const Slot *slot)
{
        ssize_t n = pwrite(fd, slot, sizeof(*slot), index * SLOT_SIZE);

        if (n < 0)
                return -errno;
        if (n != sizeof(*slot))
                return -EIO;
        return fdatasync(fd) < 0 ? -errno : 0;
}

/* The index of the newest slot, and the slot; or the errors of state_load(). */
static int slots_read(int fd, Slot *ret_slot)
{
        Slot slots[2] = { 0 };
        const Slot *newest = NULL;
        bool damaged = false;

        if (pread(fd, slots, sizeof(slots), 0) < 0)
                return -errno;

        for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
                if (!slot_valid(&slots[i]))
                        damaged = damaged || !slot_empty(&slots[i]);
                else if (!newest || le64toh(slots[i].generation) > le64toh(newest->generation))
                        newest = &slots[i];
        }
        if (!newest)
                return damaged ? -EBADMSG : -ENODATA;
        *ret_slot = *newest;
        return (int) (newest - slots);
}

static void *writer(void *argument)
{
        StateFile *file = argument;
        uint64_t one = 1;

        pthread_mutex_lock(&file->lock);
        for (;;) {
                /* Never the newest valid slot: a torn or failed write must leave it. */
                unsigned index = !file->newest;

                while (!file->pending && !file->stop)
                        pthread_cond_wait(&file->changed, &file->lock);
                if (!file->pending)
                        break;

                Slot slot = file->next;
                file->pending = false;
                pthread_mutex_unlock(&file->lock);
                int r = slot_write(file->fd, index, &slot);
                pthread_mutex_lock(&file->lock);

                file->written = le64toh(slot.generation);
                file->error = r;
                if (r == 0)
                        file->newest = index;
                if (write(file->wake_fd, &one, sizeof(one)) < 0)
                        file->error = -errno;
        }
        pthread_mutex_unlock(&file->lock);
        return NULL;
}

static int on_written(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        StateFile *file = userdata;
        uint64_t count;

        if (read(fd, &count, sizeof(count)) < 0)
                return errno == EAGAIN ? 0 : -errno;

        pthread_mutex_lock(&file->lock);
        uint64_t generation = file->written;
        int error = file->error;
        pthread_mutex_unlock(&file->lock);

        file->done(generation, error, file->userdata);
        return 0;
}

/* The file's name in its directory outlives a crash too. */
static int sync_directory(const char *path)
{
        char directory[PATH_MAX];

        if (strlen(path) >= sizeof(directory))
                return -ENAMETOOLONG;
        memcpy(directory, path, strlen(path) + 1);
        int fd = open(dirname(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = fsync(fd) < 0 ? -errno : 0;
        close(fd);
        return r;
}

/* Waits for the disk only when the file is made: a daemon that starts again must not. */
static int open_slots(const char *path)
{
        struct stat st;
        int r;

        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) == 0 && st.st_size == 2 * SLOT_SIZE)
                return fd;

        r = -posix_fallocate(fd, 0, 2 * SLOT_SIZE);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == 0)
                r = sync_directory(path);
        if (r < 0) {
                close(fd);
                return r;
        }
        return fd;
}

static int start_writer(StateFile *file)
{
        pthread_attr_t attributes;
        int r;

        r = -pthread_attr_init(&attributes);
        if (r < 0)
                return r;
        r = -pthread_attr_setstacksize(&attributes, WRITER_STACK_SIZE);
        if (r == 0)
                r = -pthread_create(&file->thread, &attributes, writer, file);
        pthread_attr_destroy(&attributes);
        return r;
}

int state_open(const char *path, sd_event *event, state_done_t done, void *userdata, StateFile **ret_file)
{
        StateFile *file = calloc(1, sizeof(*file));
        int r;

        if (!file)
                return -ENOMEM;
        *file = (StateFile){ .wake_fd = -1, .done = done, .userdata = userdata };
        pthread_mutex_init(&file->lock, NULL);
        pthread_cond_init(&file->changed, NULL);

        r = file->fd = open_slots(path);
        if (r < 0)
                goto fail;
        file->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (file->wake_fd < 0) {
                r = -errno;
                goto fail;
        }
        r = sd_event_add_io(event, &file->source, file->wake_fd, EPOLLIN, on_written, file);
        if (r < 0)
                goto fail;
        r = sd_event_source_set_priority(file->source, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0)
                goto fail;

        Slot newest = { 0 };
        r = slots_read(file->fd, &newest);
        if (r >= 0) {
                file->newest = (unsigned) r;
                file->generation = le64toh(newest.generation);
        }

        r = start_writer(file);
        if (r < 0)
                goto fail;

        *ret_file = file;
        return 0;

fail:
        sd_event_source_unref(file->source);
        if (file->wake_fd >= 0)
                close(file->wake_fd);
        if (file->fd >= 0)
                close(file->fd);
        free(file);
        return r;
}

StateFile *state_close(StateFile *file)
{
        if (!file)
                return NULL;

        pthread_mutex_lock(&file->lock);
        file->stop = true;
        pthread_cond_signal(&file->changed);
        pthread_mutex_unlock(&file->lock);
        pthread_join(file->thread, NULL);

        sd_event_source_disable_unref(file->source);
        close(file->wake_fd);
        close(file->fd);
        pthread_cond_destroy(&file->changed);
        pthread_mutex_destroy(&file->lock);
        free(file);
        return NULL;
}

static int load_newest(int fd, void *ret_data, size_t size)
{
        Slot slot = { 0 };
        int r = slots_read(fd, &slot);

        if (r < 0)
                return r;
        if (le32toh(slot.size) != size)
                return -EMSGSIZE;
        memcpy(ret_data, slot.data, size);
        return 0;
}

int state_load(StateFile *file, void *ret_data, size_t size)
{
        return load_newest(file->fd, ret_data, size);
}

int state_load_now(const char *path, void *ret_data, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0)
                return -errno;
        int r = load_newest(fd, ret_data, size);
        close(fd);
        return r;
}

int state_save(StateFile *file, const void *data, size_t size, uint64_t *ret_generation)
{
        if (size > STATE_SIZE_MAX)
                return -EMSGSIZE;

        pthread_mutex_lock(&file->lock);
        slot_fill(&file->next, data, size, ++file->generation);
        file->pending = true;
        pthread_cond_signal(&file->changed);
        pthread_mutex_unlock(&file->lock);

        *ret_generation = file->generation;
        return 0;
}

int state_save_now(const char *path, const void *data, size_t size)
{
        Slot slot, newest = { 0 };

        if (size > STATE_SIZE_MAX)
                return -EMSGSIZE;
        int fd = open_slots(path);
        if (fd < 0)
                return fd;

        int r = slots_read(fd, &newest);
        slot_fill(&slot, data, size, r >= 0 ? le64toh(newest.generation) + 1 : 1);
        r = slot_write(fd, r == 0, &slot);
        close(fd);
        return r;
}

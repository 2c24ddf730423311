/*
 * Memory comes in pieces that never move, each twice as large as the one before it, so that readers
 * copy without the lock and a short body costs little:
 *
 *     0        4 KiB     12 KiB             28 KiB        memory_size
 *     | piece 0 | piece 1 |      piece 2      |  ...  |   | file, at offset - memory_size ... |
 *
 * Bytes below `size` never change; the lock is held to look at `size` and to wait, not to copy.
 * What a follower has read beyond the limit leaves the file as a hole. Where the disk takes no
 * more, a body that is followed goes on in lock step: each append waits until the follower has all
 * before it, and lies in `window` for it alone.
 */
#include "query-tee/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/file.h"
#include "base/mem.h"

#define PIECE_SIZE_FIRST ((size_t)4096)
#define PIECES_MAX 24 /* 64 GiB */

/* Holes are made in steps of this size. */
#define HOLE_SIZE ((uint64_t)8 << 20)

/* How often a reader looks whether it is canceled. */
#define LOOK_NS INT64_C(50000000)

enum spool_state { SPOOL_GROWING, SPOOL_ENDED, SPOOL_FAILED };

struct spool {
    struct spool_options options;

    /* The writer's alone. */
    size_t piece_count;
    size_t memory_charged;
    uint64_t disk_charged;

    /* Set before the `size` that makes them known, under the mutex. */
    char *pieces[PIECES_MAX];
    int fd;       /* -1: none yet */
    bool spilled; /* memory holds what is in front of memory_size, and no more */
    uint64_t memory_size;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned waiting;
    uint64_t size;
    enum spool_state state;
    struct err *failure; /* NULL: none; it is large, and most bodies do well */
    bool followed;
    uint64_t followed_offset;
    uint64_t dropped; /* bytes from memory_size up to here are gone */
    char *window;     /* bytes from `dropped` on, in lock step; NULL: it is not */
};

static uint64_t piece_begin(size_t index)
{
    return PIECE_SIZE_FIRST * ((UINT64_C(1) << index) - 1);
}

static size_t piece_at(uint64_t offset)
{
    uint64_t n = offset / PIECE_SIZE_FIRST + 1;
    return 63 - (size_t)__builtin_clzll(n);
}

struct spool *spool_create(const struct spool_options *options)
{
    struct spool *spool = mem_new(struct spool);
    spool->options = *options;
    if (spool->options.memory_max > piece_begin(PIECES_MAX))
        spool->options.memory_max = piece_begin(PIECES_MAX);
    spool->fd = -1;
    pthread_mutex_init(&spool->mutex, NULL);
    pthread_cond_init(&spool->changed, NULL);
    return spool;
}

struct spool *spool_of(const void *bytes, size_t size)
{
    struct spool_options options = {.memory_max = size, .size_max = size};
    struct spool *spool = spool_create(&options);
    struct err err;
    bool good = spool_append(spool, bytes, size, &err);
    assert(good && "memory takes it all");
    spool_end(spool);
    return spool;
}

void spool_destroy(struct spool *spool)
{
    if (!spool)
        return;
    for (size_t i = 0; i < spool->piece_count; i++)
        free(spool->pieces[i]);
    if (spool->options.memory)
        budget_release(spool->options.memory, spool->memory_charged);
    free(spool->window);
    free(spool->failure);
    if (spool->fd >= 0)
        close(spool->fd);
    if (spool->options.disk)
        budget_release(spool->options.disk, (size_t)spool->disk_charged);
    pthread_cond_destroy(&spool->changed);
    pthread_mutex_destroy(&spool->mutex);
    free(spool);
}

/* With the mutex held. */
static void spool_sleep(struct spool *spool)
{
    spool->waiting++;
    pthread_cond_wait(&spool->changed, &spool->mutex);
    spool->waiting--;
}

/* With the mutex held; for no longer than a look at who cancels may take. */
static void spool_doze(struct spool *spool)
{
    spool->waiting++;
    cond_wait_until(&spool->changed, &spool->mutex, clock_monotonic_ns() + LOOK_NS);
    spool->waiting--;
}

static void spool_wake(struct spool *spool)
{
    if (spool->waiting > 0)
        pthread_cond_broadcast(&spool->changed);
}

/* One more piece of memory; false: there shall be none. */
static bool spool_add_piece(struct spool *spool)
{
    uint64_t begin = piece_begin(spool->piece_count);
    if (begin >= spool->options.memory_max)
        return false;
    size_t size = PIECE_SIZE_FIRST << spool->piece_count;
    if (size > spool->options.memory_max - begin)
        size = (size_t)(spool->options.memory_max - begin);
    struct err unused;
    if (spool->options.memory && !budget_charge(spool->options.memory, size, &unused))
        return false;
    spool->memory_charged += size;
    spool->pieces[spool->piece_count++] = mem_resize(NULL, char, size);
    return true;
}

/* How much goes into memory of what comes behind `size`; the rest, from then on, into the file. */
static size_t spool_memory_room(struct spool *spool)
{
    if (spool->spilled)
        return 0;
    uint64_t end = piece_begin(spool->piece_count);
    if (end > spool->options.memory_max)
        end = spool->options.memory_max;
    if (end == spool->size && spool_add_piece(spool))
        return spool_memory_room(spool);
    return (size_t)(end - spool->size);
}

static bool spool_open_file(struct spool *spool, struct err *err)
{
    int fd;
    if (!file_open_unnamed(spool->options.folder ? spool->options.folder : "/tmp", &fd, err))
        return false;
    pthread_mutex_lock(&spool->mutex);
    spool->fd = fd;
    pthread_mutex_unlock(&spool->mutex);
    return true;
}

/* Gives back the front of the file. With the mutex held: a reader must not copy from it now. */
static void spool_drop(struct spool *spool, uint64_t end)
{
    if (spool->fd < 0 || end < spool->memory_size)
        return;
    uint64_t begin = spool->dropped > spool->memory_size ? spool->dropped : spool->memory_size;
    if (end < begin + HOLE_SIZE)
        return;
    fallocate(spool->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              (off_t)(begin - spool->memory_size), (off_t)(end - begin));
    uint64_t charged = end - begin < spool->disk_charged ? end - begin : spool->disk_charged;
    if (spool->options.disk)
        budget_release(spool->options.disk, (size_t)charged);
    spool->disk_charged -= charged;
    spool->dropped = end;
}

static bool spool_write_file(struct spool *spool, const char *bytes, size_t size, struct err *err)
{
    if (spool->fd < 0 && !spool_open_file(spool, err))
        return false;
    if (spool->options.disk) {
        if (!budget_charge(spool->options.disk, size, err))
            return false;
        spool->disk_charged += size;
    }
    uint64_t at = spool->size - spool->memory_size;
    while (size > 0) {
        ssize_t n = pwrite(spool->fd, bytes, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(err, ERR_IO, "temporary file: %s", n < 0 ? strerror(errno) : "full");
        bytes += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

/* Room for the next bytes under the limit; a follower makes it, of all there is at the most. */
static bool spool_make_room(struct spool *spool, size_t size, struct err *err)
{
    uint64_t limit = spool->options.size_max;
    if (spool->size + size <= limit)
        return true;
    bool good = true;
    pthread_mutex_lock(&spool->mutex);
    while (spool->followed && spool->followed_offset < spool->size &&
           spool->size - spool->followed_offset + size > limit)
        spool_sleep(spool);
    if (spool->followed)
        spool_drop(spool, spool->followed_offset);
    else
        good = err_set(err, ERR_LIMIT, "the body is longer than %llu bytes",
                       (unsigned long long)limit);
    pthread_mutex_unlock(&spool->mutex);
    return good;
}

/* From memory to wherever else: what lies there stays. */
static void spool_spill(struct spool *spool)
{
    pthread_mutex_lock(&spool->mutex);
    spool->spilled = true;
    spool->memory_size = spool->size;
    pthread_mutex_unlock(&spool->mutex);
}

/* In lock step with the follower; false: there is none. */
static bool spool_hand_over(struct spool *spool, const char *bytes, size_t size)
{
    pthread_mutex_lock(&spool->mutex);
    while (spool->followed && spool->followed_offset < spool->size)
        spool_sleep(spool);
    bool followed = spool->followed;
    if (followed) {
        spool->window = mem_resize(spool->window, char, size);
        memcpy(spool->window, bytes, size);
        spool->dropped = spool->size;
        spool->size += size;
        spool_wake(spool);
    }
    pthread_mutex_unlock(&spool->mutex);
    return followed;
}

static void spool_grow(struct spool *spool, size_t size)
{
    pthread_mutex_lock(&spool->mutex);
    spool->size += size;
    spool_wake(spool);
    pthread_mutex_unlock(&spool->mutex);
}

/* Into memory, as far as it goes. */
static size_t spool_fill_memory(struct spool *spool, const char *from, size_t size)
{
    size_t done = 0;
    while (done < size) {
        size_t part = spool_memory_room(spool);
        if (part == 0)
            break;
        if (part > size - done)
            part = size - done;
        size_t piece = piece_at(spool->size);
        memcpy(spool->pieces[piece] + (spool->size - piece_begin(piece)), from + done, part);
        spool_grow(spool, part);
        done += part;
    }
    return done;
}

size_t spool_append_at_once(struct spool *spool, const void *bytes, size_t size)
{
    if (spool->window || spool->size + size > spool->options.size_max)
        return 0;
    return spool_fill_memory(spool, bytes, size);
}

bool spool_append(struct spool *spool, const void *bytes, size_t size, struct err *err)
{
    const char *from = bytes;
    if (size == 0)
        return true;
    if (spool->window)
        return spool_hand_over(spool, from, size) ||
               err_set(err, ERR_LIMIT, "the body does not fit on the disk");
    if (!spool_make_room(spool, size, err))
        return false;
    size_t kept = spool_fill_memory(spool, from, size);
    from += kept;
    size -= kept;
    if (size == 0)
        return true;
    if (!spool->spilled)
        spool_spill(spool);
    if (!spool_write_file(spool, from, size, err))
        return spool_hand_over(spool, from, size);
    spool_grow(spool, size);
    return true;
}

static void spool_finish(struct spool *spool, enum spool_state state)
{
    pthread_mutex_lock(&spool->mutex);
    assert(spool->state == SPOOL_GROWING);
    spool->state = state;
    spool_wake(spool);
    pthread_mutex_unlock(&spool->mutex);
}

void spool_end(struct spool *spool)
{
    spool_finish(spool, SPOOL_ENDED);
}

void spool_fail(struct spool *spool, const struct err *err)
{
    spool->failure = mem_new(struct err); /* nobody looks before the state says so */
    *spool->failure = *err;
    spool_finish(spool, SPOOL_FAILED);
}

static bool spool_has(struct spool *spool, uint64_t offset, struct err *err)
{
    pthread_mutex_lock(&spool->mutex);
    bool dropped = offset < spool->dropped;
    pthread_mutex_unlock(&spool->mutex);
    return !dropped ||
           err_set(err, ERR_LIMIT, "the body is longer than is kept, and its front is gone");
}

static bool spool_read_file(struct spool *spool, uint64_t offset, char *out, size_t size,
                            struct err *err)
{
    if (!spool_has(spool, offset, err))
        return false;
    uint64_t at = offset - spool->memory_size;
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(spool->fd, out + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(err, ERR_IO, "temporary file: %s", n < 0 ? strerror(errno) : "cut");
        done += (size_t)n;
    }
    return spool_has(spool, offset, err); /* what was dropped meanwhile reads as zeros */
}

bool spool_read(struct spool *spool, uint64_t offset, void *out, size_t size_max, size_t *ret_size,
                struct err *err)
{
    pthread_mutex_lock(&spool->mutex);
    while (spool->size <= offset && spool->state == SPOOL_GROWING)
        spool_sleep(spool);
    uint64_t size = spool->size;
    bool in_memory = !spool->spilled || offset < spool->memory_size;
    uint64_t end = in_memory && spool->spilled ? spool->memory_size : size;
    bool failed = size <= offset && spool->state == SPOOL_FAILED;
    if (failed)
        *err = *spool->failure;
    if (size > offset && size_max > end - offset)
        size_max = (size_t)(end - offset);
    bool handed_over = spool->window && size > offset && offset >= spool->dropped;
    if (handed_over)
        memcpy(out, spool->window + (offset - spool->dropped), size_max);
    pthread_mutex_unlock(&spool->mutex);

    *ret_size = 0;
    if (size <= offset || size_max == 0)
        return !failed;
    if (handed_over) {
        *ret_size = size_max;
        return true;
    }
    if (in_memory) {
        size_t piece = piece_at(offset);
        uint64_t piece_end = piece_begin(piece + 1);
        if (size_max > piece_end - offset)
            size_max = (size_t)(piece_end - offset);
        memcpy(out, spool->pieces[piece] + (offset - piece_begin(piece)), size_max);
    } else if (!spool_read_file(spool, offset, out, size_max, err)) {
        return false;
    }
    *ret_size = size_max;
    return true;
}

/* With the mutex held. */
static bool spool_lacks(const struct spool *spool, uint64_t offset)
{
    return spool->size <= offset && spool->state == SPOOL_GROWING;
}

bool spool_await(struct spool *spool, uint64_t offset, const _Atomic bool *cancel,
                 uint64_t *ret_size, struct err *err)
{
    pthread_mutex_lock(&spool->mutex);
    while (spool_lacks(spool, offset) && !(cancel && atomic_load(cancel)))
        spool_doze(spool);
    bool canceled = spool_lacks(spool, offset);
    *ret_size = spool->size > offset ? spool->size - offset : 0;
    bool failed = *ret_size == 0 && spool->state == SPOOL_FAILED;
    pthread_mutex_unlock(&spool->mutex);
    if (canceled)
        return err_set(err, ERR_CANCELED, "canceled");
    if (failed)
        *err = *spool->failure;
    return !failed;
}

bool spool_wait(struct spool *spool, struct err *err)
{
    pthread_mutex_lock(&spool->mutex);
    while (spool->state == SPOOL_GROWING)
        spool_sleep(spool);
    bool good = spool->state == SPOOL_ENDED;
    pthread_mutex_unlock(&spool->mutex);
    if (!good)
        *err = *spool->failure;
    return good;
}

uint64_t spool_size(struct spool *spool)
{
    pthread_mutex_lock(&spool->mutex);
    uint64_t size = spool->size;
    pthread_mutex_unlock(&spool->mutex);
    return size;
}

void spool_follow(struct spool *spool)
{
    pthread_mutex_lock(&spool->mutex);
    spool->followed = true;
    pthread_mutex_unlock(&spool->mutex);
}

void spool_followed(struct spool *spool, uint64_t offset)
{
    pthread_mutex_lock(&spool->mutex);
    spool->followed_offset = offset;
    spool_wake(spool);
    pthread_mutex_unlock(&spool->mutex);
}

void spool_unfollow(struct spool *spool)
{
    pthread_mutex_lock(&spool->mutex);
    spool->followed = false;
    spool_wake(spool);
    pthread_mutex_unlock(&spool->mutex);
}

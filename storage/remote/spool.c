#include "storage/remote/spool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

struct spool {
    struct spool_place place;
    int fd;           /* -1: there is no file yet */
    uint64_t written; /* bytes in the file */
    struct buf held;  /* those behind them */
};

bool spool_create(const struct spool_place *place, struct spool **ret_spool, struct err *err)
{
    if (!budget_charge(place->memory, SPOOL_HELD_SIZE, err))
        return false;
    struct spool *spool = mem_new(struct spool);
    spool->place = *place;
    spool->fd = -1;
    *ret_spool = spool;
    return true;
}

void spool_destroy(struct spool *spool)
{
    if (!spool)
        return;
    if (spool->fd >= 0)
        close(spool->fd);
    budget_release(spool->place.disk, spool->written);
    budget_release(spool->place.memory, SPOOL_HELD_SIZE);
    buf_done(&spool->held);
    free(spool);
}

static bool spool_fail(const struct spool *spool, const char *what, struct err *err)
{
    return err_set(err, ERR_IO, "%s: cannot %s a temporary file: %s", spool->place.folder, what,
                   strerror(errno));
}

static bool spool_write(struct spool *spool, const char *bytes, size_t len, struct err *err)
{
    if (spool->fd < 0 && !file_open_unnamed(spool->place.folder, &spool->fd, err))
        return false;
    if (!budget_charge(spool->place.disk, len, err))
        return false;
    uint64_t at = spool->written;
    spool->written += len; /* charged, however far it gets */
    while (len > 0) {
        ssize_t put = pwrite(spool->fd, bytes, len, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return spool_fail(spool, "write", err);
        bytes += put;
        at += (uint64_t)put;
        len -= (size_t)put;
    }
    return true;
}

bool spool_append(struct spool *spool, const void *bytes, size_t len, struct err *err)
{
    if (spool->held.len + len <= SPOOL_HELD_SIZE) {
        buf_append(&spool->held, bytes, len);
        return true;
    }
    if (!spool_write(spool, spool->held.ptr, spool->held.len, err))
        return false;
    buf_clear(&spool->held);
    if (len >= SPOOL_HELD_SIZE)
        return spool_write(spool, bytes, len, err);
    buf_append(&spool->held, bytes, len);
    return true;
}

uint64_t spool_size(const struct spool *spool)
{
    return spool->written + spool->held.len;
}

bool spool_read(const struct spool *spool, uint64_t at, void *bytes, size_t len, struct err *err)
{
    assert(at + len <= spool_size(spool));
    char *to = bytes;
    while (len > 0 && at < spool->written) {
        uint64_t there = spool->written - at;
        ssize_t got = pread(spool->fd, to, len < there ? len : (size_t)there, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return spool_fail(spool, "read", err);
        if (got == 0)
            return err_set(err, ERR_IO, "%s: a temporary file was cut short", spool->place.folder);
        to += got;
        at += (uint64_t)got;
        len -= (size_t)got;
    }
    if (len > 0)
        memcpy(to, spool->held.ptr + (at - spool->written), len);
    return true;
}

#include "storage/wal_unsynced.h"

#include <assert.h>
#include <string.h>

#include "base/file.h"
#include "storage/wal.h"

/* Memory that many batches at once have needed is not kept. */
#define KEPT_SIZE_MAX ((size_t)1 << 20)

void wal_unsynced_done(struct wal_unsynced *unsynced)
{
    buf_done(&unsynced->bytes);
    *unsynced = (struct wal_unsynced){0};
}

void wal_unsynced_add(struct wal_unsynced *unsynced, uint64_t offset, const char *bytes,
                      size_t size)
{
    uint64_t end = unsynced->offset + unsynced->bytes.len;
    if (unsynced->bytes.len == 0 || offset != end) {
        /* A page was filled up with zeros; that is done when all before is synced. */
        assert(offset % WAL_PAGE_SIZE == 0 || unsynced->bytes.len == 0);
        wal_unsynced_forget(unsynced);
        unsynced->offset = offset;
    }
    buf_append(&unsynced->bytes, bytes, size);
}

void wal_unsynced_settle(struct wal_unsynced *unsynced, size_t left)
{
    struct buf *bytes = &unsynced->bytes;
    assert(left <= bytes->len);
    uint64_t end = unsynced->offset + bytes->len;
    uint64_t begin = (end - left) / WAL_PAGE_SIZE * WAL_PAGE_SIZE;
    if (begin <= unsynced->offset)
        return;
    size_t gone = (size_t)(begin - unsynced->offset);
    if (bytes->cap > KEPT_SIZE_MAX) {
        struct buf kept = {0};
        buf_append(&kept, bytes->ptr + gone, bytes->len - gone);
        buf_done(bytes);
        *bytes = kept;
    } else {
        memmove(bytes->ptr, bytes->ptr + gone, bytes->len - gone);
        bytes->len -= gone;
    }
    unsynced->offset = begin;
}

void wal_unsynced_forget(struct wal_unsynced *unsynced)
{
    buf_clear(&unsynced->bytes);
}

bool wal_unsynced_write(const struct wal_unsynced *unsynced, int fd)
{
    return file_write_at(fd, unsynced->bytes.ptr, unsynced->bytes.len, unsynced->offset);
}

/*
 * The first byte says how the rest is read: bit 0: as a segment nobody writes to; bit 1: with
 * checksums made right first, so that what is behind them is reached; bit 2: in two parts, as a
 * segment that grows.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/varint.h"
#include "storage/wal.h"
#include "storage/wal_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; size - at >= 7;) {
        size_t len = load_be16(bytes + at + 1);
        if ((bytes[at] & 7) == 0 || len > size - at - 7)
            return;
        store_be32(bytes + at + 3, crc32c(bytes + at + 7, len));
        at += 7 + len;
    }
}

static void read_all(struct wal_segment *segment, bool complete)
{
    static struct wal_record record;
    struct err err = {0};
    const uint8_t *bytes;
    size_t size;
    uint64_t before = wal_segment_offset(segment);
    while (wal_segment_next(segment, complete, &bytes, &size, &err) == TAIL_ITEM) {
        if (wal_segment_offset(segment) <= before)
            __builtin_trap(); /* it would never end */
        before = wal_segment_offset(segment);
        if (!wal_record_decode(bytes, size, &record, &err))
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t flags = data[0];
    uint8_t *bytes = malloc(size);
    memcpy(bytes, data + 1, size - 1);
    size--;
    if (flags & 2)
        mend(bytes, size);

    int fd = memfd_create("segment", 0);
    size_t first = flags & 4 ? size / 2 : size;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct wal_segment *segment;
    struct err err = {0};
    if (fd < 0 || write(fd, bytes, first) != (ssize_t)first ||
        !wal_segment_open(path, &segment, &err))
        abort();
    if (flags & 4) {
        read_all(segment, false);
        if (write(fd, bytes + first, size - first) != (ssize_t)(size - first))
            abort();
    }
    read_all(segment, flags & 1);
    wal_segment_close(segment);
    close(fd);
    free(bytes);
    return 0;
}

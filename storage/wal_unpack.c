#include "storage/wal_unpack.h"

#include <snappy-c.h>
#include <zstd.h>

/* No snappy stream unpacks to more than this many times its size. */
#define SNAPPY_RATIO_MAX 64

/* A record that has grown out of all proportion does not keep its memory. */
#define KEPT_SIZE_MAX ((size_t)4 << 20)

void wal_unpacker_done(struct wal_unpacker *unpacker)
{
    buf_done(&unpacker->plain);
    ZSTD_freeDStream(unpacker->zstd);
    *unpacker = (struct wal_unpacker){0};
}

static bool snappy_size(struct wal_packed packed, size_t *ret_size)
{
    return snappy_uncompressed_length((const char *)packed.bytes, packed.size, ret_size) ==
           SNAPPY_OK;
}

static bool unpack_snappy(struct wal_unpacker *unpacker, struct wal_packed packed)
{
    size_t size;
    if (!snappy_size(packed, &size) || size > WAL_RECORD_SIZE_MAX ||
        size / SNAPPY_RATIO_MAX > packed.size)
        return false;
    char *out = buf_reserve(&unpacker->plain, size);
    unpacker->plain.len = size;
    return snappy_uncompress((const char *)packed.bytes, packed.size, out, &size) == SNAPPY_OK;
}

static bool unpack_zstd(struct wal_unpacker *unpacker, struct wal_packed packed)
{
    if (!unpacker->zstd)
        unpacker->zstd = ZSTD_createDStream();
    ZSTD_initDStream(unpacker->zstd);
    ZSTD_inBuffer in = {packed.bytes, packed.size, 0};
    struct buf *out = &unpacker->plain;
    for (;;) {
        size_t room = ZSTD_DStreamOutSize();
        ZSTD_outBuffer piece = {buf_reserve(out, room), room, 0};
        size_t left = ZSTD_decompressStream(unpacker->zstd, &piece, &in);
        out->len += piece.pos;
        if (ZSTD_isError(left) || out->len > WAL_RECORD_SIZE_MAX)
            return false;
        if (left == 0)
            return in.pos == packed.size;
        if (in.pos == packed.size && piece.pos < room)
            return false; /* the frame wants more than there is */
    }
}

static bool unpack(struct wal_unpacker *unpacker, struct wal_packed packed)
{
    switch (packed.packing) {
    case WAL_PACKED_SNAPPY:
        return packed.size == 0 || unpack_snappy(unpacker, packed);
    case WAL_PACKED_ZSTD:
        return packed.size == 0 || unpack_zstd(unpacker, packed);
    case WAL_NOT_PACKED:
        break;
    }
    return false;
}

bool wal_unpack(struct wal_unpacker *unpacker, struct wal_packed packed, const uint8_t **ret_bytes,
                size_t *ret_size)
{
    if (packed.packing == WAL_NOT_PACKED) {
        *ret_bytes = packed.bytes;
        *ret_size = packed.size;
        return true;
    }
    buf_clear(&unpacker->plain);
    if (unpacker->plain.cap > KEPT_SIZE_MAX)
        buf_done(&unpacker->plain);
    if (!unpack(unpacker, packed))
        return false;
    *ret_bytes = (const uint8_t *)unpacker->plain.ptr;
    *ret_size = unpacker->plain.len;
    return true;
}

size_t wal_unpacked_size(struct wal_packed packed)
{
    size_t len = WAL_RECORD_SIZE_MAX;
    if (packed.packing == WAL_NOT_PACKED || packed.size == 0)
        return packed.size;
    if (packed.packing == WAL_PACKED_SNAPPY) {
        if (!snappy_size(packed, &len))
            return 0;
    } else {
        unsigned long long said = ZSTD_getFrameContentSize(packed.bytes, packed.size);
        if (said == ZSTD_CONTENTSIZE_ERROR)
            return 0;
        if (said < WAL_RECORD_SIZE_MAX)
            len = (size_t)said;
    }
    return len < WAL_RECORD_SIZE_MAX ? len : WAL_RECORD_SIZE_MAX;
}

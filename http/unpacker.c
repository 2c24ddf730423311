#define ZLIB_CONST /* input is not written to */
#include "http/unpacker.h"

#include <assert.h>
#include <zlib.h>

#include "base/mem.h"

#define UNPACK_PIECE_MAX ((size_t)1 << 30)

struct unpacker {
    z_stream z;
    bool complete; /* between two packed parts, as gzip may have them */
};

struct unpacker *unpacker_create(void)
{
    struct unpacker *unpacker = mem_new(struct unpacker);
    int got = inflateInit2(&unpacker->z, 15 + 32); /* either of the two headers */
    assert(got == Z_OK);
    unpacker->complete = true;
    return unpacker;
}

void unpacker_destroy(struct unpacker *unpacker)
{
    if (!unpacker)
        return;
    inflateEnd(&unpacker->z);
    free(unpacker);
}

bool unpacker_read(struct unpacker *unpacker, struct str *bytes, void *out, size_t cap,
                   size_t *ret_got, struct err *err)
{
    z_stream *z = &unpacker->z;
    size_t room = cap < UNPACK_PIECE_MAX ? cap : UNPACK_PIECE_MAX;
    z->next_out = out;
    z->avail_out = (uInt)room;
    /* Also without input: what was taken may have more to give. */
    do {
        size_t part = bytes->len < UNPACK_PIECE_MAX ? bytes->len : UNPACK_PIECE_MAX;
        if (unpacker->complete && part == 0)
            break;
        if (unpacker->complete)
            inflateReset(z);
        z->next_in = (const Bytef *)bytes->ptr;
        z->avail_in = (uInt)part;
        int got = inflate(z, Z_NO_FLUSH);
        if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR)
            return err_set(err, ERR_IO, "packed bytes are damaged: %s", z->msg ? z->msg : "?");
        bytes->ptr += part - z->avail_in;
        bytes->len -= part - z->avail_in;
        unpacker->complete = got == Z_STREAM_END;
    } while (bytes->len > 0 && z->avail_out > 0);
    *ret_got = room - z->avail_out;
    return true;
}

bool unpacker_complete(const struct unpacker *unpacker)
{
    return unpacker->complete;
}

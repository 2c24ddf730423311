#define ZLIB_CONST /* input is not written to */
#include "http/coding.h"

#include <assert.h>
#include <zlib.h>

#include "base/mem.h"

#define PACK_PIECE_SIZE ((size_t)64 << 10)

struct packer {
    z_stream z;
};

static struct str trimmed(struct str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

enum coding coding_choose(struct str accept_encoding)
{
    size_t begin = 0;
    for (size_t at = 0; at <= accept_encoding.len; at++) {
        if (at < accept_encoding.len && accept_encoding.ptr[at] != ',')
            continue;
        struct str token = trimmed((struct str){accept_encoding.ptr + begin, at - begin});
        if (str_eq(token, STR("gzip")))
            return CODING_GZIP;
        if (str_eq(token, STR("deflate")))
            return CODING_DEFLATE;
        begin = at + 1;
    }
    return CODING_NONE;
}

const char *coding_name(enum coding coding)
{
    switch (coding) {
    case CODING_NONE:
        return NULL;
    case CODING_GZIP:
        return "gzip";
    case CODING_DEFLATE:
        return "deflate";
    }
    return NULL;
}

struct packer *packer_create(enum coding coding)
{
    if (coding == CODING_NONE)
        return NULL;
    struct packer *packer = mem_new(struct packer);
    int window_bits = coding == CODING_GZIP ? 15 + 16 : 15;
    int got =
        deflateInit2(&packer->z, Z_BEST_SPEED, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
    assert(got == Z_OK);
    return packer;
}

void packer_destroy(struct packer *packer)
{
    if (!packer)
        return;
    deflateEnd(&packer->z);
    free(packer);
}

void packer_append(struct packer *packer, struct str bytes, bool last, struct buf *out)
{
    if (!packer) {
        buf_str(out, bytes);
        return;
    }
    do {
        size_t part = bytes.len < PACK_PIECE_SIZE ? bytes.len : PACK_PIECE_SIZE;
        packer->z.next_in = (const Bytef *)bytes.ptr;
        packer->z.avail_in = (uInt)part;
        bytes.ptr += part;
        bytes.len -= part;
        int flush = last && bytes.len == 0 ? Z_FINISH : Z_NO_FLUSH;
        int got;
        do {
            packer->z.next_out = (Bytef *)buf_reserve(out, PACK_PIECE_SIZE);
            packer->z.avail_out = (uInt)PACK_PIECE_SIZE;
            got = deflate(&packer->z, flush);
            assert(got != Z_STREAM_ERROR);
            out->len += PACK_PIECE_SIZE - packer->z.avail_out;
        } while (packer->z.avail_out == 0 || (flush == Z_FINISH && got != Z_STREAM_END));
    } while (bytes.len);
}

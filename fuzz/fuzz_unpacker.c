/* Any bytes as a packed body, in pieces of a size that the first byte says. */
#include <stdint.h>

#include "http/unpacker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As much as is looked at of what a few bytes may unpack to. */
#define UNPACKED_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err err;
    static char out[4096];
    if (size == 0)
        return 0;
    size_t piece_size = (size_t)data[0] + 1, total = 0;
    AUTO(unpacker_destroy) struct unpacker *unpacker = unpacker_create();
    for (size_t at = 1; at < size && total < UNPACKED_MAX;) {
        struct str piece = {(const char *)data + at,
                            piece_size < size - at ? piece_size : size - at};
        at += piece.len;
        size_t got = 0;
        do {
            if (!unpacker_read(unpacker, &piece, out, sizeof out, &got, &err)) {
                if (err.kind != ERR_IO)
                    __builtin_trap();
                return 0;
            }
            if (got > sizeof out)
                __builtin_trap();
            total += got;
        } while (got > 0 && total < UNPACKED_MAX);
        if (piece.len > 0 && total < UNPACKED_MAX)
            __builtin_trap(); /* nothing comes, and yet there is more */
    }
    unpacker_complete(unpacker);
    return 0;
}

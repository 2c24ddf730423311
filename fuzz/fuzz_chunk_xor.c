/* Any bytes as an XOR chunk: what decodes is the same after it was encoded and decoded again. */
#include <stdlib.h>
#include <string.h>

#include "storage/chunk.h"
#include "storage/chunk_xor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err err;
    struct samples first = {0};
    struct samples again = {0};
    if (!chunk_decode_floats(CHUNK_XOR, data, size, &first, &err)) {
        if (err.kind != ERR_CORRUPT || first.count != 0)
            abort();
        samples_done(&first);
        return 0;
    }
    struct xor_appender appender;
    xor_appender_init(&appender);
    for (size_t i = 0; i < first.count; i++)
        xor_appender_append(&appender, first.times_ms[i], first.values[i]);
    if (!chunk_decode_floats(CHUNK_XOR, appender.bytes, appender.size, &again, &err) ||
        again.count != first.count ||
        (first.count && (memcmp(first.times_ms, again.times_ms, first.count * 8) != 0 ||
                         memcmp(first.values, again.values, first.count * 8) != 0)))
        abort();
    xor_appender_done(&appender);
    samples_done(&first);
    samples_done(&again);
    return 0;
}

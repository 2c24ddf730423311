/* Any bytes as an XOR2 chunk: as many samples as it says, with times that rise, or none at all. */
#include <stdlib.h>

#include "storage/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err err;
    struct samples samples = {0};
    size_t count = 0;
    if (chunk_decode(CHUNK_XOR2, data, size, &samples, &err)) {
        if (!chunk_count(CHUNK_XOR2, data, size, &count) || samples.count != count ||
            !chunk_times_rise(samples.times_ms, count))
            abort();
    } else if (err.kind != ERR_CORRUPT || samples.count != 0) {
        abort();
    }
    samples_done(&samples);
    return 0;
}

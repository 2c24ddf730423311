#include "storage/chunk.h"

#include "base/varint.h"
#include "storage/chunk_histogram.h"
#include "storage/chunk_xor.h"
#include "storage/chunk_xor2.h"

bool chunk_count(uint8_t encoding, const uint8_t *data, size_t size, size_t *ret_count)
{
    if (size < 2)
        return false;
    size_t count = load_be16(data);
    if (encoding == CHUNK_HISTOGRAM_ST || encoding == CHUNK_FLOAT_HISTOGRAM_ST)
        count &= 0x3fff; /* the top bits say what is known of counter resets */
    *ret_count = count;
    return true;
}

bool chunk_decode(uint8_t encoding, const uint8_t *data, size_t size, struct samples *into,
                  struct err *err)
{
    size_t from = into->count;
    switch (encoding) {
    case CHUNK_XOR:
        if (!chunk_xor_decode(data, size, into, err))
            return false;
        samples_no_starts(into, from);
        return true;
    case CHUNK_XOR2:
        return chunk_xor2_decode(data, size, into, err);
    case CHUNK_HISTOGRAM:
    case CHUNK_FLOAT_HISTOGRAM:
    case CHUNK_HISTOGRAM_ST:
    case CHUNK_FLOAT_HISTOGRAM_ST:
        if (!into->histograms)
            return err_set(err, ERR_UNSUPPORTED, "native histograms are not supported yet");
        return chunk_histogram_decode(encoding, data, size, into, err);
    default: /* a byte of a file, not one of ours */
        return err_set(err, ERR_CORRUPT, "unknown chunk encoding %u", encoding);
    }
}

KERNEL_CLONES bool chunk_times_rise(const int64_t *times_ms, size_t count)
{
    unsigned falls = 0;
    for (size_t i = 1; i < count; i++)
        falls |= times_ms[i] <= times_ms[i - 1];
    return !falls;
}

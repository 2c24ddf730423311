/* Any bytes as a record of a snapshot of the head: what is let through is written the same again.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "storage/chunk.h"
#include "storage/snapshot_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(const void *part, size_t part_size, const uint8_t *data, size_t size)
{
    const uint8_t *begin = part;
    return part_size == 0 || (begin >= data && begin + part_size <= data + size);
}

static void check_series(const struct snapshot_series *series, const uint8_t *data, size_t size)
{
    const struct snapshot_chunk *chunk = &series->chunk;
    for (size_t i = 0; i < series->label_count; i++) {
        const struct wal_label *label = &series->labels[i];
        if (!lies_in(label->name.ptr, label->name.len, data, size) ||
            !lies_in(label->value.ptr, label->value.len, data, size))
            __builtin_trap();
    }
    if (chunk->data && !lies_in(chunk->data, chunk->size, data, size))
        __builtin_trap();
    if (chunk->data && chunk->encoding != CHUNK_XOR && chunk->encoding != CHUNK_XOR2)
        return;
    AUTO(buf_done) struct buf out = {0};
    struct snapshot_series again = {0};
    struct err err = {0};
    snapshot_series_encode(&out, series->ref, series->labels, series->label_count, chunk, 1, NULL);
    if (!snapshot_series_decode((const uint8_t *)out.ptr, out.len, &again, &err) ||
        again.ref != series->ref || again.label_count != series->label_count ||
        again.chunk.size != chunk->size || again.chunk.end_ms != chunk->end_ms)
        __builtin_trap();
    snapshot_series_done(&again);
}

static void take_range(void *context, uint64_t ref, struct time_range range)
{
    if (range.begin_ms > range.end_ms)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct snapshot_series series; /* reused, as the loader does */
    struct err err = {0};
    if (snapshot_series_decode(data, size, &series, &err))
        check_series(&series, data, size);
    if (!snapshot_tombstones_decode(data, size, take_range, NULL, &err) && err.kind != ERR_CORRUPT)
        __builtin_trap();
    return 0;
}

#include "storage/retention.h"

#include <stdlib.h>
#include <string.h>

/* Equal ends in the order of their names: an answer that is the same each time. */
static int retention_order(const void *left, const void *right)
{
    const struct block_meta *a = ((const struct retention_block *)left)->meta;
    const struct block_meta *b = ((const struct retention_block *)right)->meta;
    if (a->end_ms != b->end_ms)
        return a->end_ms > b->end_ms ? -1 : 1;
    return strcmp(b->ulid.text, a->ulid.text);
}

/* The block that is the first to go, by its place; `count`: none is. */
static size_t retention_by_time(const struct retention *retention,
                                const struct retention_block *blocks, size_t count)
{
    if (retention->time_ms == 0)
        return count;
    for (size_t i = 1; i < count; i++) {
        int64_t age_ms;
        if (__builtin_sub_overflow(blocks[0].meta->end_ms, blocks[i].meta->end_ms, &age_ms) ||
            age_ms >= retention->time_ms)
            return i;
    }
    return count;
}

static size_t retention_by_size(const struct retention *retention,
                                const struct retention_block *blocks, size_t count,
                                uint64_t head_size_bytes)
{
    if (retention->size_bytes == 0)
        return count;
    uint64_t size_bytes = head_size_bytes;
    for (size_t i = 0; i < count; i++) {
        size_bytes += blocks[i].size_bytes;
        if (size_bytes > retention->size_bytes)
            return i;
    }
    return count;
}

struct retention_result retention_mark(const struct retention *retention,
                                       struct retention_block *blocks, size_t count,
                                       uint64_t head_size_bytes)
{
    if (count > 0)
        qsort(blocks, count, sizeof *blocks, retention_order);
    size_t by_time = retention_by_time(retention, blocks, count);
    size_t by_size = retention_by_size(retention, blocks, count, head_size_bytes);
    for (size_t i = 0; i < count; i++)
        blocks[i].gone = i >= by_time || i >= by_size;
    return (struct retention_result){.by_time = by_time < count, .by_size = by_size < count};
}

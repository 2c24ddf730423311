#include "storage/block_delete.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "storage/postings_match.h"

struct stone_list {
    struct tombstone *items;
    size_t count, cap;
};

static void stone_list_done_auto(struct stone_list *list)
{
    free(list->items);
}

/* A stone for the series, if one of its chunks overlaps: as far as its samples go. */
static bool block_delete_series(const struct block *block, uint32_t id, struct time_range range,
                                struct stone_list *stones, struct err *err)
{
    struct index_series series;
    struct chunk_meta chunk;
    int64_t begin_ms = INT64_MAX, end_ms = INT64_MIN;
    bool overlaps = false;
    if (!index_series_open(block_index(block), id, &series, err))
        return false;
    index_series_skip_labels(&series);
    while (index_series_chunk(&series, &chunk)) {
        begin_ms = chunk.begin_ms < begin_ms ? chunk.begin_ms : begin_ms;
        end_ms = chunk.end_ms > end_ms ? chunk.end_ms : end_ms;
        overlaps |= chunk.begin_ms <= range.end_ms && range.begin_ms <= chunk.end_ms;
    }
    if (!index_series_check(&series, err))
        return false;
    if (!overlaps)
        return true;
    if (range.begin_ms < begin_ms)
        range.begin_ms = begin_ms;
    if (range.end_ms > end_ms)
        range.end_ms = end_ms;
    mem_grow(stones->items, struct tombstone, stones->count, &stones->cap);
    stones->items[stones->count++] = (struct tombstone){id, range};
    return true;
}

/* meta.json comes second: without it, only the count of stones is too small. */
static bool block_write_stones(const struct block *block, const struct tombstones *stones,
                               struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    AUTO(buf_done) struct buf bytes = {0};
    buf_printf(&path, "%s/tombstones", block_dir(block));
    tombstones_print(stones, &bytes);
    if (!file_write_whole(buf_terminated(&path), buf_view(&bytes), err))
        return false;
    AUTO(block_meta_done) struct block_meta meta = {0};
    if (!block_meta_read(block_dir(block), &meta, err))
        return false;
    meta.tombstone_count = tombstones_count(stones);
    return block_meta_write(block_dir(block), &meta, err);
}

bool block_delete(const struct block *block, struct matcher *const *matchers, size_t matcher_count,
                  struct time_range range, struct budget *budget, struct err *err)
{
    AUTO(postings_done) struct postings found = {0};
    AUTO(stone_list_done) struct stone_list stones = {0};
    bool good = postings_select(block_index(block), matchers, matcher_count, budget, &found, err);
    for (size_t i = 0; good && i < found.count; i++)
        good = block_delete_series(block, found.ids[i], range, &stones, err);
    if (!block_index_end(block, good, err))
        return false;
    if (stones.count == 0)
        return true;
    AUTO(tombstones_close)
    struct tombstones *joined =
        tombstones_with(block_tombstones(block), stones.items, stones.count);
    return block_write_stones(block, joined, err);
}

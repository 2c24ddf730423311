#include "storage/compact_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/symbols.h"
#include "storage/block_write.h"
#include "storage/db_select.h"

const struct classic_scale compact_chunk_size_scale = {
    1, 12, {32, 48, 72, 108, 162, 243, 364.5, 546.75, 820.125, 1230.1875, 1845.28125, 2767.921875}};
const struct classic_scale compact_chunk_samples_scale = {1,
                                                          12,
                                                          {4, 6, 9, 13.5, 20.25, 30.375, 45.5625,
                                                           68.34375, 102.515625, 153.7734375,
                                                           230.66015625, 345.990234375}};
/* Called seconds, and milliseconds all the same. */
const struct classic_scale compact_chunk_range_scale = {
    1, 10, {100, 400, 1600, 6400, 25600, 102400, 409600, 1638400, 6553600, 26214400}};

/* A compaction on its way: where its labels live, and what is selected with them. */
struct compact_run {
    const struct compact_options *options;
    struct arena *arena;
    struct symbols *symbols;
    struct select_request request;
};

static void compact_run_begin(struct compact_run *run, const struct compact_options *options,
                              int64_t begin_ms, int64_t end_ms)
{
    *run = (struct compact_run){.options = options, .arena = arena_create(options->budget)};
    run->symbols = symbols_new(run->arena);
    run->request = (struct select_request){
        .begin_ms = begin_ms,
        .end_ms = end_ms > begin_ms ? end_ms - 1 : begin_ms,
        .arena = run->arena,
        .symbols = run->symbols,
        .budget = options->budget,
        .cancel = options->cancel,
    };
}

static void compact_run_done(struct compact_run *run)
{
    symbols_done(run->symbols);
    arena_destroy(run->arena);
}

static void compact_run_done_auto(struct compact_run *run)
{
    compact_run_done(run);
}

/* The writer has taken the chunk, and so has looked at it. */
static void compact_count_chunk(struct compact_chunk_counts *counts,
                                const struct stored_chunk *chunk)
{
    size_t sample_count = 0;
    if (!counts || !chunk_count(chunk->encoding, chunk->data, chunk->size, &sample_count))
        return;
    classic_histogram_observe(&counts->size_bytes, &compact_chunk_size_scale, chunk->size);
    classic_histogram_observe(&counts->samples, &compact_chunk_samples_scale, sample_count);
    classic_histogram_observe(&counts->range_ms, &compact_chunk_range_scale,
                              (uint64_t)chunk->end_ms - (uint64_t)chunk->begin_ms);
}

/* A series that has no samples left is none of the block's. */
static bool compact_series(struct block_writer *writer, const struct labels *labels,
                           struct cursor *cursor, struct compact_chunk_counts *counts,
                           struct err *err)
{
    bool any = false;
    for (;;) {
        struct stored_chunk chunk;
        bool more;
        if (!cursor_next_chunk(cursor, &chunk, &more, err))
            return false;
        if (!more)
            return !any || block_writer_end_series(writer, err);
        if (!any && !block_writer_begin_series(writer, labels, err))
            return false;
        any = true;
        struct block_write_chunk written = {
            .begin_ms = chunk.begin_ms,
            .end_ms = chunk.end_ms,
            .data = chunk.data,
            .size = chunk.size,
            .encoding = chunk.encoding,
        };
        if (!block_writer_chunk(writer, &written, err))
            return false;
        compact_count_chunk(counts, &chunk);
    }
}

static bool compact_selection(const struct compact_run *run, struct selection *selection,
                              struct block_writer *writer, struct compact_chunk_counts *counts,
                              struct err *err)
{
    const _Atomic bool *cancel = run->options->cancel;
    AUTO(cursor_destroy) struct cursor *cursor = cursor_create(selection);
    for (size_t i = 0; i < selection_count(selection); i++)
        block_writer_declare(writer, selection_labels(selection, i));
    for (size_t i = 0; i < selection_count(selection); i++) {
        if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
            return err_set(err, ERR_CANCELED, "canceled while a block was written");
        cursor_open(cursor, i);
        if (!compact_series(writer, selection_labels(selection, i), cursor, counts, err))
            return false;
    }
    return true;
}

/* Takes the sources over. */
static bool compact_run_write(struct compact_run *run, struct db_sources *sources,
                              struct block_write_options *block, struct compact_result *ret_result,
                              struct err *err)
{
    sources->sorted = true;
    block->ulid = ulid_new();
    block->symbols = run->symbols;
    block->begin_ms = run->request.begin_ms;
    block->end_ms = run->request.end_ms + 1;
    block->budget = run->options->budget;

    AUTO(selection_close) struct selection *selection = NULL;
    AUTO(block_writer_close) struct block_writer *writer = NULL;
    struct compact_chunk_counts *counts = block->level <= 1 ? run->options->chunk_counts : NULL;
    if (!db_select(sources, &run->request, &selection, err) ||
        !block_writer_create(run->options->dir, block, &writer, err) ||
        !compact_selection(run, selection, writer, counts, err))
        return false;
    const struct block_meta *meta = block_writer_meta(writer);
    struct compact_result result = {
        .written = meta->sample_count > 0,
        .ulid = block->ulid,
        .sample_count = meta->sample_count,
        .series_count = meta->series_count,
        .chunk_count = meta->chunk_count,
    };
    if (result.written && !block_writer_finish(writer, err))
        return false;
    *ret_result = result;
    return true;
}

bool compact_head(struct head *head, int64_t begin_ms, int64_t end_ms,
                  const struct compact_options *options, struct compact_result *ret_result,
                  struct err *err)
{
    AUTO(compact_run_done) struct compact_run run;
    compact_run_begin(&run, options, begin_ms, end_ms);
    struct db_sources sources = {0};
    if (!head_select(head, &run.request, &sources.head_series, err))
        return false;
    sources.head = head;
    struct block_write_options block = {0};
    return compact_run_write(&run, &sources, &block, ret_result, err);
}

bool compact_late(struct head *head, int64_t begin_ms, int64_t end_ms,
                  const struct compact_options *options, struct compact_result *ret_result,
                  struct err *err)
{
    AUTO(compact_run_done) struct compact_run run;
    compact_run_begin(&run, options, begin_ms, end_ms);
    struct db_sources sources = {0};
    if (!head_select_late(head, &run.request, &sources.head_series, err))
        return false;
    sources.head = head;
    struct block_write_options block = {.hints = BLOCK_FROM_OUT_OF_ORDER};
    return compact_run_write(&run, &sources, &block, ret_result, err);
}

static int compact_order(const void *left, const void *right)
{
    const struct block_meta *a = block_meta(*(struct block *const *)left);
    const struct block_meta *b = block_meta(*(struct block *const *)right);
    if (a->begin_ms != b->begin_ms)
        return a->begin_ms < b->begin_ms ? -1 : 1;
    return strcmp(a->ulid.text, b->ulid.text);
}

/* A reference each, in the order in which a database has them. */
static struct db_sources compact_sources(struct block *const *blocks, size_t count)
{
    struct db_sources sources = {.block_count = count};
    sources.blocks = mem_new_array(struct block *, count);
    for (size_t i = 0; i < count; i++)
        sources.blocks[i] = block_ref(blocks[i]);
    qsort(sources.blocks, count, sizeof *sources.blocks, compact_order);
    return sources;
}

static struct block_desc compact_parent(const struct block *block)
{
    const struct block_meta *meta = block_meta(block);
    return (struct block_desc){meta->ulid, meta->begin_ms, meta->end_ms};
}

static int ulid_order(const void *left, const void *right)
{
    return strcmp(((const struct ulid *)left)->text, ((const struct ulid *)right)->text);
}

/* The sources of all, each once. */
static void compact_union(struct arena *arena, const struct db_sources *from,
                          struct block_write_options *block)
{
    size_t count = 0;
    for (size_t i = 0; i < from->block_count; i++)
        count += block_meta(from->blocks[i])->source_count;
    struct ulid *all = arena_array(arena, struct ulid, count);
    size_t at = 0;
    for (size_t i = 0; i < from->block_count; i++) {
        const struct block_meta *meta = block_meta(from->blocks[i]);
        for (size_t k = 0; k < meta->source_count; k++)
            all[at++] = meta->sources[k];
    }
    qsort(all, count, sizeof *all, ulid_order);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(all[kept - 1].text, all[i].text) != 0)
            all[kept++] = all[i];
    block->sources = all;
    block->source_count = kept;
}

bool compact_blocks(struct block *const *blocks, size_t count,
                    const struct compact_options *options, struct compact_result *ret_result,
                    struct err *err)
{
    AUTO(db_sources_done) struct db_sources sources = compact_sources(blocks, count);
    int64_t begin_ms = INT64_MAX;
    int64_t end_ms = INT64_MIN;
    unsigned all_hints = ~0u;
    unsigned any_hints = 0;
    int64_t head_end_ms = INT64_MIN;
    struct block_write_options block = {.parent_count = count};
    for (size_t i = 0; i < count; i++) {
        const struct block_meta *meta = block_meta(blocks[i]);
        if (!block_check_tombstones(blocks[i], err))
            return false;
        begin_ms = meta->begin_ms < begin_ms ? meta->begin_ms : begin_ms;
        end_ms = meta->end_ms > end_ms ? meta->end_ms : end_ms;
        block.level = meta->level > block.level ? meta->level : block.level;
        all_hints &= meta->hints;
        any_hints |= meta->hints;
        if (meta->ends_head && meta->end_ms > head_end_ms)
            head_end_ms = meta->end_ms;
    }
    block.level++;
    /* Late samples beside others are no longer late; what is known of the head is kept. */
    block.hints = (all_hints & BLOCK_FROM_OUT_OF_ORDER) |
                  (any_hints & (BLOCK_FROM_STALE_SERIES | BLOCK_FROM_SELECTED_SERIES));
    if (block.hints == 0 && any_hints != 0 && head_end_ms == end_ms)
        block.hints = BLOCK_ENDS_HEAD;

    AUTO(compact_run_done) struct compact_run run;
    compact_run_begin(&run, options, begin_ms, end_ms);
    struct block_desc *parents = arena_array(run.arena, struct block_desc, count);
    for (size_t i = 0; i < count; i++)
        parents[i] = compact_parent(sources.blocks[i]);
    block.parents = parents;
    compact_union(run.arena, &sources, &block);
    return compact_run_write(&run, &sources, &block, ret_result, err);
}

bool compact_block_anew(struct block *old, const struct compact_options *options,
                        struct compact_result *ret_result, struct err *err)
{
    if (!block_check_tombstones(old, err))
        return false;
    const struct block_meta *meta = block_meta(old);
    struct block_desc parent = compact_parent(old);
    struct block_write_options block = {
        .parents = &parent,
        .parent_count = 1,
        .hints = meta->hints,
        .other_hints = meta->other_hints,
        .other_hint_count = meta->other_hint_count,
    };
    if (!meta->beside_head && !meta->ends_head)
        block.level = meta->level; /* or it would be believed to end the head */
    AUTO(compact_run_done) struct compact_run run;
    compact_run_begin(&run, options, meta->begin_ms, meta->end_ms);
    struct db_sources sources = compact_sources(&old, 1);
    return compact_run_write(&run, &sources, &block, ret_result, err);
}

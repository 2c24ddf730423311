/*
 * Two selections side by side, both in the order of labels: the head's samples in order alone, for
 * those out of order are not what blocks end; and the blocks'.
 */
#include "storage/head_covered.h"

#include <assert.h>

#include "base/mem.h"
#include "model/histogram_samples.h"
#include "model/sample.h"
#include "model/symbols.h"
#include "storage/db_select.h"

struct side {
    struct selection *selection;
    struct cursor *cursor;
    struct samples samples;
    struct histogram_samples histograms;
};

static void side_done(struct side *side)
{
    cursor_destroy(side->cursor);
    selection_close(side->selection);
    samples_done(&side->samples);
    histogram_samples_done(&side->histograms);
}

static void side_done_auto(struct side *side)
{
    side_done(side);
}

/* Takes the sources over. */
static bool side_open(struct side *side, struct db_sources *sources,
                      const struct select_request *request, struct err *err)
{
    sources->sorted = true;
    if (!db_select(sources, request, &side->selection, err))
        return false;
    side->cursor = cursor_create(side->selection);
    side->samples.histograms = &side->histograms;
    side->histograms.totals_only = true;
    return true;
}

static bool side_read(struct side *side, size_t series, struct err *err)
{
    side->samples.count = 0;
    histogram_samples_clear(&side->histograms);
    cursor_open(side->cursor, series);
    for (bool more = true; more;)
        if (!cursor_next(side->cursor, &side->samples, &more, err))
            return false;
    return true;
}

/* Goes on to the first time that is not before. */
static bool times_have(const int64_t *times_ms, size_t count, size_t *at, int64_t t_ms)
{
    while (*at < count && times_ms[*at] < t_ms)
        ++*at;
    return *at < count && times_ms[*at] == t_ms;
}

/* Has the side each of the times before? They rise. */
static bool side_has(const struct side *side, const int64_t *times_ms, size_t count,
                     int64_t before_ms)
{
    size_t float_at = 0, histogram_at = 0;
    for (size_t i = 0; i < count && times_ms[i] < before_ms; i++)
        if (!times_have(side->samples.times_ms, side->samples.count, &float_at, times_ms[i]) &&
            !times_have(side->histograms.times_ms, side->histograms.count, &histogram_at,
                        times_ms[i]))
            return false;
    return true;
}

static bool covers_series(struct side *head, size_t of_head, struct side *blocks, size_t of_blocks,
                          int64_t before_ms, bool *ret_covered, struct err *err)
{
    if (!side_read(head, of_head, err) || !side_read(blocks, of_blocks, err))
        return false;
    *ret_covered = side_has(blocks, head->samples.times_ms, head->samples.count, before_ms) &&
                   side_has(blocks, head->histograms.times_ms, head->histograms.count, before_ms);
    return true;
}

/* A series that the blocks do not have is covered where all of it is deleted, or later. */
static bool is_empty_before(struct side *head, size_t series, int64_t before_ms, bool *ret_empty,
                            struct err *err)
{
    static const struct side nothing;
    if (!side_read(head, series, err))
        return false;
    *ret_empty = side_has(&nothing, head->samples.times_ms, head->samples.count, before_ms) &&
                 side_has(&nothing, head->histograms.times_ms, head->histograms.count, before_ms);
    return true;
}

static bool covers_all(const struct head_covered_request *request, const struct symbols *symbols,
                       struct side *head, struct side *blocks, bool *ret_covered, struct err *err)
{
    size_t at = 0, count = selection_count(blocks->selection);
    bool covered = true;
    for (size_t i = 0; covered && i < selection_count(head->selection); i++) {
        if (request->cancel && atomic_load_explicit(request->cancel, memory_order_relaxed))
            return err_set(err, ERR_CANCELED, "canceled while blocks and head were compared");
        const struct labels *labels = selection_labels(head->selection, i);
        int order = -1;
        while (at < count &&
               (order = labels_cmp(symbols, selection_labels(blocks->selection, at), labels)) < 0)
            at++;
        bool known = at < count && order == 0;
        if (known ? !covers_series(head, i, blocks, at, request->before_ms, &covered, err)
                  : !is_empty_before(head, i, request->before_ms, &covered, err))
            return false;
    }
    *ret_covered = covered;
    return true;
}

static struct db_sources block_sources(const struct head_covered_request *request)
{
    struct db_sources sources = {.block_count = request->block_count};
    sources.blocks = mem_new_array(struct block *, request->block_count);
    for (size_t i = 0; i < request->block_count; i++)
        sources.blocks[i] = block_ref(request->blocks[i]);
    return sources;
}

static bool compare(const struct head_covered_request *request, const struct select_request *select,
                    bool *ret_covered, struct err *err)
{
    AUTO(side_done) struct side head = {0};
    AUTO(side_done) struct side blocks = {0};
    struct db_sources of_head = {0};
    if (!head_select_in_order(request->head, select, &of_head.head_series, err))
        return false;
    of_head.head = request->head;
    struct db_sources of_blocks = block_sources(request);
    if (!side_open(&head, &of_head, select, err)) {
        db_sources_done(&of_blocks);
        return false;
    }
    return side_open(&blocks, &of_blocks, select, err) &&
           covers_all(request, select->symbols, &head, &blocks, ret_covered, err);
}

bool head_is_covered(const struct head_covered_request *request, bool *ret_covered, struct err *err)
{
    assert(request->begin_ms < request->before_ms);
    AUTO(arena_destroy) struct arena *arena = arena_create(request->budget);
    struct select_request select = {
        .begin_ms = request->begin_ms,
        .end_ms = request->before_ms - 1,
        .arena = arena,
        .symbols = symbols_new(arena),
        .budget = request->budget,
        .cancel = request->cancel,
    };
    bool good = compare(request, &select, ret_covered, err);
    symbols_done(select.symbols);
    return good;
}

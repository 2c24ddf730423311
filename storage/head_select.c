/*
 * Select copies what may still change (labels into the request's symbols, open chunks, samples that
 * wait to be packed) and lends the rest: full chunks do not change, and the grace keeps their bytes
 * until the release.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/chunk.h"
#include "storage/head_internal.h"

/* Series between two looks at the budget and at the cancel flag. */
#define CHECK_EVERY 256

enum head_part { HEAD_ALL, HEAD_IN_ORDER, HEAD_LATE };

struct select_run {
    const struct select_request *request;
    const struct head_index *index;
    enum head_part part;
    uint32_t *symbols; /* the head's to the request's, + 1; 0: not asked yet */
    struct label *pairs;
    size_t pair_cap;
    struct xor_appender newest; /* packs one sample at a time */
    struct head_series_list list;
};

struct view_list {
    struct head_chunk_view *items;
    size_t count;
};

/* Keeps the order: by begin, and behind those that were added before and begin alike. */
static void view_list_add(struct view_list *list, struct head_chunk_view view)
{
    size_t at = list->count++;
    for (; at > 0 && list->items[at - 1].begin_ms > view.begin_ms; at--)
        list->items[at] = list->items[at - 1];
    list->items[at] = view;
}

static bool in_range(const struct select_request *request, int64_t begin_ms, int64_t end_ms)
{
    return begin_ms <= request->end_ms && end_ms >= request->begin_ms;
}

static struct head_chunk_view view_of(const struct live_chunk *chunk)
{
    return (struct head_chunk_view){
        .begin_ms = chunk->begin_ms,
        .end_ms = chunk->end_ms,
        .data = chunk->data,
        .size = chunk->size,
        .encoding = chunk->encoding,
        .in_file = chunk->file,
    };
}

static struct head_chunk_view view_of_copy(struct arena *arena, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = arena_array(arena, uint8_t, size);
    memcpy(copy, bytes, size);
    return (struct head_chunk_view){.data = copy, .size = (uint32_t)size};
}

static struct head_chunk_view view_of_appender(struct arena *arena, const struct xor_appender *open,
                                               int64_t begin_ms)
{
    struct head_chunk_view view = view_of_copy(arena, open->bytes, open->size);
    view.begin_ms = begin_ms;
    view.end_ms = open->t_ms;
    view.encoding = CHUNK_XOR;
    return view;
}

static struct head_chunk_view view_of_open(struct arena *arena, const struct live_series *series)
{
    if (!series->extra || series->extra->start_count == 0)
        return view_of_appender(arena, &series->open, series->open_begin_ms);
    struct live_chunk chunk = live_series_open_chunk(series);
    struct head_chunk_view view = view_of(&chunk);
    view.data = view_of_copy(arena, chunk.data, chunk.size).data;
    free(chunk.packed);
    return view;
}

static struct head_chunk_view view_of_open_histograms(struct arena *arena,
                                                      const struct histogram_appender *open)
{
    struct head_chunk_view view = view_of_copy(arena, open->out.bytes, open->out.size);
    view.begin_ms = open->begin_ms;
    view.end_ms = open->t_ms;
    view.encoding = open->encoding;
    return view;
}

static void views_of_extra(const struct select_request *request, const struct live_extra *extra,
                           struct view_list *views)
{
    for (uint32_t i = 0; i < extra->ooo_count; i++) {
        const struct live_chunk *chunk = &extra->ooo_chunks[i].chunk;
        if (in_range(request, chunk->begin_ms, chunk->end_ms))
            view_list_add(views, view_of(chunk));
    }
    const struct samples *ooo = &extra->ooo;
    if (ooo->count == 0 || !in_range(request, ooo->times_ms[0], ooo->times_ms[ooo->count - 1]))
        return;
    struct xor_appender packed;
    xor_appender_init(&packed);
    for (size_t i = 0; i < ooo->count; i++)
        xor_appender_append(&packed, ooo->times_ms[i], ooo->values[i]);
    view_list_add(views, view_of_appender(request->arena, &packed, ooo->times_ms[0]));
    xor_appender_done(&packed);
}

static bool series_in_range(const struct select_request *request, const struct live_series *series)
{
    for (uint32_t i = 0; i < series->chunk_count; i++)
        if (in_range(request, series->chunks[i].begin_ms, series->chunks[i].end_ms))
            return true;
    if (series->open.count && in_range(request, series->open_begin_ms, series->open.t_ms))
        return true;
    return series->extra != NULL; /* to be looked at closer */
}

/* Was all of a full chunk deleted? The open one counts as there, as it does in Prometheus. */
static bool is_deleted(const struct live_series *series, const struct live_chunk *chunk)
{
    const struct live_extra *extra = series->extra;
    struct time_range all = {chunk->begin_ms, chunk->end_ms};
    return extra && time_ranges_cover(extra->deleted, extra->deleted_count, all);
}

static struct view_list views_of_late(const struct select_request *request,
                                      const struct live_series *series)
{
    struct view_list views = {0};
    if (!series->extra)
        return views;
    views.items =
        arena_array(request->arena, struct head_chunk_view, live_series_chunk_count(series));
    views_of_extra(request, series->extra, &views);
    return views;
}

static struct view_list views_of_series(const struct select_request *request,
                                        const struct live_series *series, bool with_late)
{
    struct view_list views = {0};
    if (!series_in_range(request, series))
        return views;
    views.items =
        arena_array(request->arena, struct head_chunk_view, live_series_chunk_count(series));
    for (uint32_t i = 0; i < series->chunk_count; i++)
        if (in_range(request, series->chunks[i].begin_ms, series->chunks[i].end_ms) &&
            !is_deleted(series, &series->chunks[i]))
            view_list_add(&views, view_of(&series->chunks[i]));
    if (series->open.count && in_range(request, series->open_begin_ms, series->open.t_ms))
        view_list_add(&views, view_of_open(request->arena, series));
    const struct histogram_appender *open = live_series_open_histogram(series);
    if (open && in_range(request, open->begin_ms, open->t_ms))
        view_list_add(&views, view_of_open_histograms(request->arena, open));
    if (series->extra && with_late)
        views_of_extra(request, series->extra, &views);
    return views;
}

/* The appender knows its last sample: nothing newer is in the range, unless something special is.
 */
static bool newest_is_known(const struct select_request *request, const struct live_series *series)
{
    const struct xor_appender *open = &series->open;
    return request->newest_only && open->count && !series->extra && !series->is_histogram &&
           in_range(request, open->t_ms, open->t_ms);
}

static struct view_list view_of_newest(struct select_run *run, const struct live_series *series)
{
    struct arena *arena = run->request->arena;
    struct view_list views = {.items = arena_array(arena, struct head_chunk_view, 1)};
    xor_appender_reset(&run->newest);
    xor_appender_append(&run->newest, series->open.t_ms, series->open.v);
    view_list_add(&views, view_of_appender(arena, &run->newest, series->open.t_ms));
    return views;
}

static struct view_list select_views(struct select_run *run, const struct live_series *series)
{
    if (run->part == HEAD_LATE)
        return views_of_late(run->request, series);
    if (newest_is_known(run->request, series))
        return view_of_newest(run, series);
    return views_of_series(run->request, series, run->part == HEAD_ALL);
}

static uint32_t select_symbol(struct select_run *run, uint32_t symbol)
{
    uint32_t *known = &run->symbols[symbol];
    if (*known == 0)
        *known = symbols_add(run->request->symbols, symbols_get(run->index->symbols, symbol)) + 1;
    return *known - 1;
}

static const struct labels *select_labels(struct select_run *run, const struct labels *labels)
{
    if (run->pair_cap < labels->count) {
        run->pair_cap = labels->count + 16;
        run->pairs = mem_resize(run->pairs, struct label, run->pair_cap);
    }
    for (uint32_t i = 0; i < labels->count; i++) {
        run->pairs[i].name = select_symbol(run, labels->pairs[i].name);
        run->pairs[i].value = select_symbol(run, labels->pairs[i].value);
    }
    return labels_new(run->request->arena, run->pairs, labels->count);
}

static void select_add(struct select_run *run, uint32_t slot)
{
    const struct select_request *request = run->request;
    const struct live_series *series = run->index->series[slot];
    struct view_list views = select_views(run, series);
    if (views.count == 0)
        return;

    struct head_series *item = &run->list.items[run->list.count++];
    item->labels = select_labels(run, run->index->labels[slot]);
    item->chunks = views.items;
    item->chunk_count = (uint32_t)views.count;
    const struct live_extra *extra = series->extra;
    if (extra && extra->deleted_count) {
        struct time_range *deleted =
            arena_array(request->arena, struct time_range, extra->deleted_count);
        memcpy(deleted, extra->deleted, extra->deleted_count * sizeof *deleted);
        item->deleted = deleted;
        item->deleted_count = extra->deleted_count;
    }
}

static int slot_order_by_ref(const void *left, const void *right, void *context)
{
    struct live_series *const *series = context;
    uint64_t a = series[*(const uint32_t *)left]->ref;
    uint64_t b = series[*(const uint32_t *)right]->ref;
    return (a > b) - (a < b);
}

/* Slots are in the order the records came, which is nearly that of the references. */
static void slots_sort_by_ref(const struct head_index *index, struct slot_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        if (index->series[list->slots[i - 1]]->ref > index->series[list->slots[i]]->ref) {
            qsort_r(list->slots, list->count, sizeof *list->slots, slot_order_by_ref,
                    index->series);
            return;
        }
    }
}

static bool select_slots(struct select_run *run, const struct slot_list *slots, struct err *err)
{
    const struct select_request *request = run->request;
    run->list.items = arena_array(request->arena, struct head_series, slots->count);
    for (size_t i = 0; i < slots->count; i++) {
        select_add(run, slots->slots[i]);
        if (i % CHECK_EVERY != 0)
            continue;
        if (!arena_check(request->arena, err))
            return false;
        if (request->cancel && atomic_load(request->cancel))
            return err_set(err, ERR_CANCELED, "canceled while series were selected");
    }
    return arena_check(request->arena, err);
}

static bool select_part(struct head *head, const struct select_request *request,
                        enum head_part part, struct head_series_list *ret_list, struct err *err)
{
    pthread_rwlock_rdlock(&head->lock);
    struct grace_epoch *epoch = grace_enter(&head->grace);
    struct select_run run = {.request = request, .index = head->state->index, .part = part};

    xor_appender_init(&run.newest);
    struct slot_list slots = {0};
    size_t symbol_size = symbols_count(run.index->symbols) * sizeof(uint32_t);
    bool good = head_index_match(run.index, request->matchers, request->matcher_count,
                                 request->budget, &slots, err) &&
                budget_charge(request->budget, symbol_size, err);
    if (good) {
        slots_sort_by_ref(run.index, &slots);
        run.symbols = mem_new_array(uint32_t, symbols_count(run.index->symbols));
        good = select_slots(&run, &slots, err);
        budget_release(request->budget, symbol_size);
    }
    pthread_rwlock_unlock(&head->lock);

    xor_appender_done(&run.newest);
    free(run.symbols);
    free(run.pairs);
    slot_list_done(&slots);
    if (!good) {
        grace_leave(&head->grace, epoch);
        return false;
    }
    run.list.held = epoch;
    *ret_list = run.list;
    return true;
}

bool head_select(struct head *head, const struct select_request *request,
                 struct head_series_list *ret_list, struct err *err)
{
    return select_part(head, request, HEAD_ALL, ret_list, err);
}

bool head_select_in_order(struct head *head, const struct select_request *request,
                          struct head_series_list *ret_list, struct err *err)
{
    return select_part(head, request, HEAD_IN_ORDER, ret_list, err);
}

bool head_select_late(struct head *head, const struct select_request *request,
                      struct head_series_list *ret_list, struct err *err)
{
    return select_part(head, request, HEAD_LATE, ret_list, err);
}

void head_release(struct head *head, struct head_series_list *list)
{
    if (list->held)
        grace_leave(&head->grace, list->held);
    *list = (struct head_series_list){0};
}

/*
 * Full chunks go from memory into files of chunks_head, and are read from the mapping of the file
 * from then on: the page cache keeps what is asked for, and the heap holds open chunks only.
 *
 * Only what stands behind all of a series' chunks from files is written, so that the chunks of a
 * series come in order over all files, as Prometheus demands of them. The log has the same samples:
 * a file that is lost costs time at the next start, nothing else.
 *
 * Batches wait for one step at a time: a write of about a MiB to the page cache.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "storage/head_chunk_writer.h"
#include "storage/head_internal.h"

/* One step: at most so many series are looked at, and about so many bytes written. */
#define MAP_STEP_SERIES 16384
#define MAP_STEP_SIZE ((size_t)1 << 20)

/* As often as Prometheus does it. */
#define MAP_INTERVAL_MS ((int64_t)60 * 1000)

struct map_item {
    struct live_series *series;
    uint32_t index; /* of its chunks */
    struct head_chunk chunk;
};

/* What one step moves. */
struct map_step {
    struct map_item *items;
    size_t count, cap;
    size_t size; /* at most so many bytes in the file */
};

static void map_step_done(struct map_step *step)
{
    free(step->items);
}

static void map_step_done_auto(struct map_step *step)
{
    map_step_done(step);
}

static void map_step_add(struct map_step *step, struct live_series *series)
{
    for (uint32_t i = live_series_first_packed(series); i < series->chunk_count; i++) {
        const struct live_chunk *packed = &series->chunks[i];
        if (packed->size > HEAD_CHUNK_SIZE_MAX)
            return; /* nobody could read it back; what follows must stay behind it */
        mem_grow(step->items, struct map_item, step->count, &step->cap);
        step->items[step->count++] = (struct map_item){
            .series = series,
            .index = i,
            .chunk = {.series_ref = series->ref,
                      .begin_ms = packed->begin_ms,
                      .end_ms = packed->end_ms,
                      .size = packed->size,
                      .encoding = packed->encoding},
        };
        step->size += head_chunk_size(packed->size);
    }
}

/* With `changing` held. */
static bool map_step_write(struct head *head, struct map_step *step, struct err *err)
{
    struct head_chunk_writer *out = head->chunk_writer;
    if (!head_chunk_writer_begin(out, step->size, err))
        return false;
    for (size_t i = 0; i < step->count; i++) {
        struct map_item *item = &step->items[i];
        head_chunk_writer_add(out, &item->chunk, item->series->chunks[item->index].packed);
    }
    if (!head_chunk_writer_flush(out, err))
        return false;
    head_state_lock(head->state);
    for (size_t i = 0; i < step->count; i++) {
        const struct map_item *item = &step->items[i];
        live_series_put_out(item->series, item->index, &item->chunk, &head->grace);
    }
    head_state_unlock(head->state);
    head_count(head, &head->counters.chunks_mapped, step->count);
    return true;
}

bool head_map_step(struct head *head, size_t *slot, size_t end, struct err *err)
{
    AUTO(map_step_done) struct map_step step = {0};
    const struct head_index *index = head->state->index;
    while (*slot < end && step.size < MAP_STEP_SIZE)
        map_step_add(&step, index->series[(*slot)++]);
    return step.count == 0 || map_step_write(head, &step, err);
}

bool head_map_chunks(struct head *head, struct err *err)
{
    if (!head->writer)
        return err_set(err, ERR_UNSUPPORTED, "%s: open for reading only", head->path);
    bool good = true;
    /* A sweep between two steps moves series to lower slots: those are looked at next time. */
    for (size_t slot = 0; good;) {
        int64_t begin_ns = clock_monotonic_ns();
        pthread_mutex_lock(&head->changing);
        size_t count = head->state->index->count;
        bool done = slot >= count || head->is_taking;
        size_t end = done || count - slot < MAP_STEP_SERIES ? count : slot + MAP_STEP_SERIES;
        good = done || head_map_step(head, &slot, end, err);
        pthread_mutex_unlock(&head->changing);
        if (done)
            break;
        head_yield(head, begin_ns);
    }
    grace_advance(&head->grace);
    return good;
}

/* Is it time? Then the next time is set. */
static bool head_map_is_due(struct head *head)
{
    int64_t interval_ms = head->options.map_ms ? head->options.map_ms : MAP_INTERVAL_MS;
    int64_t now_ns = clock_monotonic_ns();
    pthread_mutex_lock(&head->changing);
    bool due = head->writer && now_ns >= head->map_due_ns;
    if (due)
        head->map_due_ns = now_ns + interval_ms * 1000000;
    pthread_mutex_unlock(&head->changing);
    return due;
}

void head_map_due_chunks(struct head *head)
{
    if (!head_map_is_due(head))
        return;
    struct err err = {0};
    bool good = head_map_chunks(head, &err);
    pthread_mutex_lock(&head->changing);
    bool is_news = !good && !head->map_failed;
    head->map_failed = !good;
    pthread_mutex_unlock(&head->changing);
    if (is_news && head->options.warn)
        head->options.warn(head->options.context, err.msg);
}

bool head_remove_chunks(struct head *head, struct err *err)
{
    grace_advance(&head->grace);
    pthread_mutex_lock(&head->changing);
    head_chunk_writer_cut(head->chunk_writer);
    bool good = head_chunks_remove_unused(head->state->chunks,
                                          head_chunk_writer_number(head->chunk_writer), err);
    pthread_mutex_unlock(&head->changing);
    return good;
}

#include "tests/script/load.h"

#include "tests/script/nhcb.h"
#include "tests/script/start_times.h"

/* Where the labels' samples go: a second line of the same labels takes the place of the first. */
static struct loaded_series *load_find(struct load *load, const struct labels *labels)
{
    for (size_t i = 0; i < load->count; i++)
        if (labels_equal(load->series[i].samples.labels, labels))
            return &load->series[i];
    return NULL;
}

static struct loaded_series *load_grow(struct load *load, struct arena *arena)
{
    if (load->count == load->cap) {
        load->cap = load->cap ? load->cap * 2 : 16;
        struct loaded_series *grown = arena_array(arena, struct loaded_series, load->cap);
        if (load->count)
            memcpy(grown, load->series, load->count * sizeof *grown);
        load->series = grown;
    }
    return &load->series[load->count++];
}

/* Is the line before this one of start times, that wait for their samples? */
static struct loaded_series *load_waiting(const struct load *load)
{
    if (load->count == 0)
        return NULL;
    struct loaded_series *last = &load->series[load->count - 1];
    return last->starts && !last->samples.values ? last : NULL;
}

static bool load_read_starts(struct load *load, struct str line, struct arena *arena,
                             struct symbols *symbols, struct err *err)
{
    struct series_description starts;
    if (load_waiting(load))
        return load_end(load, err);
    if (!start_times_parse(line, arena, symbols, &starts, err))
        return false;
    *load_grow(load, arena) = (struct loaded_series){
        .samples = {.labels = starts.labels, .count = starts.count},
        .starts = starts.values,
    };
    return true;
}

bool load_read_line(struct load *load, struct str line, struct arena *arena,
                    struct symbols *symbols, struct err *err)
{
    if (start_times_is_line(line))
        return load_read_starts(load, line, arena, symbols, err);

    struct loaded_series made = {0};
    if (!series_description_parse(line, arena, symbols, &made.samples, err))
        return false;
    struct loaded_series *waiting = load_waiting(load);
    if (waiting) {
        if (!labels_equal(waiting->samples.labels, made.samples.labels))
            return err_set(err, ERR_BAD_DATA, "the line of start times is of another series");
        if (waiting->samples.count != made.samples.count)
            return err_set(err, ERR_BAD_DATA, "%zu start times for %zu samples",
                           waiting->samples.count, made.samples.count);
        made.starts = waiting->starts;
        load->count--;
    }
    struct loaded_series *place = load_find(load, made.samples.labels);
    *(place ? place : load_grow(load, arena)) = made;
    return true;
}

bool load_end(const struct load *load, struct err *err)
{
    return !load_waiting(load) ||
           err_set(err, ERR_BAD_DATA, "no samples follow the line of start times");
}

static bool loaded_series_apply(const struct loaded_series *series, const struct load *load,
                                const struct symbols *symbols, struct test_storage *storage,
                                struct err *err)
{
    struct test_series *stored = NULL;
    for (size_t i = 0; i < series->samples.count; i++) {
        const struct described_value *value = &series->samples.values[i];
        struct test_sample sample = {
            .time_ms = (int64_t)i * load->step_ms,
            .value = value->value,
            .histogram = value->histogram,
        };
        if (value->omitted)
            continue;
        if (series->starts && !series->starts[i].omitted)
            sample.start_ms = sample.time_ms + (int64_t)series->starts[i].value;
        if (!stored)
            stored = test_storage_series(storage, symbols, series->samples.labels);
        if (!test_series_append(stored, &sample, storage->arena, err))
            return false;
    }
    return true;
}

bool load_apply(const struct load *load, struct symbols *symbols, struct test_storage *storage,
                struct err *err)
{
    for (size_t i = 0; i < load->count; i++)
        if (!loaded_series_apply(&load->series[i], load, symbols, storage, err))
            return false;
    return !load->with_nhcb || nhcb_apply(load, symbols, storage, err);
}

#include "storage/live_series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/chunk.h"
#include "storage/chunk_xor2_write.h"
#include "storage/histogram_reader.h"

struct live_series *live_series_create(uint64_t ref)
{
    struct live_series *series = mem_new(struct live_series);
    series->ref = ref;
    series->last_ms = INT64_MIN;
    return series;
}

static void live_chunk_destroy(const struct live_chunk *chunk)
{
    if (chunk->file)
        head_chunk_file_unref(chunk->file);
    else
        free(chunk->packed);
}

static void live_file_unref(void *file)
{
    head_chunk_file_unref(file);
}

static void live_chunk_retire(const struct live_chunk *chunk, struct grace *grace)
{
    if (chunk->file)
        grace_free(grace, chunk->file, live_file_unref);
    else
        grace_free(grace, chunk->packed, free);
}

void live_series_destroy(struct live_series *series)
{
    if (!series)
        return;
    for (size_t i = 0; i < series->chunk_count; i++)
        live_chunk_destroy(&series->chunks[i]);
    free(series->chunks);
    xor_appender_done(&series->open);
    struct live_extra *extra = series->extra;
    if (extra) {
        for (size_t i = 0; i < extra->ooo_count; i++)
            live_chunk_destroy(&extra->ooo_chunks[i].chunk);
        free(extra->ooo_chunks);
        live_histogram_destroy(extra->open);
        samples_done(&extra->ooo);
        free(extra->starts);
        free(extra->deleted);
        free(extra);
    }
    free(series);
}

static struct live_extra *live_series_extra(struct live_series *series)
{
    if (!series->extra)
        series->extra = mem_new(struct live_extra);
    return series->extra;
}

static bool encoding_is_histogram(uint8_t encoding)
{
    return encoding != CHUNK_XOR && encoding != CHUNK_XOR2;
}

/* Grows gently: nearly all series hold less than ten chunks. */
static void live_series_insert(struct live_series *series, struct live_chunk chunk)
{
    if (series->chunk_count == series->chunk_cap) {
        series->chunk_cap += series->chunk_cap < 8 ? 4 : series->chunk_cap / 2;
        series->chunks = mem_resize(series->chunks, struct live_chunk, series->chunk_cap);
    }
    size_t at = series->chunk_count++;
    for (; at > 0 && series->chunks[at - 1].begin_ms > chunk.begin_ms; at--)
        series->chunks[at] = series->chunks[at - 1];
    series->chunks[at] = chunk;
}

static uint8_t *pack(const uint8_t *bytes, size_t size)
{
    uint8_t *packed = mem_new_array(uint8_t, size);
    memcpy(packed, bytes, size);
    return packed;
}

/* Packs the appender's samples into a chunk of exactly their size. */
static struct live_chunk live_chunk_of(const struct xor_appender *appender, int64_t begin_ms)
{
    return (struct live_chunk){
        .begin_ms = begin_ms,
        .end_ms = appender->t_ms,
        .packed = pack(appender->bytes, appender->size),
        .size = (uint32_t)appender->size,
        .encoding = CHUNK_XOR,
    };
}

static struct live_chunk live_chunk_of_histograms(const struct histogram_appender *appender)
{
    return (struct live_chunk){
        .begin_ms = appender->begin_ms,
        .end_ms = appender->t_ms,
        .packed = pack(appender->out.bytes, appender->out.size),
        .size = (uint32_t)appender->out.size,
        .encoding = appender->encoding,
    };
}

/* The samples of [from, to), with their start timestamps if any has one. */
static struct live_chunk live_chunk_of_samples(const struct samples *samples, size_t from,
                                               size_t to)
{
    struct live_chunk chunk = {
        .begin_ms = samples->times_ms[from],
        .end_ms = samples->times_ms[to - 1],
    };
    bool started = false;
    for (size_t i = from; i < to && samples->wants_starts; i++)
        started |= samples->starts_ms[i] != 0;
    if (started) {
        struct bit_writer out = {0};
        chunk_xor2_encode(samples, from, to, &out);
        chunk.packed = out.bytes;
        chunk.size = (uint32_t)out.size;
        chunk.encoding = CHUNK_XOR2;
        return chunk;
    }
    struct xor_appender appender;
    xor_appender_init(&appender);
    for (size_t i = from; i < to; i++)
        xor_appender_append(&appender, samples->times_ms[i], samples->values[i]);
    chunk = live_chunk_of(&appender, chunk.begin_ms);
    xor_appender_done(&appender);
    return chunk;
}

/* Our own bytes. */
static void live_chunk_unpack(uint8_t encoding, const uint8_t *bytes, size_t size,
                              struct samples *into)
{
    struct err err = {0};
    bool good = chunk_decode(encoding, bytes, size, into, &err);
    assert(good);
}

/* The samples of the open chunk, in `into`, which wants starts. */
static void live_series_unpack_open(const struct live_series *series, struct samples *into)
{
    into->count = 0;
    live_chunk_unpack(CHUNK_XOR, series->open.bytes, series->open.size, into);
    const struct live_extra *extra = series->extra;
    uint32_t run = 0;
    for (size_t i = 0; i < into->count && extra; i++) {
        while (run < extra->start_count && extra->starts[run].t_ms <= into->times_ms[i])
            run++;
        into->starts_ms[i] = run > 0 ? extra->starts[run - 1].start_ms : 0;
    }
}

struct live_chunk live_series_open_chunk(const struct live_series *series)
{
    if (!series->extra || series->extra->start_count == 0)
        return live_chunk_of(&series->open, series->open_begin_ms);
    struct samples samples = {.wants_starts = true};
    live_series_unpack_open(series, &samples);
    struct live_chunk chunk = live_chunk_of_samples(&samples, 0, samples.count);
    samples_done(&samples);
    return chunk;
}

static void live_series_close(struct live_series *series)
{
    live_series_insert(series, live_series_open_chunk(series));
    xor_appender_reset(&series->open);
    struct live_extra *extra = series->extra;
    if (extra && extra->start_count) { /* the next chunk begins with the last one */
        extra->starts[0] = extra->starts[extra->start_count - 1];
        extra->start_count = extra->starts[0].start_ms != 0;
    }
}

static int64_t range_number(int64_t t_ms)
{
    int64_t number = t_ms / LIVE_CHUNK_RANGE_MS;
    return number - (t_ms % LIVE_CHUNK_RANGE_MS < 0);
}

static void live_series_put(struct live_series *series, int64_t t_ms, double v)
{
    if (!series->open.bytes)
        xor_appender_init(&series->open);
    if (series->open.count >= LIVE_CHUNK_SAMPLES ||
        (series->open.count && range_number(t_ms) != range_number(series->open.t_ms)))
        live_series_close(series);
    if (series->open.count == 0)
        series->open_begin_ms = t_ms;
    xor_appender_append(&series->open, t_ms, v);
}

const struct histogram_appender *live_series_open_histogram(const struct live_series *series)
{
    const struct live_extra *extra = series->extra;
    return extra && extra->open && extra->open->appender.count ? &extra->open->appender : NULL;
}

static void live_series_close_histograms(struct live_series *series, enum live_histogram_cut why,
                                         uint8_t reset)
{
    struct live_histogram *open = series->extra->open;
    live_series_insert(series, live_chunk_of_histograms(&open->appender));
    live_histogram_begin(open, why, reset);
}

static void live_series_put_histogram(struct live_series *series, int64_t t_ms, int64_t start_ms,
                                      const struct raw_histogram *h)
{
    struct live_extra *extra = live_series_extra(series);
    if (!extra->open)
        extra->open = live_histogram_create();
    if (extra->open->appender.count) {
        uint8_t reset = 0;
        enum live_histogram_cut cut = live_histogram_cut(extra->open, t_ms, start_ms, h, &reset);
        if (cut != LIVE_HISTOGRAM_GOES_ON)
            live_series_close_histograms(series, cut, reset);
    }
    live_histogram_append(extra->open, t_ms, start_ms, h);
}

bool live_series_append(struct live_series *series, int64_t t_ms, double v)
{
    if (t_ms <= series->last_ms)
        return false;
    /* A target that is gone ends its histograms with a marker of their kind. */
    if (UNLIKELY(series->is_histogram) && value_is_stale(v)) {
        struct raw_histogram marker = {.sum = v};
        marker.is_float = series->extra && series->extra->histogram_is_float;
        return live_series_append_histogram(series, t_ms, 0, &marker);
    }
    if (UNLIKELY(series->is_histogram) && live_series_open_histogram(series))
        live_series_close_histograms(series, LIVE_HISTOGRAM_FULL, CHUNK_RESET_UNKNOWN);
    series->last_ms = t_ms;
    series->is_histogram = false;
    live_series_put(series, t_ms, v);
    return true;
}

bool live_series_append_started(struct live_series *series, int64_t t_ms, int64_t start_ms,
                                double v)
{
    if (!live_series_append(series, t_ms, v))
        return false;
    struct live_extra *extra = live_series_extra(series);
    int64_t before_ms = extra->start_count ? extra->starts[extra->start_count - 1].start_ms : 0;
    if (start_ms == before_ms)
        return true;
    if (extra->start_count == extra->start_cap) {
        extra->start_cap += extra->start_cap < 4 ? 2 : extra->start_cap;
        extra->starts = mem_resize(extra->starts, struct live_start, extra->start_cap);
    }
    extra->starts[extra->start_count++] = (struct live_start){t_ms, start_ms};
    return true;
}

bool live_series_append_histogram(struct live_series *series, int64_t t_ms, int64_t start_ms,
                                  const struct raw_histogram *h)
{
    if (t_ms <= series->last_ms)
        return false;
    if (series->open.count)
        live_series_close(series);
    live_series_put_histogram(series, t_ms, start_ms, h);
    series->extra->histogram_is_float = h->is_float;
    series->last_ms = t_ms;
    series->is_histogram = true;
    return true;
}

/* Puts the samples outside of [begin, end] back, as chunks of the series and the open one. */
static void live_series_put_outside(struct live_series *series, const struct samples *samples,
                                    int64_t begin_ms, int64_t end_ms, bool open)
{
    size_t before = 0;
    while (before < samples->count && samples->times_ms[before] < begin_ms)
        before++;
    size_t behind = before;
    while (behind < samples->count && samples->times_ms[behind] <= end_ms)
        behind++;
    if (before > 0)
        live_series_insert(series, live_chunk_of_samples(samples, 0, before));
    if (!open && behind < samples->count)
        live_series_insert(series, live_chunk_of_samples(samples, behind, samples->count));
    for (size_t i = behind; open && i < samples->count; i++)
        live_series_put(series, samples->times_ms[i], samples->values[i]);
}

/* The same with a chunk of histograms. */
static void live_series_put_histograms_outside(struct live_series *series, uint8_t encoding,
                                               const uint8_t *bytes, size_t size, int64_t begin_ms,
                                               int64_t end_ms, bool open)
{
    AUTO(arena_destroy) struct arena *read = arena_create(NULL);
    AUTO(arena_destroy) struct arena *step = arena_create(NULL);
    struct histogram_appender part;
    histogram_appender_init(&part, encoding);
    struct err err = {0};
    struct histogram_reader reader;
    bool good = histogram_reader_open(&reader, encoding, bytes, size, read, &err);
    assert(good); /* our own bytes */
    for (size_t i = 0; i < reader.sample_count; i++) {
        good = histogram_reader_next(&reader, NULL);
        assert(good);
        if (reader.t_ms >= begin_ms && part.count && part.t_ms < begin_ms) {
            live_series_insert(series, live_chunk_of_histograms(&part));
            histogram_appender_begin(&part, CHUNK_RESET_UNKNOWN);
        }
        if (reader.t_ms >= begin_ms && reader.t_ms <= end_ms)
            continue;
        struct raw_histogram h = histogram_reader_raw(&reader, step);
        if (reader.t_ms > end_ms && open)
            live_series_put_histogram(series, reader.t_ms, reader.start_ms, &h);
        else
            histogram_appender_append(&part, reader.t_ms, reader.start_ms, &h);
        arena_reset(step);
    }
    if (part.count)
        live_series_insert(series, live_chunk_of_histograms(&part));
    histogram_appender_done(&part);
}

static void live_series_cut_open_histograms(struct live_series *series, int64_t begin_ms,
                                            int64_t end_ms)
{
    const struct histogram_appender *open = live_series_open_histogram(series);
    if (!open || open->begin_ms > end_ms || open->t_ms < begin_ms)
        return;
    struct live_histogram *held = TAKE(series->extra->open);
    live_series_put_histograms_outside(series, open->encoding, open->out.bytes, open->out.size,
                                       begin_ms, end_ms, true);
    live_histogram_destroy(held);
}

/* Takes what is packed here out of [begin, end]. */
static void live_series_cut(struct live_series *series, int64_t begin_ms, int64_t end_ms,
                            struct grace *grace)
{
    struct samples samples = {.wants_starts = true};
    for (size_t i = 0; i < series->chunk_count;) {
        struct live_chunk chunk = series->chunks[i];
        if (chunk.file || chunk.end_ms < begin_ms || chunk.begin_ms > end_ms) {
            i++;
            continue;
        }
        memmove(&series->chunks[i], &series->chunks[i + 1],
                (series->chunk_count - i - 1) * sizeof chunk);
        series->chunk_count--;
        bool reaches_out = chunk.begin_ms < begin_ms || chunk.end_ms > end_ms;
        if (reaches_out && encoding_is_histogram(chunk.encoding)) {
            live_series_put_histograms_outside(series, chunk.encoding, chunk.data, chunk.size,
                                               begin_ms, end_ms, false);
        } else if (reaches_out) {
            samples.count = 0;
            live_chunk_unpack(chunk.encoding, chunk.data, chunk.size, &samples);
            live_series_put_outside(series, &samples, begin_ms, end_ms, false);
        }
        live_chunk_retire(&chunk, grace);
    }

    if (series->open.count && series->open_begin_ms <= end_ms && series->open.t_ms >= begin_ms) {
        live_series_unpack_open(series, &samples);
        xor_appender_reset(&series->open);
        live_series_put_outside(series, &samples, begin_ms, end_ms, true);
    }
    samples_done(&samples);
    live_series_cut_open_histograms(series, begin_ms, end_ms);
}

static void live_series_attach_ooo(struct live_series *series, struct live_chunk chunk,
                                   uint32_t mark)
{
    struct live_extra *extra = live_series_extra(series);
    if (extra->ooo_count == extra->ooo_cap) {
        extra->ooo_cap += extra->ooo_cap < 8 ? 4 : extra->ooo_cap / 2;
        extra->ooo_chunks = mem_resize(extra->ooo_chunks, struct live_ooo_chunk, extra->ooo_cap);
    }
    extra->ooo_chunks[extra->ooo_count++] = (struct live_ooo_chunk){chunk, mark};
}

/* A restarted Prometheus may have written a chunk again that we hold from a file now gone. */
static bool live_series_has(const struct live_series *series, const struct live_chunk *chunk)
{
    for (size_t i = series->chunk_count; i-- > 0;) {
        const struct live_chunk *held = &series->chunks[i];
        if (held->begin_ms < chunk->begin_ms)
            return false;
        if (held->file && held->begin_ms == chunk->begin_ms && held->end_ms == chunk->end_ms &&
            held->size == chunk->size)
            return true;
    }
    return false;
}

void live_series_attach(struct live_series *series, const struct head_chunk *chunk, uint32_t mark,
                        struct grace *grace)
{
    struct live_chunk attached = {
        .begin_ms = chunk->begin_ms,
        .end_ms = chunk->end_ms,
        .data = head_chunk_bytes(chunk),
        .file = chunk->file,
        .size = chunk->size,
        .encoding = chunk->encoding,
    };
    if (chunk->out_of_order) {
        head_chunk_file_ref(chunk->file);
        live_series_attach_ooo(series, attached, mark);
        return;
    }
    if (live_series_has(series, &attached))
        return;
    head_chunk_file_ref(chunk->file);
    live_series_cut(series, chunk->begin_ms, chunk->end_ms, grace);
    live_series_insert(series, attached);
    if (chunk->end_ms >= series->last_ms) {
        series->last_ms = chunk->end_ms;
        series->is_histogram = encoding_is_histogram(chunk->encoding);
        if (series->is_histogram)
            live_series_extra(series)->histogram_is_float =
                chunk->encoding == CHUNK_FLOAT_HISTOGRAM ||
                chunk->encoding == CHUNK_FLOAT_HISTOGRAM_ST;
    }
}

uint32_t live_series_first_packed(const struct live_series *series)
{
    uint32_t first = series->chunk_count;
    while (first > 0 && !series->chunks[first - 1].file)
        first--;
    return first;
}

void live_series_put_out(struct live_series *series, uint32_t index, const struct head_chunk *chunk,
                         struct grace *grace)
{
    struct live_chunk *put = &series->chunks[index];
    assert(!put->file && put->size == chunk->size);
    live_chunk_retire(put, grace);
    head_chunk_file_ref(chunk->file);
    put->file = chunk->file;
    put->data = head_chunk_bytes(chunk);
}

static void live_series_pack_ooo(struct live_series *series)
{
    struct live_extra *extra = series->extra;
    struct xor_appender appender;
    xor_appender_init(&appender);
    for (size_t i = 0; i < extra->ooo.count; i++)
        xor_appender_append(&appender, extra->ooo.times_ms[i], extra->ooo.values[i]);
    live_series_attach_ooo(series, live_chunk_of(&appender, extra->ooo.times_ms[0]),
                           extra->ooo_mark);
    xor_appender_done(&appender);
    extra->ooo.count = 0;
}

bool live_series_insert_ooo(struct live_series *series, int64_t t_ms, double v, uint32_t mark)
{
    struct live_extra *extra = live_series_extra(series);
    struct samples *ooo = &extra->ooo;
    size_t at = ooo->count;
    while (at > 0 && ooo->times_ms[at - 1] > t_ms)
        at--;
    if (at > 0 && ooo->times_ms[at - 1] == t_ms)
        return false;
    if (ooo->count >= LIVE_OOO_SAMPLES) {
        live_series_pack_ooo(series);
        at = 0;
    }
    samples_reserve(ooo, 1);
    memmove(ooo->times_ms + at + 1, ooo->times_ms + at, (ooo->count - at) * sizeof(int64_t));
    memmove(ooo->values + at + 1, ooo->values + at, (ooo->count - at) * sizeof(double));
    ooo->times_ms[at] = t_ms;
    ooo->values[at] = v;
    ooo->count++;
    extra->ooo_mark = mark;
    return true;
}

/* Few come out of order: each is a chunk. */
void live_series_insert_ooo_histogram(struct live_series *series, int64_t t_ms, int64_t start_ms,
                                      const struct raw_histogram *h, uint32_t mark)
{
    struct live_histogram *alone = live_histogram_create();
    live_histogram_append(alone, t_ms, start_ms, h);
    live_series_attach_ooo(series, live_chunk_of_histograms(&alone->appender), mark);
    live_histogram_destroy(alone);
}

void live_series_forget_ooo(struct live_series *series, struct grace *grace)
{
    struct live_extra *extra = series->extra;
    if (!extra)
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < extra->ooo_count; i++) {
        if (extra->ooo_chunks[i].chunk.file)
            extra->ooo_chunks[kept++] = extra->ooo_chunks[i];
        else
            live_chunk_retire(&extra->ooo_chunks[i].chunk, grace);
    }
    extra->ooo_count = kept;
    extra->ooo.count = 0;
}

void live_series_trim_ooo(struct live_series *series, uint32_t mark, struct grace *grace)
{
    struct live_extra *extra = series->extra;
    if (!extra)
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < extra->ooo_count; i++) {
        if (extra->ooo_chunks[i].mark >= mark)
            extra->ooo_chunks[kept++] = extra->ooo_chunks[i];
        else
            live_chunk_retire(&extra->ooo_chunks[i].chunk, grace);
    }
    extra->ooo_count = kept;
    if (extra->ooo_mark < mark)
        extra->ooo.count = 0;
}

void live_series_note_ooo(const struct live_series *series, int64_t *begin_ms, int64_t *end_ms)
{
    const struct live_extra *extra = series->extra;
    if (!extra)
        return;
    for (uint32_t i = 0; i < extra->ooo_count; i++) {
        const struct live_chunk *chunk = &extra->ooo_chunks[i].chunk;
        *begin_ms = chunk->begin_ms < *begin_ms ? chunk->begin_ms : *begin_ms;
        *end_ms = chunk->end_ms > *end_ms ? chunk->end_ms : *end_ms;
    }
    const struct samples *ooo = &extra->ooo;
    if (ooo->count == 0)
        return;
    *begin_ms = ooo->times_ms[0] < *begin_ms ? ooo->times_ms[0] : *begin_ms;
    *end_ms = ooo->times_ms[ooo->count - 1] > *end_ms ? ooo->times_ms[ooo->count - 1] : *end_ms;
}

void live_series_delete_range(struct live_series *series, struct time_range range)
{
    struct live_extra *extra = live_series_extra(series);
    if (extra->deleted_count == extra->deleted_cap) {
        extra->deleted_cap += extra->deleted_cap < 4 ? 2 : extra->deleted_cap;
        extra->deleted = mem_resize(extra->deleted, struct time_range, extra->deleted_cap);
    }
    extra->deleted_count = (uint32_t)time_ranges_add(extra->deleted, extra->deleted_count, range);
}

static int64_t min_ms(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t live_series_begin_ms(const struct live_series *series)
{
    int64_t begin = INT64_MAX;
    if (series->chunk_count)
        begin = series->chunks[0].begin_ms;
    if (series->open.count)
        begin = min_ms(begin, series->open_begin_ms);
    const struct histogram_appender *open = live_series_open_histogram(series);
    return open ? min_ms(begin, open->begin_ms) : begin;
}

int64_t live_series_oldest_ms(const struct live_series *series)
{
    int64_t begin_ms = live_series_begin_ms(series), end_ms = INT64_MIN;
    live_series_note_ooo(series, &begin_ms, &end_ms);
    return begin_ms;
}

void live_series_trim(struct live_series *series, int64_t before_ms, struct grace *grace)
{
    if (before_ms == INT64_MIN)
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < series->chunk_count; i++) {
        if (series->chunks[i].end_ms >= before_ms)
            series->chunks[kept++] = series->chunks[i];
        else
            live_chunk_retire(&series->chunks[i], grace);
    }
    series->chunk_count = kept;
    live_series_cut(series, INT64_MIN, before_ms - 1, grace);
    if (series->open.count == 0)
        xor_appender_done(&series->open);

    struct live_extra *extra = series->extra;
    if (!extra)
        return;
    if (!live_series_open_histogram(series)) {
        live_histogram_destroy(extra->open);
        extra->open = NULL;
    }
    /*
     * A chunk of a file may begin before, and be needed whole; samples out of order stay until they
     * are in blocks of their own: so do the ranges deleted from them.
     */
    int64_t begin_ms = live_series_oldest_ms(series);
    uint32_t gone = 0;
    while (gone < extra->deleted_count && extra->deleted[gone].end_ms < before_ms &&
           extra->deleted[gone].end_ms < begin_ms)
        gone++;
    if (gone == 0)
        return;
    extra->deleted_count -= gone;
    memmove(extra->deleted, extra->deleted + gone, extra->deleted_count * sizeof *extra->deleted);
}

void live_series_clear(struct live_series *series, struct grace *grace)
{
    for (uint32_t i = 0; i < series->chunk_count; i++)
        live_chunk_retire(&series->chunks[i], grace);
    series->chunk_count = 0;
    xor_appender_done(&series->open);

    struct live_extra *extra = series->extra;
    if (!extra)
        return;
    for (uint32_t i = 0; i < extra->ooo_count; i++)
        live_chunk_retire(&extra->ooo_chunks[i].chunk, grace);
    extra->ooo_count = 0;
    extra->ooo.count = 0;
    extra->start_count = 0;
    live_histogram_destroy(extra->open);
    extra->open = NULL;
}

bool live_series_is_empty(const struct live_series *series)
{
    return live_series_chunk_count(series) == 0;
}

size_t live_series_chunk_count(const struct live_series *series)
{
    size_t count = series->chunk_count + (series->open.count > 0);
    const struct live_extra *extra = series->extra;
    if (extra)
        count += extra->ooo_count + (extra->ooo.count > 0) +
                 (live_series_open_histogram(series) != NULL);
    return count;
}

/*
 * All histograms of a chunk share its spans and bounds; each has buckets of its own, unless only
 * totals are asked for.
 */
#include "storage/chunk_histogram.h"

#include "model/histogram_samples.h"
#include "storage/histogram_reader.h"

/* One chunk while it is decoded. */
struct decoding {
    struct histogram_reader reader;
    struct samples *into;
    struct arena *arena;
    struct histogram bare;  /* what samples without buckets have in common */
    double *spare;          /* room for buckets that a stale marker did not use */
    struct histogram *last; /* the newest one */
    bool last_is_complete;  /* it has its buckets */
    size_t stale_count;     /* behind into->count */
};

static void decoding_add_stale(struct decoding *d)
{
    struct samples *into = d->into;
    samples_reserve(into, d->stale_count + 1);
    size_t at = into->count + d->stale_count++;
    into->times_ms[at] = d->reader.t_ms;
    into->values[at] = value_stale();
    if (into->wants_starts)
        into->starts_ms[at] = d->reader.start_ms;
}

/* `h` has the shape of the chunk. */
static struct histogram *decoding_give_buckets(const struct decoding *d, struct histogram *h,
                                               const double *buckets)
{
    h->positive.buckets = buckets;
    h->negative.buckets = buckets + h->positive.bucket_count;
    if (h->schema <= HISTOGRAM_SCHEMA_MAX)
        return h;
    struct histogram *reduced = histogram_reduce(d->arena, h, HISTOGRAM_SCHEMA_MAX);
    reduced->hint = h->hint;
    reduced->is_whole = h->is_whole;
    return reduced;
}

static struct histogram bare_shape(const struct histogram *shape)
{
    return (struct histogram){
        .schema = shape->schema <= HISTOGRAM_SCHEMA_MAX ? shape->schema : HISTOGRAM_SCHEMA_MAX,
        .zero_threshold = shape->zero_threshold,
    };
}

static struct histogram *decoding_add(struct decoding *d, double *buckets)
{
    const struct histogram_reader *reader = &d->reader;
    struct histogram *h = arena_room(d->arena, struct histogram, 1);
    *h = buckets ? reader->shape : d->bare; /* copying is cheaper than clearing */
    h->hint = histogram_reader_hint(reader);
    h->zero_count = reader->zero_count;
    h->count = reader->count;
    h->sum = reader->sum;
    h->is_whole = !reader->is_float;
    if (buckets)
        h = decoding_give_buckets(d, h, buckets);
    histogram_samples_add(d->into->histograms, reader->t_ms, reader->start_ms, h);
    return h;
}

/* The newest one was added without buckets; the reader still has them. */
static void decoding_complete_last(struct decoding *d)
{
    struct histogram_samples *histograms = d->into->histograms;
    double *buckets = arena_room(d->arena, double, d->reader.bucket_count);
    histogram_reader_buckets(&d->reader, buckets);
    struct histogram bare = *d->last;
    *d->last = d->reader.shape;
    d->last->hint = bare.hint;
    d->last->zero_count = bare.zero_count;
    d->last->count = bare.count;
    d->last->sum = bare.sum;
    d->last->is_whole = bare.is_whole;
    histograms->items[histograms->count - 1] = decoding_give_buckets(d, d->last, buckets);
}

static bool decoding_run(struct decoding *d, struct err *err)
{
    struct histogram_reader *reader = &d->reader;
    const struct histogram_samples *histograms = d->into->histograms;
    size_t from = histograms->count;
    d->bare = bare_shape(&reader->shape);
    for (size_t i = 0; i < reader->sample_count; i++) {
        bool wanted = !histograms->totals_only || histograms->count == from;
        if (wanted && !d->spare)
            d->spare = arena_room(d->arena, double, reader->bucket_count);
        double *buckets = wanted ? d->spare : NULL;
        int64_t before_ms = reader->t_ms;
        if (!histogram_reader_next(reader, buckets))
            return err_set(err, ERR_CORRUPT, "histogram chunk is cut short or garbled");
        if (i > 0 && reader->t_ms <= before_ms)
            return err_set(err, ERR_CORRUPT, "histogram chunk with times that do not rise");
        if (histogram_reader_is_stale(reader)) {
            decoding_add_stale(d);
            continue;
        }
        d->last = decoding_add(d, buckets);
        d->last_is_complete = wanted;
        if (wanted)
            d->spare = NULL;
    }
    if (d->last && !d->last_is_complete)
        decoding_complete_last(d);
    return true;
}

bool chunk_histogram_decode(uint8_t encoding, const uint8_t *data, size_t size,
                            struct samples *into, struct err *err)
{
    struct histogram_samples *histograms = into->histograms;
    size_t before = histograms->count;
    struct decoding d = {.into = into, .arena = histogram_samples_region(histograms)};
    bool good = histogram_reader_open(&d.reader, encoding, data, size, d.arena, err) &&
                decoding_run(&d, err);
    if (good)
        into->count += d.stale_count;
    if (!good || histograms->count == before)
        histogram_samples_truncate(histograms, before);
    return good;
}

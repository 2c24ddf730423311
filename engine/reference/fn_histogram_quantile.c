/*
 * histogram_quantile, histogram_quantiles and histogram_fraction, over native histograms and over
 * classic ones: of these each bucket is a float with a label le, and all that have the other labels
 * in common are one histogram.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/float_text.h"
#include "engine/fn/bucket_quantiles.h"
#include "engine/fn/histogram_values.h"
#include "engine/reference/fn.h"
#include "engine/reference/label_map.h"

/* A classic histogram: buckets as they come, and room for as many again. */
struct classic {
    struct bucket *buckets;
    size_t count; /* 0: left out */
    size_t cap;
};

/* The histograms of one vector. */
struct histograms {
    struct ref_call *call;
    size_t begin;              /* where notes point to */
    struct ref_sample *native; /* without a histogram: left out */
    size_t native_count;
    struct label_map sets;   /* of the classic ones, without le */
    struct classic *classic; /* by set */
    struct go_item *items;   /* for sorting buckets */
    struct bucket_raises_list *raised;
};

/* Raised buckets of one metric: those of this step, and how many were told of before. */
struct metric_raises {
    struct annotation_raises here;
    uint64_t told_count;
    bool is_told;
};

struct bucket_raises_list {
    struct metric_raises *items;
    size_t count;
    size_t cap;
};

/* The metric's name for notes. Where names are dropped at once, it is gone by then. */
static struct str histogram_metric(const struct ref_call *call, const struct labels *labels)
{
    return call->query->modes.delayed_names ? ref_label(call, labels, SYM_NAME) : (struct str){0};
}

static const struct labels *labels_without_le(const struct labels *labels, struct arena *arena)
{
    struct label *pairs = arena_array(arena, struct label, labels->count);
    size_t count = 0;
    for (size_t i = 0; i < labels->count; i++)
        if (labels->pairs[i].name != SYM_LE)
            pairs[count++] = labels->pairs[i];
    return labels_new(arena, pairs, count);
}

static void histograms_add_bucket(struct histograms *self, const struct ref_sample *sample)
{
    const struct ref_call *call = self->call;
    struct str le = ref_label(call, sample->labels, SYM_LE);
    double bound;
    bool out_of_range;
    if (!float_parse(le, &bound, &out_of_range)) {
        note_bad_bucket(call->notes, self->begin, le, histogram_metric(call, sample->labels));
        return;
    }

    bool new;
    size_t set = label_map_add(&self->sets, labels_without_le(sample->labels, call->scratch), &new);
    struct classic *classic = &self->classic[set];
    if (2 * (classic->count + 1) > classic->cap) {
        classic->cap = classic->cap ? classic->cap * 2 : 32;
        struct bucket *buckets = arena_array(call->scratch, struct bucket, classic->cap);
        for (size_t i = 0; i < classic->count; i++)
            buckets[i] = classic->buckets[i];
        classic->buckets = buckets;
    }
    classic->buckets[classic->count++] = (struct bucket){bound, sample->value};
}

/* Leaves out both where a native and a classic histogram have the same labels. */
static void histograms_note_both(struct histograms *self)
{
    const struct ref_call *call = self->call;
    for (size_t i = 0; i < self->native_count; i++) {
        struct ref_sample *native = &self->native[i];
        size_t set = label_map_find(&self->sets, native->labels);
        if (set == SIZE_MAX || self->classic[set].count == 0)
            continue;
        note_classic_and_native(call->notes, self->begin, histogram_metric(call, native->labels));
        self->classic[set].count = 0;
        native->histogram = NULL;
    }
}

static struct histograms histograms_of(struct ref_call *call, size_t arg)
{
    const struct ref_vector *in = &call->vectors[arg];
    struct histograms self = {
        .call = call,
        .begin = ref_call_begin(call, arg),
        .native = arena_array(call->scratch, struct ref_sample, in->count),
        .sets.arena = call->scratch,
        .classic = arena_array(call->scratch, struct classic, in->count),
        .items = arena_array(call->scratch, struct go_item, in->count),
        .raised = *call->memory,
    };
    if (!self.raised)
        *call->memory = self.raised = arena_new(call->arena, struct bucket_raises_list);
    for (size_t i = 0; i < in->count; i++) {
        if (in->items[i].histogram)
            self.native[self.native_count++] = in->items[i];
        else
            histograms_add_bucket(&self, &in->items[i]);
    }
    histograms_note_both(&self);
    return self;
}

static struct annotation_raises raises_none(struct str metric)
{
    return (struct annotation_raises){
        .metric = metric,
        .bound_min = INFINITY,
        .bound_max = -INFINITY,
        .begin_ms = INT64_MAX,
        .end_ms = INT64_MIN,
    };
}

static struct metric_raises *raises_of(struct histograms *self, struct str metric)
{
    struct bucket_raises_list *list = self->raised;
    struct arena *arena = self->call->arena;
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i].here.metric, metric))
            return &list->items[i];
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 2;
        struct metric_raises *items = arena_array(arena, struct metric_raises, list->cap);
        for (size_t i = 0; i < list->count; i++)
            items[i] = list->items[i];
        list->items = items;
    }
    struct metric_raises *item = &list->items[list->count++];
    *item = (struct metric_raises){.here = raises_none(arena_str(arena, metric))};
    return item;
}

static void raises_add(struct histograms *self, const struct labels *labels,
                       const struct bucket_raises *raises)
{
    struct str metric = histogram_metric(self->call, labels);
    struct annotation_raises *here = &raises_of(self, metric)->here;
    here->count++;
    here->begin_ms = here->end_ms = self->call->time_ms;
    if (raises->bound_min < here->bound_min)
        here->bound_min = raises->bound_min;
    if (raises->bound_max > here->bound_max)
        here->bound_max = raises->bound_max;
    if (raises->raise_max > here->raise_max)
        here->raise_max = raises->raise_max;
}

/*
 * Prometheus merges, after each step, what it has of all steps so far with itself once more, and so
 * counts it twice: what is new is this step's count twice, and that of the steps before.
 */
static void raises_tell(struct histograms *self)
{
    for (size_t i = 0; i < self->raised->count; i++) {
        struct metric_raises *item = &self->raised->items[i];
        if (item->is_told)
            item->here.count = 2 * item->here.count + item->told_count;
        item->is_told = true;
        item->told_count += item->here.count;
        annotations_add_raises(self->call->notes, self->begin, &item->here);
        item->here = raises_none(item->here.metric);
    }
}

/* `label`: SYM_EMPTY, or what gets the value. */
static void histograms_output(const struct histograms *self, const struct labels *labels,
                              uint32_t label, uint32_t label_value, double value)
{
    struct ref_call *call = self->call;
    labels = ref_call_drop_name(call, labels);
    if (label != SYM_EMPTY) {
        struct labels_builder builder = {0};
        labels_builder_reset(&builder, call->query->symbols, labels);
        labels_builder_set(&builder, label, label_value);
        labels = labels_builder_labels(&builder, call->scratch);
        labels_builder_done(&builder);
    }
    struct ref_sample sample = {
        .labels = ref_call_keep(call, labels),
        .drops_name = true,
        .value = value,
    };
    ref_vector_add(call->arena, call->out, &sample);
}

static int sample_cmp(const void *a, const void *b, void *symbols)
{
    const struct ref_sample *left = a, *right = b;
    return labels_cmp(symbols, left->labels, right->labels);
}

/* Classic histograms come out of a map of Go's: here in order of labels. Those from `first` on. */
static void histograms_sort_output(const struct histograms *self, size_t first)
{
    struct ref_vector *out = self->call->out;
    if (out->count > first + 1)
        qsort_r(out->items + first, out->count - first, sizeof *out->items, sample_cmp,
                self->call->query->symbols);
}

static double histograms_native_quantile(const struct histograms *self, double phi,
                                         const struct ref_sample *native)
{
    struct annotations *notes = self->call->notes;
    struct str metric = histogram_metric(self->call, native->labels);
    enum histogram_nan nan;
    double quantile = histogram_quantile(native->histogram, phi, &nan);
    if (nan == HISTOGRAM_NAN_RESULT)
        note_quantile_nan(notes, self->begin, metric);
    if (nan == HISTOGRAM_NAN_SKEWED)
        note_quantile_skewed(notes, self->begin, metric);
    return quantile;
}

static void histograms_quantile(struct histograms *self, double phi, uint32_t label,
                                uint32_t label_value)
{
    for (size_t i = 0; i < self->native_count; i++) {
        const struct ref_sample *native = &self->native[i];
        if (native->histogram)
            histograms_output(self, native->labels, label, label_value,
                              histograms_native_quantile(self, phi, native));
    }
    size_t native_count = self->call->out->count;
    for (size_t i = 0; i < self->sets.count; i++) {
        const struct classic *classic = &self->classic[i];
        if (classic->count == 0)
            continue;
        struct bucket_raises raises = BUCKET_RAISES_NONE;
        bool raised;
        double quantile = bucket_quantile_next(phi, classic->buckets, classic->count, self->items,
                                               &raises, &raised);
        if (raised)
            raises_add(self, self->sets.items[i], &raises);
        histograms_output(self, self->sets.items[i], label, label_value, quantile);
    }
    histograms_sort_output(self, native_count);
}

static void phi_check(const struct ref_call *call, size_t arg, double phi)
{
    if (isnan(phi) || phi < 0 || phi > 1)
        note_quantile(call->notes, ref_call_begin(call, arg), phi);
}

bool fn_histogram_quantile(struct ref_call *call, struct err *err)
{
    double phi = ref_call_scalar(call, 0);
    phi_check(call, 0, phi);
    struct histograms histograms = histograms_of(call, 1);
    histograms_quantile(&histograms, phi, SYM_EMPTY, SYM_EMPTY);
    raises_tell(&histograms);
    return true;
}

/* As OpenMetrics writes floats: with a point or an exponent. */
static uint32_t phi_label(const struct ref_call *call, double phi)
{
    char text[FLOAT_TEXT_SIZE + 2];
    size_t len = float_text_g(text, phi);
    if (isfinite(phi) && !memchr(text, '.', len) && !memchr(text, 'e', len)) {
        text[len++] = '.';
        text[len++] = '0';
    }
    if (phi == 0)
        return symbols_add(call->query->symbols, STR("0.0")); /* of -0, too */
    return symbols_add(call->query->symbols, (struct str){text, len});
}

bool fn_histogram_quantiles(struct ref_call *call, struct err *err)
{
    size_t arg_count = call->node->call.arg_count;
    uint32_t label = symbols_add(call->query->symbols, ref_call_string(call, 1));
    for (size_t arg = 2; arg < arg_count; arg++)
        phi_check(call, arg, ref_call_scalar(call, arg));

    struct histograms histograms = histograms_of(call, 0);
    for (size_t arg = 2; arg < arg_count; arg++) {
        double phi = ref_call_scalar(call, arg);
        histograms_quantile(&histograms, phi, label, phi_label(call, phi));
    }
    raises_tell(&histograms);
    return true;
}

bool fn_histogram_fraction(struct ref_call *call, struct err *err)
{
    double lower = ref_call_scalar(call, 0);
    double upper = ref_call_scalar(call, 1);
    struct histograms self = histograms_of(call, 2);
    for (size_t i = 0; i < self.native_count; i++) {
        const struct ref_sample *native = &self.native[i];
        if (!native->histogram)
            continue;
        enum histogram_nan nan;
        double fraction = histogram_fraction(native->histogram, lower, upper, &nan);
        if (nan == HISTOGRAM_NAN_EXCLUDED)
            note_fraction_nan(call->notes, self.begin, histogram_metric(call, native->labels));
        histograms_output(&self, native->labels, SYM_EMPTY, SYM_EMPTY, fraction);
    }
    size_t native_count = call->out->count;
    for (size_t i = 0; i < self.sets.count; i++) {
        const struct classic *classic = &self.classic[i];
        if (classic->count == 0)
            continue;
        size_t count = buckets_merge(classic->buckets, classic->count, self.items);
        histograms_output(&self, self.sets.items[i], SYM_EMPTY, SYM_EMPTY,
                          bucket_fraction(lower, upper, classic->buckets, count));
    }
    histograms_sort_output(&self, native_count);
    return true;
}

/* Aggregations that make one series of each group: sum, avg, min, quantile and so on. */
#include <math.h>

#include "base/kahan.h"
#include "engine/fn/quantile.h"
#include "engine/reference/aggregate.h"
#include "model/sample.h"

struct values {
    double *items; /* in the scratch arena */
    size_t count;
    size_t cap;
};

/* What is known of one group at one step. */
struct group {
    bool seen;
    bool has_float, has_histogram;
    bool begins_with_histogram;
    bool incompatible; /* exponential and custom buckets */
    bool reset_seen, not_reset_seen;
    bool drops_name;
    bool correcting; /* avg: from a sum to a mean that is corrected */
    double count;
    double value;
    double mean;                 /* stddev, stdvar */
    struct kahan sum;            /* sum, avg; once `correcting`, the mean */
    struct histogram_mean total; /* sum: only its total */
    struct values values;        /* quantile */
};

static void group_add_value(struct group *group, struct arena *scratch, double value)
{
    struct values *values = &group->values;
    if (values->count == values->cap) {
        values->cap = values->cap ? values->cap * 2 : 4;
        double *items = arena_array(scratch, double, values->cap);
        for (size_t i = 0; i < values->count; i++)
            items[i] = values->items[i];
        values->items = items;
    }
    values->items[values->count++] = value;
}

static void group_note_mixed(const struct ref_aggregation *self, const struct labels *labels)
{
    struct query *query = self->ref->query;
    note_mixed_schemas(&query->annotations, ref_aggregation_begin(self),
                       symbols_get(query->symbols, labels_get(labels, SYM_NAME)));
}

/* sum and avg of histograms; nothing can come of a group that began with a float. */
static void group_add_histogram(const struct ref_aggregation *self, struct group *group,
                                const struct labels *labels, const struct histogram *h)
{
    unsigned clashes = HISTOGRAM_CLASH_NONE;
    group->has_histogram = true;
    if (!group->begins_with_histogram)
        return;
    group->reset_seen |= h->hint == HISTOGRAM_RESET;
    group->not_reset_seen |= h->hint == HISTOGRAM_NOT_RESET;
    bool added = self->op == AGGREGATE_sum ? histogram_total_add(&group->total.total, h, &clashes)
                                           : histogram_mean_add(&group->total, h, &clashes);
    if (!added) {
        group_note_mixed(self, labels);
        group->incompatible = true;
    } else if (clashes & HISTOGRAM_CLASH_BOUNDS) {
        note_bounds_reconciled(&self->ref->query->annotations, ref_aggregation_begin(self),
                               NOTE_AGGREGATION);
    }
}

/* avg: a sum as long as it stays finite, from there on a mean that each value corrects. */
static void group_add_mean(struct group *group, double value)
{
    if (!group->correcting) {
        struct kahan sum = group->sum;
        kahan_add(&sum, value);
        if (!isinf(sum.sum)) {
            group->sum = sum;
            return;
        }
        group->correcting = true;
        group->sum.sum /= group->count - 1;
        group->sum.c /= group->count - 1;
    }
    double q = (group->count - 1) / group->count;
    group->sum.sum = q * group->sum.sum;
    group->sum.c = q * group->sum.c;
    kahan_add(&group->sum, value / group->count);
}

/* Aggregations that do not know histograms leave them out. */
static bool group_ignores(const struct ref_aggregation *self, const struct histogram *h)
{
    if (!h || self->op == AGGREGATE_sum || self->op == AGGREGATE_avg ||
        self->op == AGGREGATE_count || self->op == AGGREGATE_group)
        return false;
    note_histogram_ignored(&self->ref->query->annotations, ref_aggregation_begin(self),
                           aggregate_get(self->op)->name);
    return true;
}

static void group_begin(const struct ref_aggregation *self, struct group *group,
                        const struct ref_series *series, const struct reference_point *point)
{
    struct arena *scratch = self->ref->scratch;
    const struct histogram *h = point->histogram;
    double value = point->value;
    *group = (struct group){
        .seen = true,
        .drops_name = series->drops_name,
        .count = 1,
        .value = value,
        .mean = value,
        .sum.sum = value,
        .has_float = !h,
        .begins_with_histogram = h != NULL,
        .total.total.arena = scratch,
    };
    switch ((int)self->op) {
    case AGGREGATE_sum:
    case AGGREGATE_avg:
        if (h)
            group_add_histogram(self, group, series->labels, h);
        break;
    case AGGREGATE_stddev:
    case AGGREGATE_stdvar:
        group->value = isfinite(value) ? 0 : value_nan();
        break;
    case AGGREGATE_quantile:
        group_add_value(group, scratch, value);
        break;
    case AGGREGATE_group:
        group->value = 1;
        break;
    }
}

static void group_add(const struct ref_aggregation *self, struct group *group,
                      const struct ref_series *series, const struct reference_point *point)
{
    double value = point->value;
    if (group->incompatible)
        return;
    group->drops_name |= series->drops_name;
    switch ((int)self->op) {
    case AGGREGATE_sum:
    case AGGREGATE_avg:
        group->count++;
        if (point->histogram) {
            group_add_histogram(self, group, series->labels, point->histogram);
            break;
        }
        group->has_float = true;
        if (self->op == AGGREGATE_sum)
            kahan_add(&group->sum, value);
        else
            group_add_mean(group, value);
        break;
    case AGGREGATE_count:
        group->count++;
        break;
    case AGGREGATE_max:
        if (group->value < value || isnan(group->value))
            group->value = value;
        break;
    case AGGREGATE_min:
        if (group->value > value || isnan(group->value))
            group->value = value;
        break;
    case AGGREGATE_stddev:
    case AGGREGATE_stdvar: {
        group->count++;
        double delta = value - group->mean;
        group->mean += delta / group->count;
        group->value += delta * (value - group->mean);
        break;
    }
    case AGGREGATE_quantile:
        group_add_value(group, self->ref->scratch, value);
        break;
    }
}

static double group_quantile(const struct group *group, double phi)
{
    double result;
    if (!quantile_phi_valid(phi, &result))
        return result;
    return quantile_as_go(phi, group->values.items, group->values.count);
}

static double group_float(const struct ref_aggregation *self, const struct group *group,
                          double param)
{
    switch ((int)self->op) {
    case AGGREGATE_sum:
        return group->sum.sum + group->sum.c;
    case AGGREGATE_avg:
        if (group->correcting)
            return group->sum.sum + group->sum.c;
        return group->sum.sum / group->count + group->sum.c / group->count;
    case AGGREGATE_count:
        return group->count;
    case AGGREGATE_stddev:
        return sqrt(group->value / group->count);
    case AGGREGATE_stdvar:
        return group->value / group->count;
    case AGGREGATE_quantile:
        return group_quantile(group, param);
    default:
        return group->value;
    }
}

/* The result of sum and avg; NULL, and *ret_none: there is none. */
static const struct histogram *group_histogram(const struct ref_aggregation *self,
                                               const struct group *group, bool *ret_none)
{
    struct ref *ref = self->ref;
    *ret_none = false;
    if (self->op != AGGREGATE_sum && self->op != AGGREGATE_avg)
        return NULL;
    if (group->has_float && group->has_histogram)
        note_mixed_aggregation(&ref->query->annotations, ref_aggregation_begin(self));
    *ret_none = group->incompatible || (group->has_float && group->has_histogram);
    if (*ret_none || !group->has_histogram)
        return NULL;
    if (group->reset_seen && group->not_reset_seen)
        note_reset_collision(&ref->query->annotations, ref_aggregation_begin(self),
                             NOTE_AGGREGATION);
    const struct histogram *sum = self->op == AGGREGATE_sum
                                      ? histogram_total_sum(&group->total.total, ref->scratch)
                                      : histogram_mean_result(&group->total, ref->scratch);
    return histogram_compact(ref->arena, sum);
}

static void aggregation_step(const struct ref_aggregation *self, size_t step, struct group *groups,
                             struct ref_series *out)
{
    int64_t time_ms = ref_times_at(self->times, step);
    for (size_t i = 0; i < self->group_count; i++)
        groups[i].seen = false;
    for (size_t i = 0; i < self->input.count; i++) {
        struct ref_series *series = &self->input.items[i];
        struct group *group = &groups[self->groups[i]];
        const struct reference_point *point = ref_series_take(series, time_ms);
        if (!point || group_ignores(self, point->histogram))
            continue;
        if (group->seen)
            group_add(self, group, series, point);
        else
            group_begin(self, group, series, point);
    }
    for (size_t i = 0; i < self->group_count; i++) {
        bool none;
        if (!groups[i].seen)
            continue;
        const struct histogram *h = group_histogram(self, &groups[i], &none);
        if (none)
            continue;
        double value = h ? 0 : group_float(self, &groups[i], ref_param_at(&self->param, step));
        ref_series_add(self->ref->arena, &out[i], time_ms, value, h);
        out[i].drops_name = groups[i].drops_name;
    }
}

static void aggregation_note_quantile(const struct ref_aggregation *self)
{
    struct annotations *notes = &self->ref->query->annotations;
    const struct ref_param *param = &self->param;
    if (self->op != AGGREGATE_quantile)
        return;
    size_t begin = self->expr->children[1]->node->span.begin;
    if (param->has_nan)
        note_quantile(notes, begin, value_nan());
    if (param->max > 1)
        note_quantile(notes, begin, param->max);
    if (param->min < 0)
        note_quantile(notes, begin, param->min);
}

bool ref_aggregate_groups(struct ref_aggregation *self, struct ref_matrix *ret_matrix,
                          struct err *err)
{
    struct ref *ref = self->ref;
    struct group *groups = arena_array(ref->arena, struct group, self->group_count);
    struct ref_series *out = arena_array(ref->arena, struct ref_series, self->group_count);
    aggregation_note_quantile(self);
    for (size_t i = 0; i < self->group_count; i++)
        out[i].labels = self->labels[i];
    size_t count = ref_times_count(self->times);
    for (size_t i = 0; i < count; i++) {
        if (!query_alive(ref->query, err))
            return false;
        aggregation_step(self, i, groups, out);
        if (!arena_check(ref->scratch, err) || !arena_check(ref->arena, err))
            return false;
        arena_reset(ref->scratch);
    }
    struct ref_matrix matrix = {0};
    for (size_t i = 0; i < self->group_count; i++)
        if (ref_series_count(&out[i]) > 0)
            ref_matrix_add(ref->arena, &matrix, &out[i]);
    *ret_matrix = matrix;
    return true;
}

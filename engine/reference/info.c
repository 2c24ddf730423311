/*
 * info(v, {selector}): adds labels of info metrics to the series of v, which it finds by instance
 * and job. Without a selector, or where it says nothing of the name, target_info is that metric.
 */
#include <inttypes.h>

#include "engine/reference/steps.h"

#define NO_SIGNATURE UINT32_MAX

struct info {
    struct ref *ref;
    const struct ref_times *times;
    const struct ref_expr *expr;
    struct ref_matrix base;
    struct ref_matrix infos; /* the times of their newest samples in the place of values */

    /* The matchers of the selector: those of the name, and of what is to be added. */
    struct matcher **names;
    size_t name_count;
    struct matcher **data;
    size_t data_count;
    struct matcher *made; /* one of `names` that is not the selector's; NULL: all are */

    uint32_t instance, job;
    bool *ignored; /* by base series: info series themselves */

    /* Series that have the same name, instance and job share a signature; they are numbered. */
    size_t signature_count;
    uint32_t *info_signatures; /* by info series */
    uint32_t *metrics;         /* names of all info series, each once */
    size_t metric_count;
    uint32_t *base_signatures; /* by base series and metric, or NO_SIGNATURE */

    const struct ref_sample **newest; /* by signature: of the step */
    struct label *added;              /* to one sample */
    size_t added_count;
    struct labels_builder builder;
};

static void info_done_auto(struct info *self)
{
    matcher_done(self->made);
    labels_builder_done(&self->builder);
}

/* Names that are only excluded stand for all others that end in _info. */
static bool info_read_matchers(struct info *self, struct err *err)
{
    struct arena *arena = self->ref->arena;
    const struct vector_selector none = {0};
    const struct ref_expr *expr = self->expr;
    const struct vector_selector *selector =
        expr->child_count > 1 ? &expr->children[1]->node->vector_selector : &none;
    self->names = arena_array(arena, struct matcher *, selector->matcher_count + 1);
    self->data = arena_array(arena, struct matcher *, selector->matcher_count + 1);
    bool named = false;
    for (size_t i = 0; i < selector->matcher_count; i++) {
        struct matcher *matcher = selector->matchers[i];
        if (str_eq(matcher->name, STR("__name__"))) {
            self->names[self->name_count++] = matcher;
            named |= matcher->kind == MATCH_EQUAL || matcher->kind == MATCH_REGEX;
        } else {
            self->data[self->data_count++] = matcher;
        }
    }
    if (named)
        return true;
    bool all = self->name_count > 0;
    if (!matcher_new(arena, all ? MATCH_REGEX : MATCH_EQUAL, STR("__name__"),
                     all ? STR(".+_info") : STR("target_info"), &self->made, err))
        return false;
    self->names[self->name_count++] = self->made;
    return true;
}

static void info_find_ignored(struct info *self)
{
    const struct symbols *symbols = self->ref->query->symbols;
    self->ignored = arena_array(self->ref->arena, bool, self->base.count);
    for (size_t i = 0; i < self->base.count; i++) {
        struct str name = symbols_get(symbols, labels_get(self->base.items[i].labels, SYM_NAME));
        self->ignored[i] = true;
        for (size_t k = 0; k < self->name_count && self->ignored[i]; k++)
            self->ignored[i] = matcher_matches(self->names[k], name);
    }
}

/* Which time info series are taken of, from the modifiers of the first selector. */
struct info_time {
    bool found;
    bool has_at;
    int64_t at_ms;
    int64_t offset_ms;
};

/* `call`: info's own, which ends the way up. */
static void info_find_time(const struct ref_expr *call, const struct ref_expr *expr,
                           struct info_time *time)
{
    if (ref_expr_is(expr, NODE_VECTOR_SELECTOR)) {
        *time = (struct info_time){true, expr->has_at, expr->at_ms, expr->offset_ms};
        for (const struct ref_expr *up = expr->parent; up != call && !time->has_at;
             up = up->parent) {
            if (!ref_expr_is(up, NODE_SUBQUERY))
                continue;
            time->offset_ms = ms_add(time->offset_ms, up->offset_ms);
            time->has_at = up->has_at;
            time->at_ms = up->at_ms;
        }
        return;
    }
    for (size_t i = 0; i < expr->child_count && !time->found; i++)
        info_find_time(call, expr->children[i], time);
}

/* One that takes the values that base series have under a name; NULL: none has any. */
static struct matcher *info_match_values(const struct info *self, uint32_t name)
{
    const struct symbols *symbols = self->ref->query->symbols;
    struct arena *arena = self->ref->arena;
    bool *seen = arena_array(self->ref->scratch, bool, symbols_count(symbols));
    struct str *values = arena_array(arena, struct str, self->base.count);
    size_t count = 0;
    for (size_t i = 0; i < self->base.count; i++) {
        uint32_t value = labels_get(self->base.items[i].labels, name);
        if (self->ignored[i] || value == SYM_EMPTY || seen[value])
            continue;
        seen[value] = true;
        values[count++] = symbols_get(symbols, value);
    }
    arena_reset(self->ref->scratch);
    return count ? matcher_new_listed(arena, symbols_get(symbols, name), values, count) : NULL;
}

static bool info_fetch(struct info *self, struct err *err)
{
    struct ref *ref = self->ref;
    size_t count = 0;
    struct matcher **matchers =
        arena_array(ref->arena, struct matcher *, self->data_count + self->name_count + 2);
    const uint32_t identifying[] = {self->instance, self->job};
    for (size_t i = 0; i < 2; i++) {
        struct matcher *matcher = info_match_values(self, identifying[i]);
        if (matcher)
            matchers[count++] = matcher;
    }
    if (count == 0)
        return true;
    for (size_t i = 0; i < self->data_count; i++)
        matchers[count++] = self->data[i];
    for (size_t i = 0; i < self->name_count; i++)
        matchers[count++] = self->names[i];

    struct info_time time = {0};
    info_find_time(self->expr, self->expr->children[0], &time);
    int64_t begin_ms = time.has_at ? time.at_ms : self->times->start_ms;
    int64_t end_ms = time.has_at ? time.at_ms : self->times->end_ms;
    const struct ref_lookups lookups = {
        .matchers = matchers,
        .matcher_count = count,
        .begin_ms = ms_sub(ms_sub(begin_ms, ref->query->lookback_ms - 1), time.offset_ms),
        .end_ms = ms_sub(end_ms, time.offset_ms),
        .shift_ms = time.offset_ms,
        .pinned = time.has_at,
        .pinned_ms = time.at_ms,
        .lookup = REF_TIME,
        .floats_only = true,
    };
    return ref_lookup_series(ref, self->times, &lookups, &self->infos, err);
}

static const struct labels *info_signature(struct info *self, const struct labels *labels,
                                           uint32_t name)
{
    struct labels_builder *builder = &self->builder;
    labels_builder_reset(builder, self->ref->query->symbols, &labels_empty);
    labels_builder_set(builder, SYM_NAME, name);
    labels_builder_set(builder, self->instance, labels_get(labels, self->instance));
    labels_builder_set(builder, self->job, labels_get(labels, self->job));
    return labels_builder_labels(builder, self->ref->scratch);
}

static void info_add_metric(struct info *self, uint32_t name)
{
    for (size_t i = 0; i < self->metric_count; i++)
        if (self->metrics[i] == name)
            return;
    self->metrics[self->metric_count++] = name;
}

static bool info_number_signatures(struct info *self, struct err *err)
{
    struct ref *ref = self->ref;
    struct label_map known = {.arena = ref->scratch};
    self->info_signatures = arena_array(ref->arena, uint32_t, self->infos.count);
    self->metrics = arena_array(ref->arena, uint32_t, self->infos.count);
    for (size_t i = 0; i < self->infos.count; i++) {
        const struct labels *labels = self->infos.items[i].labels;
        uint32_t name = labels_get(labels, SYM_NAME);
        bool new;
        self->info_signatures[i] =
            (uint32_t)label_map_add(&known, info_signature(self, labels, name), &new);
        info_add_metric(self, name);
    }
    self->signature_count = known.count;
    self->newest = arena_array(ref->arena, const struct ref_sample *, known.count);
    self->base_signatures =
        arena_array(ref->arena, uint32_t, self->base.count * self->metric_count);
    uint32_t *signature = self->base_signatures;
    for (size_t i = 0; i < self->base.count; i++)
        for (size_t k = 0; k < self->metric_count; k++, signature++) {
            const struct labels *labels = self->base.items[i].labels;
            size_t found = label_map_find(&known, info_signature(self, labels, self->metrics[k]));
            *signature = found == SIZE_MAX ? NO_SIGNATURE : (uint32_t)found;
        }
    arena_reset(ref->scratch);
    return arena_check(ref->arena, err);
}

static bool info_refuse_duplicate(const struct info *self, const struct ref_sample *known,
                                  const struct ref_sample *sample, struct err *err)
{
    const struct symbols *symbols = self->ref->query->symbols;
    AUTO(buf_done) struct buf text = {0};
    buf_text(&text, "found duplicate series for info metric: existing ");
    labels_print(symbols, known->labels, &text);
    buf_printf(&text, " @ %" PRId64 ", new ", (int64_t)known->value);
    labels_print(symbols, sample->labels, &text);
    buf_printf(&text, " @ %" PRId64, (int64_t)sample->value);
    return err_set(err, ERR_EXECUTION, "%.*s", STR_ARGS(buf_view(&text)));
}

/* Of info series with one signature that with the newest sample counts. */
static bool info_find_newest(struct info *self, const struct ref_step *step, struct err *err)
{
    const struct ref_vector *infos = &step->vectors[1];
    for (size_t i = 0; i < self->signature_count; i++)
        self->newest[i] = NULL;
    for (size_t i = 0; i < infos->count; i++) {
        const struct ref_sample *sample = &infos->items[i];
        const struct ref_sample **newest = &self->newest[self->info_signatures[step->series[1][i]]];
        if (*newest && (*newest)->value == sample->value)
            return info_refuse_duplicate(self, *newest, sample, err);
        if (!*newest || (*newest)->value < sample->value)
            *newest = sample;
    }
    return true;
}

/* Is it among the labels asked for? */
static bool info_wants(const struct info *self, struct str name)
{
    bool wanted = self->data_count == 0;
    for (size_t i = 0; i < self->data_count && !wanted; i++)
        wanted = str_eq(self->data[i]->name, name);
    return wanted;
}

static bool info_add_label(struct info *self, const struct labels *base, struct label label,
                           struct err *err)
{
    struct str name = symbols_get(self->ref->query->symbols, label.name);
    if (label.name == SYM_NAME || !info_wants(self, name))
        return true;
    for (size_t i = 0; i < self->added_count; i++) {
        if (self->added[i].name != label.name)
            continue;
        if (self->added[i].value == label.value)
            return true;
        return err_set(err, ERR_EXECUTION, "conflicting label: %.*s", STR_ARGS(name));
    }
    if (labels_get(base, label.name) == SYM_EMPTY)
        self->added[self->added_count++] = label;
    return true;
}

/* Collects what the info series found have to add; *ret_found: there are any. */
static bool info_collect(struct info *self, const struct labels *base, const uint32_t *signatures,
                         bool *ret_found, struct err *err)
{
    size_t room = 0;
    *ret_found = false;
    self->added_count = 0;
    for (size_t i = 0; i < self->metric_count; i++)
        if (signatures[i] != NO_SIGNATURE && self->newest[signatures[i]])
            room += self->newest[signatures[i]]->labels->count;
    self->added = arena_array(self->ref->scratch, struct label, room);
    for (size_t i = 0; i < self->metric_count; i++) {
        const struct ref_sample *info =
            signatures[i] == NO_SIGNATURE ? NULL : self->newest[signatures[i]];
        for (size_t k = 0; info && k < info->labels->count; k++)
            if (!info_add_label(self, base, info->labels->pairs[k], err))
                return false;
        *ret_found |= info != NULL;
    }
    return true;
}

/* Does the selector also take series without any of its labels? */
static bool info_takes_empty(const struct info *self)
{
    for (size_t i = 0; i < self->data_count; i++)
        if (!matcher_matches(self->data[i], STR("")))
            return false;
    return true;
}

static bool info_step(void *context, struct ref_step *step, struct err *err)
{
    struct info *self = context;
    struct ref *ref = self->ref;
    const struct ref_vector *base = &step->vectors[0];
    if (base->count > 0 && !info_find_newest(self, step, err))
        return false;
    for (size_t i = 0; i < base->count; i++) {
        struct ref_sample sample = base->items[i];
        size_t series = step->series[0][i];
        if (self->ignored[series]) {
            ref_step_add(step, &sample);
            continue;
        }
        bool found;
        if (!info_collect(self, sample.labels, self->base_signatures + series * self->metric_count,
                          &found, err))
            return false;
        if (!found && !info_takes_empty(self))
            continue;
        labels_builder_reset(&self->builder, ref->query->symbols, sample.labels);
        for (size_t k = 0; k < self->added_count; k++)
            labels_builder_set(&self->builder, self->added[k].name, self->added[k].value);
        sample.labels =
            label_pool_keep(&ref->labels, labels_builder_labels(&self->builder, ref->scratch));
        ref_step_add(step, &sample);
    }
    return true;
}

bool ref_info(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
              struct ref_matrix *ret_matrix, struct err *err)
{
    AUTO(info_done)
    struct info self = {
        .ref = ref,
        .times = times,
        .expr = expr,
        .instance = symbols_add(ref->query->symbols, STR("instance")),
        .job = symbols_add(ref->query->symbols, STR("job")),
    };
    if (!ref_evaluate(ref, times, expr->children[0], &self.base, err) ||
        !info_read_matchers(&self, err))
        return false;
    info_find_ignored(&self);
    if (!info_fetch(&self, err) || !info_number_signatures(&self, err))
        return false;
    struct ref_matrix matrices[] = {self.base, self.infos};
    const struct ref_steps steps = {
        .matrices = matrices,
        .matrix_count = 2,
        .fn = info_step,
        .context = &self,
    };
    struct ref_matrix matrix;
    if (!ref_steps_run(ref, times, &steps, &matrix, err))
        return false;
    if (ref_matrix_clashes(ref->scratch, &matrix))
        return ref_clash(err);
    *ret_matrix = matrix;
    return true;
}

#include "engine/op/join_clash.h"

#include <string.h>

#include "engine/op/presence.h"
#include "model/sample.h"

static uint32_t *join_clash_steps(struct join_clash *clash)
{
    uint32_t *steps = arena_array(clash->plan->query->arena, uint32_t, clash->step_count);
    memset(steps, 0xff, clash->step_count * sizeof *steps);
    return steps;
}

void join_clash_init(struct join_clash *clash, const struct join_plan *plan, size_t step_count)
{
    *clash = (struct join_clash){.plan = plan, .step_count = step_count};
    clash->owner = join_clash_steps(clash);
    clash->first = join_clash_steps(clash);
    clash->second = join_clash_steps(clash);
    clash->many = arena_array(plan->query->arena, uint64_t, presence_words(step_count));
}

static bool join_clash_error(const struct join_plan *plan, uint32_t first, uint32_t second,
                             struct err *err)
{
    const struct symbols *symbols = plan->query->symbols;
    const struct labels *a = plan->one_op->labels[first];
    const struct labels *b = plan->one_op->labels[second];
    AUTO(buf_done) struct buf group = {0};
    AUTO(buf_done) struct buf text_a = {0};
    AUTO(buf_done) struct buf text_b = {0};
    labels_print(symbols, plan->one.labels[plan->one.of_series[second]], &group);
    labels_print(symbols, a, &text_a);
    labels_print(symbols, b, &text_b);
    const char *low = buf_terminated(&text_a);
    const char *high = buf_terminated(&text_b);
    bool in_order = strcmp(low, high) <= 0;
    return err_set(err, ERR_EXECUTION,
                   "found duplicate series for the match group %s on the %s hand-side of the "
                   "operation: [%s, %s];many-to-many matching not allowed: matching labels must be "
                   "unique on one side",
                   buf_terminated(&group), plan->card == CARD_ONE_TO_MANY ? "left" : "right",
                   in_order ? low : high, in_order ? high : low);
}

bool join_clash_check_settled(const struct join_plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->one_op->series_count; i++) {
        uint32_t first = groups_members(&plan->one, plan->one.of_series[i])[0];
        if (first != i)
            return join_clash_error(plan, first, (uint32_t)i, err);
    }
    return true;
}

/* The error of the earliest step that has one. */
static bool join_clash_check(const struct join_clash *clash, struct err *err)
{
    for (size_t i = 0; i < clash->step_count; i++)
        if (clash->second[i] != JOIN_NONE && (clash->many[i / 64] >> (i % 64) & 1))
            return join_clash_error(clash->plan, clash->first[i], clash->second[i], err);
    return true;
}

bool join_clash_add_many(struct join_clash *clash, struct point_row row, struct err *err)
{
    presence_add(clash->many, row.values, row.histograms, clash->step_count);
    return !clash->found || join_clash_check(clash, err);
}

void join_clash_begin_group(struct join_clash *clash)
{
    memset(clash->owner, 0xff, clash->step_count * sizeof *clash->owner);
}

bool join_clash_add_one(struct join_clash *clash, uint32_t series, struct point_row row,
                        struct err *err)
{
    bool found = false;
    for (size_t i = 0; i < clash->step_count; i++) {
        if (value_is_stale(row.values[i]) && !(row.histograms && row.histograms[i]))
            continue;
        if (clash->owner[i] == JOIN_NONE) {
            clash->owner[i] = series;
        } else if (clash->second[i] == JOIN_NONE) {
            clash->first[i] = clash->owner[i];
            clash->second[i] = series;
            found = true;
        }
    }
    clash->found = clash->found || found;
    return !found || join_clash_check(clash, err);
}

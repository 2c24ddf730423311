#include "query-tee/fuzz/shrink.h"

#include "http/params.h"

/* A backend may be slow, and a query's parts are many. */
#define ASKS_MAX 400

struct shrinking {
    struct duel *duel;
    struct question *question;
    const struct duel_result *first;
    struct duel_result *last; /* of the smallest one that still differs */
    size_t asks;
};

static void param_append(struct buf *params, const char *name, struct str value)
{
    buf_printf(params, "%s%s=", params->len > 0 ? "&" : "", name);
    percent_encode(value, params);
}

static void time_append(struct buf *params, const char *name, int64_t ms)
{
    buf_printf(params, "&%s=%lld.%03d", name, (long long)(ms / 1000), (int)(ms % 1000));
}

struct duel_question question_asked(const struct question *question, struct arena *arena)
{
    AUTO(buf_done) struct buf query = {0};
    AUTO(buf_done) struct buf params = {0};
    part_print(question->root, &query);
    param_append(&params, "query", buf_view(&query));
    if (question->step_ms > 0) {
        time_append(&params, "start", question->start_ms);
        time_append(&params, "end", question->end_ms);
        time_append(&params, "step", question->step_ms);
    } else {
        time_append(&params, "time", question->start_ms);
    }
    return (struct duel_question){
        .path = question->step_ms > 0 ? "/api/v1/query_range" : "/api/v1/query",
        .params = arena_text(arena, buf_view(&params)),
        .query = arena_str(arena, buf_view(&query)),
        .start_ms = question->start_ms,
        .end_ms = question->end_ms,
        .step_ms = question->step_ms,
    };
}

static bool shares_class(const struct duel_result *a, const struct duel_result *b)
{
    if (a->verdict == DUEL_NO_ANSWER)
        return true;
    for (size_t class = 0; class < DIFF_COUNT; class ++)
        if (a->comparison.counts[class] > 0 && b->comparison.counts[class] > 0)
            return true;
    return false;
}

static bool still_differs(void *context)
{
    struct shrinking *self = context;
    if (self->asks++ >= ASKS_MAX)
        return false;
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct duel_question asked = question_asked(self->question, arena);
    struct duel_result result;
    duel_ask(self->duel, &asked, &result);
    if (result.verdict != self->first->verdict || !shares_class(self->first, &result)) {
        duel_result_done(&result);
        return false;
    }
    duel_result_done(self->last);
    *self->last = result;
    return true;
}

static bool try_range(struct shrinking *self, int64_t start_ms, int64_t end_ms, int64_t step_ms)
{
    struct question saved = *self->question;
    if (start_ms == saved.start_ms && end_ms == saved.end_ms && step_ms == saved.step_ms)
        return false;
    self->question->start_ms = start_ms;
    self->question->end_ms = end_ms;
    self->question->step_ms = step_ms;
    if (still_differs(self))
        return true;
    *self->question = saved;
    return false;
}

/* One step instead of many: where the answers were seen to differ. */
static bool shrink_to_instant(struct shrinking *self)
{
    const struct comparison *comparison = &self->last->comparison;
    if (self->question->step_ms == 0)
        return false;
    for (size_t class = 0; class < DIFF_COUNT; class ++)
        for (size_t i = 0; i < comparison->example_counts[class]; i++) {
            const struct difference *example = &comparison->examples[class][i];
            int64_t time_ms = example->time_ms;
            if (example->timed)
                return try_range(self, time_ms, time_ms, 0);
        }
    return try_range(self, self->question->start_ms, self->question->start_ms, 0);
}

static bool shrink_range(struct shrinking *self)
{
    const struct question *question = self->question;
    if (question->step_ms == 0)
        return false;
    int64_t steps = (question->end_ms - question->start_ms) / question->step_ms;
    int64_t last_ms = question->start_ms + steps * question->step_ms;
    if (try_range(self, question->start_ms, last_ms, question->step_ms))
        return true;
    for (int64_t cut = (steps + 1) / 2; cut > 0 && steps > 0; cut /= 2) {
        int64_t cut_ms = cut * question->step_ms;
        if (try_range(self, question->start_ms + cut_ms, last_ms, question->step_ms) ||
            try_range(self, question->start_ms, last_ms - cut_ms, question->step_ms))
            return true;
    }
    return false;
}

void question_shrink(struct question *question, struct duel *duel, struct duel_result *result)
{
    /* What the first result was stays to be compared with; its examples move on. */
    struct duel_result first = *result;
    struct shrinking self = {duel, question, &first, result, 0};
    bool smaller = true;
    while (smaller) {
        smaller = shrink_to_instant(&self);
        while (shrink_range(&self))
            smaller = true;
        smaller = part_shrink(&question->root, still_differs, &self) || smaller;
    }
}

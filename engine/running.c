#include "engine/running.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/op/build.h"
#include "engine/reference/reference.h"
#include "model/sample.h"

/* A row of more steps than this is refused: nobody can mean it, and sizes must not wrap around. */
#define RUNNING_STEPS_MAX ((int64_t)50000000)

static bool running_init_query(struct running *running, const struct query_spec *spec,
                               struct err *err)
{
    struct engine *engine = running->engine;
    const struct engine_options *options = &engine->options;
    struct query *query = &running->query;
    budget_init(&query->budget, &engine->budget, "--query.memory-limit",
                options->memory_limit_bytes);
    query->arena = arena_create(&query->budget);
    query->symbols = symbols_new(query->arena);
    annotations_init(&query->annotations, query->arena);
    query->storage = spec->storage ? spec->storage : engine->storage;
    query->pool = engine->pool;
    query->workers = engine->workers;
    query->thread_count = options->thread_count;
    query->lookback_ms = spec->lookback_ms > 0 ? spec->lookback_ms : options->lookback_ms;
    query->cancel = spec->cancel;
    query->measure = spec->measure;
    query->count_samples = spec->count_samples;
    query->modes = options->modes;

    int64_t timeout_ms = options->timeout_ms;
    if (spec->timeout_ms > 0 && (timeout_ms == 0 || spec->timeout_ms < timeout_ms))
        timeout_ms = spec->timeout_ms;
    if (timeout_ms > 0)
        query->deadline_ns = clock_deadline_ns(running->begin_ns, timeout_ms);
    int64_t steps = spec->step_ms > 0 ? ms_sub(spec->end_ms, spec->start_ms) / spec->step_ms : 0;
    if (steps < 0 || steps >= RUNNING_STEPS_MAX)
        return err_set(err, ERR_BAD_DATA, "more than %lld steps", (long long)RUNNING_STEPS_MAX);
    return true;
}

static void running_count_fallback(void *context, const struct plan *plan)
{
    struct running *running = context;
    running->fallback_count++;
}

static void running_note_fallback(void *context, const struct plan *plan)
{
    struct running *running = context;
    running->fallbacks[running->fallback_count++] = plan->reason;
}

static bool running_plan(struct running *running, const struct query_spec *spec, struct err *err)
{
    struct query *query = &running->query;
    if (!parse_query(running->text, &running->engine->options.parse, query->arena, &running->ast,
                     err))
        return false;
    if (!running->instant && running->ast->type != TYPE_VECTOR && running->ast->type != TYPE_SCALAR)
        return err_set(err, ERR_BAD_DATA,
                       "invalid expression type \"%s\" for range query, must be Scalar or instant "
                       "Vector",
                       value_type_text(running->ast->type));
    const struct engine_options *options = &running->engine->options;
    const struct plan_request *request = &running->request;
    running->request = (struct plan_request){
        .root = running->ast,
        .start_ms = spec->start_ms,
        .end_ms = spec->end_ms,
        .step_ms = spec->step_ms,
        .lookback_ms = query->lookback_ms,
        .subquery_step_ms =
            spec->subquery_step_ms > 0 ? spec->subquery_step_ms : options->subquery_step_ms,
        .delayed_names = query->modes.delayed_names,
        .fallback = options->fallback == FALLBACK_REFERENCE,
        .disabled = options->disabled,
    };
    struct plan_extent extent;
    if (!plan_extent_find(request, &extent, err))
        return false;
    query->whole_begin_ms = extent.begin_ms;
    query->whole_end_ms = extent.end_ms;
    if (spec->engine == ENGINE_REFERENCE)
        return true;
    if (!plan_build(request, query->arena, &running->plan, err))
        return false;
    plan_each_fallback(running->plan, running_count_fallback, running);
    running->fallbacks = arena_array(query->arena, const char *, running->fallback_count);
    running->fallback_count = 0;
    plan_each_fallback(running->plan, running_note_fallback, running);
    return true;
}

bool running_create(struct engine *engine, const struct query_spec *spec,
                    struct running **ret_running, struct err *err)
{
    AUTO(running_destroy) struct running *running = mem_new(struct running);
    running->engine = engine;
    running->begin_ns = clock_monotonic_ns();
    running->instant = spec->step_ms == 0;
    if (!running_init_query(running, spec, err))
        return false;
    running->text = arena_str(running->query.arena, spec->text);
    if (!running_plan(running, spec, err))
        return false;
    *ret_running = TAKE(running);
    return true;
}

/* The answer to a range query is sorted by labels; to an instant one it comes as it comes. */
static bool running_arrange(struct running *running, struct err *err)
{
    struct op *root = running->root;
    running->rows.op = root;
    if (running->instant)
        return true;
    const uint32_t *order = series_label_order(&running->query, root->labels, root->series_count);
    if (!order)
        return true;
    return arena_check(running->query.arena, err) &&
           op_arrange(root, order, root->series_count, err);
}

static bool running_open_answer(struct running *running, struct err *err)
{
    const struct plan *plan = running->plan;
    if (!plan || (plan->kind == PLAN_FALLBACK && plan->type == TYPE_MATRIX))
        return reference_answer_open(running, &running->reference, err);
    if (plan->kind == PLAN_STRING)
        return true;
    if (plan->kind == PLAN_SAMPLES || plan->kind == PLAN_SUBQUERY)
        return samples_result_open(running, &running->samples, err);
    running->root = op_build(&running->query, plan, err);
    return running->root && op_open(running->root, err) && running_arrange(running, err);
}

bool running_open(struct running *running, struct err *err)
{
    if (!engine_enter(running->engine, &running->query, false, err))
        return false;
    running->entered = running->has_turn = true;
    running->entered_ns = clock_monotonic_ns();

    if (!running_open_answer(running, err))
        return false;
    running->opened_ns = clock_monotonic_ns();
    return true;
}

/* Of an instant query; a range query's is always a matrix. */
static enum result_kind result_kind_of(enum value_type type)
{
    switch (type) {
    case TYPE_SCALAR:
        return RESULT_SCALAR;
    case TYPE_VECTOR:
        return RESULT_VECTOR;
    case TYPE_STRING:
        return RESULT_STRING;
    case TYPE_MATRIX:
        return RESULT_MATRIX;
    case TYPE_NONE:
        break;
    }
    __builtin_unreachable();
}

struct result_info running_info(const struct running *running)
{
    struct result_info info = {
        .instant = running->instant,
        .kind = running->instant ? result_kind_of(running->ast->type) : RESULT_MATRIX,
        .grid = plan_root_grid(&running->request),
        .symbols = running->query.symbols,
    };
    if (running->reference) {
        const struct reference_result *result = reference_answer_result(running->reference);
        info.series_count_max = result->series_count;
        info.string = result->string;
    } else if (info.kind == RESULT_STRING) {
        info.string = running->plan->ast->string;
    } else {
        info.series_count_max =
            running->samples ? samples_result_count(running->samples) : running->root->series_count;
    }
    return info;
}

enum pull running_next(struct running *running, struct result_row *ret_row, struct err *err)
{
    enum pull got = PULL_END;
    if (running->entered && !running->has_turn) {
        if (!engine_enter(running->engine, &running->query, true, err))
            return PULL_ERR;
        running->has_turn = true;
    }
    if (running->reference) {
        got = query_alive(&running->query, err) ? reference_answer_next(running->reference, ret_row)
                                                : PULL_ERR;
    } else if (running->samples) {
        got = samples_result_next(running->samples, ret_row, err);
    } else if (running->root) {
        struct op *root = running->root;
        double *row;
        while ((got = row_reader_next(&running->rows, &row, err)) == PULL_BATCH) {
            size_t series = root->order[running->row++];
            const struct histogram **histograms = running->rows.histograms;
            if (!row_has_point(row, root->grid.count) &&
                !row_has_histogram(histograms, root->grid.count))
                continue;
            *ret_row = (struct result_row){
                .labels = root->labels[series],
                .values = row,
                .histograms = histograms,
                .count = root->grid.count,
            };
            return got;
        }
    }
    if (got == PULL_END && !op_finish(running->root, err))
        got = PULL_ERR;
    if (got != PULL_BATCH)
        running->ended_ns = clock_monotonic_ns();
    return got;
}

void running_pause(struct running *running)
{
    if (!running->has_turn)
        return;
    running->has_turn = false;
    engine_leave(running->engine);
}

const struct annotations *running_annotations(const struct running *running)
{
    return &running->query.annotations;
}

size_t running_fallback_count(const struct running *running)
{
    return running->fallback_count;
}

const char *running_fallback_reason(const struct running *running, size_t index)
{
    assert(index < running->fallback_count);
    return running->fallbacks[index];
}

static uint64_t running_samples(const struct running *running)
{
    if (running->reference)
        return reference_answer_result(running->reference)->samples_read;
    if (running->samples)
        return samples_result_read(running->samples);
    return running->root ? op_samples_read(running->root) : 0;
}

static uint64_t running_series(const struct running *running)
{
    if (running->reference)
        return reference_answer_result(running->reference)->series_selected;
    return running->root ? op_series_selected(running->root) : 0;
}

/* Where all operators have made all of their rows. */
static void running_count(const struct running *running, struct running_stats *stats)
{
    if (!running->query.count_samples || !running->ended_ns || running->reference ||
        running->fallback_count > 0)
        return;
    size_t count = running->root ? running->root->grid.count : 1;
    uint64_t *steps = arena_array(running->query.arena, uint64_t, count);
    if (running->samples)
        steps[0] = samples_result_counted(running->samples);
    else if (running->root)
        op_count_samples(running->root, steps);
    stats->step_samples = steps;
    stats->step_count = count;
}

struct running_stats running_stats(const struct running *running)
{
    int64_t now_ns = running->ended_ns ? running->ended_ns : clock_monotonic_ns();
    struct running_stats stats = {
        .samples_read = running_samples(running),
        .peak_bytes = running->query.budget.peak_bytes,
        .series_selected = running_series(running),
    };
    running_count(running, &stats);
    if (running->entered) {
        stats.queue_ns = running->entered_ns - running->begin_ns;
        stats.prepare_ns = running->opened_ns ? running->opened_ns - running->entered_ns : 0;
        stats.eval_ns = running->opened_ns ? now_ns - running->opened_ns : 0;
    }
    return stats;
}

void running_destroy(struct running *running)
{
    if (!running)
        return;
    uint64_t samples_read = running_samples(running);
    samples_result_close(running->samples);
    op_close(running->root);
    running_pause(running);
    engine_add_samples(running->engine, samples_read);
    ast_done(running->ast);
    symbols_done(running->query.symbols);
    arena_destroy(running->query.arena);
    assert(running->query.budget.used_bytes == 0);
    free(running);
}

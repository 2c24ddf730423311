#include "tests/script/run.h"

#include <stdio.h>
#include <string.h>

#include "tests/script/answer.h"
#include "tests/script/at_modifier.h"
#include "tests/script/compare.h"

#define MINUTE_MS 60000

static const struct parse_options run_parse_options = {
    .experimental_functions = true,
    .extended_selectors = true,
    .fill_modifiers = true,
};

struct run {
    const struct script *script;
    const struct run_options *options;
    struct test_storage storage;
    struct engine *engine;
};

static void run_init(struct run *run, const struct script *script,
                     const struct run_options *options)
{
    *run = (struct run){.script = script, .options = options};
    test_storage_init(&run->storage);
    /* As Prometheus runs its own scripts. */
    struct engine_options engine_options = {
        .thread_count = 1,
        .timeout_ms = 100000,
        .lookback_ms = 5 * MINUTE_MS,
        .subquery_step_ms = MINUTE_MS,
        .parse = run_parse_options,
        .modes = {.delayed_names = true, .start_timestamps = true},
        .fallback = options->fallback,
    };
    memcpy(engine_options.disabled, options->disabled, sizeof options->disabled);
    run->engine = engine_create(&run->storage.storage, &engine_options);
}

static void run_done_auto(struct run *run)
{
    engine_destroy(run->engine);
    test_storage_done(&run->storage);
}

/* Asks once. *ret_stop: the answer was the error expected, so that there is nothing to compare. */
static bool run_ask(const struct run *run, const struct evaluation *evaluation,
                    const struct answer_request *request, struct arena *arena,
                    struct answer *ret_answer, bool *ret_stop, struct err *err)
{
    const struct expectations *expectations = &evaluation->expectations;
    bool must_fail = expectations_has(expectations, EXPECT_FAIL);
    answer_ask(request, arena, ret_answer);
    *ret_stop = ret_answer->failed;
    if (ret_answer->failed)
        return expectations_allow_error(expectations, ret_answer->error) ||
               err_set(err, ERR_EXECUTION, "%s error \"%.*s\"", must_fail ? "wrong" : "unexpected",
                       STR_ARGS(ret_answer->error));
    if (must_fail)
        return err_set(err, ERR_EXECUTION, "expected an error, got none");
    return true;
}

/* One question with all that may be said of it. */
static bool run_check(const struct run *run, const struct evaluation *evaluation,
                      const struct answer_request *request, struct arena *arena,
                      struct answer *ret_answer, bool *ret_stop, struct err *err)
{
    const struct expectations *expectations = &evaluation->expectations;
    if (!run_ask(run, evaluation, request, arena, ret_answer, ret_stop, err))
        return false;
    return *ret_stop ||
           (expectations_allow_notes(expectations, EXPECT_WARN, EXPECT_NO_WARN,
                                     ret_answer->warnings, ret_answer->warning_count, err) &&
            expectations_allow_notes(expectations, EXPECT_INFO, EXPECT_NO_INFO, ret_answer->infos,
                                     ret_answer->info_count, err) &&
            compare_result(evaluation, run->script->symbols, ret_answer, err));
}

/* These mean something else in a range query. */
static bool query_knows_its_range(struct str query)
{
    static const char *const calls[] = {"start()", "end()", "range()", "step()"};
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
        if (memmem(query.ptr, query.len, calls[i], strlen(calls[i])))
            return true;
    return false;
}

/* A matrix's points at one time, as the vector or scalar that an instant query would give. */
static void answer_cut(struct answer *answer, int64_t time_ms, enum result_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < answer->count; i++) {
        struct answer_series series = answer->series[i];
        size_t at = 0;
        while (at < series.count && series.points[at].time_ms != time_ms)
            at++;
        if (at == series.count)
            continue;
        series.points += at;
        series.count = 1;
        answer->series[count++] = series;
    }
    answer->count = count;
    answer->kind = kind;
}

/* The same as the middle of three steps. */
static bool run_as_range(const struct run *run, const struct evaluation *evaluation,
                         const struct answer_request *instant, enum result_kind kind,
                         struct arena *arena, struct err *err)
{
    struct answer_request request = *instant;
    request.start_ms -= MINUTE_MS;
    request.end_ms += MINUTE_MS;
    request.step_ms = MINUTE_MS;
    struct answer answer;
    bool stop;
    if (!run_ask(run, evaluation, &request, arena, &answer, &stop, err))
        return false;
    if (stop || expectations_has(&evaluation->expectations, EXPECT_ORDERED))
        return true;
    if (answer.unsorted)
        return err_set(err, ERR_EXECUTION, "the matrix is not sorted by labels");
    answer_cut(&answer, instant->start_ms, kind);
    return compare_result(evaluation, run->script->symbols, &answer, err);
}

static bool run_instant(const struct run *run, const struct evaluation *evaluation,
                        struct str query, int64_t at_ms, struct err *err)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct answer_request request = {
        .engine = run->engine,
        .kind = run->options->engine,
        .query = query,
        .start_ms = at_ms,
        .end_ms = at_ms,
    };
    struct answer answer;
    bool stop;
    if (!run_check(run, evaluation, &request, arena, &answer, &stop, err))
        return err_wrap(err, "%.*s at %lld", STR_ARGS(query), (long long)at_ms);
    if (stop || evaluation->expects_range_vector || evaluation->expects_string ||
        query_knows_its_range(query))
        return true;
    return run_as_range(run, evaluation, &request, answer.kind, arena, err) ||
           err_wrap(err, "%.*s around %lld", STR_ARGS(query), (long long)at_ms);
}

/* The question fixed at its time must have the same answer at any other. */
static bool run_fixed(const struct run *run, const struct evaluation *evaluation, struct err *err)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    int64_t at_ms = evaluation->at_ms;
    struct str query;
    if (!at_modifier_fix(evaluation->query, &run_parse_options, at_ms, arena, &query, err))
        return false;
    if (query.len == 0)
        return true;
    const int64_t times_ms[] = {-10 * at_ms, 0, at_ms / 5, at_ms, 10 * at_ms};
    const int64_t times_around_0_ms[] = {-1000, 0, 1000};
    const int64_t *times = at_ms ? times_ms : times_around_0_ms;
    size_t count = at_ms ? ARRAY_COUNT(times_ms) : ARRAY_COUNT(times_around_0_ms);
    for (size_t i = 0; i < count; i++)
        if (!run_instant(run, evaluation, query, times[i], err))
            return false;
    return true;
}

static bool run_evaluation(const struct run *run, const struct evaluation *evaluation,
                           struct err *err)
{
    if (!evaluation->is_range)
        return run_instant(run, evaluation, evaluation->query, evaluation->at_ms, err) &&
               run_fixed(run, evaluation, err);
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct answer_request request = {
        .engine = run->engine,
        .kind = run->options->engine,
        .query = evaluation->query,
        .start_ms = evaluation->start_ms,
        .end_ms = evaluation->end_ms,
        .step_ms = evaluation->step_ms,
    };
    struct answer answer;
    bool stop;
    return run_check(run, evaluation, &request, arena, &answer, &stop, err);
}

static void run_tell(const char *name, const struct command *command, const struct run *run,
                     bool passed, const struct err *err)
{
    struct str query = command->kind == COMMAND_EVAL ? command->evaluation.query : STR("load");
    if (run->options->quiet)
        return;
    if (!passed)
        printf("FAIL %s:%zu: %.*s\n     %s\n", name, command->line, STR_ARGS(query), err->msg);
    else if (run->options->verbose)
        printf("ok   %s:%zu: %.*s\n", name, command->line, STR_ARGS(query));
}

void run_script(const char *name, const struct script *script, const struct run_options *options,
                struct run_counts *counts)
{
    AUTO(run_done) struct run run;
    run_init(&run, script, options);
    for (size_t i = 0; i < script->count; i++) {
        const struct command *command = &script->commands[i];
        struct err err = {0};
        bool passed = true;
        switch (command->kind) {
        case COMMAND_CLEAR:
            test_storage_clear(&run.storage);
            continue;
        case COMMAND_LOAD:
            passed = load_apply(&command->load, script->symbols, &run.storage, &err);
            if (passed)
                continue;
            break;
        case COMMAND_EVAL:
            passed = run_evaluation(&run, &command->evaluation, &err);
            counts->passed += passed;
            break;
        }
        counts->failed += !passed;
        run_tell(name, command, &run, passed, &err);
    }
}

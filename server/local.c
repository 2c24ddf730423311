#include "server/local.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "model/duration.h"
#include "server/fallback.h"
#include "server/feature_flags.h"
#include "server/param.h"

/* As many steps as a graph or a table can show, where no step is named. */
#define STEPS_DEFAULT 240
#define GRAPH_RANGE_MS INT64_C(3600000)

/* clang-format off */
const struct flag ask_flags[] = {
    {"output", 'o', FLAG_TEXT, offsetof(struct ask_options, output), "table", "FORM",
     "How to show the answer: table, json, csv, graph."},
    {"time", 0, FLAG_TEXT, offsetof(struct ask_options, time), NULL, "TIME",
     "Evaluate at this time: Unix seconds, RFC 3339, or how long before the default, as -2h; "
     "default: now, or the end of older data."},
    {"start", 0, FLAG_TEXT, offsetof(struct ask_options, start), NULL, "TIME",
     "Evaluate over a range that begins here; -2h: so long before its end."},
    {"end", 0, FLAG_TEXT, offsetof(struct ask_options, end), NULL, "TIME",
     "The end of the range; default as with --time."},
    {"step", 0, FLAG_TEXT, offsetof(struct ask_options, step), NULL, "DURATION",
     "Time between points of the range; default: what gives about 240 points."},
    {"enable-feature", 0, FLAG_TEXT, offsetof(struct ask_options, features), "", "A,B",
     "Features to switch on, by Prometheus's names."},
    {"engine", 0, FLAG_TEXT, offsetof(struct ask_options, engine), "streaming",
     "streaming|reference", "Which engine evaluates the query."},
    {"engine.disable", 0, FLAG_TEXT, offsetof(struct ask_options, disabled), "", "FUNCTION,...",
     "Functions that the streaming engine leaves to the reference engine."},
    {"query.lookback-delta", 0, FLAG_DURATION, offsetof(struct ask_options, lookback_ms), "5m",
     "DURATION", "How long a sample stands for its series while no newer one comes."},
    {"query.timeout", 0, FLAG_DURATION, offsetof(struct ask_options, timeout_ms), "10m",
     "DURATION", "How long the query may take."},
    {"query.memory-limit", 0, FLAG_SIZE, offsetof(struct ask_options, memory_limit), "75%",
     "SIZE", "Memory that the query may hold."},
    {"engine.threads", 0, FLAG_COUNT, offsetof(struct ask_options, thread_count), "0", "N",
     "Threads to work with; 0: one a core."},
    {"analyze", 0, FLAG_SWITCH, offsetof(struct ask_options, analyze), "false", NULL,
     "Run the query and show what each part of the plan did."},
};
/* clang-format on */
const size_t ask_flag_count = ARRAY_COUNT(ask_flags);

bool ask_is_url(const char *target)
{
    return strncmp(target, "http://", 7) == 0 || strncmp(target, "https://", 8) == 0;
}

/* A time, or as in -2h how long before `base_ms`. */
static bool time_read(const char *flag, const char *text, int64_t base_ms, int64_t *ret_ms,
                      struct err *err)
{
    struct moment moment;
    int64_t before_ms;
    if (!moment_parse(str_of(text), &moment, err)) {
        if (text[0] != '-' || !duration_parse(str_of(text + 1), &before_ms))
            return err_wrap(err, "flag --%s", flag);
        *ret_ms = base_ms - before_ms;
        return true;
    }
    *ret_ms = moment_ms(moment);
    return true;
}

/* A round duration of at least `ms`. */
static int64_t step_round_up(int64_t ms)
{
    static const int64_t steps[] = {1000,    2000,    5000,     10000,    15000,    30000,
                                    60000,   120000,  300000,   600000,   900000,   1800000,
                                    3600000, 7200000, 14400000, 21600000, 43200000, 86400000};
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++)
        if (steps[i] >= ms)
            return steps[i];
    return (ms / 86400000 + 1) * 86400000;
}

static bool step_read(const struct ask_options *options, struct ask_range *range, struct err *err)
{
    int64_t ns;
    if (!options->step) {
        range->step_ms = step_round_up((range->end_ms - range->start_ms) / STEPS_DEFAULT);
        return true;
    }
    if (!interval_parse(str_of(options->step), &ns, err))
        return err_wrap(err, "flag --step");
    if (ns < 1000000)
        return err_set(err, ERR_BAD_DATA, "flag --step: \"%s\" is less than a millisecond",
                       options->step);
    range->step_ms = ns / 1000000;
    return true;
}

bool ask_range_read(const struct ask_options *options, int64_t data_end_ms, bool graph,
                    struct ask_range *ret_range, struct err *err)
{
    struct ask_range range = {.instant = !options->start && !graph};
    int64_t now_ms = clock_now_ms();
    const char *end_flag = options->end ? "end" : "time";
    const char *end_text = options->end ? options->end : options->time;
    bool ended = data_end_ms != INT64_MIN && data_end_ms < now_ms - options->lookback_ms;
    range.moved = !end_text && ended;
    range.end_ms = ended ? data_end_ms : now_ms;
    if (end_text && !time_read(end_flag, end_text, range.end_ms, &range.end_ms, err))
        return false;
    if (range.instant && (options->end || options->step))
        return err_set(err, ERR_BAD_DATA, "flag --%s needs --start", options->end ? "end" : "step");

    range.start_ms = range.instant ? range.end_ms : range.end_ms - GRAPH_RANGE_MS;
    if (options->start && !time_read("start", options->start, range.end_ms, &range.start_ms, err))
        return false;
    if (range.start_ms > range.end_ms)
        return err_set(err, ERR_BAD_DATA, "flag --start is behind the end of the range");
    if (!range.instant && !step_read(options, &range, err))
        return false;
    *ret_range = range;
    return true;
}

static void local_warn(void *context, const char *message)
{
    fprintf(stderr, "millrace: %s\n", message);
}

bool ask_engine_read(const struct ask_options *options, enum engine_kind *ret_engine,
                     struct err *err)
{
    if (engine_kind_parse(options->engine, ret_engine))
        return true;
    return err_set(err, ERR_BAD_DATA, "flag --engine: \"%s\" is not streaming or reference",
                   options->engine);
}

bool local_open(const char *dir, const struct ask_options *options, struct local *ret_local,
                struct err *err)
{
    struct db_options db_options = {.read_only = true, .warn = local_warn};
    struct local local = {0};
    struct features features = features_read(options->features, NULL, NULL);
    if (!db_open(dir, &db_options, &local.db, err))
        return false;
    struct engine_options engine_options = {
        .thread_count = (size_t)options->thread_count,
        .memory_limit_bytes = (size_t)options->memory_limit,
        .timeout_ms = options->timeout_ms,
        .lookback_ms = options->lookback_ms,
        .parse = features.parse,
        .modes = features.modes,
    };
    if (!disabled_read(options->disabled, engine_options.disabled, err)) {
        db_close(local.db);
        return false;
    }
    local.engine = engine_create(db_storage(local.db), &engine_options);
    *ret_local = local;
    return true;
}

void local_close(struct local *local)
{
    if (local->engine)
        engine_destroy(local->engine);
    db_close(local->db);
    *local = (struct local){0};
}

int64_t local_data_end_ms(const struct local *local)
{
    struct db_stats stats;
    db_stats(local->db, &stats);
    return stats.begin_ms <= stats.end_ms ? stats.end_ms : INT64_MIN;
}

/*
 * `query-tee fuzz`: learns what the first backend has, asks both random questions about it, and
 * makes each disagreement as small as it becomes.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "query-tee/commands.h"
#include "query-tee/duel.h"
#include "query-tee/fuzz/shrink.h"
#include "query-tee/progress.h"

struct fuzz_options {
    struct duel_options duel;
    int64_t count;
    int64_t seed;
    int64_t first;
    int64_t begin_s, end_s;
    int64_t steps_max;
    int64_t metric_max;
    int64_t failures_max;
};

static const struct flag fuzz_flags[] = {
#define DUEL_FLAG(member, kind, name, fallback, value, help) \
    {name, 0, FLAG_##kind, offsetof(struct fuzz_options, duel.member), fallback, value, help},
#include "query-tee/duel.def"
#undef DUEL_FLAG
    {"count", 0, FLAG_COUNT, offsetof(struct fuzz_options, count), "1000", "N",
     "How many questions are asked."},
    {"seed", 0, FLAG_COUNT, offsetof(struct fuzz_options, seed), "1", "S",
     "The same seed asks the same questions, of the same data."},
    {"first", 0, FLAG_COUNT, offsetof(struct fuzz_options, first), "0", "N",
     "Number of the first question, to ask one of a long run again."},
    {"start", 0, FLAG_COUNT, offsetof(struct fuzz_options, begin_s), "0", "UNIX",
     "Begin of the time that is asked about, in Unix seconds; 0: an hour before its end."},
    {"end", 0, FLAG_COUNT, offsetof(struct fuzz_options, end_s), "0", "UNIX",
     "Its end; 0: the first backend's newest sample, as far as it tells, or now."},
    {"steps", 0, FLAG_COUNT, offsetof(struct fuzz_options, steps_max), "60", "N",
     "Most steps of a range query."},
    {"metrics", 0, FLAG_COUNT, offsetof(struct fuzz_options, metric_max), "200", "N",
     "Most metrics that are asked about; of more, so many are chosen."},
    {"failures", 0, FLAG_COUNT, offsetof(struct fuzz_options, failures_max), "20", "N",
     "End after so many."},
};

struct fuzzing {
    struct fuzz_options options;
    struct duel *duel;
    struct arena *arena; /* what was learnt */
    struct catalog catalog;
    struct language language;
    struct progress progress;
    uint64_t passed, failed, explained, unstable, skipped;
};

static void fuzz_help(void)
{
    AUTO(buf_done) struct buf out = {0};
    buf_text(&out,
             "usage: query-tee fuzz --backend=URL --backend=URL [flags]\n\n"
             "Asks two backends random questions about what the first one has, and prints "
             "each on which\n"
             "they differ, made as small as it becomes. Closes with 'N passed, N failed'; the "
             "exit status is 1\n"
             "if any failed.\n\n");
    flags_print(fuzz_flags, ARRAY_COUNT(fuzz_flags), &out);
    fwrite(out.ptr, 1, out.len, stdout);
}

static bool ask_preferred(void *context, const char *path, struct buf *ret_body, struct err *err)
{
    return duel_ask_preferred(context, path, ret_body, err);
}

/* The time of the newest sample of a Prometheus's head; now, where nobody says. */
static int64_t newest_s(struct duel *duel)
{
    AUTO(buf_done) struct buf body = {0};
    struct err err = {0};
    int64_t now_s = clock_now_ms() / 1000;
    if (!duel_ask_preferred(duel, "/api/v1/status/tsdb", &body, &err))
        return now_s;
    json_error_t fault;
    json_t *answer = json_loadb(body.ptr, body.len, 0, &fault);
    json_t *stats = json_object_get(json_object_get(answer, "data"), "headStats");
    int64_t newest = json_integer_value(json_object_get(stats, "maxTime")) / 1000;
    json_decref(answer);
    return newest > 0 && newest < now_s ? newest : now_s;
}

/* Takes out the forms that one of the backends does not know, and says so. */
static void fuzz_learn_language(struct fuzzing *self, struct dice *dice)
{
    language_init(&self->language, &self->catalog, self->arena);
    size_t left_out = 0;
    for (size_t kind = 0; kind < PART_TEXT; kind++)
        for (size_t rule = 0; rule < self->language.rule_counts[kind]; rule++) {
            struct err err = {0};
            struct question question = {
                .root =
                    language_sample(&self->language, (enum part_kind)kind, rule, dice, self->arena),
                .start_ms = self->options.end_s * 1000,
                .end_ms = self->options.end_s * 1000,
            };
            struct duel_question asked = question_asked(&question, self->arena);
            const char *who = duel_who_refuses(self->duel, &asked, &err);
            if (!who)
                continue;
            struct grammar_rule *refused = &self->language.rules[kind][rule];
            printf("%s by %s: %s\n", left_out++ ? "      " : "not asked, for it is refused", who,
                   refused->form);
            refused->weight = 0;
        }
}

static bool fuzz_learn(struct fuzzing *self, struct err *err)
{
    struct fuzz_options *options = &self->options;
    struct dice dice = dice_of((uint64_t)options->seed, UINT64_MAX);
    if (options->end_s == 0)
        options->end_s = newest_s(self->duel);
    if (options->begin_s == 0)
        options->begin_s = options->end_s - 3600;
    if (options->begin_s > options->end_s)
        return err_set(err, ERR_BAD_DATA, "flags --start and --end: the end is before the start");
    const struct catalog_source source = {
        .ask = ask_preferred,
        .context = self->duel,
        .begin_ms = options->begin_s * 1000,
        .end_ms = options->end_s * 1000,
        .metric_max = (size_t)options->metric_max,
    };
    if (!catalog_learn(&self->catalog, &source, &dice, self->arena, err))
        return err->kind == ERR_NOT_FOUND ? err_wrap(err, "--start and --end choose another time")
                                          : false;
    printf("%zu metrics between %" PRId64 " and %" PRId64
           ": %zu counters, %zu with buckets, "
           "%zu native histograms\n",
           self->catalog.count, options->begin_s, options->end_s,
           self->catalog.type_counts[CATALOG_COUNTER], self->catalog.type_counts[CATALOG_BUCKETS],
           self->catalog.type_counts[CATALOG_NATIVE]);
    fuzz_learn_language(self, &dice);
    return true;
}

static void fuzz_fail(struct fuzzing *self, uint64_t number, struct question *question,
                      struct duel_result *result)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct err err = {0};
    progress_tell(&self->progress, 0, "making it smaller");
    question_shrink(question, self->duel, result);
    progress_end(&self->progress);
    struct duel_question asked = question_asked(question, arena);
    AUTO(buf_done) struct buf out = {0};
    buf_printf(&out, "\nquestion %" PRIu64 ": ", number);
    duel_result_print(result, &out);
    buf_printf(&out, "\n  %.*s\n  %s?%s\n", STR_ARGS(asked.query), asked.path, asked.params);
    duel_examples_print(result, &out);
    fwrite(out.ptr, 1, out.len, stdout);
    fflush(stdout);
    if (!duel_report(self->duel, &asked, result, &err))
        fprintf(stderr, "query-tee: %s\n", err.msg);
}

static void fuzz_ask(struct fuzzing *self, uint64_t number)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct dice dice = dice_of((uint64_t)self->options.seed, number);
    struct question question;
    language_ask(&self->language, self->options.begin_s * 1000, self->options.end_s * 1000,
                 (size_t)self->options.steps_max, &dice, arena, &question);
    struct duel_question asked = question_asked(&question, arena);
    AUTO(duel_result_done) struct duel_result result;
    duel_ask(self->duel, &asked, &result);
    switch (result.verdict) {
    case DUEL_SAME:
        self->passed++;
        break;
    case DUEL_EXPLAINED:
        self->explained++;
        break;
    case DUEL_UNSTABLE:
        self->unstable++;
        break;
    case DUEL_SKIPPED:
        self->skipped++;
        break;
    case DUEL_DIFFERENT:
    case DUEL_NO_ANSWER:
        self->failed++;
        fuzz_fail(self, number, &question, &result);
        break;
    }
}

static void fuzz_run(struct fuzzing *self)
{
    uint64_t count = (uint64_t)self->options.count, first = (uint64_t)self->options.first;
    for (uint64_t i = 0; i < count && self->failed < (uint64_t)self->options.failures_max; i++) {
        char text[64];
        snprintf(text, sizeof text, "%" PRIu64 " of %" PRIu64 ", %" PRIu64 " failed", i, count,
                 self->failed);
        progress_tell(&self->progress, (double)i / (double)count, text);
        fuzz_ask(self, first + i);
    }
    progress_end(&self->progress);
    if (self->explained || self->unstable || self->skipped)
        printf("%" PRIu64 " explained, %" PRIu64 " unstable, %" PRIu64 " not compared\n",
               self->explained, self->unstable, self->skipped);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", self->passed, self->failed);
}

static bool fuzz_read(struct fuzz_options *options, int argc, char **argv, bool *ret_help,
                      struct err *err)
{
    struct flags flags = {
        .table = fuzz_flags,
        .count = ARRAY_COUNT(fuzz_flags),
        .into = options,
        .one_dash = true,
    };
    if (!flags_parse(&flags, argc, argv, err))
        return false;
    *ret_help = flags.help;
    if (flags.word_count > 0 && !flags.help)
        return err_set(err, ERR_BAD_DATA, "unexpected argument \"%s\"", flags.words[0]);
    if (options->steps_max == 0 || options->metric_max == 0 || options->failures_max == 0)
        return err_set(err, ERR_BAD_DATA, "flags --steps, --metrics, --failures: at least 1");
    return true;
}

int command_fuzz(int argc, char **argv)
{
    struct fuzzing self = {0};
    struct err err = {0};
    bool help = false;
    if (!fuzz_read(&self.options, argc, argv, &help, &err)) {
        fprintf(stderr, "query-tee: %s (query-tee fuzz --help lists the flags)\n", err.msg);
        return EXIT_USAGE;
    }
    if (help) {
        fuzz_help();
        return EXIT_SAME;
    }
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    self.arena = arena;
    AUTO(duel_close) struct duel *duel = NULL;
    if (!duel_open(&self.options.duel, &duel, &err)) {
        fprintf(stderr, "query-tee: %s\n", err.msg);
        return EXIT_USAGE;
    }
    self.duel = duel;
    if (!fuzz_learn(&self, &err)) {
        fprintf(stderr, "query-tee: %s\n", err.msg);
        return EXIT_USAGE;
    }
    fuzz_run(&self);
    return self.failed > 0 ? EXIT_DIFFERENT : EXIT_SAME;
}

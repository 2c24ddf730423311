/*
 * `query-tee replay`: asks two backends what stands in files, and tells where they differ and how
 * long each took.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "query-tee/commands.h"
#include "query-tee/duel.h"
#include "query-tee/progress.h"
#include "query-tee/replay/queries.h"
#include "query-tee/shape.h"
#include "query-tee/shapes.h"

#define SHAPES_MAX 1000

struct replay_options {
    struct duel_options duel;
    double rate;
    int64_t time_base_s;
    int64_t failures_max;
    bool table;
};

static const struct flag replay_flags[] = {
#define DUEL_FLAG(member, kind, name, fallback, value, help) \
    {name, 0, FLAG_##kind, offsetof(struct replay_options, duel.member), fallback, value, help},
#include "query-tee/duel.def"
#undef DUEL_FLAG
    {"rate", 0, FLAG_REAL, offsetof(struct replay_options, rate), "0", "R",
     "Requests a second at most; 0: as fast as both answer."},
    {"time-base", 0, FLAG_COUNT, offsetof(struct replay_options, time_base_s), "0", "UNIX",
     "What the time 0 is in evals of Prometheus's test language, in Unix seconds."},
    {"failures", 0, FLAG_COUNT, offsetof(struct replay_options, failures_max), "100", "N",
     "Tell of so many differences; more are only counted."},
    {"table", 0, FLAG_SWITCH, offsetof(struct replay_options, table), "true", NULL,
     "At the end, print a table of the queries' shapes."},
};

struct replaying {
    struct replay_options options;
    struct duel *duel;
    struct shapes *shapes;
    struct progress progress;
    uint64_t asked, passed, failed, explained, unstable, skipped;
};

static void replay_help(void)
{
    AUTO(buf_done) struct buf out = {0};
    buf_text(&out,
             "usage: query-tee replay FILE... --backend=URL --backend=URL [flags]\n\n"
             "Asks two backends what stands in the files, and prints each request on which they "
             "differ, and a\n"
             "table of how long each took. Closes with 'N passed, N failed'; the exit status is 1 "
             "if any failed.\n"
             "A file has one request a line: a JSON object with query, start, end, step or time; a "
             "URL; a line of\n"
             "Prometheus's query log; or an eval of its test language, of which a whole .test file "
             "is taken.\n\n");
    flags_print(replay_flags, ARRAY_COUNT(replay_flags), &out);
    fwrite(out.ptr, 1, out.len, stdout);
}

static void replay_tell(struct replaying *self, const char *path,
                        const struct query_request *request, const struct duel_question *question,
                        const struct duel_result *result)
{
    if (self->failed > (uint64_t)self->options.failures_max)
        return;
    AUTO(buf_done) struct buf out = {0};
    progress_end(&self->progress);
    buf_printf(&out, "\n%s:%zu: ", path, request->line);
    duel_result_print(result, &out);
    if (question->query.len > 0)
        buf_printf(&out, "\n  %.*s", STR_ARGS(question->query));
    buf_printf(&out, "\n  %s?%s\n", question->path, question->params);
    duel_examples_print(result, &out);
    fwrite(out.ptr, 1, out.len, stdout);
    fflush(stdout);
}

static void replay_shape(const struct query_request *request, struct buf *out)
{
    if (request->query.len > 0)
        shape_append(request->query, out);
    else
        buf_text(out, request->path);
}

static void replay_ask(struct replaying *self, const char *path,
                       const struct query_request *request)
{
    const struct duel_question question = {
        .path = request->path,
        .params = request->params,
        .query = request->query,
        .start_ms = request->start_ms,
        .end_ms = request->end_ms,
        .step_ms = request->step_ms,
    };
    AUTO(duel_result_done) struct duel_result result;
    struct err err = {0};
    duel_ask(self->duel, &question, &result);
    bool failed = result.verdict == DUEL_DIFFERENT || result.verdict == DUEL_NO_ANSWER;
    self->passed += result.verdict == DUEL_SAME;
    self->explained += result.verdict == DUEL_EXPLAINED;
    self->unstable += result.verdict == DUEL_UNSTABLE;
    self->skipped += result.verdict == DUEL_SKIPPED;
    self->failed += failed;

    AUTO(buf_done) struct buf shape = {0};
    replay_shape(request, &shape);
    shapes_add_question(self->shapes, buf_view(&shape), failed);
    for (size_t i = 0; i < 2; i++)
        if (result.sides[i].status != 0)
            shapes_add_answer(self->shapes, buf_view(&shape), i, result.sides[i].latency_ns,
                              result.sides[i].size);
    if (!failed)
        return;
    replay_tell(self, path, request, &question, &result);
    if (!duel_report(self->duel, &question, &result, &err))
        fprintf(stderr, "query-tee: %s\n", err.msg);
}

/* Not before it is this request's turn. */
static void replay_wait(const struct replaying *self, int64_t begin_ns)
{
    if (self->options.rate <= 0)
        return;
    double after_ns = (double)self->asked / self->options.rate * 1e9;
    int64_t due_ns = begin_ns + (after_ns < 0x1p62 ? (int64_t)after_ns : INT64_C(1) << 62);
    int64_t wait_ns = due_ns - clock_monotonic_ns();
    if (wait_ns <= 0)
        return;
    struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    nanosleep(&wait, NULL);
}

static bool replay_file(struct replaying *self, const char *path, int64_t begin_ns, struct err *err)
{
    AUTO(query_file_close) struct query_file *file = NULL;
    if (!query_file_open(path, self->options.time_base_s * 1000, &file, err))
        return false;
    for (;;) {
        AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
        struct query_request request;
        bool more;
        if (!query_file_next(file, arena, &request, &more, err))
            return false;
        if (!more)
            return true;
        char text[96];
        snprintf(text, sizeof text, "%" PRIu64 " asked, %" PRIu64 " failed", self->asked,
                 self->failed);
        progress_tell(&self->progress, query_file_progress(file), text);
        replay_wait(self, begin_ns);
        replay_ask(self, path, &request);
        self->asked++;
    }
}

static void replay_close(struct replaying *self)
{
    AUTO(buf_done) struct buf out = {0};
    progress_end(&self->progress);
    if (self->options.table && self->asked > 0) {
        buf_printf(&out, "\n1st: %s\n2nd: %s\n", duel_name(self->duel, 0),
                   duel_name(self->duel, 1));
        shapes_print(self->shapes, &out);
        buf_byte(&out, '\n');
    }
    if (self->explained || self->unstable || self->skipped)
        buf_printf(&out, "%" PRIu64 " explained, %" PRIu64 " unstable, %" PRIu64 " not compared\n",
                   self->explained, self->unstable, self->skipped);
    buf_printf(&out, "%" PRIu64 " passed, %" PRIu64 " failed\n", self->passed, self->failed);
    fwrite(out.ptr, 1, out.len, stdout);
}

static bool replay_read(struct flags *flags, int argc, char **argv, struct err *err)
{
    if (!flags_parse(flags, argc, argv, err))
        return false;
    if (flags->word_count == 0 && !flags->help)
        return err_set(err, ERR_BAD_DATA, "a file of requests is missing");
    return true;
}

int command_replay(int argc, char **argv)
{
    struct replaying self = {0};
    struct err err = {0};
    struct flags flags = {
        .table = replay_flags,
        .count = ARRAY_COUNT(replay_flags),
        .into = &self.options,
        .one_dash = true,
    };
    if (!replay_read(&flags, argc, argv, &err)) {
        fprintf(stderr, "query-tee: %s (query-tee replay --help lists the flags)\n", err.msg);
        return EXIT_USAGE;
    }
    if (flags.help) {
        replay_help();
        return EXIT_SAME;
    }
    AUTO(duel_close) struct duel *duel = NULL;
    if (!duel_open(&self.options.duel, &duel, &err)) {
        fprintf(stderr, "query-tee: %s\n", err.msg);
        return EXIT_USAGE;
    }
    AUTO(shapes_destroy) struct shapes *shapes = shapes_create(2, SHAPES_MAX);
    self.duel = duel;
    self.shapes = shapes;
    bool good = true;
    int64_t begin_ns = clock_monotonic_ns();
    for (size_t i = 0; good && i < flags.word_count; i++)
        good = replay_file(&self, flags.words[i], begin_ns, &err);
    replay_close(&self);
    if (!good) {
        fprintf(stderr, "query-tee: %s\n", err.msg);
        return EXIT_USAGE;
    }
    return self.failed > 0 ? EXIT_DIFFERENT : EXIT_SAME;
}

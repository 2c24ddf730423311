/*
 * Runs random queries over random series through both engines, and prints each disagreement as the
 * smallest script in the test language that shows it. Closes with 'N passed, N failed'.
 *
 *     engines_agree [--count N] [--seed S] [--jobs N] [--failures N] [--pass-over 1]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/agree/shrink.h"

/* Queries over one set of series. */
#define QUERIES_PER_DATA 200

struct settings {
    uint64_t count;
    uint64_t seed;
    uint64_t jobs;
    uint64_t failures_max; /* then a job ends */
    uint64_t pass_over;    /* not 0: what does not stream is no failure */
};

struct tally {
    uint64_t passed, failed;
    uint64_t passed_over;
};

static void time_append(int64_t ms, struct buf *out)
{
    buf_printf(out, "%" PRId64 "ms", ms);
}

static void answer_append(const char *head, const struct buf *answer, struct buf *out)
{
    buf_printf(out, "# %s\n", head);
    for (struct str rest = buf_view(answer); rest.len > 0;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
        buf_printf(out, "#   %.*s\n", (int)len, rest.ptr);
        rest.ptr += len + (end != NULL);
        rest.len -= len + (end != NULL);
    }
}

/* The failure as a script; what each engine gave stands in comments. */
static void failure_print(const struct data *data, const struct asked *asked,
                          const struct ground_options *options, uint64_t number)
{
    struct ground ground;
    AUTO(buf_done) struct buf out = {0};
    AUTO(buf_done) struct buf streaming = {0};
    AUTO(buf_done) struct buf reference = {0};
    ground_open(&ground, data, options);
    ground_compare(&ground, asked, &streaming, &reference);
    ground_close(&ground);

    buf_printf(&out, "\n# query %" PRIu64 ", names dropped %s\n", number,
               options->delayed_names ? "late" : "at once");
    data_print(data, &out);
    if (asked->step_ms == 0) {
        buf_text(&out, "eval instant at ");
        time_append(asked->start_ms, &out);
    } else {
        buf_text(&out, "eval range from ");
        time_append(asked->start_ms, &out);
        buf_text(&out, " to ");
        time_append(asked->end_ms, &out);
        buf_text(&out, " step ");
        time_append(asked->step_ms, &out);
    }
    buf_byte(&out, ' ');
    part_print(asked->root, &out);
    buf_byte(&out, '\n');
    answer_append("streaming:", &streaming, &out);
    answer_append("reference:", &reference, &out);
    fwrite(out.ptr, 1, out.len, stdout);
    fflush(stdout);
}

/* The queries over one set of series. */
static void run_data(const struct settings *settings, uint64_t set, struct tally *tally)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct dice dice = dice_of(settings->seed, set);
    struct ground_options options = {
        .delayed_names = dice_once_in(&dice, 2),
        .thread_count = dice_once_in(&dice, 4) ? 2 : 1,
    };
    struct data data;
    struct ground ground;
    data_make(&data, &dice, arena);
    ground_open(&ground, &data, &options);
    AUTO(buf_done) struct buf streaming = {0};
    AUTO(buf_done) struct buf reference = {0};
    for (uint64_t i = 0; i < QUERIES_PER_DATA; i++) {
        uint64_t number = set * QUERIES_PER_DATA + i;
        if (number >= settings->count || tally->failed >= settings->failures_max)
            break;
        struct dice own = dice_of(settings->seed + 1, number);
        struct asked asked;
        asked_make(&asked, data_step_ms(&data), &own, arena);
        enum verdict verdict = ground_compare(&ground, &asked, &streaming, &reference);
        if (verdict == VERDICT_SAME) {
            tally->passed++;
            continue;
        }
        if (verdict == VERDICT_NOT_STREAMED && settings->pass_over) {
            tally->passed_over++;
            continue;
        }
        tally->failed++;
        struct dice again = dice_of(settings->seed, set);
        struct data small;
        dice_next(&again);
        dice_next(&again);
        data_make(&small, &again, arena);
        shrink(&small, &asked, &options, verdict);
        failure_print(&small, &asked, &options, number);
    }
    ground_close(&ground);
}

static struct tally run_share(const struct settings *settings, uint64_t job)
{
    struct tally tally = {0};
    uint64_t sets = (settings->count + QUERIES_PER_DATA - 1) / QUERIES_PER_DATA;
    for (uint64_t set = job; set < sets && tally.failed < settings->failures_max;
         set += settings->jobs)
        run_data(settings, set, &tally);
    return tally;
}

/* A process for each job: engines keep threads, and a crash is one job's. */
static int start_job(const struct settings *settings, uint64_t job)
{
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        struct tally tally = run_share(settings, job);
        bool told = write(ends[1], &tally, sizeof tally) == sizeof tally;
        fflush(stdout);
        _exit(told ? 0 : 1);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -1;
    }
    return ends[0];
}

static struct tally run_jobs(const struct settings *settings)
{
    struct tally all = {0};
    int *ends = mem_new_array(int, settings->jobs);
    for (uint64_t job = 0; job < settings->jobs; job++)
        ends[job] = start_job(settings, job);
    for (uint64_t job = 0; job < settings->jobs; job++) {
        struct tally tally = {0};
        bool told = ends[job] >= 0 && read(ends[job], &tally, sizeof tally) == sizeof tally;
        if (!told) {
            fprintf(stderr, "job %" PRIu64 " broke off\n", job);
            tally.failed = 1;
        }
        if (ends[job] >= 0)
            close(ends[job]);
        all.passed += tally.passed;
        all.failed += tally.failed;
        all.passed_over += tally.passed_over;
    }
    while (wait(NULL) > 0)
        ;
    free(ends);
    return all;
}

static bool settings_read(struct settings *settings, int argc, char **argv)
{
    const struct {
        const char *name;
        uint64_t *into;
    } flags[] = {
        {"--count", &settings->count},         {"--seed", &settings->seed},
        {"--jobs", &settings->jobs},           {"--failures", &settings->failures_max},
        {"--pass-over", &settings->pass_over},
    };
    for (int i = 1; i < argc; i += 2) {
        size_t at = 0;
        while (at < ARRAY_COUNT(flags) && strcmp(argv[i], flags[at].name) != 0)
            at++;
        char *end = NULL;
        if (at == ARRAY_COUNT(flags) || i + 1 == argc)
            return false;
        *flags[at].into = strtoull(argv[i + 1], &end, 10);
        if (*end || end == argv[i + 1])
            return false;
    }
    return settings->jobs > 0;
}

int main(int argc, char **argv)
{
    struct settings settings = {.count = 20000, .seed = 1, .jobs = 2, .failures_max = 5};
    if (!settings_read(&settings, argc, argv)) {
        fprintf(stderr,
                "usage: engines_agree [--count N] [--seed S] [--jobs N] [--failures N] "
                "[--pass-over 1]\n");
        return 2;
    }
    struct tally tally = run_jobs(&settings);
    if (tally.passed_over)
        printf("%" PRIu64 " do not stream\n", tally.passed_over);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", tally.passed, tally.failed);
    return tally.failed != 0;
}

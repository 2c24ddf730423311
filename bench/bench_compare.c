/*
 * Two matrices of many megabytes, written into spools as they are made and then compared: in the
 * same order, and in the opposite one. Prints nanoseconds a point and the peak of resident memory;
 * fails if that is beyond 64 MiB, or if the one value that differs is not what is found.
 *
 *     bench_compare [MEGABYTES]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "query-tee/compare.h"
#include "query-tee/spool.h"

#define POINT_COUNT 720
#define SERIES_SIZE (POINT_COUNT * 28)
#define MEMORY_MAX_KIB (64 << 10)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_OURS false
#else
#define MEMORY_IS_OURS true
#endif

/* The points of all series but one are the same: what they cost to read is. */
static void points_append(struct buf *out, bool falsified)
{
    for (size_t i = 0; i < POINT_COUNT; i++)
        buf_printf(out, "%s[%zu.781,\"%zu.%03zu\"]", i ? "," : "", 1700000000 + i * 15,
                   1000000 + i * i, (i * 37 + (falsified && i == POINT_COUNT / 2)) % 1000);
    buf_text(out, "]}");
}

static void spool_write(struct spool *spool, struct str text)
{
    struct err err;
    if (!spool_append(spool, text.ptr, text.len, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        exit(EXIT_FAILURE);
    }
}

/* `falsified`: one point of the last series. */
static struct spool *answer_make(size_t series_count, bool reversed, bool falsified)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(buf_done) struct buf points = {0};
    AUTO(buf_done) struct buf last_points = {0};
    points_append(&points, false);
    points_append(&last_points, falsified);
    struct spool *spool = spool_create(
        &(struct spool_options){.memory_max = 1 << 20, .size_max = UINT64_MAX, .folder = "/tmp"});
    spool_write(spool,
                STR("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["));
    for (size_t i = 0; i < series_count; i++) {
        size_t number = reversed ? series_count - 1 - i : i;
        buf_clear(&text);
        buf_printf(&text,
                   "%s{\"metric\":{\"__name__\":\"http_requests_total\",\"instance\":"
                   "\"host-%06zu\",\"job\":\"api\"},\"values\":[",
                   i > 0 ? "," : "", number);
        buf_str(&text, buf_view(number == series_count - 1 ? &last_points : &points));
        spool_write(spool, buf_view(&text));
    }
    spool_write(spool, STR("]}}"));
    spool_end(spool);
    return spool;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* False: not what it should find. */
static bool run(size_t series_count, bool reversed)
{
    AUTO(spool_destroy) struct spool *a = answer_make(series_count, false, false);
    AUTO(spool_destroy) struct spool *b = answer_make(series_count, reversed, true);
    struct compare_options options = COMPARE_DEFAULTS;
    struct compare_request request = {
        .kind = ANSWER_QUERY, .query = STR("x"), .now_ms = INT64_MAX, .step_ms = 15000};
    struct compare_side left = {a, 200, "application/json"};
    struct compare_side right = {b, 200, "application/json"};
    options.order = COMPARE_ORDER_NEVER;
    AUTO(comparison_done) struct comparison comparison;
    double before = cpu_seconds();
    compare_answers(&request, &options, &left, &right, &comparison);
    double seconds = cpu_seconds() - before;

    const char *name = reversed ? "compare/reversed" : "compare/same_order";
    printf("%s %.2f ns/point\n", name, seconds * 1e9 / (double)comparison.point_count);
    printf("%s %.0f MB/s\n", name, (double)(spool_size(a) + spool_size(b)) / 1e6 / seconds);
    return comparison.point_count == (uint64_t)series_count * POINT_COUNT &&
           comparison.counts[DIFF_VALUE] == 1 && comparison.counts[DIFF_BROKEN_BODY] == 0;
}

int main(int argc, char **argv)
{
    size_t megabytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 500;
    size_t series_count = megabytes * 1000000 / SERIES_SIZE + 1;
    bool found = run(series_count, false) && run(series_count, true);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("compare/peak_memory %ld KiB\n", usage.ru_maxrss);
    if (!found)
        fprintf(stderr, "the differences found are not those that were made\n");
    if (MEMORY_IS_OURS && usage.ru_maxrss > MEMORY_MAX_KIB) {
        fprintf(stderr, "more memory than %d KiB\n", MEMORY_MAX_KIB);
        found = false;
    }
    return found ? EXIT_SUCCESS : EXIT_FAILURE;
}

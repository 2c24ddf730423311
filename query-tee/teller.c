/* What became of comparisons, told: counted, logged, written down and put on the page. */
#include "query-tee/teller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "query-tee/report.h"
#include "query-tee/shape.h"
#include "query-tee/tee.h"
#include "query-tee/tracing.h"

/* Shapes that have counters of their own; the others are "other". */
#define SHAPES_COUNTED_MAX 200

struct teller {
    struct tee *tee;
    int report_fd; /* -1: none */
    pthread_mutex_t mutex;
    struct map shape_map;
    char *shapes[SHAPES_COUNTED_MAX];
    size_t shape_count;
};

bool teller_open(struct tee *tee, struct teller **ret_teller, struct err *err)
{
    const char *path = tee->options.report_file;
    int fd = -1;
    if (*path && (fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) < 0)
        return err_set(err, ERR_IO, "flag --report.file: %s: %s", path, strerror(errno));
    struct teller *teller = mem_new(struct teller);
    teller->tee = tee;
    teller->report_fd = fd;
    pthread_mutex_init(&teller->mutex, NULL);
    *ret_teller = teller;
    return true;
}

void teller_close(struct teller *teller)
{
    if (!teller)
        return;
    for (size_t i = 0; i < teller->shape_count; i++)
        free(teller->shapes[i]);
    map_done(&teller->shape_map);
    if (teller->report_fd >= 0)
        close(teller->report_fd);
    pthread_mutex_destroy(&teller->mutex);
    free(teller);
}

void teller_skip(struct teller *teller, const struct round_request *request,
                 const struct backend *other, const char *reason)
{
    struct tee *tee = teller->tee;
    tally_add(tee->tally, TALLY_COMPARED, 1,
              "result=\"skip\",route=\"%s\",secondary_backend=\"%s\"",
              tee_route_name(request->route), other->name);
    tally_add(tee->tally, TALLY_SKIPPED, 1, "reason=\"%s\",route=\"%s\",secondary_backend=\"%s\"",
              reason, tee_route_name(request->route), other->name);
    summary_add_verdict(tee->summary, tee_backend_index(tee, other), SUMMARY_SKIPPED);
    tracing_verdict(tee, request, other, "skip", reason);
}

/* The shape as metrics have it: one of a bounded number. */
static const char *teller_shape(struct teller *teller, const struct round_request *request)
{
    if (request->promql.len == 0)
        return request->route->path;
    AUTO(buf_done) struct buf shape = {0};
    shape_append(request->promql, &shape);
    uint64_t hash = hash_bytes(shape.ptr, shape.len);
    const char *found = "other";
    pthread_mutex_lock(&teller->mutex);
    struct map_probe at = map_find(&teller->shape_map, hash);
    while (map_hit(&teller->shape_map, &at) &&
           !str_eq(str_of(teller->shapes[at.index]), buf_view(&shape)))
        map_next(&teller->shape_map, &at);
    if (map_hit(&teller->shape_map, &at)) {
        found = teller->shapes[at.index];
    } else if (teller->shape_count < SHAPES_COUNTED_MAX) {
        teller->shapes[teller->shape_count] = mem_strdup(buf_terminated(&shape));
        found = teller->shapes[teller->shape_count];
        map_insert(&teller->shape_map, hash, (uint32_t)teller->shape_count++);
    }
    pthread_mutex_unlock(&teller->mutex);
    return found;
}

static void count_classes(struct teller *teller, const struct ask *b,
                          const struct comparison *comparison)
{
    struct tee *tee = teller->tee;
    const struct round_request *request = &b->round->request;
    const char *route = request->route->name, *other = b->backend->name;
    AUTO(buf_done) struct buf shape = {0};
    tally_escape(&shape, teller_shape(teller, request));
    for (unsigned c = 0; c < DIFF_COUNT; c++) {
        const char *class = difference_name((enum difference_class)c);
        if (comparison->counts[c] == 0)
            continue;
        tally_add(tee->tally, TALLY_DIFFERENCES, comparison->counts[c],
                  "class=\"%s\",route=\"%s\",secondary_backend=\"%s\"", class, route, other);
        tally_add(tee->tally, TALLY_DIFFERING, 1,
                  "class=\"%s\",route=\"%s\",secondary_backend=\"%s\"", class, route, other);
        tally_add(tee->tally, TALLY_SHAPE_DIFFERING, 1,
                  "class=\"%s\",secondary_backend=\"%s\",shape=\"%s\"", class, other,
                  buf_terminated(&shape));
    }
}

/* "value 3, missing_series 1". */
static void print_classes(const struct comparison *comparison, struct buf *out)
{
    for (unsigned c = 0; c < DIFF_COUNT; c++)
        if (comparison->counts[c])
            buf_printf(out, "%s%s %llu", out->len ? ", " : "",
                       difference_name((enum difference_class)c),
                       (unsigned long long)comparison->counts[c]);
}

static void print_example_text(struct buf *out, const char *name, struct str text)
{
    if (text.ptr)
        buf_printf(out, " %s=%.*s", name, STR_ARGS(text));
    else
        buf_printf(out, " %s has none", name);
}

/* "first value: {...} at 1760002400.000 preferred=1 other=2". */
static void print_first_example(const struct comparison *comparison, struct buf *out)
{
    for (unsigned c = 0; c < DIFF_COUNT; c++) {
        if (comparison->example_counts[c] == 0)
            continue;
        const struct difference *example = &comparison->examples[c][0];
        buf_printf(out, "; first %s:", difference_name((enum difference_class)c));
        if (example->labels.ptr)
            buf_printf(out, " %.*s", STR_ARGS(example->labels));
        if (example->timed)
            buf_printf(out, " at %.3f", (double)example->time_ms / 1000);
        print_example_text(out, "preferred", example->preferred);
        print_example_text(out, "other", example->other);
        return;
    }
}

static void log_difference(struct teller *teller, const struct ask *a, const struct ask *b,
                           const struct comparison *comparison)
{
    const struct round_request *request = &b->round->request;
    AUTO(buf_done) struct buf words = {0};
    print_classes(comparison, &words);
    print_first_example(comparison, &words);
    struct log_line line =
        log_begin(&teller->tee->options.log, LOG_LEVEL_ERROR, "response comparison failed");
    log_text(&line, "route_name", request->route->name);
    log_text(&line, "err", buf_terminated(&words));
    log_text(&line, "path", request->path);
    log_str(&line, "query", request->params);
    log_text(&line, "user", request->tenant ? request->tenant : "");
    log_text(&line, "user_agent", request->user_agent ? request->user_agent : "");
    log_text(&line, "preferred_backend", a->backend->name);
    log_text(&line, "secondary_backend", b->backend->name);
    log_duration(&line, "preferred_response_duration", a->duration_ns);
    log_duration(&line, "secondary_response_duration", b->duration_ns);
    log_end(&line);
}

/* One line, in one write: several threads and programs may add to the file. */
static void teller_write(struct teller *teller, struct str line)
{
    if (teller->report_fd < 0)
        return;
    ssize_t written;
    do
        written = write(teller->report_fd, line.ptr, line.len);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)line.len)
        tally_add(teller->tee->tally, TALLY_REPORT_FAILED, 1, "reason=\"write\"");
}

static struct report_side side_of(const struct ask *ask)
{
    return (struct report_side){ask->backend->name, ask->status, ask->duration_ns, ask->size};
}

static void teller_count(struct teller *teller, const struct round_request *request,
                         const struct backend *other, bool different)
{
    struct tee *tee = teller->tee;
    const char *route = request->route->name;
    tally_add(tee->tally, TALLY_COMPARED, 1, "result=\"%s\",route=\"%s\",secondary_backend=\"%s\"",
              different ? "fail" : "success", route, other->name);
    summary_add_verdict(tee->summary, tee_backend_index(tee, other),
                        different ? SUMMARY_DIFFERENT : SUMMARY_SAME);
    AUTO(buf_done) struct buf shape = {0};
    if (request->promql.len)
        shape_append(request->promql, &shape);
    else
        buf_text(&shape, request->route->path);
    shapes_add_question(tee->shapes, buf_view(&shape), different);
}

void teller_same(struct teller *teller, const struct round_request *request,
                 const struct backend *other, bool again)
{
    if (again)
        tally_add(teller->tee->tally, TALLY_NOT_CONFIRMED, 1,
                  "route=\"%s\",secondary_backend=\"%s\"", request->route->name, other->name);
    tracing_verdict(teller->tee, request, other, "success", NULL);
    teller_count(teller, request, other, false);
}

void teller_different(struct teller *teller, const struct ask *a, const struct ask *b,
                      const struct comparison *comparison)
{
    const struct round_request *request = &b->round->request;
    struct report report = {
        .time_ms = request->now_ms,
        .route = request->route->name,
        .path = request->path,
        .params = request->params,
        .query = request->promql,
        .start_ms = request->start_ms,
        .end_ms = request->end_ms,
        .step_ms = request->step_ms,
        .preferred = side_of(a),
        .other = side_of(b),
        .comparison = comparison,
    };
    AUTO(buf_done) struct buf line = {0};
    report_append(&report, &line);
    teller_write(teller, buf_view(&line));
    count_classes(teller, b, comparison);
    log_difference(teller, a, b, comparison);

    AUTO(buf_done) struct buf classes = {0}, query = {0};
    print_classes(comparison, &classes);
    if (request->promql.len)
        buf_str(&query, request->promql);
    else
        buf_printf(&query, "%s?%.*s", request->path, STR_ARGS(request->params));
    struct summary_difference difference = {
        .time_ms = request->now_ms,
        .route = request->route->name,
        .backend = b->backend->name,
        .query = buf_terminated(&query),
        .classes = buf_terminated(&classes),
        .line = buf_terminated(&line),
    };
    summary_add_difference(teller->tee->summary, &difference);
    tracing_verdict(teller->tee, request, b->backend, "fail", buf_terminated(&classes));
    teller_count(teller, request, b->backend, true);
}

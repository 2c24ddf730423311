#include "query-tee/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "http/html.h"
#include "http/json_write.h"
#include "query-tee/judge.h"
#include "query-tee/tee.h"
#include "query-tee/tracer.h"

/* Shapes on the page; the JSON has all. */
#define SHAPES_SHOWN_MAX 40

/* Of a query or a shape in a table. */
#define TEXT_SHOWN_MAX 300

static const double quantiles[] = {0.5, 0.9, 0.99};
static const char *const quantile_names[] = {"p50", "p90", "p99"};

static void put_cut(struct buf *out, struct str text)
{
    if (text.len <= TEXT_SHOWN_MAX) {
        html_text(out, text);
        return;
    }
    text.len = TEXT_SHOWN_MAX;
    while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80)
        text.len--;
    html_text(out, text);
    buf_text(out, "...");
}

static void put_us(struct buf *out, uint64_t us)
{
    if (us < 1000)
        buf_printf(out, "%" PRIu64 " us", us);
    else if (us < 1000000)
        buf_printf(out, "%.3g ms", (double)us / 1e3);
    else
        buf_printf(out, "%.3g s", (double)us / 1e6);
}

static void put_bytes(struct buf *out, uint64_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)size;
    size_t unit = 0;
    while (v >= 1024 && unit + 1 < ARRAY_COUNT(units)) {
        v /= 1024;
        unit++;
    }
    buf_printf(out, v < 10 && unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
}

/* "12 ms / 30 ms / 55 ms" of 50, 90 and 99 %. */
static void put_latencies(struct buf *out, const struct sketch *latencies_us)
{
    for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++) {
        buf_text(out, i ? " / " : "");
        put_us(out, sketch_quantile(latencies_us, quantiles[i]));
    }
}

static void put_time(struct buf *out, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;
    char text[40];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_text(out, text);
}

/* How many times longer than the preferred backend, by the median. */
static void put_ratio(struct buf *out, const struct sketch *base, const struct sketch *other)
{
    double a = (double)sketch_quantile(base, 0.5), b = (double)sketch_quantile(other, 0.5);
    if (a > 0 && b > 0)
        buf_printf(out, "%.2f", b / a);
}

static void put_backends(struct tee *tee, struct buf *out)
{
    struct summary_backend base, got;
    size_t base_index =
        tee->backends.preferred ? tee_backend_index(tee, tee->backends.preferred) : 0;
    summary_backend(tee->summary, base_index, &base);
    buf_text(out,
             "<h2>Backends</h2><table><tr><th>Backend<th>Answers<th>Failed<th>Now asked"
             "<th>Same<th>Different<th>Not compared<th>Time: 50 / 90 / 99 %<th>Times as long"
             "<th>Size: 50 %</tr>");
    for (size_t i = 0; i < tee->backends.count; i++) {
        struct backend *backend = &tee->backends.items[i];
        summary_backend(tee->summary, i, &got);
        buf_text(out, "<tr><td>");
        html_text(out, str_of(backend->name));
        buf_printf(out,
                   "%s<td>%" PRIu64 "<td%s>%" PRIu64 "<td>%" PRId64 "<td>%" PRIu64 "<td%s>%" PRIu64
                   "<td>%" PRIu64 "<td>",
                   backend->preferred ? " (preferred)" : "", got.answers,
                   got.failures ? " class=bad" : "", got.failures, atomic_load(&backend->in_flight),
                   got.verdicts[SUMMARY_SAME], got.verdicts[SUMMARY_DIFFERENT] ? " class=bad" : "",
                   got.verdicts[SUMMARY_DIFFERENT], got.verdicts[SUMMARY_SKIPPED]);
        put_latencies(out, &got.latencies_us);
        buf_text(out, "<td>");
        put_ratio(out, &base.latencies_us, &got.latencies_us);
        buf_text(out, "<td>");
        put_bytes(out, sketch_quantile(&got.sizes, 0.5));
        buf_text(out, "</tr>");
    }
    buf_text(out, "</table>");
}

struct page {
    struct tee *tee;
    struct buf *out;
    struct json json;
    size_t count;
};

static void put_difference(void *context, const struct summary_difference *difference)
{
    struct page *page = context;
    struct buf *out = page->out;
    if (page->count++ == 0)
        buf_text(out, "<table><tr><th>Time (UTC)<th>Backend<th>Route<th>Query<th>Differences</tr>");
    buf_text(out, "<tr><td>");
    put_time(out, difference->time_ms);
    buf_text(out, "<td>");
    html_text(out, str_of(difference->backend));
    buf_text(out, "<td>");
    html_text(out, str_of(difference->route));
    buf_text(out, "<td><code>");
    put_cut(out, str_of(difference->query));
    buf_text(out, "</code><td>");
    html_text(out, str_of(difference->classes));
    buf_text(out, "</tr>");
}

static void put_shape(void *context, const struct shape_total *total)
{
    struct page *page = context;
    struct buf *out = page->out;
    const struct tee *tee = page->tee;
    size_t base = tee->backends.preferred ? tee_backend_index(tee, tee->backends.preferred) : 0;
    if (page->count++ >= SHAPES_SHOWN_MAX)
        return;
    buf_text(out, "<tr><td><code>");
    put_cut(out, total->shape);
    buf_printf(out, "</code><td>%" PRIu64 "<td%s>%" PRIu64, total->question_count,
               total->different_count ? " class=bad" : "", total->different_count);
    for (size_t i = 0; i < tee->backends.count; i++) {
        buf_text(out, "<td>");
        put_latencies(out, &total->latencies_us[i]);
        if (i != base) {
            buf_text(out, "<td>");
            put_ratio(out, &total->latencies_us[base], &total->latencies_us[i]);
        }
        buf_text(out, "<td>");
        put_bytes(out, sketch_quantile(&total->sizes[i], 0.5));
    }
    buf_text(out, "</tr>");
}

static void put_shapes(struct page *page)
{
    struct tee *tee = page->tee;
    struct buf *out = page->out;
    buf_text(out, "<h2>Queries by shape</h2><table><tr><th>Shape<th>Compared<th>Different");
    for (size_t i = 0; i < tee->backends.count; i++) {
        const struct backend *backend = &tee->backends.items[i];
        bool base = tee->backends.preferred ? backend->preferred : i == 0;
        buf_text(out, "<th>");
        html_text(out, str_of(backend->name));
        buf_printf(out, ": 50 / 90 / 99 %%%s<th>Size", base ? "" : "<th>Times as long");
    }
    buf_text(out, "</tr>");
    page->count = 0;
    shapes_each(tee->shapes, put_shape, page);
    buf_text(out, "</table>");
    if (page->count > SHAPES_SHOWN_MAX)
        buf_printf(out, "<p>and %zu more in <a href=api/v1/tee>JSON</a>.",
                   page->count - SHAPES_SHOWN_MAX);
}

void page_print(struct tee *tee, struct buf *out)
{
    struct page page = {.tee = tee, .out = out};
    buf_text(out,
             "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>query-tee</title><style>"
             "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}"
             "td,th{border:1px solid #bbb;padding:3px 8px;text-align:left;vertical-align:top}"
             ".bad{background:#fcc}code{white-space:pre-wrap}</style><h1>query-tee</h1><p>");
    buf_printf(out,
               "Up for %" PRId64 " s. Answers are %s. The same as <a href=api/v1/tee>JSON</a>.",
               (clock_now_ms() - tee->start_ms) / 1000,
               tee->judge ? "compared" : "not compared: start with --proxy.compare-responses");
    put_backends(tee, out);
    buf_text(out, "<h2>Newest differences</h2>");
    summary_each_difference(tee->summary, put_difference, &page);
    buf_text(out, page.count ? "</table>" : "<p>None.");
    put_shapes(&page);
    buf_text(out, "</html>\n");
}

/* {"p50":...} of what is counted in this part of a unit. */
static void json_quantiles(struct json *json, const char *key, const struct sketch *sketch,
                           double parts)
{
    json_key(json, key);
    json_object(json);
    for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++) {
        json_key(json, quantile_names[i]);
        json_double(json, (double)sketch_quantile(sketch, quantiles[i]) / parts);
    }
    json_object_end(json);
}

static void json_field(struct json *json, const char *key, uint64_t v)
{
    json_key(json, key);
    json_uint(json, v);
}

static void json_backends(struct tee *tee, struct json *json)
{
    struct summary_backend got;
    json_key(json, "backends");
    json_array(json);
    for (size_t i = 0; i < tee->backends.count; i++) {
        struct backend *backend = &tee->backends.items[i];
        int64_t in_flight = atomic_load(&backend->in_flight);
        summary_backend(tee->summary, i, &got);
        json_object(json);
        json_key(json, "name");
        json_text(json, backend->name);
        json_key(json, "preferred");
        json_bool(json, backend->preferred);
        json_field(json, "answers", got.answers);
        json_field(json, "failures", got.failures);
        json_field(json, "inFlight", in_flight > 0 ? (uint64_t)in_flight : 0);
        json_field(json, "same", got.verdicts[SUMMARY_SAME]);
        json_field(json, "different", got.verdicts[SUMMARY_DIFFERENT]);
        json_field(json, "skipped", got.verdicts[SUMMARY_SKIPPED]);
        json_quantiles(json, "latencySeconds", &got.latencies_us, 1e6);
        json_quantiles(json, "sizeBytes", &got.sizes, 1);
        json_object_end(json);
    }
    json_array_end(json);
}

static void json_shape(void *context, const struct shape_total *total)
{
    struct page *page = context;
    struct json *json = &page->json;
    json_object(json);
    json_key(json, "shape");
    json_string(json, total->shape);
    json_field(json, "compared", total->question_count);
    json_field(json, "different", total->different_count);
    json_key(json, "backends");
    json_array(json);
    for (size_t i = 0; i < page->tee->backends.count; i++) {
        json_object(json);
        json_key(json, "name");
        json_text(json, page->tee->backends.items[i].name);
        json_field(json, "answers", total->latencies_us[i].count);
        json_quantiles(json, "latencySeconds", &total->latencies_us[i], 1e6);
        json_quantiles(json, "sizeBytes", &total->sizes[i], 1);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void json_difference(void *context, const struct summary_difference *difference)
{
    struct page *page = context;
    struct str line = str_of(difference->line);
    while (line.len > 0 && line.ptr[line.len - 1] == '\n')
        line.len--;
    if (line.len > 0)
        json_raw(&page->json, line);
}

void page_print_json(struct tee *tee, struct buf *out)
{
    struct page page = {.tee = tee, .out = out, .json = {.out = out}};
    struct json *json = &page.json;
    json_object(json);
    json_key(json, "status");
    json_text(json, "success");
    json_key(json, "data");
    json_object(json);
    json_field(json, "uptimeSeconds", (uint64_t)(clock_now_ms() - tee->start_ms) / 1000);
    json_backends(tee, json);
    json_key(json, "shapes");
    json_array(json);
    shapes_each(tee->shapes, json_shape, &page);
    json_array_end(json);
    json_key(json, "differences");
    json_array(json);
    summary_each_difference(tee->summary, json_difference, &page);
    json_array_end(json);
    json_object_end(json);
    json_object_end(json);
    buf_byte(out, '\n');
}

static void put_gauge(struct exposition *out, const char *name, const char *type, const char *help,
                      double v)
{
    exposition_family(out, name, help, type);
    exposition_value(out, "", v);
}

static void put_process(const struct tee *tee, struct exposition *out)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    put_gauge(out, "process_cpu_seconds_total", "counter",
              "Total user and system CPU time spent in seconds.",
              (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    AUTO(buf_done) struct buf statm = {0};
    struct err err;
    if (file_read("/proc/self/statm", 4096, &statm, &err)) {
        char *behind;
        strtoull(buf_terminated(&statm), &behind, 10);
        put_gauge(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
                  (double)strtoull(behind, NULL, 10) * (double)sysconf(_SC_PAGESIZE));
    }
    put_gauge(out, "process_start_time_seconds", "gauge",
              "Start time of the process since unix epoch in seconds.",
              (double)tee->start_ms / 1000);
}

static void put_spans(struct tee *tee, struct exposition *out)
{
    struct tracer_counts counts = {0};
    if (tee->tracer)
        counts = tracer_counts(tee->tracer);
    put_gauge(out, "millrace_querytee_spans_sent_total", "counter",
              "Spans that the collector has taken.", (double)counts.sent);
    exposition_family(out, "millrace_querytee_spans_dropped_total",
                      "Spans that nobody will see, by why.", "counter");
    exposition_count(out, "reason=\"queue_full\"", counts.queue_full);
    exposition_count(out, "reason=\"not_taken\"", counts.failed);
}

void page_print_gauges(struct tee *tee, struct exposition *out)
{
    exposition_family(out, "millrace_querytee_requests_in_flight",
                      "Requests under way to a backend.", "gauge");
    for (size_t i = 0; i < tee->backends.count; i++) {
        AUTO(buf_done) struct buf labels = {0};
        buf_printf(&labels, "backend=\"%s\"", tee->backends.items[i].name);
        exposition_value(out, buf_terminated(&labels),
                         (double)atomic_load(&tee->backends.items[i].in_flight));
    }
    put_gauge(out, "millrace_querytee_comparisons_waiting", "gauge",
              "Comparisons that wait for their turn.",
              tee->judge ? (double)judge_waiting_count(tee->judge) : 0);
    put_gauge(out, "millrace_querytee_body_memory_bytes", "gauge",
              "Memory that bodies of answers hold.",
              (double)atomic_load(&tee->memory_budget.used_bytes));
    put_gauge(out, "millrace_querytee_body_disk_bytes", "gauge",
              "Space that bodies of answers hold in temporary files.",
              (double)atomic_load(&tee->disk_budget.used_bytes));
    put_gauge(out, "millrace_querytee_request_memory_bytes", "gauge",
              "Memory that copies of requests hold.",
              (double)atomic_load(&tee->request_budget.used_bytes));
    put_gauge(out, "millrace_querytee_threads", "gauge",
              "Threads that take long answers to memory and disk, or wait to.",
              (double)crew_thread_count(tee->rounds.crew));
    put_gauge(out, "millrace_querytee_grpc_connections", "gauge", "Connections of gRPC there are.",
              tee->grpc ? (double)grpc_listener_connection_count(tee->grpc) : 0);
    put_spans(tee, out);
    put_process(tee, out);
}

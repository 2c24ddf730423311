#include "server/read_metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "server/metrics_histogram.h"
#include "server/metrics_text.h"

static const struct classic_scale duration_scale = {
    1e9, 13, {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60}};

static const char *const kind_names[READ_KIND_COUNT] = {
    [READ_KIND_SAMPLED] = "sampled",
    [READ_KIND_CHUNKED] = "chunked",
    [READ_KIND_UNSUPPORTED] = "unsupported",
};

void read_metrics_init(struct read_metrics *metrics)
{
    pthread_mutex_init(&metrics->lock, NULL);
    metrics->first = NULL;
}

void read_metrics_done(struct read_metrics *metrics)
{
    while (metrics->first) {
        struct read_counters *counters = metrics->first;
        metrics->first = counters->next;
        free(counters->name);
        free(counters->url);
        free(counters);
    }
    pthread_mutex_destroy(&metrics->lock);
}

struct read_counters *read_metrics_of(struct read_metrics *metrics, const char *name,
                                      const char *url)
{
    pthread_mutex_lock(&metrics->lock);
    struct read_counters *counters = metrics->first;
    while (counters && (strcmp(counters->name, name) != 0 || strcmp(counters->url, url) != 0))
        counters = counters->next;
    if (!counters) {
        counters = mem_new(struct read_counters);
        counters->name = mem_strdup(name);
        counters->url = mem_strdup(url);
        counters->next = metrics->first;
        metrics->first = counters;
    }
    pthread_mutex_unlock(&metrics->lock);
    return counters;
}

enum read_kind read_kind_of(const char *content_type)
{
    static const char streamed[] =
        "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    if (strncmp(content_type, streamed, sizeof streamed - 1) == 0)
        return READ_KIND_CHUNKED;
    bool sampled = strncmp(content_type, "application/x-protobuf", 22) == 0;
    return sampled ? READ_KIND_SAMPLED : READ_KIND_UNSUPPORTED;
}

void read_counters_begun(struct read_counters *counters, enum read_kind kind, int64_t duration_ns)
{
    classic_histogram_observe(&counters->duration[kind], &duration_scale, (uint64_t)duration_ns);
    if (kind != READ_KIND_CHUNKED)
        atomic_fetch_add(&counters->done[kind], 1);
}

void read_counters_ended(struct read_counters *counters, enum read_kind kind, bool whole)
{
    if (kind == READ_KIND_CHUNKED)
        atomic_fetch_add(whole ? &counters->done[kind] : &counters->aborted, 1);
}

static void put_text_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_byte(out, '\\');
        if (*text == '\n')
            buf_text(out, "\\n");
        else
            buf_byte(out, *text);
    }
}

/* The labels of a server; behind them `more`. */
static const char *labels_of(const struct read_counters *counters, const char *more,
                             struct buf *out)
{
    buf_clear(out);
    buf_text(out, "remote_name=\"");
    put_text_escaped(out, counters->name);
    buf_text(out, "\",");
    buf_text(out, more);
    buf_text(out, *more ? ",url=\"" : "url=\"");
    put_text_escaped(out, counters->url);
    buf_byte(out, '"');
    return buf_terminated(out);
}

static const char *labels_of_kind(const struct read_counters *counters, const char *code,
                                  enum read_kind kind, struct buf *out)
{
    AUTO(buf_done) struct buf more = {0};
    if (code)
        buf_printf(&more, "code=\"%s\",", code);
    buf_printf(&more, "response_type=\"%s\"", kind_names[kind]);
    return labels_of(counters, buf_terminated(&more), out);
}

static void put_total(struct buf *out, const char *name, const char *labels, uint64_t count)
{
    if (count > 0)
        buf_printf(out, "%s{%s} %" PRIu64 "\n", name, labels, count);
}

void read_metrics_print(struct read_metrics *metrics, struct buf *out)
{
    static const char asking[] = "prometheus_remote_read_client_queries";
    static const char total[] = "prometheus_remote_read_client_queries_total";
    static const char duration[] = "prometheus_remote_read_client_request_duration_seconds";
    AUTO(buf_done) struct buf text = {0};
    pthread_mutex_lock(&metrics->lock);
    const struct read_counters *first = metrics->first; /* behind it nothing changes */
    pthread_mutex_unlock(&metrics->lock);
    if (!first)
        return;
    put_head(out, asking, "gauge", "The number of in-flight remote read queries.");
    for (const struct read_counters *of = first; of; of = of->next)
        buf_printf(out, "%s{%s} %" PRIu64 "\n", asking, labels_of(of, "", &text),
                   atomic_load(&of->asking));
    put_head(out, total, "counter", "The total number of remote read queries.");
    for (const struct read_counters *of = first; of; of = of->next) {
        for (size_t kind = 0; kind < READ_KIND_COUNT; kind++)
            put_total(out, total, labels_of_kind(of, "200", (enum read_kind)kind, &text),
                      atomic_load(&of->done[kind]));
        put_total(out, total, labels_of_kind(of, "aborted_stream", READ_KIND_CHUNKED, &text),
                  atomic_load(&of->aborted));
    }
    put_head(out, duration, "histogram",
             "Histogram of the latency for remote read requests. Note that for streamed responses "
             "this is only the duration of the initial call and does not include the processing of "
             "the stream.");
    for (const struct read_counters *of = first; of; of = of->next)
        for (size_t kind = 0; kind < READ_KIND_COUNT; kind++)
            if (atomic_load(&of->duration[kind].count) > 0)
                put_histogram(out, duration, labels_of_kind(of, NULL, (enum read_kind)kind, &text),
                              &of->duration[kind], &duration_scale);
}

/*
 * /api/v1/write: remote write, 1.0 and 2.0.
 *
 *     headers          -> which message, packed how: else 415
 *     body             -> unpacked, once the size that it announces fits the limit
 *     message          -> series, labels and samples, borrowed from the bytes
 *     db_append        -> checked, logged, in memory
 *     db_append_notes  -> exemplars that the ring has taken, and metadata, where they are kept
 *     204, or 400 for what would be refused again, or 503 for what may come again
 *
 * Of a 1.0 request all is written or nothing; of a 2.0 request what is good is, and its headers say
 * how much.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/api.h"
#include "server/routes.h"
#include "server/server.h"
#include "storage/append_labels.h"
#include "storage/remote/snappy_block.h"

/* So far ahead of our clock may samples be. */
#define AHEAD_MS (10 * 60 * 1000)

void receiver_init(struct receiver *receiver, struct server *server)
{
    const struct serve_options *options = &server->options;
    receiver->options = (struct write_options){
        .series_max = (size_t)options->write_series_max,
        .label_max = (size_t)options->write_label_max,
        .label_name_size_max = (size_t)options->write_label_name_max,
        .label_value_size_max = (size_t)options->write_label_value_max,
        .label_text_size_max = 8 * (size_t)options->write_decoded_max,
        .type_and_unit = server->features.modes.type_and_unit,
    };
    receiver->decoded_size_max = (size_t)options->write_decoded_max;
    receiver->budget = &server->request_budget;
}

/* The body itself may hold twice its size, and no less than this. */
#define BODY_SHARE 2
#define BODY_SIZE_LEAST 4096

/* One request on its way. */
struct delivery {
    struct server *server;
    struct receiver *receiver;
    const struct request *request;
    enum write_version version;
    struct budget budget; /* what this request has of the receiver's */
    struct arena *arena;  /* the unpacked bytes, and all that is made of them */
    struct str message;
    struct write_request write;
    struct append_result result;
    struct append_note *notes; /* on the heap: what else goes into the log */
    size_t note_count, note_cap;
};

static void delivery_note(struct delivery *delivery, struct append_note note)
{
    mem_grow(delivery->notes, struct append_note, delivery->note_count, &delivery->note_cap);
    delivery->notes[delivery->note_count++] = note;
}

static void add(_Atomic uint64_t *counter, size_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/*
 * There is no memory for the request: just now, or, if nobody else has any, at all. What others
 * hold may change meanwhile; the next time it is asked again.
 */
static bool delivery_lacks_memory(const struct delivery *delivery, struct err *err)
{
    const struct budget *all = delivery->receiver->budget;
    size_t others = atomic_load(&all->used_bytes) - atomic_load(&delivery->budget.used_bytes);
    if (others <= BODY_SHARE * delivery->request->body.len + BODY_SIZE_LEAST)
        return err_set(err, ERR_BAD_DATA,
                       "the request needs more memory than --web.request-memory allows");
    return err_set(err, ERR_LIMIT, "too many large requests at once; try again later");
}

static bool delivery_unpack(struct delivery *delivery, struct err *err)
{
    struct receiver *receiver = delivery->receiver;
    struct str body = delivery->request->body;
    size_t size;
    if (!snappy_block_size(body, &size, err))
        return false;
    if (size > receiver->decoded_size_max)
        return err_set(err, ERR_BAD_DATA, "decoded size exceeds the %zu bytes limit",
                       receiver->decoded_size_max);
    char *bytes = arena_try_array(delivery->arena, char, size, err);
    if (!bytes || !snappy_block_unpack(body, bytes, size, err))
        return false;
    delivery->message = (struct str){bytes, size};
    add(&receiver->packed_bytes, body.len);
    add(&receiver->decoded_bytes, size);
    return true;
}

static bool delivery_decode(struct delivery *delivery, struct err *err)
{
    const struct write_options *options = &delivery->receiver->options;
    if (delivery->version == WRITE_VERSION_1)
        return write_request_decode_1(delivery->message, options, delivery->arena, &delivery->write,
                                      err);
    return write_request_decode_2(delivery->message, options, delivery->arena, &delivery->write,
                                  err);
}

static bool delivery_read(struct delivery *delivery, struct err *err)
{
    if (delivery_unpack(delivery, err) && delivery_decode(delivery, err))
        return true;
    return err->kind == ERR_LIMIT ? delivery_lacks_memory(delivery, err) : false;
}

static void delivery_count(const struct delivery *delivery)
{
    struct receiver *receiver = delivery->receiver;
    const struct append_result *result = &delivery->result;
    add(&receiver->out_of_order, result->out_of_order_count);
    add(&receiver->out_of_bounds, result->out_of_bounds_count);
    add(&receiver->too_old, result->too_old_count);
    add(&receiver->duplicate, result->duplicate_count);
    add(&receiver->invalid_histogram, result->invalid_histogram_count);
    add(&receiver->invalid_labels,
        result->invalid_label_count + delivery->write.invalid_label_count);
    add(&receiver->over_limit, delivery->write.limited_count);
}

/* What the decoder left out stands in front of what the database refused. */
static bool refused_before(const struct write_request *write, struct err *err)
{
    if (write->refused.kind == ERR_NONE)
        return err->kind == ERR_NONE;
    if (err->kind == ERR_NONE) {
        *err = write->refused;
    } else if (err->kind == ERR_BAD_DATA) {
        AUTO(buf_done) struct buf behind = {0};
        buf_text(&behind, err->msg);
        err_set(err, ERR_BAD_DATA, "%s\n%s", write->refused.msg, buf_terminated(&behind));
    }
    return false;
}

/* The labels of a series in order, in the arena; false: they are not good. */
static bool series_labels(const struct delivery *delivery, const struct append_series *series,
                          const struct wal_label **ret_labels, size_t *ret_count)
{
    struct wal_label *labels = arena_array(delivery->arena, struct wal_label, series->label_count);
    memcpy(labels, series->labels, series->label_count * sizeof *labels);
    *ret_labels = labels;
    *ret_count = series->label_count;
    return append_labels_check(labels, ret_count) == APPEND_LABELS_GOOD;
}

/*
 * Keeps the exemplars of a series whose labels are good. An error tells of the first one that is
 * behind its series' newest.
 */
static void keep_exemplars(struct delivery *delivery, const struct append_series *series,
                           int64_t future_ms, struct err *err)
{
    const struct wal_label *labels;
    size_t label_count;
    if (!series_labels(delivery, series, &labels, &label_count))
        return;
    for (size_t i = 0; i < series->exemplar_count; i++) {
        const struct append_exemplar *exemplar = &series->exemplars[i];
        enum exemplar_verdict verdict = EXEMPLAR_TOO_LARGE;
        if (exemplar->t_ms <= future_ms)
            verdict = exemplars_append(delivery->server->exemplars, labels, label_count, exemplar);
        delivery->result.exemplar_count +=
            verdict == EXEMPLAR_TAKEN || verdict == EXEMPLAR_NO_ROOM; /* as without a ring */
        if (verdict == EXEMPLAR_TAKEN)
            delivery_note(delivery, (struct append_note){labels, label_count, exemplar, NULL});
        if (verdict != EXEMPLAR_OUT_OF_ORDER || err->kind != ERR_NONE)
            continue;
        AUTO(buf_done) struct buf line = {0};
        append_labels_print(labels, label_count, &line);
        err_set(err, ERR_BAD_DATA, "out of order exemplar for series %s", buf_terminated(&line));
    }
}

/* Of 1.0, what is wrong with exemplars is no error. Without a ring all count, as in Prometheus. */
static bool delivery_keep_exemplars(struct delivery *delivery, int64_t future_ms, struct err *err)
{
    if (!delivery->server->exemplars)
        return true;
    struct err behind;
    err_clear(&behind);
    delivery->result.exemplar_count = 0;
    for (size_t i = 0; i < delivery->write.count; i++)
        if (delivery->write.series[i].exemplar_count > 0)
            keep_exemplars(delivery, &delivery->write.series[i], future_ms, &behind);
    if (behind.kind == ERR_NONE || delivery->version == WRITE_VERSION_1)
        return true;
    if (err->kind == ERR_NONE)
        *err = behind;
    return false;
}

/* What a later start is to know: exemplars that were taken, and, if asked for, metadata. */
static bool delivery_append_notes(struct delivery *delivery, struct err *err)
{
    const struct write_request *write = &delivery->write;
    for (size_t i = 0; i < write->count && delivery->server->features.metadata; i++) {
        const struct append_series *series = &write->series[i];
        const struct wal_label *labels;
        size_t label_count;
        if (series->metadata && series_labels(delivery, series, &labels, &label_count))
            delivery_note(delivery,
                          (struct append_note){labels, label_count, NULL, series->metadata});
    }
    struct err failed = {0};
    bool good =
        db_append_notes(delivery->server->db, delivery->notes, delivery->note_count, &failed);
    free(delivery->notes);
    delivery->notes = NULL;
    if (!good)
        *err = failed; /* to be sent again, whatever else was wrong */
    return good;
}

static bool delivery_append(struct delivery *delivery, struct err *err)
{
    struct append_batch batch = {
        .series = delivery->write.series,
        .count = delivery->write.count,
        .future_ms = clock_now_ms() + AHEAD_MS,
    };
    bool all = delivery->version == WRITE_VERSION_1;
    bool good = db_append(delivery->server->db, &batch,
                          all ? APPEND_ALL_OR_NOTHING : APPEND_KEEP_GOOD, &delivery->result, err);
    if (good || (!all && err->kind == ERR_BAD_DATA)) {
        good = delivery_keep_exemplars(delivery, batch.future_ms, err) && good;
        good = delivery_append_notes(delivery, err) && good;
    }
    delivery_count(delivery);
    return refused_before(&delivery->write, err) && good;
}

static struct str metric_of(const struct append_series *series)
{
    for (size_t i = 0; i < series->label_count; i++)
        if (str_eq(series->labels[i].name, STR("__name__")))
            return series->labels[i].value;
    return STR("");
}

/* Of series in a row mostly the same is told: texts of one symbol are at one place. */
static bool is_told(const struct append_series *before, const struct append_series *series)
{
    return before && before->metadata->help.ptr == series->metadata->help.ptr &&
           before->metadata->unit.ptr == series->metadata->unit.ptr &&
           before->metadata->type == series->metadata->type &&
           metric_of(before).ptr == metric_of(series).ptr;
}

static void delivery_keep_metadata(const struct delivery *delivery)
{
    const struct write_request *write = &delivery->write;
    struct metadata *metadata = delivery->server->metadata;
    for (size_t i = 0; i < write->metadata_count; i++)
        metadata_set(metadata, write->metadata[i].family, &write->metadata[i].about);
    const struct append_series *before = NULL;
    for (size_t i = 0; i < write->count; i++) {
        const struct append_series *series = &write->series[i];
        if (!series->metadata || is_told(before, series))
            continue;
        metadata_set(metadata, metadata_family(metric_of(series), series->metadata->type),
                     series->metadata);
        before = series;
    }
}

static const char *number_text(const struct delivery *delivery, size_t number)
{
    return arena_printf(delivery->request->arena, "%zu", number);
}

/* In every answer to a 2.0 request that was read, also where all is 0. */
static void answer_written(const struct delivery *delivery, struct answer *answer)
{
    const struct append_result *result = &delivery->result;
    answer_header(answer, "X-Prometheus-Remote-Write-Samples-Written",
                  number_text(delivery, result->sample_count));
    answer_header(answer, "X-Prometheus-Remote-Write-Histograms-Written",
                  number_text(delivery, result->histogram_count));
    answer_header(answer, "X-Prometheus-Remote-Write-Exemplars-Written",
                  number_text(delivery, result->exemplar_count));
}

static void log_failure(const struct delivery *delivery, int status, const char *why)
{
    char client[INET6_ADDRSTRLEN];
    request_client(delivery->request, client, sizeof client);
    enum log_level level = status >= 500 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN;
    struct log_line line = log_begin(&delivery->server->log, level, "Remote write request refused");
    log_text(&line, "client", client);
    log_number(&line, "status", status);
    log_str(&line, "err", (struct str){why, strcspn(why, "\n")});
    log_end(&line);
}

/* Series that 1.0 leaves out without telling its client. */
static void log_invalid_labels(const struct delivery *delivery)
{
    if (!delivery->result.invalid_labels[0] || delivery->version != WRITE_VERSION_1)
        return;
    struct log_line line =
        log_begin(&delivery->server->log, LOG_LEVEL_WARN, "Series were left out");
    log_text(&line, "first", delivery->result.invalid_labels);
    log_number(&line, "samples", (int64_t)delivery->result.invalid_label_count);
    log_end(&line);
}

static int status_of(const struct err *err)
{
    switch (err->kind) {
    case ERR_BAD_DATA:
        return 400;
    case ERR_UNSUPPORTED:
        return 415;
    case ERR_NONE:
    case ERR_EXECUTION:
    case ERR_CANCELED:
    case ERR_TIMEOUT:
    case ERR_LIMIT: /* of memory: there will be some */
    case ERR_NOT_FOUND:
    case ERR_CORRUPT:
    case ERR_IO: /* a disk that is full will have room */
        return 503;
    }
    return 503;
}

static void answer_failure(const struct delivery *delivery, const struct err *err,
                           struct answer *answer)
{
    int status = status_of(err);
    answer_error_text(answer, status, err->msg);
    log_failure(delivery, status, err->msg);
}

void route_write(struct server *server, const struct request *request, struct answer *answer)
{
    if (!server->options.write_receiver) {
        answer_error_text(answer, 404,
                          "remote write receiver needs to be enabled with "
                          "--web.enable-remote-write-receiver");
        return;
    }
    struct delivery delivery = {
        .server = server, .receiver = &server->receiver, .request = request};
    struct err err;
    err_clear(&err);
    if (!write_content_read(request_header(request, "Content-Type"),
                            request_header(request, "Content-Encoding"), &delivery.version, &err)) {
        answer_failure(&delivery, &err, answer);
        return;
    }
    add(&delivery.receiver->requests[delivery.version], 1);
    budget_init(&delivery.budget, delivery.receiver->budget, "--web.request-memory", 0);
    AUTO(arena_destroy) struct arena *arena = arena_create(&delivery.budget);
    delivery.arena = arena;
    bool good = delivery_read(&delivery, &err) && delivery_append(&delivery, &err);
    if (delivery.version == WRITE_VERSION_2)
        answer_written(&delivery, answer);
    if (good || err.kind == ERR_BAD_DATA)
        delivery_keep_metadata(&delivery);
    if (good)
        api_no_content(answer);
    else
        answer_failure(&delivery, &err, answer);
    log_invalid_labels(&delivery);
}

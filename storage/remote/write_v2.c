/*
 * io.prometheus.write.v2.Request, remote write 2.0: all texts once, in `symbols`, and numbers of
 * them where they stand:
 *
 *     Request      4 symbols string...   5 timeseries TimeSeries...
 *     TimeSeries   1 labels_refs u32...  2 samples Sample...    3 histograms Histogram...
 *                  4 exemplars Exemplar...                      5 metadata Metadata
 *     Sample       1 value double        2 timestamp int64      3 start_timestamp int64
 *     Exemplar     1 labels_refs u32...  2 value double         3 timestamp int64
 *     Metadata     1 type enum           3 help_ref u32         4 unit_ref u32
 *     Histogram    drawn in write_histogram.c
 *
 * labels_refs are pairs of name and value. Symbols may stand behind their use, so they are gathered
 * first. What a number out of range spoils is left out and told, and the rest is kept.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "storage/append_labels.h"
#include "storage/remote/write_decode.h"

enum { REQUEST_SYMBOLS = 4, REQUEST_SERIES, REQUEST_FIELDS };
enum {
    SERIES_LABELS = 1,
    SERIES_SAMPLES,
    SERIES_HISTOGRAMS,
    SERIES_EXEMPLARS,
    SERIES_METADATA,
    SERIES_FIELDS,
};
enum { EXEMPLAR_LABELS = 1, EXEMPLAR_FIELDS };

struct refs {
    uint32_t *items;
    size_t count;
};

struct exemplar {
    struct refs refs;
    struct append_exemplar rest; /* without labels */
};

struct metadata {
    uint64_t type;
    uint32_t help_ref;
    uint32_t unit_ref;
};

/* A series as it was sent. */
struct sent {
    struct refs refs;
    struct append_sample *samples;
    size_t sample_count;
    struct append_histogram *histograms;
    size_t histogram_count;
    struct exemplar *exemplars;
    size_t exemplar_count;
    struct metadata metadata;
};

static void read_ref(struct proto_reader *r, struct refs *refs)
{
    uint64_t ref = proto_uvarint(r);
    if (!r->failed)
        refs->items[refs->count++] = (uint32_t)ref;
}

static void read_refs(struct proto_reader *r, struct refs *refs)
{
    if (r->wire == PROTO_VARINT) {
        read_ref(r, refs);
        return;
    }
    struct proto_reader run = proto_message(r, "LabelsRefs", "");
    while (run.at < run.end && !run.failed)
        read_ref(&run, refs);
    r->failed = run.failed;
}

static bool read_metadata(struct proto_reader r, struct metadata *out)
{
    while (proto_next(&r))
        switch (r.number) {
        case 1:
            out->type = proto_number(&r, "Type");
            break;
        case 3:
            out->help_ref = (uint32_t)proto_number(&r, "HelpRef");
            break;
        case 4:
            out->unit_ref = (uint32_t)proto_number(&r, "UnitRef");
            break;
        default:
            proto_skip(&r);
        }
    return proto_good(&r);
}

static bool read_exemplar(struct write_decoder *decoder, struct str bytes, struct exemplar *out)
{
    static const enum proto_run runs[EXEMPLAR_FIELDS] = {[EXEMPLAR_LABELS] = PROTO_VARINTS};
    size_t counts[EXEMPLAR_FIELDS];
    proto_count(bytes, runs, counts, EXEMPLAR_FIELDS);
    out->refs.items = write_array(decoder, uint32_t, counts[EXEMPLAR_LABELS]);
    if (!out->refs.items)
        return false;
    struct proto_reader r = proto_reader_of(bytes, "Exemplar", decoder->err);
    while (proto_next(&r))
        if (r.number == EXEMPLAR_LABELS)
            read_refs(&r, &out->refs);
        else
            write_decode_exemplar_field(&r, &out->rest);
    return proto_good(&r);
}

static bool make_room(struct write_decoder *decoder, struct str bytes, struct sent *sent)
{
    static const enum proto_run runs[SERIES_FIELDS] = {[SERIES_LABELS] = PROTO_VARINTS};
    size_t counts[SERIES_FIELDS];
    proto_count(bytes, runs, counts, SERIES_FIELDS);
    sent->refs.items = write_array(decoder, uint32_t, counts[SERIES_LABELS]);
    sent->samples = write_array(decoder, struct append_sample, counts[SERIES_SAMPLES]);
    sent->histograms = write_array(decoder, struct append_histogram, counts[SERIES_HISTOGRAMS]);
    sent->exemplars = write_array(decoder, struct exemplar, counts[SERIES_EXEMPLARS]);
    return sent->refs.items && sent->samples && sent->histograms && sent->exemplars;
}

static bool read_series_field(struct write_decoder *decoder, struct proto_reader *r,
                              struct sent *sent)
{
    struct str inside;
    switch (r->number) {
    case SERIES_LABELS:
        read_refs(r, &sent->refs);
        return true;
    case SERIES_SAMPLES:
        return write_decode_sample(proto_message(r, "Samples", "Sample"), true,
                                   &sent->samples[sent->sample_count++]);
    case SERIES_HISTOGRAMS:
        inside = proto_bytes(r, "Histograms");
        return proto_good(r) && write_decode_histogram(decoder, inside, true,
                                                       &sent->histograms[sent->histogram_count++]);
    case SERIES_EXEMPLARS:
        inside = proto_bytes(r, "Exemplars");
        return proto_good(r) &&
               read_exemplar(decoder, inside, &sent->exemplars[sent->exemplar_count++]);
    case SERIES_METADATA:
        return read_metadata(proto_message(r, "Metadata", "Metadata"), &sent->metadata);
    default:
        proto_skip(r);
        return true;
    }
}

static bool read_series(struct write_decoder *decoder, struct str bytes, struct sent *sent)
{
    if (!make_room(decoder, bytes, sent))
        return false;
    struct proto_reader r = proto_reader_of(bytes, "TimeSeries", decoder->err);
    while (proto_next(&r))
        if (!read_series_field(decoder, &r, sent))
            return false;
    return proto_good(&r);
}

/* A line more on what was refused, if there is room for all of it. */
static void refuse(struct write_request *request, const char *line)
{
    struct err *refused = &request->refused;
    size_t len = strlen(refused->msg), more = strlen(line);
    if (refused->kind == ERR_NONE) {
        err_set(refused, ERR_BAD_DATA, "%s", line);
    } else if (len + 1 + more < sizeof refused->msg) {
        refused->msg[len] = '\n';
        memcpy(refused->msg + len + 1, line, more + 1);
    }
}

/* `parsing labels for series [1 2 9]: ...`: a series whose numbers lead nowhere. */
static void refuse_series(struct write_request *request, const char *what, const struct refs *refs,
                          const struct err *why)
{
    AUTO(buf_done) struct buf line = {0};
    buf_printf(&line, "parsing %s for series [", what);
    for (size_t i = 0; i < refs->count && line.len < sizeof why->msg; i++)
        buf_printf(&line, i == 0 ? "%" PRIu32 : " %" PRIu32, refs->items[i]);
    buf_printf(&line, "]: %s", why->msg);
    refuse(request, buf_terminated(&line));
}

/* The labels that pairs of numbers stand for; `out` has room. */
static bool resolve_labels(const struct write_decoder *decoder, const struct refs *refs,
                           struct wal_label *out, struct err *err)
{
    size_t count = decoder->symbol_count;
    if (refs->count % 2 != 0)
        return err_set(err, ERR_BAD_DATA, "invalid labelRefs length %zu", refs->count);
    for (size_t i = 0; i < refs->count; i += 2) {
        uint32_t name = refs->items[i], value = refs->items[i + 1];
        if (name >= count || value >= count)
            return err_set(err, ERR_BAD_DATA,
                           "labelRefs %" PRIu32 " (name) = %" PRIu32
                           " (value) outside of symbols table (size %zu)",
                           name, value, count);
        out[i / 2].name = decoder->symbols[name];
        out[i / 2].value = decoder->symbols[value];
    }
    return true;
}

static bool resolve_metadata(const struct write_decoder *decoder, const struct metadata *metadata,
                             struct append_metadata *out, struct err *err)
{
    size_t count = decoder->symbol_count;
    if (metadata->unit_ref >= count)
        return err_set(err, ERR_BAD_DATA,
                       "metadata unit_ref %" PRIu32 " outside of symbols table (size %zu)",
                       metadata->unit_ref, count);
    if (metadata->help_ref >= count)
        return err_set(err, ERR_BAD_DATA,
                       "metadata help_ref %" PRIu32 " outside of symbols table (size %zu)",
                       metadata->help_ref, count);
    out->type = write_metric_of(metadata->type);
    out->unit = decoder->symbols[metadata->unit_ref];
    out->help = decoder->symbols[metadata->help_ref];
    return true;
}

/* Labels __type__ and __unit__ as the metadata says, in place of those that were sent. */
static size_t set_type_and_unit(const struct append_metadata *about, struct wal_label *labels,
                                size_t count)
{
    size_t kept = 0;
    if (about->type == APPEND_METRIC_UNKNOWN && about->unit.len == 0)
        return count;
    for (size_t i = 0; i < count; i++)
        if (!str_eq(labels[i].name, STR("__type__")) && !str_eq(labels[i].name, STR("__unit__")))
            labels[kept++] = labels[i];
    if (about->type != APPEND_METRIC_UNKNOWN)
        labels[kept++] =
            (struct wal_label){STR("__type__"), str_of(write_metric_name(about->type))};
    if (about->unit.len > 0)
        labels[kept++] = (struct wal_label){STR("__unit__"), about->unit};
    return kept;
}

#define TYPE_AND_UNIT 2 /* labels more */

/* Puts the labels, which are the series', in order. */
static void refuse_exemplar(struct write_request *request, struct append_series *series,
                            struct wal_label *labels, const struct err *why)
{
    if (append_labels_check(labels, &series->label_count) != APPEND_LABELS_GOOD)
        return; /* the series is refused, and db_append says so */
    AUTO(buf_done) struct buf line = {0};
    buf_text(&line, "parsing exemplar for series ");
    append_labels_print(labels, series->label_count, &line);
    buf_printf(&line, ": %s", why->msg);
    refuse(request, buf_terminated(&line));
}

static bool take_exemplars(struct write_decoder *decoder, const struct sent *sent,
                           struct append_series *series, struct wal_label *series_labels)
{
    struct append_exemplar *out =
        write_array(decoder, struct append_exemplar, sent->exemplar_count);
    if (!out)
        return false;
    series->exemplars = out;
    for (size_t i = 0; i < sent->exemplar_count; i++) {
        const struct exemplar *exemplar = &sent->exemplars[i];
        struct wal_label *labels = write_array(decoder, struct wal_label, exemplar->refs.count / 2);
        if (!labels)
            return false;
        struct err why;
        err_clear(&why);
        if (!resolve_labels(decoder, &exemplar->refs, labels, &why)) {
            refuse_exemplar(decoder->request, series, series_labels, &why);
            continue;
        }
        struct append_exemplar *kept = &out[series->exemplar_count++];
        *kept = exemplar->rest;
        kept->labels = labels;
        kept->label_count = exemplar->refs.count / 2;
    }
    return true;
}

/* Of one series the texts may be large, and of many series the same: all together count. */
static bool count_texts(struct write_decoder *decoder, const struct append_series *series)
{
    size_t limit = decoder->options->label_text_size_max;
    for (size_t i = 0; i < series->label_count; i++)
        decoder->text_size += series->labels[i].name.len + series->labels[i].value.len;
    if (limit == 0 || decoder->text_size <= limit)
        return true;
    return err_set(decoder->err, ERR_BAD_DATA,
                   "the labels of the request's series have more than %zu bytes", limit);
}

/* False: the request is wrong as a whole. *ret_kept: the series is to be written. */
static bool take_series(struct write_decoder *decoder, const struct sent *sent,
                        struct append_series *series, bool *ret_kept)
{
    struct write_request *request = decoder->request;
    size_t sample_count = sent->sample_count + sent->histogram_count;
    struct wal_label *labels =
        write_array(decoder, struct wal_label, sent->refs.count / 2 + TYPE_AND_UNIT);
    struct append_metadata *about = write_array(decoder, struct append_metadata, 1);
    struct err why;
    *ret_kept = false;
    if (!labels || !about)
        return false;
    err_clear(&why);
    if (!resolve_labels(decoder, &sent->refs, labels, &why)) {
        refuse_series(request, "labels", &sent->refs, &why);
        request->invalid_label_count += sample_count;
        return true;
    }
    if (!resolve_metadata(decoder, &sent->metadata, about, &why)) {
        refuse_series(request, "metadata", &sent->refs, &why);
        return true;
    }
    series->labels = labels;
    series->label_count = sent->refs.count / 2;
    if (decoder->options->type_and_unit)
        series->label_count = set_type_and_unit(about, labels, series->label_count);
    if (!write_labels_fit(decoder->options, labels, series->label_count, &why)) {
        refuse(request, why.msg);
        request->limited_count += sample_count;
        return true;
    }
    series->samples = sent->samples;
    series->sample_count = sent->sample_count;
    series->histograms = sent->histograms;
    series->histogram_count = sent->histogram_count;
    if (about->type != APPEND_METRIC_UNKNOWN || about->unit.len > 0 || about->help.len > 0)
        series->metadata = about;
    *ret_kept = true;
    return count_texts(decoder, series) && take_exemplars(decoder, sent, series, labels);
}

static bool gather_symbols(struct write_decoder *decoder, struct str bytes, size_t count)
{
    struct str *symbols = write_array(decoder, struct str, count);
    if (!symbols)
        return false;
    struct proto_reader r = proto_reader_of(bytes, "Request", decoder->err);
    while (proto_next(&r))
        if (r.number == REQUEST_SYMBOLS)
            symbols[decoder->symbol_count++] = proto_bytes(&r, "Symbols");
        else
            proto_skip(&r);
    decoder->symbols = symbols;
    return proto_good(&r);
}

bool write_request_decode_2(struct str bytes, const struct write_options *options,
                            struct arena *arena, struct write_request *ret_request, struct err *err)
{
    struct write_request request = {0};
    struct write_decoder decoder = {
        .options = options, .arena = arena, .err = err, .request = &request};
    size_t counts[REQUEST_FIELDS];
    proto_count(bytes, NULL, counts, REQUEST_FIELDS);
    if (!write_series_fit(&decoder, counts[REQUEST_SERIES]) ||
        !gather_symbols(&decoder, bytes, counts[REQUEST_SYMBOLS]))
        return false;
    request.series = write_array(&decoder, struct append_series, counts[REQUEST_SERIES]);
    if (!request.series)
        return false;

    struct proto_reader r = proto_reader_of(bytes, "Request", err);
    while (proto_next(&r)) {
        if (r.number != REQUEST_SERIES) {
            proto_skip(&r);
            continue;
        }
        struct str inside = proto_bytes(&r, "Timeseries");
        struct sent sent = {0};
        bool kept = false;
        struct append_series *series = &request.series[request.count];
        if (!proto_good(&r) || !read_series(&decoder, inside, &sent) ||
            !take_series(&decoder, &sent, series, &kept))
            return false;
        if (kept)
            request.count++;
        else
            *series = (struct append_series){0};
    }
    if (!proto_good(&r))
        return false;
    *ret_request = request;
    return true;
}

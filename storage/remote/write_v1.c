/*
 * prometheus.WriteRequest, remote write 1.0, as types.proto and remote.proto of Prometheus give its
 * fields:
 *
 *     WriteRequest    1 timeseries TimeSeries...    3 metadata MetricMetadata...
 *     TimeSeries      1 labels Label...  2 samples Sample...  3 exemplars Exemplar...
 *                     4 histograms Histogram...
 *     Label           1 name string      2 value string
 *     Sample          1 value double     2 timestamp int64
 *     Exemplar        1 labels Label...  2 value double    3 timestamp int64
 *     MetricMetadata  1 type enum        2 metric_family_name string   4 help string  5 unit string
 *     Histogram       drawn in write_histogram.c
 *
 * Fields are counted first, then read into arrays of that size.
 */
#include "storage/remote/write_decode.h"

enum { SERIES_LABELS = 1, SERIES_SAMPLES, SERIES_EXEMPLARS, SERIES_HISTOGRAMS, SERIES_FIELDS };
enum { REQUEST_SERIES = 1, REQUEST_METADATA = 3, REQUEST_FIELDS };
enum { EXEMPLAR_LABELS = 1, EXEMPLAR_FIELDS };

static bool decode_label(struct proto_reader r, struct wal_label *out)
{
    out->name = out->value = STR("");
    while (proto_next(&r))
        switch (r.number) {
        case 1:
            out->name = proto_bytes(&r, "Name");
            break;
        case 2:
            out->value = proto_bytes(&r, "Value");
            break;
        default:
            proto_skip(&r);
        }
    return proto_good(&r);
}

/*
 * Labels as nearly all are sent: first in the series, name before value, texts of less than 128
 * bytes. Half the time of a request goes into them. Leaves off at the first other field.
 */
static size_t decode_plain_labels(struct proto_reader *r, struct wal_label *labels)
{
    const uint8_t *at = r->at;
    size_t count = 0;
    while (r->end - at >= 6 && at[0] == (SERIES_LABELS << 3 | PROTO_BYTES) && at[1] < 0x80 &&
           at[1] >= 4 && at[1] <= r->end - at - 2) {
        const uint8_t *inside = at + 2, *end = inside + at[1];
        size_t name_len = inside[1];
        if (inside[0] != (1 << 3 | PROTO_BYTES) || name_len > (size_t)at[1] - 4)
            break;
        const uint8_t *value = inside + 2 + name_len;
        if (value[0] != (2 << 3 | PROTO_BYTES) || value[1] != end - value - 2)
            break;
        labels[count++] = (struct wal_label){
            .name = {(const char *)inside + 2, name_len},
            .value = {(const char *)value + 2, value[1]},
        };
        at = end;
    }
    r->at = at;
    return count;
}

static bool decode_exemplar(struct write_decoder *decoder, struct str bytes,
                            struct append_exemplar *out)
{
    size_t counts[EXEMPLAR_FIELDS];
    proto_count(bytes, NULL, counts, EXEMPLAR_FIELDS);
    struct wal_label *labels = write_array(decoder, struct wal_label, counts[EXEMPLAR_LABELS]);
    if (!labels)
        return false;
    out->labels = labels;
    struct proto_reader r = proto_reader_of(bytes, "Exemplar", decoder->err);
    while (proto_next(&r))
        if (r.number != EXEMPLAR_LABELS)
            write_decode_exemplar_field(&r, out);
        else if (!decode_label(proto_message(&r, "Labels", "Label"), &labels[out->label_count++]))
            return false;
    return proto_good(&r);
}

/* The arrays of a series while they are filled. */
struct room {
    struct wal_label *labels;
    struct append_sample *samples;
    struct append_exemplar *exemplars;
    struct append_histogram *histograms;
};

static bool make_room(struct write_decoder *decoder, struct str bytes, struct room *room)
{
    size_t counts[SERIES_FIELDS];
    proto_count(bytes, NULL, counts, SERIES_FIELDS);
    room->labels = write_array(decoder, struct wal_label, counts[SERIES_LABELS]);
    room->samples = write_array(decoder, struct append_sample, counts[SERIES_SAMPLES]);
    room->exemplars = write_array(decoder, struct append_exemplar, counts[SERIES_EXEMPLARS]);
    room->histograms = write_array(decoder, struct append_histogram, counts[SERIES_HISTOGRAMS]);
    return room->labels && room->samples && room->exemplars && room->histograms;
}

static bool decode_series(struct write_decoder *decoder, struct str bytes,
                          struct append_series *out)
{
    struct room room;
    if (!make_room(decoder, bytes, &room))
        return false;
    struct proto_reader r = proto_reader_of(bytes, "TimeSeries", decoder->err);
    bool good = true;
    out->label_count = decode_plain_labels(&r, room.labels);
    while (good && proto_next(&r))
        switch (r.number) {
        case SERIES_LABELS:
            good = decode_label(proto_message(&r, "Labels", "Label"),
                                &room.labels[out->label_count++]);
            break;
        case SERIES_SAMPLES:
            good = write_decode_sample(proto_message(&r, "Samples", "Sample"), false,
                                       &room.samples[out->sample_count++]);
            break;
        case SERIES_EXEMPLARS: {
            struct str exemplar = proto_bytes(&r, "Exemplars");
            good = proto_good(&r) &&
                   decode_exemplar(decoder, exemplar, &room.exemplars[out->exemplar_count++]);
            break;
        }
        case SERIES_HISTOGRAMS: {
            struct str histogram = proto_bytes(&r, "Histograms");
            good =
                proto_good(&r) && write_decode_histogram(decoder, histogram, false,
                                                         &room.histograms[out->histogram_count++]);
            break;
        }
        default:
            proto_skip(&r);
        }
    if (!good || !proto_good(&r))
        return false;
    out->labels = room.labels;
    out->samples = room.samples;
    out->exemplars = room.exemplars;
    out->histograms = room.histograms;
    return write_labels_fit(decoder->options, out->labels, out->label_count, decoder->err);
}

static bool decode_metadata(struct proto_reader r, struct write_metadata *out)
{
    while (proto_next(&r))
        switch (r.number) {
        case 1:
            out->about.type = write_metric_of(proto_number(&r, "Type"));
            break;
        case 2:
            out->family = proto_bytes(&r, "MetricFamilyName");
            break;
        case 4:
            out->about.help = proto_bytes(&r, "Help");
            break;
        case 5:
            out->about.unit = proto_bytes(&r, "Unit");
            break;
        default:
            proto_skip(&r);
        }
    return proto_good(&r);
}

bool write_request_decode_1(struct str bytes, const struct write_options *options,
                            struct arena *arena, struct write_request *ret_request, struct err *err)
{
    struct write_request request = {0};
    struct write_decoder decoder = {.options = options, .arena = arena, .err = err};
    size_t counts[REQUEST_FIELDS];
    proto_count(bytes, NULL, counts, REQUEST_FIELDS);
    if (!write_series_fit(&decoder, counts[REQUEST_SERIES]))
        return false;
    request.series = write_array(&decoder, struct append_series, counts[REQUEST_SERIES]);
    request.metadata = write_array(&decoder, struct write_metadata, counts[REQUEST_METADATA]);
    if (!request.series || !request.metadata)
        return false;

    struct proto_reader r = proto_reader_of(bytes, "WriteRequest", err);
    while (proto_next(&r))
        if (r.number == REQUEST_SERIES) {
            struct str series = proto_bytes(&r, "Timeseries");
            if (!proto_good(&r) ||
                !decode_series(&decoder, series, &request.series[request.count++]))
                return false;
        } else if (r.number == REQUEST_METADATA) {
            if (!decode_metadata(proto_message(&r, "Metadata", "MetricMetadata"),
                                 &request.metadata[request.metadata_count++]))
                return false;
        } else {
            proto_skip(&r);
        }
    if (!proto_good(&r))
        return false;
    *ret_request = request;
    return true;
}

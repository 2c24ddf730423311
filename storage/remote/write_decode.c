#include "storage/remote/write_decode.h"

/* Of texts in errors: who sent them knows the rest. */
#define SHOWN_MAX 50

static int shown(struct str s)
{
    return s.len < SHOWN_MAX ? (int)s.len : SHOWN_MAX;
}

bool write_decode_sample(struct proto_reader r, bool starts, struct append_sample *out)
{
    while (proto_next(&r))
        switch (r.number) {
        case 1:
            out->v = proto_double(&r, "Value");
            break;
        case 2:
            out->t_ms = (int64_t)proto_number(&r, "Timestamp");
            break;
        case 3:
            if (starts) {
                out->start_ms = (int64_t)proto_number(&r, "StartTimestamp");
                break;
            }
            proto_skip(&r);
            break;
        default:
            proto_skip(&r);
        }
    return proto_good(&r);
}

void write_decode_exemplar_field(struct proto_reader *r, struct append_exemplar *out)
{
    if (r->number == 2)
        out->v = proto_double(r, "Value");
    else if (r->number == 3)
        out->t_ms = (int64_t)proto_number(r, "Timestamp");
    else
        proto_skip(r);
}

enum append_metric write_metric_of(uint64_t number)
{
    return number <= APPEND_METRIC_STATESET ? (enum append_metric)number : APPEND_METRIC_UNKNOWN;
}

const char *write_metric_name(enum append_metric type)
{
    static const char *const names[] = {
        [APPEND_METRIC_UNKNOWN] = "unknown",
        [APPEND_METRIC_COUNTER] = "counter",
        [APPEND_METRIC_GAUGE] = "gauge",
        [APPEND_METRIC_HISTOGRAM] = "histogram",
        [APPEND_METRIC_GAUGE_HISTOGRAM] = "gaugehistogram",
        [APPEND_METRIC_SUMMARY] = "summary",
        [APPEND_METRIC_INFO] = "info",
        [APPEND_METRIC_STATESET] = "stateset",
    };
    return names[type];
}

bool write_series_fit(const struct write_decoder *decoder, size_t count)
{
    size_t limit = decoder->options->series_max;
    if (limit == 0 || count <= limit)
        return true;
    return err_set(decoder->err, ERR_BAD_DATA,
                   "the request has %zu series; the limit is %zu "
                   "(--storage.remote.write-series-limit)",
                   count, limit);
}

static struct str metric_of(const struct wal_label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(labels[i].name, STR("__name__")))
            return labels[i].value;
    return STR("");
}

static bool too_long(size_t len, size_t limit)
{
    return limit > 0 && len > limit;
}

bool write_labels_fit(const struct write_options *options, const struct wal_label *labels,
                      size_t count, struct err *err)
{
    if (options->label_max > 0 && count > options->label_max) {
        struct str metric = metric_of(labels, count);
        return err_set(err, ERR_BAD_DATA,
                       "too many labels (metric: %.*s, number of labels: %zu, limit: %zu, "
                       "--storage.remote.write-label-limit)",
                       shown(metric), metric.ptr, count, options->label_max);
    }
    for (size_t i = 0; i < count; i++) {
        struct str name = labels[i].name, value = labels[i].value;
        if (too_long(name.len, options->label_name_size_max)) {
            struct str metric = metric_of(labels, count);
            return err_set(err, ERR_BAD_DATA,
                           "label name too long (metric: %.*s, label name: %.*s, length: %zu, "
                           "limit: %zu, --storage.remote.write-label-name-length-limit)",
                           shown(metric), metric.ptr, shown(name), name.ptr, name.len,
                           options->label_name_size_max);
        }
        if (too_long(value.len, options->label_value_size_max)) {
            struct str metric = metric_of(labels, count);
            return err_set(err, ERR_BAD_DATA,
                           "label value too long (metric: %.*s, label name: %.*s, length: %zu, "
                           "limit: %zu, --storage.remote.write-label-value-length-limit)",
                           shown(metric), metric.ptr, shown(name), name.ptr, value.len,
                           options->label_value_size_max);
        }
    }
    return true;
}

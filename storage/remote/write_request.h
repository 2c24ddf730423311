#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "storage/append.h"

/*
 * What a remote write request holds, 1.0 (prometheus.WriteRequest) or 2.0
 * (io.prometheus.write.v2.Request), made ready for db_append.
 *
 * Texts are borrowed from the request's bytes, all else is in the arena: both must outlive it.
 *
 * Thread: one at a time.
 */
struct write_metadata { /* of a metric family, sent apart from its series: 1.0 alone */
    struct str family;
    struct append_metadata about;
};

struct write_request {
    struct append_series *series;
    size_t count;
    struct write_metadata *metadata;
    size_t metadata_count;

    /* 2.0: what is left out, one line each as far as there is room; and the samples lost by it. */
    struct err refused; /* ERR_NONE: nothing is */
    size_t invalid_label_count;
    size_t limited_count;
};

/* A limit of 0 is none. */
struct write_options {
    size_t series_max; /* of a request */
    size_t label_max;  /* of a series */
    size_t label_name_size_max;
    size_t label_value_size_max;
    size_t label_text_size_max; /* 2.0: of all series, each text as often as it is meant */
    bool type_and_unit;         /* 2.0: labels __type__ and __unit__ are made from the metadata */
};

/*
 * ERR_BAD_DATA: the bytes are no such message, in Prometheus's words, or hold more than a limit
 * allows; a 1.0 request as a whole, while of a 2.0 request other series are kept. ERR_LIMIT: the
 * arena's budget is used up.
 */
bool write_request_decode_1(struct str bytes, const struct write_options *options,
                            struct arena *arena, struct write_request *ret_request, struct err *err)
    MUST_CHECK;
bool write_request_decode_2(struct str bytes, const struct write_options *options,
                            struct arena *arena, struct write_request *ret_request, struct err *err)
    MUST_CHECK;

/* "counter", "unknown": what Prometheus calls the kinds of metrics. */
const char *write_metric_name(enum append_metric type);

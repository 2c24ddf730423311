#pragma once

#include "base/proto_reader.h"
#include "storage/remote/write_request.h"

/* What the decoders of both versions share. */
struct write_decoder {
    const struct write_options *options;
    struct arena *arena;
    struct err *err;
    struct write_request *request;
    const struct str *symbols; /* of a 2.0 request */
    size_t symbol_count;
    size_t text_size; /* of the labels so far */
};

/* Room for as many, charged before it is taken; NULL with the error. */
#define write_array(decoder, T, count) arena_try_array((decoder)->arena, T, (count), (decoder)->err)

/* Of an exemplar's fields the one at hand, which is not its labels: value and time, or skipped. */
void write_decode_exemplar_field(struct proto_reader *r, struct append_exemplar *out);

/* Both versions write samples and histograms alike; 1.0 has no start timestamps. */
bool write_decode_sample(struct proto_reader r, bool starts, struct append_sample *out);
bool write_decode_histogram(struct write_decoder *decoder, struct str bytes, bool starts,
                            struct append_histogram *out);

/* Both count the kinds of metrics alike; numbers that are none of theirs are unknown. */
enum append_metric write_metric_of(uint64_t number);

/* Is the request within the limit of series. */
bool write_series_fit(const struct write_decoder *decoder, size_t count);

/* Are the labels within the limits; an error names the metric. */
bool write_labels_fit(const struct write_options *options, const struct wal_label *labels,
                      size_t count, struct err *err);

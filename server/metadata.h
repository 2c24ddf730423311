#pragma once

#include <stdint.h>

#include "http/json_write.h"
#include "storage/append.h"

/*
 * What is known of metrics: type, help and unit, as those who send samples tell it, or the log,
 * where it has it (feature metadata-wal-records). It is in memory, for senders tell it again every
 * minute or so; what is more than the limits below is not kept.
 *
 * Thread: any.
 */
struct metadata;

#define METADATA_FAMILIES_MAX 200000
#define METADATA_TEXT_SIZE_MAX 4096 /* of a help or a unit: longer ones are cut */
#define METADATA_ENTRIES_MAX 8      /* of one family: the oldest makes room */

struct metadata *metadata_create(void);
void metadata_destroy(struct metadata *metadata);

/* All is copied. A name longer than a help may be is left out. */
void metadata_set(struct metadata *metadata, struct str name, const struct append_metadata *about);

/* The family that a metric with this name and type belongs to: without _bucket, _count, _sum. */
struct str metadata_family(struct str metric, enum append_metric type);

/* As Prometheus's parameters: limit negative: all; limit_per_family 0 or negative: all. */
struct metadata_query {
    struct str family; /* "": all */
    int64_t limit;
    int64_t limit_per_family;
};

/* {"up":[{"type":"gauge","help":"","unit":""}]}, in the order of the names. */
void metadata_print(struct metadata *metadata, const struct metadata_query *query,
                    struct json *json);

DEFINE_AUTO(struct metadata *, metadata_destroy)

#pragma once

#include <pthread.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/classic_histogram.h"

/*
 * What became of the questions to the servers of remote_read, as Prometheus counts its own; kept
 * from one configuration to the next.
 *
 * Thread: any.
 */
enum read_kind { READ_KIND_SAMPLED, READ_KIND_CHUNKED, READ_KIND_UNSUPPORTED, READ_KIND_COUNT };

/* Of one server. */
struct read_counters {
    struct read_counters *next;
    char *name, *url;
    _Atomic uint64_t asking;
    _Atomic uint64_t done[READ_KIND_COUNT]; /* with status 200 */
    _Atomic uint64_t aborted;               /* answers in chunks that did not come to their end */
    struct classic_histogram duration[READ_KIND_COUNT]; /* until the answer begins */
};

struct read_metrics {
    pthread_mutex_t lock;
    struct read_counters *first;
};

void read_metrics_init(struct read_metrics *metrics);
void read_metrics_done(struct read_metrics *metrics);

/* Those of a server, from now on; there until read_metrics_done. `name` "": it has none. */
struct read_counters *read_metrics_of(struct read_metrics *metrics, const char *name,
                                      const char *url);

/* What kind of answer a content type is. */
enum read_kind read_kind_of(const char *content_type);

/* An answer has begun, so long after it was asked for. */
void read_counters_begun(struct read_counters *counters, enum read_kind kind, int64_t duration_ns);

/* It will give no more; `whole`: it came to its end. */
void read_counters_ended(struct read_counters *counters, enum read_kind kind, bool whole);

void read_metrics_print(struct read_metrics *metrics, struct buf *out);

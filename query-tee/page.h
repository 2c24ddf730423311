#pragma once

#include "base/buf.h"
#include "query-tee/exposition.h"

struct tee;

/* What has happened so far, for people who would rather look than read: plain HTML. */
void page_print(struct tee *tee, struct buf *out);

/*
 * The same as JSON:
 *
 *     {"status":"success","data":{"uptimeSeconds":12,
 *      "backends":[{"name":"a","preferred":true,"answers":7,"failures":0,"inFlight":0,
 *                   "same":7,"different":0,"skipped":0,
 *                   "latencySeconds":{"p50":0.01,"p90":...,"p99":...},"sizeBytes":{...}}],
 *      "shapes":[{"shape":"sum(m)","compared":3,"different":0,
 *                 "backends":[{"name":"a","answers":3,"latencySeconds":{...},"sizeBytes":{...}}]}],
 *      "differences":[{... a line of the report ...}]}}
 */
void page_print_json(struct tee *tee, struct buf *out);

/* What /metrics has beside the tally: gauges, as they stand now. */
void page_print_gauges(struct tee *tee, struct exposition *out);

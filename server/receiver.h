#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/budget.h"
#include "server/write_content.h"
#include "storage/remote/write_request.h"

struct server;

/*
 * Takes remote write requests: what they may be, and what became of them.
 *
 * Thread: any; counters are atomic, the rest does not change.
 */
struct receiver {
    struct write_options options;
    size_t decoded_size_max;
    struct budget *budget; /* bodies, and what is made of them */

    _Atomic uint64_t requests[WRITE_VERSION_COUNT];
    _Atomic uint64_t packed_bytes;
    _Atomic uint64_t decoded_bytes;
    /* Samples and histograms that were refused, by why. */
    _Atomic uint64_t out_of_order;
    _Atomic uint64_t out_of_bounds;
    _Atomic uint64_t too_old;
    _Atomic uint64_t duplicate;
    _Atomic uint64_t invalid_histogram;
    _Atomic uint64_t invalid_labels;
    _Atomic uint64_t over_limit;
};

/* By the flags of the server. */
void receiver_init(struct receiver *receiver, struct server *server);

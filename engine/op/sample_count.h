#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/fn/window.h"

/*
 * How many samples a query is said to look at, as Prometheus counts them (totalQueryableSamples of
 * stats): at each step those that an instant query at its time would look at. So the samples of
 * windows that overlap count again at each step.
 *
 * Thread: any.
 */

/* As many samples as it has the room of. */
size_t sample_weight(const struct histogram *h);

/*
 * Of a kernel's call over plain or wider windows: adds to `steps`, one for each of call->refs. What
 * it has filled is looked at where the kernel selects one sample a step.
 */
void sample_count_windows(const struct window_kernel *kernel, const struct window_call *call,
                          enum window_edges edges, uint64_t *steps);

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Tells on stderr how far long work has come: a bar that is drawn over in a terminal, else a line
 * every half minute. `{0}` is ready; progress_end takes the bar away.
 *
 * Thread: one at a time.
 */
struct progress {
    int64_t told_ns;
    bool drawn;
};

/* `share`: 0 to 1. `text`: what stands behind the bar. */
void progress_tell(struct progress *progress, double share, const char *text);
void progress_end(struct progress *progress);

#pragma once

#include <stdbool.h>

#include "storage/head_state.h"

/*
 * Reads the whole WAL into a state that nobody sees yet, with state->thread_count threads. What
 * comes out is what one thread would have made of it.
 *
 * *ret_lost: as head_state_refresh. It is also set with state->wants_serial, when a record makes no
 * sense: where to stop then is known to who reads record by record.
 */
bool replay_log(struct head_state *state, bool *ret_lost, struct err *err) MUST_CHECK;

/* Tells how far a log was read, once a second at most. */
struct replay_progress {
    const struct db_options *options;
    int64_t told_ns;
    uint32_t segment;
};

void replay_progress_init(struct replay_progress *progress, const struct db_options *options);
void replay_progress_tell(struct replay_progress *progress, const struct wal_log *log);

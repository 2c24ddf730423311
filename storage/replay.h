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

/* Tells how far a log was read: `info` once a second at most, and `reading` each time. */
struct replay_progress {
    const struct db_options *options;
    struct db_reading *reading; /* NULL: nobody looks, or the log has been read before */
    int64_t told_ns;
    uint32_t segment;
};

/* Behind wal_log_look. `first`: nothing of the log was read before. */
void replay_progress_init(struct replay_progress *progress, const struct db_options *options,
                          const struct wal_log *log, bool first);
void replay_progress_tell(struct replay_progress *progress, const struct wal_log *log);
void replay_progress_done(struct replay_progress *progress, const struct wal_log *log);

/* ERR_CANCELED: nobody wants what is being read any more. */
bool replay_is_wanted(const struct db_options *options, struct err *err) MUST_CHECK;

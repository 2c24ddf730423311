#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/matcher.h"
#include "storage/db.h"
#include "storage/tombstones.h"

/*
 * What an administrator may do to a database that is open for writing, as Prometheus does it. No
 * block is made or removed by anybody else meanwhile; queries and appends go on.
 *
 * Thread: any; one after another. ERR_UNSUPPORTED: the database is open for reading only.
 */

/*
 * Deletes the samples in the range, both ends included, of the series that match: from the next
 * select on, and after a restart, they are not there. Without a matcher nothing is
 * deleted, as in Prometheus. With an error, ERR_IO or ERR_CORRUPT, a part may be deleted; doing it
 * again does the rest.
 */
bool db_delete_series(struct db *db, struct matcher *const *matchers, size_t matcher_count,
                      struct time_range range, struct err *err) MUST_CHECK;

/* Writes the blocks anew that something was deleted from, without it. */
bool db_clean_tombstones(struct db *db, struct err *err) MUST_CHECK;

/*
 * Puts all blocks into the folder `dir`, which is made, as hard links; and `with_head` what is in
 * no block, as one more block. A Prometheus can be started on it. A folder that could not be filled
 * is removed again. ERR_IO: also where a block cannot be opened at the moment.
 */
bool db_snapshot(struct db *db, const char *dir, bool with_head, struct err *err) MUST_CHECK;

#pragma once

#include <stdbool.h>

#include "storage/head.h"
#include "storage/head_state.h"

/*
 * Snapshots of the head (snapshot_folder.h): series and open chunks, so that the next start need
 * not read the log in front of them; full chunks are in files. What is made of one is what the log
 * would be made of, or nothing is.
 *
 * None is taken where it could not say all: a series has two references, or a chunk that no file
 * can hold. That is no error.
 *
 * Thread: each says.
 */

/*
 * For who writes, and will write no more. ERR_IO, ERR_CORRUPT (of the log), ERR_LIMIT (it takes too
 * long): there is none then but those that were there before.
 *
 * Thread: the one that closes the head.
 */
bool head_snapshot_leave(struct head *head, struct err *err) MUST_CHECK;

/*
 * For who writes: takes one now; batches and selects go on. Errors as head_snapshot_leave, and
 * ERR_CANCELED: none could be taken, or not all of it was said when blocks were made meanwhile.
 *
 * Thread: the one that writes chunks into files.
 */
bool head_snapshot_take(struct head *head, struct err *err) MUST_CHECK;

/*
 * The same, if the log behind the last one has grown long, so that a start after a kill is short as
 * well. Where that fails it is not tried again for a minute. Never ERR_CANCELED.
 */
bool head_snapshot_keep_up(struct head *head, struct err *err) MUST_CHECK;

enum snapshot_verdict {
    SNAPSHOT_NONE,
    SNAPSHOT_LOADED, /* the log begins behind it */
    SNAPSHOT_PASSED, /* of another log, or of one that went on otherwise */
    SNAPSHOT_BROKEN, /* damaged, or it cannot be read */
};

/*
 * Reads the newest one into a state that has the chunks of files and nothing else. Behind PASSED
 * and BROKEN, `err` says why, and the state is of no use.
 *
 * Thread: the one that reads the head.
 */
enum snapshot_verdict head_snapshot_load(struct head_state *state, const char *root,
                                         struct err *err) MUST_CHECK;

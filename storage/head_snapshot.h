#pragma once

#include <stdbool.h>

#include "storage/head.h"
#include "storage/head_state.h"

/*
 * Snapshots of the head (snapshot_folder.h): series and open chunks, written at a clean end, so
 * that the next start need not read the log in front of it. What is made of one is what the log
 * would be made of, or nothing is.
 *
 * Thread: the one that opens or closes the head.
 */

/*
 * For who writes, and will write no more; full chunks are in files. Nothing is done where the log
 * says what a snapshot cannot: a series of two references. ERR_IO, ERR_CORRUPT (of the log),
 * ERR_LIMIT (it takes too long): there is none then but those that were there before.
 */
bool head_snapshot_write(struct head *head, struct err *err) MUST_CHECK;

enum snapshot_verdict {
    SNAPSHOT_NONE,
    SNAPSHOT_LOADED, /* the log begins behind it */
    SNAPSHOT_PASSED, /* of another log, or of one that went on otherwise */
    SNAPSHOT_BROKEN, /* damaged, or it cannot be read */
};

/*
 * Reads the newest one into a state that has the chunks of files and nothing else. Behind PASSED
 * and BROKEN, `err` says why, and the state is of no use.
 */
enum snapshot_verdict head_snapshot_load(struct head_state *state, const char *root,
                                         struct err *err) MUST_CHECK;

#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * Keeps two writers out of one data directory, a Prometheus among them: the file "lock" in it, with
 * an exclusive flock. The kernel lets go of it when the process ends, however it ends.
 *
 * Thread: one at a time.
 */
struct dir_lock;

/* ERR_EXECUTION: another process holds it. */
bool dir_lock_open(const char *dir, struct dir_lock **ret_lock, struct err *err) MUST_CHECK;

/* No file was there: the last owner has ended in order. */
bool dir_lock_was_clean(const struct dir_lock *lock);

/* Removes the file too, as Prometheus does. */
void dir_lock_close(struct dir_lock *lock);

DEFINE_AUTO(struct dir_lock *, dir_lock_close)

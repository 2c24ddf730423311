#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/matcher.h"
#include "storage/head.h"

/*
 * Deletes the samples in the range of the series that match, some thousand series at a time: the
 * log says so first, then selects leave them out; one that runs meanwhile may find a part of them.
 * Never beyond the samples that a series has now: what comes later stays.
 *
 * Thread: any. ERR_IO: the log cannot be written, and the rest is not deleted; it can be tried
 * again. ERR_UNSUPPORTED: the head is open for reading only.
 */
bool head_delete(struct head *head, struct matcher *const *matchers, size_t matcher_count,
                 struct time_range range, struct err *err) MUST_CHECK;

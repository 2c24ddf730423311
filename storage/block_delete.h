#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/budget.h"
#include "base/err.h"
#include "model/matcher.h"
#include "storage/block.h"

/*
 * Deletes the samples in the range of the series that match, as Prometheus does: by tombstones
 * beside those that are there, never beyond a series' own samples; meta.json counts them. What is
 * open does not change: block_is_outdated says that it is to be opened anew. Where nothing matches
 * nothing is written.
 *
 * Thread: one at a time for a block. ERR_LIMIT of the budget, ERR_CORRUPT, ERR_IO; the folder is
 * good in any case.
 */
bool block_delete(const struct block *block, struct matcher *const *matchers, size_t matcher_count,
                  struct time_range range, struct budget *budget, struct err *err) MUST_CHECK;

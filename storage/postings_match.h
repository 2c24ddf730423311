#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/matcher.h"
#include "storage/index_read.h"
#include "storage/postings.h"

/*
 * The series of an index for which all matchers hold; a missing label is the empty value. Rising
 * ids, which is label order. The caller's, for postings_done. ERR_CORRUPT, ERR_LIMIT of the budget,
 * which may be NULL.
 */
bool postings_select(const struct index *index, struct matcher *const *matchers,
                     size_t matcher_count, struct budget *budget, struct postings *ret_postings,
                     struct err *err) MUST_CHECK;

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/err.h"
#include "storage/block.h"
#include "storage/head.h"

/*
 * Have the blocks all that the head has in order between two times? Then the head need not keep it.
 * It ends at the first sample that is missing; where none is, all that both have of that time is
 * read, one series at a time. Times are compared, and not values.
 *
 * Thread: any. ERR_CANCELED; ERR_CORRUPT of a block, which it names; ERR_LIMIT of the budget.
 */
struct head_covered_request {
    struct head *head;
    struct block *const *blocks;
    size_t block_count;
    int64_t begin_ms, before_ms;
    struct budget *budget;
    const _Atomic bool *cancel; /* looked at for each series; NULL: never */
};

bool head_is_covered(const struct head_covered_request *request, bool *ret_covered, struct err *err)
    MUST_CHECK;

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

/*
 * What may be held: charged before anything grows, given back when it is freed. A query's budget
 * lies under the process's, which outlives it; a charge must fit both. A budget that is NULL holds
 * anything.
 *
 * Thread: any.
 */
struct budget {
    struct budget *parent; /* or NULL */
    const char *name;      /* borrowed; as the error names the limit, "--query.memory-limit" */
    size_t limit_bytes;    /* 0 = none */
    _Atomic size_t used_bytes;
    _Atomic size_t peak_bytes;
};

void budget_init(struct budget *budget, struct budget *parent, const char *name, size_t limit);

/* ERR_LIMIT, naming the limit that was in the way; nothing is charged then. */
bool budget_charge(struct budget *budget, size_t bytes, struct err *err) MUST_CHECK;

/* At most what was charged. */
void budget_release(struct budget *budget, size_t bytes);

/* mem_grow, charged for before; false with the error. Whoever frees it gives *cap members back. */
#define budget_grow(budget, array, T, count, cap, err) \
    __extension__({ \
        size_t more_ = (count) < *(cap) ? 0 : *(cap) ? *(cap) : 8; \
        bool good_ = more_ == 0 || budget_charge((budget), more_ * sizeof(T), (err)); \
        if (good_ && more_ > 0) { \
            *(cap) += more_; \
            (array) = mem_resize((array), T, *(cap)); \
        } \
        good_; \
    })

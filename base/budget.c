#include "base/budget.h"

#include <assert.h>
#include <stdint.h>

void budget_init(struct budget *budget, struct budget *parent, const char *name, size_t limit)
{
    budget->parent = parent;
    budget->name = name;
    budget->limit_bytes = limit;
    atomic_init(&budget->used_bytes, 0);
    atomic_init(&budget->peak_bytes, 0);
}

static void budget_note_peak(struct budget *budget, size_t used)
{
    size_t peak = atomic_load_explicit(&budget->peak_bytes, memory_order_relaxed);
    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&budget->peak_bytes, &peak, used,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

bool budget_charge(struct budget *budget, size_t bytes, struct err *err)
{
    if (!budget)
        return true;
    size_t used = atomic_fetch_add_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
    bool fits = bytes <= SIZE_MAX / 2 && used <= SIZE_MAX / 2 &&
                (budget->limit_bytes == 0 || used + bytes <= budget->limit_bytes);
    if (!fits) {
        atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
        return err_set(err, ERR_LIMIT,
                       "query needs more memory than the limit of %zu bytes allows "
                       "(raise %s, or select fewer series)",
                       budget->limit_bytes, budget->name);
    }
    if (!budget_charge(budget->parent, bytes, err)) {
        atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
        return false;
    }
    budget_note_peak(budget, used + bytes);
    return true;
}

void budget_release(struct budget *budget, size_t bytes)
{
    /* An arena that is reset at each step mostly gives nothing back: threads need not meet here. */
    if (bytes == 0)
        return;
    for (; budget; budget = budget->parent) {
        size_t used = atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
        assert(used >= bytes);
    }
}

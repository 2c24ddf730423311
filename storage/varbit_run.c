#include "storage/varbit_run.h"

#include <pthread.h>

struct varbit_entry varbit_entries[1 << VARBIT_ENTRY_BITS];

static struct varbit_entry varbit_entry_of(uint64_t word)
{
    struct varbit_entry entry = {0};
    unsigned end = 0;
    int sum = 0;
    while (entry.count < VARBIT_ENTRY_VALUES) {
        unsigned ones = (unsigned)__builtin_clzll(~word | 1);
        unsigned length;
        if (ones > VARBIT_SHORT_ONES)
            break;
        uint64_t value = varbit_short(word, ones, &length);
        if (end + length > VARBIT_ENTRY_BITS)
            break;
        sum += (int)(int64_t)value;
        end += length;
        word <<= length;
        entry.sums[entry.count] = (int8_t)sum;
        entry.ends[entry.count++] = (uint8_t)end;
    }
    for (size_t i = entry.count; i < sizeof entry.sums; i++)
        entry.sums[i] = (int8_t)sum;
    for (size_t i = entry.count; i < VARBIT_ENTRY_VALUES; i++)
        entry.ends[i] = (uint8_t)end;
    return entry;
}

static void varbit_entries_fill(void)
{
    for (uint64_t i = 0; i < UINT64_C(1) << VARBIT_ENTRY_BITS; i++)
        varbit_entries[i] = varbit_entry_of(i << (64 - VARBIT_ENTRY_BITS));
}

void varbit_run_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, varbit_entries_fill);
}

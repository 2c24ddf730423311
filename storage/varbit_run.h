#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "storage/varbit.h"

/*
 * Many signed integers of varbit.h in a row, read as running sums: what the buckets of a histogram
 * chunk are told by.
 *
 * Where most are of few bits, several at once are looked up by the bits next in line; where many
 * are longer, they are taken one by one, their lengths computed; zeros in great number are counted.
 * Which way goes is decided by how many were too long for a look-up the last time.
 *
 * Thread: any; a run's bits belong to one at a time.
 */
#define VARBIT_ENTRY_BITS 11
#define VARBIT_ENTRY_VALUES 6 /* at most */

/* Room that varbit_run wants behind the last sum: it writes ahead. */
#define VARBIT_RUN_SLACK 8

/* The whole integers that so many bits begin with. */
struct varbit_entry {
    int8_t sums[8];                    /* the last one repeated */
    uint8_t ends[VARBIT_ENTRY_VALUES]; /* bits up to the end of each; the last one repeated */
    uint8_t count;                     /* 0: the first one is longer */
};

extern struct varbit_entry varbit_entries[1 << VARBIT_ENTRY_BITS];

/* Before the first run. */
void varbit_run_prepare(void);

/*
 * Up to here, n ones and a zero have 3 n bits behind (varbit.h): so the length of an integer
 * follows from the ones without a look into a table, and the next one can begin soon.
 */
#define VARBIT_SHORT_ONES 4
#define VARBIT_SHORT_BITS 17

/* The short integer at the top of the word; *ret_length: its bits. */
HOT_INLINE uint64_t varbit_short(uint64_t word, unsigned ones, unsigned *ret_length)
{
    unsigned width = 3 * ones;
    uint64_t size = UINT64_C(1) << width;
    uint64_t field = word << (ones + 1) >> 1 >> (63 - width);
    *ret_length = ones + 1 + width;
    return field - (field > size >> 1 ? size : 0);
}

/* A run while it is read. */
struct varbit_reading {
    struct bits bits;
    uint64_t *sums;
    size_t count;
    size_t at;
    uint64_t sum;
    size_t long_count;
};

#define VARBIT_IN_SIGHT 57

/* Zeros at the front of the word, if there are many. */
HOT_INLINE bool varbit_run_zeros(struct varbit_reading *run, uint64_t word)
{
    if (LIKELY(word >> 48 != 0))
        return false;
    size_t zeros = (size_t)__builtin_clzll(word | 0x80);
    size_t left = run->count - run->at;
    size_t end = run->at + (zeros < left ? zeros : left);
    run->bits.at += end - run->at;
    while (run->at < end)
        run->sums[run->at++] = run->sum;
    return true;
}

HOT_INLINE void varbit_run_one(struct varbit_reading *run, uint64_t value)
{
    run->sum += value;
    run->sums[run->at++] = run->sum;
}

/*
 * Looks up what the word holds. As many look-ups as always fit in it, and one way out behind the
 * last integer: of how many bits each is would be hard to foretell.
 */
HOT_INLINE void varbit_run_look_up(struct varbit_reading *run, uint64_t word)
{
    unsigned used = 0;
    for (unsigned i = 0; i < VARBIT_IN_SIGHT / VARBIT_ENTRY_BITS; i++) {
        const struct varbit_entry *entry = &varbit_entries[word >> (64 - VARBIT_ENTRY_BITS)];
        uint64_t *sums = run->sums + run->at;
        for (size_t j = 0; j < sizeof entry->sums; j++)
            sums[j] = run->sum + (uint64_t)(int64_t)entry->sums[j];
        size_t wanted = run->count - run->at;
        if (entry->count >= wanted) {
            run->bits.at += used + entry->ends[wanted - 1];
            run->at = run->count;
            return;
        }
        if (UNLIKELY(entry->count == 0)) {
            run->bits.at += used;
            varbit_run_one(run, varbit_int(&run->bits));
            run->long_count++;
            return;
        }
        unsigned length = entry->ends[VARBIT_ENTRY_VALUES - 1];
        run->sum += (uint64_t)(int64_t)entry->sums[sizeof entry->sums - 1];
        run->at += entry->count;
        used += length;
        word <<= length;
    }
    run->bits.at += used;
}

/* Takes the word's short integers without a branch that depends on them. */
HOT_INLINE void varbit_run_compute(struct varbit_reading *run, uint64_t word)
{
    unsigned left = VARBIT_IN_SIGHT;
    unsigned ones = 0;
    while (run->at < run->count && left >= VARBIT_SHORT_BITS) {
        unsigned length;
        ones = (unsigned)__builtin_clzll(~word | 1);
        if (UNLIKELY(ones > VARBIT_SHORT_ONES))
            break;
        varbit_run_one(run, varbit_short(word, ones, &length));
        run->long_count += length > VARBIT_ENTRY_BITS;
        word <<= length;
        left -= length;
    }
    run->bits.at += VARBIT_IN_SIGHT - left;
    if (ones > VARBIT_SHORT_ONES) {
        varbit_run_one(run, varbit_int(&run->bits));
        run->long_count++;
    }
}

/*
 * Reads `count` integers; sums[i] becomes the sum of the first i + 1, as two's complement.
 * *long_count: how many were too long for a look-up, of this run, and of the last one of the kind
 * before. False: the bits end.
 */
HOT_INLINE bool varbit_run(struct bits *bits, uint64_t *sums, size_t count, size_t *long_count)
{
    struct varbit_reading run = {.bits = *bits, .sums = sums, .count = count};
    bool computes = *long_count > count / 8;
    while (run.at < count) {
        if (UNLIKELY(!bits_ready(&run.bits)))
            return false;
        uint64_t word = bits_peek_57(&run.bits);
        if (varbit_run_zeros(&run, word))
            continue;
        if (computes)
            varbit_run_compute(&run, word);
        else
            varbit_run_look_up(&run, word);
    }
    *long_count = run.long_count;
    *bits = run.bits;
    return true;
}

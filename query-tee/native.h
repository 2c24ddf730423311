#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A native histogram, as it is counted: eight buckets for each power of two, on both sides of 0, of
 * which only those exist that hold something.
 *
 * Thread: one at a time.
 */
#define NATIVE_SCHEMA 3

/* What is nearer to 0 counts as 0; what is further than the other is put into its bucket. So there
 * are some hundred buckets at most. */
#define NATIVE_ZERO_THRESHOLD 1e-9
#define NATIVE_VALUE_MAX 1e9

struct native_bucket {
    int32_t index; /* it ends at 2^(index / 8) */
    uint64_t count;
};

struct native_side {
    struct native_bucket *buckets; /* by their index */
    size_t count;
    size_t cap;
};

struct native {
    struct native_side positive;
    struct native_side negative;
    uint64_t zero_count;
};

void native_observe(struct native *native, double v);
void native_done(struct native *native);

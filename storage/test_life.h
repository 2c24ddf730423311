#pragma once

#include <stdint.h>

#include "storage/head.h"

/*
 * For tests: what a head may go through, by chance, and the same each time for the same dice.
 *
 * Thread: one at a time for a life.
 */
struct test_life {
    uint64_t dice;
    int64_t t_ms; /* of the newest sample */
};

/* 0 to sides - 1. */
uint64_t test_dice(struct test_life *life, uint64_t sides);

/*
 * So many samples of some series: floats, histograms, both, stale markers; now and then a late one;
 * perhaps a range is deleted then.
 */
void test_life_go(struct test_life *life, struct head *head, int samples);

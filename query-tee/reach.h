#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * How far back, and how far forward, a PromQL query reads, by its words alone: ranges, subqueries,
 * offsets and @ are added up around each selector. No parser: what is no PromQL gives some answer,
 * and does no harm.
 */
struct reach {
    int64_t oldest_ms; /* times of the oldest and newest samples that may be touched */
    int64_t newest_ms;
};

/*
 * For an evaluation from `start_ms` to `end_ms`. False: the query has no selector, or durations
 * that are expressions.
 */
bool reach_of_query(struct str query, int64_t start_ms, int64_t end_ms, int64_t lookback_ms,
                    struct reach *ret_reach);

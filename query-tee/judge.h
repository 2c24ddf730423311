#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "query-tee/round.h"

struct tee;

/*
 * Compares the answers of rounds, on threads of its own, and tells what differs: in metrics, in the
 * log, in the report's file and on the page.
 *
 * Answers that differ are not told yet: a moment later both backends are asked again, and only if
 * they differ again it is told, so that a sample that has reached one of them and not yet the other
 * makes no noise. Queries that touch fresh data are compared at another time, where that is wished.
 *
 * What waits is bounded; what would be too much is skipped and counted.
 *
 * Thread: any.
 */
struct judge;

/* ERR_IO: the report's file cannot be opened, or there are no threads. */
bool judge_create(struct tee *tee, struct judge **ret_judge, struct err *err) MUST_CHECK;

/* A round that is done: the preferred answer with each of the others. Never waits. */
void judge_take(struct judge *judge, struct round *round);

/* It is the end: from now on nothing waits for its time before it is asked again. */
void judge_hurry(struct judge *judge);

/* Nothing is compared, waits for it, or is asked again. */
bool judge_is_idle(struct judge *judge);

/* What waits to be compared. */
size_t judge_waiting_count(struct judge *judge);

/* Leaves out what is not begun; all rounds have ended. */
void judge_destroy(struct judge *judge);

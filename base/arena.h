#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/str.h"

/*
 * Memory that lives and dies together: parse trees, plans, operators, labels.
 *
 * What it takes from the heap is charged to its budget. A charge that does not fit is remembered,
 * not refused (so that small allocations need no check each); whoever grows an arena by what a user
 * controls asks arena_check once per round.
 *
 * Thread: one at a time.
 */
struct arena;

/* `budget` may be NULL: nothing is charged. Otherwise it outlives the arena. */
struct arena *arena_create(struct budget *budget);
void arena_destroy(struct arena *arena);

/* Charges what is held beside it for as long as it is there, and goes not later than it does. */
void arena_charge(struct arena *arena, size_t bytes);

/* Zeroed memory, aligned for anything, never NULL. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

/* The same, not zeroed: for what is overwritten at once. */
void *arena_alloc_uncleared(struct arena *arena, size_t count, size_t size);

/* False, with the budget's error, once a charge did not fit. */
bool arena_check(const struct arena *arena, struct err *err) MUST_CHECK;

/*
 * As arena_alloc, for what a client can make large in one go: refused rather than remembered. NULL,
 * with the budget's error, if it does not fit.
 */
void *arena_try(struct arena *arena, size_t count, size_t size, struct err *err) MUST_CHECK;

/*
 * Forgets all that was allocated, for an arena that is filled again and again. Its largest piece is
 * kept, and the next one is as large as all that this round took, within limits: so that further
 * rounds take nothing from the heap. A charge that did not fit stays remembered.
 */
void arena_reset(struct arena *arena);

/* Copies of text; arena_text adds a terminator that is not counted. */
struct str arena_str(struct arena *arena, struct str s);
char *arena_text(struct arena *arena, struct str s);
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF(2, 3);

/* What it holds, in bytes taken from the heap. */
size_t arena_used(const struct arena *arena);

#define arena_new(arena, T) ((T *)arena_alloc((arena), 1, sizeof(T)))
#define arena_try_array(arena, T, count, err) ((T *)arena_try((arena), (count), sizeof(T), (err)))
#define arena_array(arena, T, count) ((T *)arena_alloc((arena), (count), sizeof(T)))
#define arena_room(arena, T, count) ((T *)arena_alloc_uncleared((arena), (count), sizeof(T)))

DEFINE_AUTO(struct arena *, arena_destroy)

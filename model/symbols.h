#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * The label names and values of one query (or one head), each once: a number stands for a text, and
 * two texts are equal exactly when their numbers are. Numbers say nothing of order.
 *
 * Texts live in the arena, as long as it does; the table is on the heap, and charged as if it lay
 * there, too.
 * O(1) add and get.
 *
 * Thread: one adds at a time; who only gets may do so beside others that only get.
 */
struct symbols;

/* There from the start, with these numbers. */
enum symbol {
    SYM_EMPTY = 0,
    SYM_NAME, /* __name__ */
    SYM_LE,   /* le */
    SYM_TYPE, /* __type__ */
    SYM_UNIT, /* __unit__ */
    SYM_COUNT_FIXED,
};

struct symbols *symbols_new(struct arena *arena);

/* Frees the table, not the texts: those go with the arena. */
void symbols_done(struct symbols *symbols);

/* The number of `text`; a new one copies the text. */
uint32_t symbols_add(struct symbols *symbols, struct str text);

/* The number of a text that is there, or UINT32_MAX. */
uint32_t symbols_find(const struct symbols *symbols, struct str text);

struct str symbols_get(const struct symbols *symbols, uint32_t symbol);
size_t symbols_count(const struct symbols *symbols);

/* Bytewise order of the texts. */
int symbols_cmp(const struct symbols *symbols, uint32_t a, uint32_t b);

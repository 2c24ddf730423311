#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

/*
 * A random query as a tree, so that a failing one can be made smaller. Texts and trees live in the
 * arena of whoever makes them.
 */
enum part_kind { PART_VECTOR, PART_WINDOW, PART_SCALAR, PART_TEXT };

#define PART_PIECES_MAX 16

/* Text and parts in turn: what stands there, joined. */
struct part {
    enum part_kind kind;
    const char *text;  /* PART_TEXT */
    const char *plain; /* what may stand there instead, and is less; NULL: nothing */
    struct part *pieces[PART_PIECES_MAX];
    size_t count;
};

/* Text with a space in front is a clause: it may be left out. */
struct part *part_new(struct arena *arena, enum part_kind kind, const char *text);

/* Behind the last piece. */
void part_add(struct part *part, struct part *piece);

void part_print(const struct part *part, struct buf *out);

/*
 * Makes a query smaller, in place, as long as `still_fails` says so of what *root is then: parts
 * that are a query by themselves in the place of the whole, parts in the place of those of their
 * kind they stand in, plainer texts. In the end no single change of these makes it smaller. True:
 * one did.
 */
bool part_shrink(struct part **root, bool (*still_fails)(void *context), void *context);

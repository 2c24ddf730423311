#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "tests/agree/dice.h"

/*
 * A random query as a tree, so that a failing one can be made smaller. Texts and trees live in the
 * arena. The grammar is the table in query.c.
 */
enum part_kind { PART_VECTOR, PART_WINDOW, PART_SCALAR, PART_TEXT };

#define PART_PIECES_MAX 16

/* Text and parts in turn: what stands there, joined. */
struct part {
    enum part_kind kind;
    const char *text; /* PART_TEXT */
    struct part *pieces[PART_PIECES_MAX];
    size_t count;
};

struct asked {
    struct part *root;
    int64_t start_ms, end_ms, step_ms; /* step 0: instant */
};

/* `data_step_ms`: how far apart samples lie. */
void asked_make(struct asked *asked, int64_t data_step_ms, struct dice *dice, struct arena *arena);

void part_print(const struct part *part, struct buf *out);

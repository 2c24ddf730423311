#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/dice.h"
#include "query-tee/fuzz/part.h"

/*
 * Makes random trees from rules. A rule's form is text in which % and a letter stand for a part:
 *
 *     %v vector   %w range vector   %s scalar
 *
 * or for a piece of text, when it is any other letter: `text` says which.
 */
struct grammar_rule {
    unsigned weight; /* how often it is taken; 0: never */
    const char *form;
};

struct grammar_rules {
    const struct grammar_rule *items; /* the first one holds no part: it ends what is deep enough */
    size_t count;
};

struct grammar {
    struct grammar_rules rules[PART_TEXT]; /* by kind */
    /* Text that lives as long as the arena. */
    const char *(*text)(void *context, char letter);
    void *context;
    struct dice *dice;
    struct arena *arena;
};

/* At most `depth` parts stand in each other. */
struct part *grammar_make(const struct grammar *grammar, enum part_kind kind, size_t depth);

/* By one rule. */
struct part *grammar_make_form(const struct grammar *grammar, enum part_kind kind, const char *form,
                               size_t depth);

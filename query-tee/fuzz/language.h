#pragma once

#include <stdint.h>

#include "query-tee/fuzz/catalog.h"
#include "query-tee/fuzz/grammar.h"

/*
 * PromQL as random queries are made of it: the rules, and what a catalog has to put into them. A
 * form that a backend does not know can be taken out.
 *
 * Thread: one at a time.
 */
struct language {
    const struct catalog *catalog;
    struct grammar_rule *rules[PART_TEXT]; /* in the arena */
    size_t rule_counts[PART_TEXT];
};

/* A query, and when it is asked. */
struct question {
    struct part *root;
    int64_t start_ms, end_ms;
    int64_t step_ms; /* 0: instant */
};

void language_init(struct language *language, const struct catalog *catalog, struct arena *arena);

/* The rule by itself, as a query or as what one is made of; language->rules[kind][rule].form. */
struct part *language_sample(const struct language *language, enum part_kind kind, size_t rule,
                             struct dice *dice, struct arena *arena);

/*
 * A question about the time the catalog is of, [begin_ms, end_ms]. `steps_max`: of a range query.
 */
void language_ask(const struct language *language, int64_t begin_ms, int64_t end_ms,
                  size_t steps_max, struct dice *dice, struct arena *arena,
                  struct question *ret_question);

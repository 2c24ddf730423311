#pragma once

#include "query-tee/duel.h"
#include "query-tee/fuzz/language.h"

/* The question as it is asked; texts in the arena. */
struct duel_question question_asked(const struct question *question, struct arena *arena);

/*
 * Makes a question on which the backends differ smaller, in place, and *result that of the smaller
 * one: parts of the query, the range of time. At least one class of differences stays.
 */
void question_shrink(struct question *question, struct duel *duel, struct duel_result *result);

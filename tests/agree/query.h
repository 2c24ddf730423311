#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/dice.h"
#include "query-tee/fuzz/part.h"

/* A random query and when it is asked. The grammar is the table in query.c. */
struct asked {
    struct part *root;
    int64_t start_ms, end_ms, step_ms; /* step 0: instant */
};

/* `data_step_ms`: how far apart samples lie. */
void asked_make(struct asked *asked, int64_t data_step_ms, struct dice *dice, struct arena *arena);

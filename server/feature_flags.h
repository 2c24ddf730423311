#pragma once

#include "base/str.h"
#include "engine/query.h"
#include "parser/parse.h"

/*
 * --enable-feature: Prometheus's names, a comma between them, and what they mean for a query. Names
 * that concern scraping or writing alone are known, and change nothing.
 */
struct features {
    struct parse_options parse;
    struct query_modes modes;
    bool exemplars;  /* are kept */
    bool starts;     /* start timestamps are kept */
    bool step_stats; /* samples by step, for stats=all */
    bool metadata;   /* of series goes into the log */
};

/* Told of each name as it is read; `known`: Prometheus has it. */
typedef void features_tell(void *context, struct str name, bool known);

/* `tell` may be NULL. */
struct features features_read(const char *text, features_tell *tell, void *context);

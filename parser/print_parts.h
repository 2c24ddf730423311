#pragma once

#include <stdbool.h>

#include "parser/print.h"

/* What printing on one line and pretty printing share. */

/* "sum by (a) ": what stands in front of the parenthesis. */
void print_aggregate_head(const struct aggregate *aggregate, struct buf *out);

/* "== bool on (a) group_left (b)" */
void print_operator(const struct binary *binary, struct buf *out);

/* "[5m:1m] @ 0.000 offset 5m" */
void print_subquery_suffix(const struct subquery *subquery, struct buf *out);

/* Is the expression on one line longer than this many bytes? Costs no more than that. */
bool print_exceeds(const struct node *node, size_t limit);

#pragma once

#include "base/buf.h"
#include "parser/ast.h"

/* All of these append to `out`. */

/* The tree as Prometheus prints it on one line; what is printed parses to an equal tree. */
void print_query(const struct node *root, struct buf *out);

/* As /api/v1/format_query lays it out: lines of at most 100 columns where it can be. */
void print_pretty(const struct node *root, struct buf *out);

/* The JSON tree of /api/v1/parse_query. */
void print_json(const struct node *root, struct buf *out);

/* One matcher, name="value", Go-quoted. */
void print_matcher(const struct matcher *matcher, struct buf *out);

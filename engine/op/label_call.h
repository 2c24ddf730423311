#pragma once

#include "engine/op.h"

/*
 * label_replace and label_join: other labels on the child's series, the same rows. Equal series may
 * come out: op_dedup. Texts are as the query has them; what is wrong with them is told at open, in
 * Prometheus's words.
 */
struct op *op_label_replace_new(struct query *query, struct op *child, struct str destination,
                                struct str replacement, struct str source, struct str pattern);

struct op *op_label_join_new(struct query *query, struct op *child, struct str destination,
                             struct str separator, const struct str *sources, size_t count);

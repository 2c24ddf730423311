#pragma once

#include "base/str.h"
#include "engine/op.h"

/*
 * label_replace(v, dst, replacement, src, regex) and label_join(v, dst, separator, src...): the
 * child's rows under other labels. Series that then have equal labels are left to the operator
 * above.
 */
struct op *op_label_replace_new(struct query *query, struct op *child, struct str dst,
                                struct str replacement, struct str src, struct str regex);

struct op *op_label_join_new(struct query *query, struct op *child, struct str dst,
                             struct str separator, const struct str *sources, size_t source_count);

#pragma once

#include "engine/op.h"

/*
 * sort_by_label and sort_by_label_desc: with one step, the child's series by the natural order of
 * these labels' values, and then by all labels. With many steps, where the answer is sorted anyway,
 * the child as it is.
 */
struct op *op_sort_labels_new(struct query *query, struct op *child, const struct str *names,
                              size_t name_count, bool descending);

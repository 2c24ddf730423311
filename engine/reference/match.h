#pragma once

#include "engine/reference/steps.h"

/* Operations of two vectors. set.c: and, or, unless; match.c: all others. */
bool ref_set_binary(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                    struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;
bool ref_match_binary(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                      struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;

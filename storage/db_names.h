#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "storage/block.h"
#include "storage/select.h"

/*
 * Merges one block's label names, or one label's values, into `names`, which are sorted; texts that
 * are new are copied into request->arena. ERR_CORRUPT, and ERR_LIMIT of the budget: a part may have
 * been merged.
 */
bool block_label_names(struct block *block, const struct names_request *request,
                       struct names *names, struct err *err) MUST_CHECK;
bool block_label_values(struct block *block, const struct names_request *request, struct str name,
                        struct names *names, struct err *err) MUST_CHECK;

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "storage/block.h"
#include "storage/select.h"

/* Merges one block's label names, or one label's values, into `names`. */
bool block_label_names(struct block *block, const struct names_request *request,
                       struct names *names, struct err *err) MUST_CHECK;
bool block_label_values(struct block *block, const struct names_request *request, struct str name,
                        struct names *names, struct err *err) MUST_CHECK;

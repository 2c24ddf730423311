#pragma once

#include "storage/block.h"
#include "storage/db.h"

/* As db_cardinality, of one block. A list that cannot be read counts as empty. */
void block_cardinality(struct block *block, size_t limit, struct arena *arena,
                       struct db_cardinality *ret_cardinality);

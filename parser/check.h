#pragma once

#include <stdbool.h>

#include "parser/parser.h"

/*
 * The rules that the grammar cannot say: types, numbers of arguments, which modifiers go together.
 * Nodes have their types already; a matching that cannot be is removed from its node.
 */
bool check_node(struct parser *p, struct node *node) MUST_CHECK;

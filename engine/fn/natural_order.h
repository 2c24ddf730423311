#pragma once

#include <stdbool.h>

#include "base/str.h"

/*
 * Does `a` come before `b`, chunk by chunk, numbers by their value? As github.com/facette/natsort
 * has it, contradictions included: of 1 and 01 each comes before the other, and of an empty text
 * and any other none.
 */
bool natural_less(struct str a, struct str b);

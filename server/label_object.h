#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/* Is it a JSON object of texts, as labels are written? ERR_BAD_DATA says what is wrong. Thread:
 * any. */
bool label_object_check(struct str json, struct err *err) MUST_CHECK;

#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* Base64 with padding, as basic authentication has it. */
void base64_encode(struct str bytes, struct buf *out);

/* False: not well-formed; `out` then holds some of it. */
bool base64_decode(struct str text, struct buf *out);

#pragma once

#include "base/buf.h"
#include "base/str.h"

/* Appends a text as it stands in a page, or in an attribute of it between double quotes. */
void html_text(struct buf *out, struct str text);

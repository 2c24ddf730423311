#pragma once

#include "base/float_text.h"
#include "engine/query.h"

/* Prometheus's warning about a quantile that is none; `begin`: where the parameter stands. */
static inline void invalid_quantile_warn(struct query *query, size_t begin, double phi)
{
    char text[FLOAT_TEXT_SIZE];
    size_t len = float_text_g(text, phi);
    annotations_add(&query->annotations, ANNOTATION_WARNING, begin,
                    "quantile value should be between 0 and 1, got %.*s", (int)len, text);
}

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Times as requests and flags have them: Unix seconds ("1760002400.5"), RFC 3339
 * ("2025-10-09T09:33:20.5Z", "...+02:00"), and shorter forms of it, in UTC where no zone is named:
 * "2025-10-09", "2025-10-09T09:33".
 */
bool time_text_parse(struct str text, int64_t *ret_ms);

/* A step: Prometheus's durations, or seconds. */
bool step_text_parse(struct str text, int64_t *ret_ms);

/* Unix seconds: "1760002400.5". */
void time_text_append(int64_t time_ms, struct buf *out);

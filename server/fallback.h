#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "engine/engine.h"
#include "http/answer.h"
#include "http/request.h"

struct server;

/*
 * What becomes of a query that the streaming engine does not do whole: the flags that say so, and a
 * Prometheus elsewhere that may answer in its place.
 */

/*
 * --engine.fallback: "reference", "none", or the URL of a Prometheus (*ret_url is `text` then, else
 * NULL).
 * ERR_BAD_DATA names what else it is.
 */
bool fallback_read(const char *text, enum engine_fallback *ret_fallback, const char **ret_url,
                   struct err *err) MUST_CHECK;

/* --engine.disable: function names with commas between. */
bool disabled_read(const char *text, bool disabled[FN_COUNT], struct err *err) MUST_CHECK;

/* "streaming" or "reference"; false: another word. */
bool engine_kind_parse(const char *text, enum engine_kind *ret_kind) MUST_CHECK;

/* Hands a whole request to the Prometheus at `url`, and its answer on. */
void fallback_forward(struct server *server, const char *url, const struct request *request,
                      struct answer *answer);

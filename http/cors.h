#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "http/answer.h"
#include "http/request.h"

struct regex;

/*
 * Which origins' scripts may read the answers. `{0}` and cors_done are fine together.
 *
 * Thread: any, once it is made.
 */
struct cors {
    struct regex *origin;
};

/* ERR_BAD_DATA: the pattern is no regular expression. */
bool cors_init(struct cors *cors, struct str pattern, struct err *err) MUST_CHECK;
void cors_done(struct cors *cors);

/* The headers; "Vary: Origin" always, the others for requests that come from another origin. */
void cors_answer(const struct cors *cors, const struct request *request, struct answer *answer);

/* The same for the value of the Origin header, or NULL. */
void cors_answer_origin(const struct cors *cors, const char *origin, struct answer *answer);

#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "query-tee/compare.h"
#include "query-tee/round.h"

struct tee;

/*
 * Tells what became of a comparison: in metrics, and of a difference also in the log, in the file
 * of --report.file and on the page.
 *
 * Thread: any.
 */
struct teller;

/* ERR_IO: the report's file cannot be opened. */
bool teller_open(struct tee *tee, struct teller **ret_teller, struct err *err) MUST_CHECK;
void teller_close(struct teller *teller);

/* They were not compared; `reason` is one of few. */
void teller_skip(struct teller *teller, const struct round_request *request,
                 const struct backend *other, const char *reason);

/* `again`: at first they differed. */
void teller_same(struct teller *teller, const struct round_request *request,
                 const struct backend *other, bool again);

/* `a` is the preferred backend's. It is counted last: who sees it counted finds all the rest. */
void teller_different(struct teller *teller, const struct ask *a, const struct ask *b,
                      const struct comparison *comparison);

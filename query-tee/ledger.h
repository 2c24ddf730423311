#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

struct round;
struct tee;

/*
 * Counts rounds that are done, and gives them to the judge: on a thread of its own, so that neither
 * a client nor the loop waits for that. It lets some milliseconds of rounds come together, and is
 * woken once for all of them.
 *
 * Thread: any.
 */
struct ledger;

/* ERR_IO: there is no thread. */
bool ledger_create(struct tee *tee, struct ledger **ret_ledger, struct err *err) MUST_CHECK;

/* Never waits. */
void ledger_take(struct ledger *ledger, struct round *round);

/* All rounds that it took are counted, and the judge has them. */
bool ledger_is_idle(struct ledger *ledger);

/* Counts what it has; nothing more is taken. */
void ledger_destroy(struct ledger *ledger);

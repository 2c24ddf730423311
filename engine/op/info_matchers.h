#pragma once

#include "engine/op.h"
#include "parser/ast.h"

/*
 * What the second argument of info() says: which metrics are info metrics, and which of their
 * labels are wanted. Without it, or where it says nothing of the name, target_info is that metric;
 * names that are only excluded stand for all others that end in _info.
 */
struct info_matchers {
    struct query *query;
    const struct vector_selector *selector; /* NULL: there is none */

    /* After open; in the arena. */
    uint32_t instance, job;
    struct matcher **names;
    size_t name_count;
    struct matcher **data; /* of the labels to be added */
    size_t data_count;
    struct matcher *made; /* one of names that is not the selector's; NULL: all are */
    bool *ignored;        /* by base series: those that are info series themselves */
    bool take_empty;      /* series to which nothing can be added are results too */
};

/*
 * Fills in what selects the info series of an opened base. *ret_any: there can be some. The
 * matchers are these', until done.
 */
bool info_matchers_open(struct info_matchers *matchers, const struct op *base,
                        struct vector_selector *ret_infos, bool *ret_any, struct err *err)
    MUST_CHECK;

/* Is a label of info series to be added? */
bool info_matchers_want(const struct info_matchers *matchers, uint32_t name);

void info_matchers_done(struct info_matchers *matchers);

#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "http/request.h"
#include "server/param.h"
#include "storage/select.h"

/*
 * What the endpoints that list things ask of storage: the selectors of match[], each a set of
 * matchers, the range of time, and a limit. `{0}` and selectors_done are fine together.
 */
struct selectors {
    struct arena *arena;
    struct matcher ***sets;
    size_t *counts;
    size_t count;
    int64_t begin_ms;
    int64_t end_ms;
    int64_t limit; /* 0: none */
};

/* match[]: ERR_BAD_DATA in Prometheus's words. */
bool selectors_read(struct selectors *selectors, const struct request *request, struct err *err)
    MUST_CHECK;

/* The same, with selectors among them that match everything. */
bool selectors_read_any(struct selectors *selectors, const struct request *request, struct err *err)
    MUST_CHECK;

/* start, end and limit; *ret_param names the one that was wrong. */
bool selectors_read_range(struct selectors *selectors, const struct request *request,
                          const char **ret_param, struct err *err) MUST_CHECK;

/* The same without limit. */
bool selectors_read_times(struct selectors *selectors, const struct request *request,
                          const char **ret_param, struct err *err) MUST_CHECK;
void selectors_done(struct selectors *selectors);

/* What the selectors select, one after another. They lend the labels, until selected_done. */
struct selected {
    struct selection **items;
    size_t count;
    size_t series_count; /* of all; what several of them have counts for each */
};

/*
 * `asked` says what else is asked of each; its arena holds the result. {} is nothing here, as for
 * Prometheus's storage. Errors as storage_select's; selected_done also then.
 */
bool selectors_select(const struct selectors *selectors, struct storage *storage,
                      const struct select_request *asked, struct selected *selected,
                      struct err *err) MUST_CHECK;
void selected_done(struct selected *selected);

static inline void selectors_done_auto(struct selectors *selectors)
{
    selectors_done(selectors);
}

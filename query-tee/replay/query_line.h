#pragma once

#include "base/str.h"
#include "query-tee/replay/queries.h"

/*
 * One line of a file of requests, as queries.h shows them. *ret_found: false for a line that is to
 * be left out. ERR_BAD_DATA says what is wrong with it.
 */
bool query_line_read(struct str line, bool is_test, int64_t time_base_ms, struct arena *arena,
                     struct query_request *ret_request, bool *ret_found, struct err *err)
    MUST_CHECK;

/* Any bytes as a line of a file of requests: what it becomes is read back as the same parameters.
 */
#include <stdint.h>
#include <stdlib.h>

#include "http/params.h"
#include "query-tee/replay/query_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct query_request request = {0};
    struct err err = {0};
    bool found;
    if (size == 0)
        return 0;
    struct str line = {(const char *)data + 1, size - 1};
    if (!query_line_read(line, data[0] & 1, 1000, arena, &request, &found, &err)) {
        if (err.kind != ERR_BAD_DATA)
            abort();
        return 0;
    }
    if (!found)
        return 0;
    struct params params = {0};
    params_parse(&params, str_of(request.params), arena);
    if (request.query.len > 0 && !str_eq(params_get(&params, "query"), request.query))
        abort();
    return 0;
}

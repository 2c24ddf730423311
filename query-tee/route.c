#include "query-tee/route.h"

#include <string.h>

#include "base/attr.h"
#include "http/path.h"

/* Columns of route.def. */
#define GET_POST .get = true, .post = true
#define GET_ONLY .get = true
#define POST_ONLY .post = true

#define INSTANT_PATH "/api/v1/query"
#define RANGE_PATH "/api/v1/query_range"

/* Kinds as the table has them; what is not compared has one that nobody looks at. */
#define COMPARED_ANSWER_QUERY .compared = true, .kind = ANSWER_QUERY
#define COMPARED_ANSWER_STRINGS .compared = true, .kind = ANSWER_STRINGS
#define COMPARED_ANSWER_SERIES .compared = true, .kind = ANSWER_SERIES
#define COMPARED_ANSWER_METADATA .compared = true, .kind = ANSWER_METADATA
#define COMPARED_ANSWER_EXEMPLARS .compared = true, .kind = ANSWER_EXEMPLARS
#define COMPARED_NOT_COMPARED .compared = false

const struct route routes[] = {
#define ROUTE(its_path, its_name, methods, its_kind) \
    {.path = its_path, .name = its_name, methods, COMPARED_##its_kind},
#include "query-tee/route.def"
#undef ROUTE
};

const size_t route_count = ARRAY_COUNT(routes);

const struct route *route_find(struct str path)
{
    for (size_t i = 0; i < route_count; i++)
        if (path_matches(routes[i].path, path))
            return &routes[i];
    return NULL;
}

bool route_is_instant(const struct route *route)
{
    return strcmp(route->path, INSTANT_PATH) == 0;
}

bool route_is_range(const struct route *route)
{
    return strcmp(route->path, RANGE_PATH) == 0;
}

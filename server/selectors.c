#include "server/selectors.h"

#include "model/matcher.h"
#include "parser/parse.h"

/* Does one of the matchers refuse the empty value? */
static bool selects_something(struct matcher *const *matchers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!matcher_matches(matchers[i], STR("")))
            return true;
    return false;
}

bool selectors_read_any(struct selectors *selectors, const struct request *request, struct err *err)
{
    struct arena *arena = selectors->arena;
    struct str text;
    size_t at = 0, count = 0;
    while (params_next(&request->params, "match[]", &at, &text))
        count++;
    selectors->sets = arena_array(arena, struct matcher **, count ? count : 1);
    selectors->counts = arena_array(arena, size_t, count ? count : 1);

    at = 0;
    while (params_next(&request->params, "match[]", &at, &text)) {
        size_t i = selectors->count;
        if (!parse_selector(text, arena, &selectors->sets[i], &selectors->counts[i], err))
            return false;
        selectors->count++;
    }
    return true;
}

bool selectors_read(struct selectors *selectors, const struct request *request, struct err *err)
{
    if (!selectors_read_any(selectors, request, err))
        return false;
    for (size_t i = 0; i < selectors->count; i++)
        if (!selects_something(selectors->sets[i], selectors->counts[i]))
            return err_set(err, ERR_BAD_DATA,
                           "match[] must contain at least one non-empty matcher");
    return true;
}

static bool read_time(const struct request *request, const char *name, struct moment fallback,
                      int64_t *ret_ms, struct err *err)
{
    struct str text = params_get(&request->params, name);
    struct moment moment = fallback;
    if (text.len && !moment_parse(text, &moment, err))
        return err_wrap(err, "invalid time value for '%s'", name);
    *ret_ms = moment_ms(moment);
    return true;
}

bool selectors_read_range(struct selectors *selectors, const struct request *request,
                          const char **ret_param, struct err *err)
{
    *ret_param = "limit";
    return limit_parse(params_get(&request->params, "limit"), &selectors->limit, err) &&
           selectors_read_times(selectors, request, ret_param, err);
}

bool selectors_read_times(struct selectors *selectors, const struct request *request,
                          const char **ret_param, struct err *err)
{
    *ret_param = "start";
    if (!read_time(request, "start", MOMENT_MIN, &selectors->begin_ms, err))
        return false;
    *ret_param = "end";
    return read_time(request, "end", MOMENT_MAX, &selectors->end_ms, err);
}

void selectors_done(struct selectors *selectors)
{
    for (size_t i = 0; i < selectors->count; i++)
        for (size_t k = 0; k < selectors->counts[i]; k++)
            matcher_done(selectors->sets[i][k]);
    selectors->count = 0;
}

bool selectors_select(const struct selectors *selectors, struct storage *storage,
                      const struct select_request *asked, struct selected *selected,
                      struct err *err)
{
    *selected = (struct selected){
        .items = arena_array(asked->arena, struct selection *, selectors->count + 1)};
    for (size_t i = 0; i < selectors->count; i++) {
        struct select_request request = *asked;
        request.matchers = selectors->sets[i];
        request.matcher_count = selectors->counts[i];
        request.begin_ms = selectors->begin_ms;
        request.end_ms = selectors->end_ms;
        if (request.matcher_count == 0)
            continue;
        if (!storage_select(storage, &request, &selected->items[selected->count], err))
            return false;
        selected->series_count += selection_count(selected->items[selected->count++]);
    }
    return arena_check(asked->arena, err);
}

void selected_done(struct selected *selected)
{
    for (size_t i = 0; i < selected->count; i++)
        selection_close(selected->items[i]);
    selected->count = 0;
}

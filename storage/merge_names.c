#include "storage/merge_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"

/* Texts that were found, each perhaps several times. */
struct gathering {
    const struct names_request *request;
    struct str name; /* whose values are wanted; empty: names are */
    struct arena *arena;
    struct symbols *symbols;
    bool *seen; /* by symbol */
    size_t seen_cap;
    struct str *items;
    size_t count;
    size_t cap;
};

/* Room to remember that a symbol was seen. */
static bool gathering_reach(struct gathering *gathering, uint32_t symbol, struct err *err)
{
    if (symbol < gathering->seen_cap)
        return true;
    size_t cap = 2 * (size_t)symbol + 64;
    if (!budget_charge(gathering->request->budget, cap - gathering->seen_cap, err))
        return false;
    gathering->seen = mem_resize(gathering->seen, bool, cap);
    memset(gathering->seen + gathering->seen_cap, 0, cap - gathering->seen_cap);
    gathering->seen_cap = cap;
    return true;
}

static bool gather(struct gathering *gathering, uint32_t symbol, struct err *err)
{
    if (symbol == SYM_EMPTY)
        return true;
    if (!gathering_reach(gathering, symbol, err))
        return false;
    if (gathering->seen[symbol])
        return true;
    if (!budget_grow(gathering->request->budget, gathering->items, struct str, gathering->count,
                     &gathering->cap, err))
        return false;
    gathering->seen[symbol] = true;
    gathering->items[gathering->count++] =
        arena_str(gathering->request->arena, symbols_get(gathering->symbols, symbol));
    return true;
}

static void gathering_done(struct gathering *gathering)
{
    symbols_done(gathering->symbols);
    arena_destroy(gathering->arena);
    free(gathering->seen);
    free(gathering->items);
    budget_release(gathering->request->budget,
                   gathering->seen_cap + gathering->cap * sizeof *gathering->items);
}

static bool gather_selected(struct gathering *gathering, struct storage *storage,
                            struct matcher *const *matchers, size_t count, struct err *err)
{
    const struct names_request *asked = gathering->request;
    struct select_request request = {
        .matchers = matchers,
        .matcher_count = count,
        .begin_ms = asked->begin_ms,
        .end_ms = asked->end_ms,
        .arena = gathering->arena,
        .symbols = gathering->symbols,
        .budget = asked->budget,
        .cancel = asked->cancel,
        .labels_only = true,
        .warn = asked->warn,
        .warn_context = asked->warn_context,
    };
    AUTO(selection_close) struct selection *selection = NULL;
    if (!storage_select(storage, &request, &selection, err))
        return false;
    uint32_t wanted = gathering->name.len ? symbols_add(gathering->symbols, gathering->name) : 0;
    for (size_t i = 0; i < selection_count(selection); i++) {
        const struct labels *labels = selection_labels(selection, i);
        for (uint32_t k = 0; k < labels->count; k++) {
            const struct label *label = &labels->pairs[k];
            if (gathering->name.len && label->name != wanted)
                continue;
            if (!gather(gathering, gathering->name.len ? label->value : label->name, err))
                return false;
        }
    }
    return arena_check(asked->arena, err);
}

static int text_cmp(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* What was found, sorted and once each, in the request's arena. */
static void gathering_settle(struct gathering *gathering, struct names *ret_names)
{
    struct names names = {arena_array(gathering->request->arena, struct str, gathering->count), 0};
    if (gathering->count > 0)
        qsort(gathering->items, gathering->count, sizeof *gathering->items, text_cmp);
    for (size_t i = 0; i < gathering->count; i++)
        if (i == 0 || !str_eq(gathering->items[i - 1], gathering->items[i]))
            names.items[names.count++] = gathering->items[i];
    size_t limit = gathering->request->limit;
    if (limit && names.count > limit + 1)
        names.count = limit + 1;
    *ret_names = names;
}

/* Every series there is, or those of which a label is wanted: no server gives all for nothing. */
static bool gather_sets(struct gathering *gathering, struct storage *storage, struct err *err)
{
    const struct names_request *request = gathering->request;
    bool good = true;
    for (size_t i = 0; i < request->set_count && good; i++)
        good = gather_selected(gathering, storage, request->matcher_sets[i],
                               request->matcher_counts[i], err);
    if (request->set_count > 0)
        return good;
    struct matcher *any = NULL;
    struct str name = gathering->name.len ? gathering->name : STR("__name__");
    if (!matcher_new(gathering->arena, MATCH_REGEX, name, STR(".+"), &any, err))
        return false;
    good = gather_selected(gathering, storage, &any, 1, err);
    matcher_done(any);
    return good;
}

static bool merge_names(struct storage *storage, const struct names_request *request,
                        struct str name, struct names *ret_names, struct err *err)
{
    struct storage *local = merge_of(storage)->options.local;
    struct gathering gathering = {
        .request = request, .name = name, .arena = arena_create(request->budget)};
    gathering.symbols = symbols_new(gathering.arena);
    struct names own = {0};
    bool good = name.len ? storage_label_values(local, request, name, &own, err)
                         : storage_label_names(local, request, &own, err);
    for (size_t i = 0; i < own.count && good; i++)
        good = gather(&gathering, symbols_add(gathering.symbols, own.items[i]), err);
    good = good && gather_sets(&gathering, storage, err);
    if (good)
        gathering_settle(&gathering, ret_names);
    gathering_done(&gathering);
    return good;
}

bool merge_label_names(struct storage *storage, const struct names_request *request,
                       struct names *ret_names, struct err *err)
{
    return merge_names(storage, request, STR(""), ret_names, err);
}

bool merge_label_values(struct storage *storage, const struct names_request *request,
                        struct str name, struct names *ret_names, struct err *err)
{
    return merge_names(storage, request, name, ret_names, err);
}

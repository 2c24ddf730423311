/*
 * Two label sets of one group have the same pairs in the same order once the others are passed
 * over, since both are sorted by name. So a group needs no label set of its own to be found again:
 * its first series stands for it.
 */
#include "engine/op/group.h"

#include <string.h>

#include "base/hash.h"
#include "engine/op/query_map.h"

struct grouping grouping_of_symbols(struct query *query, const uint32_t *names, size_t count,
                                    bool without)
{
    struct grouping grouping = {.without = without};
    grouping.names = name_set_new(query->arena, names, count);
    for (size_t i = 0; i < count; i++)
        grouping.maybe |= UINT64_C(1) << names[i] % 64;
    return grouping;
}

static uint32_t *grouping_symbols(struct query *query, const struct str *names, size_t count)
{
    uint32_t *symbols = arena_array(query->arena, uint32_t, count + 1);
    for (size_t i = 0; i < count; i++)
        symbols[i] = symbols_add(query->symbols, names[i]);
    return symbols;
}

struct grouping grouping_by(struct query *query, const struct str *names, size_t count)
{
    return grouping_of_symbols(query, grouping_symbols(query, names, count), count, false);
}

struct grouping grouping_without(struct query *query, const struct str *names, size_t count)
{
    uint32_t *symbols = grouping_symbols(query, names, count);
    symbols[count] = SYM_NAME;
    return grouping_of_symbols(query, symbols, count + 1, true);
}

struct grouping grouping_except(struct query *query, uint32_t name)
{
    return grouping_of_symbols(query, &name, 1, true);
}

struct grouping grouping_matching(struct query *query, const struct vector_matching *matching)
{
    return matching->on ? grouping_by(query, matching->labels, matching->label_count)
                        : grouping_without(query, matching->labels, matching->label_count);
}

struct grouping grouping_equal(void)
{
    return (struct grouping){.without = true};
}

HOT_INLINE bool grouping_keeps(const struct grouping *grouping, uint32_t name)
{
    bool named = grouping->maybe >> name % 64 & 1 && name_set_has(grouping->names, name);
    return named != grouping->without;
}

const struct labels *grouping_labels(const struct grouping *grouping, const struct labels *labels,
                                     struct arena *arena)
{
    if (!grouping->without)
        return labels_keep(labels, grouping->names, arena);

    /* Not labels_without, which drops the metric name whatever the names. */
    size_t kept = 0;
    for (size_t i = 0; i < labels->count; i++)
        kept += grouping_keeps(grouping, labels->pairs[i].name);
    if (kept == labels->count)
        return labels;
    if (kept == 0)
        return &labels_empty;
    struct labels *made =
        arena_alloc(arena, 1, sizeof(struct labels) + kept * sizeof(struct label));
    for (size_t i = 0; i < labels->count; i++)
        if (grouping_keeps(grouping, labels->pairs[i].name))
            made->pairs[made->count++] = labels->pairs[i];
    return made;
}

static uint64_t grouping_hash(const struct grouping *grouping, const struct labels *labels)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < labels->count; i++) {
        struct label pair = labels->pairs[i];
        if (grouping_keeps(grouping, pair.name))
            hash = hash_mix(hash, (uint64_t)pair.name << 32 | pair.value);
    }
    return hash ^ (hash >> 32);
}

/* The first kept pair at or behind `at`; labels->count if there is none. */
static size_t grouping_next(const struct grouping *grouping, const struct labels *labels, size_t at)
{
    while (at < labels->count && !grouping_keeps(grouping, labels->pairs[at].name))
        at++;
    return at;
}

static bool grouping_same(const struct grouping *grouping, const struct labels *a,
                          const struct labels *b)
{
    for (size_t i = 0, j = 0;; i++, j++) {
        i = grouping_next(grouping, a, i);
        j = grouping_next(grouping, b, j);
        if (i == a->count || j == b->count)
            return i == a->count && j == b->count;
        if (a->pairs[i].name != b->pairs[j].name || a->pairs[i].value != b->pairs[j].value)
            return false;
    }
}

/* The groups found so far, each known by the labels of its first series. */
struct group_table {
    const struct grouping *grouping;
    struct query_map found;
    const struct labels **firsts;
    uint32_t count;
};

/* The group whose first series is like this one, or UINT32_MAX. */
static uint32_t group_table_find(const struct group_table *table, uint64_t hash,
                                 const struct labels *labels)
{
    const struct map *found = &table->found.map;
    struct map_probe at = map_find(found, hash);
    for (; map_hit(found, &at); map_next(found, &at))
        if (grouping_same(table->grouping, labels, table->firsts[at.index]))
            return at.index;
    return UINT32_MAX;
}

/* Numbers the groups of the series, new ones behind those that are there. */
static bool group_table_number(struct group_table *table, const struct op *op, uint32_t *of_series,
                               struct err *err)
{
    /* One group of all: of_series is zero already. */
    if (!table->grouping->without && table->grouping->names.count == 0) {
        if (op->series_count > 0)
            table->firsts[0] = op->labels[0];
        table->count = table->count || op->series_count > 0;
        return true;
    }
    for (size_t i = 0; i < op->series_count; i++) {
        uint64_t hash = grouping_hash(table->grouping, op->labels[i]);
        of_series[i] = group_table_find(table, hash, op->labels[i]);
        if (of_series[i] != UINT32_MAX)
            continue;
        if (!query_map_insert(&table->found, hash, table->count, err))
            return false;
        of_series[i] = table->count;
        table->firsts[table->count++] = op->labels[i];
    }
    return true;
}

/* Counting sort: begins first counts, then runs ahead of each group's members as they are placed.
 */
static void groups_place(struct groups *groups, const struct op *op)
{
    struct arena *arena = op->query->arena;
    uint32_t *members = arena_array(arena, uint32_t, op->series_count);
    uint32_t *begins = arena_array(arena, uint32_t, groups->count + 1);
    for (size_t i = 0; i < op->series_count; i++)
        begins[groups->of_series[i] + 1]++;
    for (size_t g = 0; g < groups->count; g++)
        begins[g + 1] += begins[g];
    for (size_t i = 0; i < op->series_count; i++)
        members[begins[groups->of_series[i]]++] = (uint32_t)i;
    for (size_t g = groups->count; g > 0; g--)
        begins[g] = begins[g - 1];
    begins[0] = 0;
    groups->members = members;
    groups->begins = begins;
}

#define GROUPS_SIDES_MAX 2

static bool groups_init_sides(struct groups *const *sides, const struct op *const *ops,
                              size_t side_count, const struct grouping *grouping, struct err *err)
{
    struct query *query = ops[0]->query;
    struct arena *arena = query->arena;
    uint32_t *of_series[GROUPS_SIDES_MAX];
    size_t series_count = 0;
    for (size_t i = 0; i < side_count; i++) {
        of_series[i] = arena_array(arena, uint32_t, ops[i]->series_count);
        series_count += ops[i]->series_count;
    }
    struct group_table table = {.grouping = grouping, .found = {.query = query}};
    table.firsts = arena_array(arena, const struct labels *, series_count);
    bool numbered = arena_check(arena, err);
    for (size_t i = 0; numbered && i < side_count; i++)
        numbered = group_table_number(&table, ops[i], of_series[i], err);
    query_map_done(&table.found);
    if (!numbered)
        return false;

    for (size_t g = 0; g < table.count; g++)
        table.firsts[g] = grouping_labels(grouping, table.firsts[g], arena);
    for (size_t i = 0; i < side_count; i++) {
        *sides[i] = (struct groups){
            .count = table.count, .labels = table.firsts, .of_series = of_series[i]};
        groups_place(sides[i], ops[i]);
    }
    return arena_check(arena, err);
}

bool groups_init(struct groups *groups, const struct grouping *grouping, const struct op *op,
                 struct err *err)
{
    return groups_init_sides(&groups, &op, 1, grouping, err);
}

bool groups_init_ordered(struct groups *groups, const struct grouping *grouping,
                         const struct op *op, const uint32_t *order, struct err *err)
{
    struct arena *arena = op->query->arena;
    struct op ordered = *op;
    ordered.labels = arena_array(arena, const struct labels *, op->series_count);
    uint32_t *members = arena_array(arena, uint32_t, op->series_count);
    uint32_t *of_series = arena_array(arena, uint32_t, op->series_count);
    if (!arena_check(arena, err))
        return false;
    for (size_t i = 0; i < op->series_count; i++)
        ordered.labels[i] = op->labels[order[i]];
    if (!groups_init(groups, grouping, &ordered, err))
        return false;
    for (size_t i = 0; i < op->series_count; i++) {
        members[i] = order[groups->members[i]];
        of_series[order[i]] = groups->of_series[i];
    }
    groups->members = members;
    groups->of_series = of_series;
    return true;
}

bool groups_init_both(struct groups *left, struct groups *right, const struct grouping *grouping,
                      const struct op *left_op, const struct op *right_op, struct err *err)
{
    struct groups *const sides[GROUPS_SIDES_MAX] = {left, right};
    const struct op *const ops[GROUPS_SIDES_MAX] = {left_op, right_op};
    return groups_init_sides(sides, ops, GROUPS_SIDES_MAX, grouping, err);
}

size_t groups_size_max(const struct groups *groups, const uint32_t *order, size_t count)
{
    size_t max = 0;
    for (size_t i = 0; i < count; i++)
        if (groups_size(groups, order[i]) > max)
            max = groups_size(groups, order[i]);
    return max;
}

bool groups_arrange(const struct groups *groups, struct op *op, const uint32_t *order, size_t count,
                    struct err *err)
{
    size_t total = 0;
    bool natural = count == groups->count;
    for (size_t i = 0; i < count; i++) {
        total += groups_size(groups, order[i]);
        natural = natural && order[i] == i;
    }
    if (natural)
        return op_arrange(op, groups->members, total, err);

    uint32_t *members = arena_array(op->query->arena, uint32_t, total);
    if (!arena_check(op->query->arena, err))
        return false;
    uint32_t *to = members;
    for (size_t i = 0; i < count; i++) {
        size_t size = groups_size(groups, order[i]);
        memcpy(to, groups_members(groups, order[i]), size * sizeof *to);
        to += size;
    }
    return op_arrange(op, members, total, err);
}

bool groups_names(const struct groups *groups, struct op *op, const struct op *child,
                  struct err *err)
{
    op->drops_name = NULL;
    if (!child->drops_name)
        return true;
    bool *drops = arena_array(op->query->arena, bool, groups->count);
    for (size_t i = 0; i < child->series_count; i++)
        drops[groups->of_series[i]] |= child->drops_name[i];
    op->drops_name = drops;
    return arena_check(op->query->arena, err);
}

const bool *groups_hold(const struct groups *groups, struct op *child)
{
    const bool *members = op_holds(child);
    if (!members)
        return NULL;
    bool *holds = arena_array(child->query->arena, bool, groups->count);
    for (size_t i = 0; i < child->series_count; i++)
        holds[groups->of_series[i]] |= members[i];
    return holds;
}

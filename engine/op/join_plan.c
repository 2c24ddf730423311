#include "engine/op/join_plan.h"

#include "base/hash.h"
#include "engine/op/query_map.h"

static struct name_set name_set_of(struct query *query, const struct str *texts, size_t count)
{
    uint32_t *names = arena_array(query->arena, uint32_t, count);
    for (size_t i = 0; i < count; i++)
        names[i] = symbols_add(query->symbols, texts[i]);
    return name_set_new(query->arena, names, count);
}

void join_plan_init(struct join_plan *plan, struct query *query,
                    const struct vector_matching *matching, bool drop_name)
{
    *plan = (struct join_plan){
        .query = query,
        .card = matching->card,
        .on = matching->on,
        .listed = name_set_of(query, matching->labels, matching->label_count),
        .include = name_set_of(query, matching->include, matching->include_count),
        .signature = grouping_matching(query, matching),
        .drop_name = drop_name,
    };
}

bool join_plan_drops_name(const struct query *query, const struct binary *binary)
{
    if (binary->return_bool)
        return !query->modes.delayed_names;
    return !binary_op_is_comparison(binary->op) && !binary_op_is_trim(binary->op);
}

bool join_plan_conflict_error(const struct join_plan *plan, struct err *err)
{
    return err_set(err, ERR_EXECUTION, "multiple matches for labels: %s",
                   plan->card == CARD_ONE_TO_ONE
                       ? "many-to-one matching must be explicit (group_left/group_right)"
                       : "grouping labels must ensure unique matches");
}

static uint64_t join_include_hash(const struct join_plan *plan, uint32_t series)
{
    uint64_t hash = plan->one.of_series[series];
    for (size_t i = 0; i < plan->include.count; i++)
        hash = hash_mix(hash, labels_get(plan->one_op->labels[series], plan->include.names[i]));
    return hash ^ (hash >> 32);
}

static bool join_include_same(const struct join_plan *plan, uint32_t a, uint32_t b)
{
    if (plan->one.of_series[a] != plan->one.of_series[b])
        return false;
    for (size_t i = 0; i < plan->include.count; i++) {
        uint32_t name = plan->include.names[i];
        if (labels_get(plan->one_op->labels[a], name) != labels_get(plan->one_op->labels[b], name))
            return false;
    }
    return true;
}

/* The class of a series of the one side, a new one if it is the first. */
static bool join_class_add(struct join_plan *plan, struct query_map *found, uint32_t series,
                           struct err *err)
{
    const struct map *map = &found->map;
    uint64_t hash = join_include_hash(plan, series);
    for (struct map_probe at = map_find(map, hash); map_hit(map, &at); map_next(map, &at)) {
        if (join_include_same(plan, plan->class_first[at.index], series)) {
            plan->class_of[series] = at.index;
            return true;
        }
    }
    uint32_t class = (uint32_t)plan->class_count++;
    plan->class_of[series] = class;
    plan->class_first[class] = series;
    plan->class_group[class] = plan->one.of_series[series];
    return query_map_insert(found, hash, class, err);
}

static bool join_classes(struct join_plan *plan, struct err *err)
{
    struct arena *arena = plan->query->arena;
    size_t count = plan->one_op->series_count;
    plan->class_of = arena_array(arena, uint32_t, count);
    plan->class_first = arena_array(arena, uint32_t, count);
    plan->class_group = arena_array(arena, uint32_t, count);
    plan->class_begin = arena_array(arena, uint32_t, plan->one.count + 1);
    if (!arena_check(arena, err))
        return false;

    AUTO(query_map_done) struct query_map found = {.query = plan->query};
    for (size_t group = 0; group < plan->one.count; group++) {
        const uint32_t *members = groups_members(&plan->one, group);
        size_t size = groups_size(&plan->one, group);
        plan->class_begin[group] = (uint32_t)plan->class_count;
        for (size_t i = 0; i < size; i++)
            if (!join_class_add(plan, &found, members[i], err))
                return false;
        plan->may_clash = plan->may_clash || size > 1;
    }
    plan->class_begin[plan->one.count] = (uint32_t)plan->class_count;
    return true;
}

static size_t join_group_classes(const struct join_plan *plan, size_t group)
{
    return plan->class_begin[group + 1] - plan->class_begin[group];
}

/* Room for all pairs, if the budget has it: their number is the product of what meets. */
static bool join_pairs_reserve(struct join_plan *plan, struct err *err)
{
    struct query *query = plan->query;
    size_t count = 0;
    for (size_t i = 0; i < plan->many_op->series_count; i++)
        count += join_group_classes(plan, plan->many.of_series[i]);
    if (count >= JOIN_NONE)
        return err_set(err, ERR_LIMIT, "vector matching gives %zu series, at most %u", count,
                       JOIN_NONE - 1);

    size_t bytes = count * (sizeof *plan->pairs + sizeof *plan->labels);
    if (!budget_charge(&query->budget, bytes, err))
        return false;
    budget_release(&query->budget, bytes);
    plan->pairs = arena_array(query->arena, struct join_pair, count);
    plan->labels = arena_array(query->arena, const struct labels *, count);
    return arena_check(query->arena, err);
}

static void join_remove(struct labels_builder *builder, uint32_t name)
{
    labels_builder_set(builder, name, SYM_EMPTY);
}

const struct labels *join_plan_labels(const struct join_plan *plan, struct labels_builder *builder,
                                      const struct labels *many, const struct labels *one)
{
    struct query *query = plan->query;
    labels_builder_reset(builder, query->symbols, many);
    if (plan->drop_name) {
        join_remove(builder, SYM_NAME);
        join_remove(builder, SYM_TYPE);
        join_remove(builder, SYM_UNIT);
    }
    if (plan->card == CARD_ONE_TO_ONE)
        for (size_t i = 0; i < many->count; i++)
            if (name_set_has(plan->listed, many->pairs[i].name) != plan->on)
                join_remove(builder, many->pairs[i].name);
    for (size_t i = 0; i < plan->include.count; i++)
        labels_builder_set(builder, plan->include.names[i],
                           labels_get(one, plan->include.names[i]));
    return labels_builder_labels(builder, query->arena);
}

static bool join_pairs(struct join_plan *plan, struct err *err)
{
    if (!join_pairs_reserve(plan, err))
        return false;
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    for (size_t i = 0; i < plan->many_op->series_count; i++) {
        uint32_t group = plan->many.of_series[i];
        for (uint32_t c = plan->class_begin[group]; c < plan->class_begin[group + 1]; c++) {
            const struct labels *one = plan->one_op->labels[plan->class_first[c]];
            plan->labels[plan->pair_count] =
                join_plan_labels(plan, &builder, plan->many_op->labels[i], one);
            plan->pairs[plan->pair_count++] = (struct join_pair){(uint32_t)i, c, JOIN_NONE};
        }
        if (!arena_check(plan->query->arena, err))
            return false;
    }
    return true;
}

/* One-to-one: of a group, only one series of the many side may have a point at a step. */
static void join_conflicts_of_groups(struct join_plan *plan)
{
    uint32_t *conflicts = arena_array(plan->query->arena, uint32_t, plan->one.count);
    for (size_t i = 0; i < plan->pair_count; i++) {
        uint32_t group = plan->many.of_series[plan->pairs[i].many];
        if (groups_size(&plan->many, group) == 1)
            continue;
        if (!conflicts[group])
            conflicts[group] = (uint32_t)++plan->conflict_count;
        plan->pairs[i].conflict = conflicts[group] - 1;
    }
}

/* The first pair of the class with these labels, or NULL. */
static struct join_pair *join_pair_like(const struct join_plan *plan, const struct map *map,
                                        uint64_t hash, size_t pair)
{
    for (struct map_probe at = map_find(map, hash); map_hit(map, &at); map_next(map, &at))
        if (plan->pairs[at.index].class == plan->pairs[pair].class &&
            labels_equal(plan->labels[at.index], plan->labels[pair]))
            return &plan->pairs[at.index];
    return NULL;
}

/* Grouping: of the results of a group that have equal labels, only one may have a point. */
static bool join_conflicts_of_labels(struct join_plan *plan, struct err *err)
{
    AUTO(query_map_done) struct query_map found = {.query = plan->query};
    for (size_t i = 0; i < plan->pair_count; i++) {
        struct join_pair *pair = &plan->pairs[i];
        if (groups_size(&plan->many, plan->many.of_series[pair->many]) == 1)
            continue;
        uint64_t hash = hash_mix(labels_hash(plan->labels[i]), pair->class);
        struct join_pair *like = join_pair_like(plan, &found.map, hash, i);
        if (!like && !query_map_insert(&found, hash, (uint32_t)i, err))
            return false;
        if (!like)
            continue;
        if (like->conflict == JOIN_NONE)
            like->conflict = (uint32_t)plan->conflict_count++;
        pair->conflict = like->conflict;
    }
    return true;
}

bool join_plan_open(struct join_plan *plan, const struct op *many, const struct op *one,
                    struct err *err)
{
    plan->many_op = many;
    plan->one_op = one;
    if (!groups_init_both(&plan->many, &plan->one, &plan->signature, many, one, err) ||
        !join_classes(plan, err) || !join_pairs(plan, err))
        return false;
    if (plan->card != CARD_ONE_TO_ONE)
        return join_conflicts_of_labels(plan, err);
    join_conflicts_of_groups(plan);
    return arena_check(plan->query->arena, err);
}

/*
 * Many steps: a group is read when the first of its series is due. Its heaps, one a step, are then
 * turned into lists, one a member, of the steps at which it was chosen; the heaps' memory serves
 * the next group, the lists stay until the last wanted member has been handed out.
 *
 * A list holds the order in which the child gave the members, not their numbers: in a group both
 * rise together.
 */
#include "engine/op/topk.h"

#include <assert.h>
#include <string.h>

#include "engine/fn/go_heap.h"
#include "engine/op/group_reader.h"
#include "engine/op/names.h"
#include "engine/op/param.h"
#include "engine/op/tile.h"
#include "model/notes.h"
#include "model/sample.h"

struct topk_chosen {
    double value;
    uint32_t step;
};

/* Members' lists of one group, in one piece of memory: chosen | begins. */
struct topk_group {
    double *memory; /* NULL: not read yet, or all handed out */
    size_t memory_size;
    struct topk_chosen *chosen;
    uint32_t *begins; /* by member, and one more */
    size_t wanted;    /* series still to be handed out */
};

struct topk {
    struct op op;
    struct grouping grouping;
    struct groups groups;
    struct param param;
    bool least;
    size_t begin;
    struct group_reader in;
    struct tile output;
    double *settled; /* one step: the values of the result */

    /* Many steps. */
    struct topk_group *lists; /* by group */
    size_t *k;                /* by step, at most the child's series */
    size_t k_max;
    struct go_item *heaps; /* steps x room */
    uint32_t *heap_counts; /* by step */
    double *heap_memory;
    size_t heap_memory_size;
    size_t members_max;
};

static_assert(sizeof(struct go_item) == 2 * sizeof(double), "heaps are taken as doubles");
static_assert(sizeof(struct topk_chosen) == 2 * sizeof(double), "lists are taken as doubles");

/* Histograms have no rank. */
static void topk_note_ignored(const struct topk *self)
{
    note_histogram_ignored(&self->op.query->annotations, self->begin,
                           self->least ? "bottomk" : "topk");
}

/* One step: all groups' heaps at once, each in its part of an array as long as all series. */
static bool topk_choose(struct topk *self, struct go_item *items, uint32_t *counts, struct err *err)
{
    struct op *child = self->op.children[0];
    size_t k = param_count(self->param.steps[0], child->series_count);
    for (size_t i = 0; i < child->series_count; i++) {
        double *value;
        if (row_reader_next(&self->in.rows, &value, err) != PULL_BATCH)
            return false;
        if (value_is_stale(*value)) {
            if (k > 0)
                topk_note_ignored(self);
            continue;
        }
        uint32_t group = self->groups.of_series[i];
        struct go_heap heap = {items + self->groups.begins[group], counts[group], self->least};
        if (k > 0)
            go_heap_offer(&heap, k, *value, (uint32_t)i);
        counts[group] = (uint32_t)heap.count;
    }
    return true;
}

static bool topk_open_one_step(struct topk *self, struct err *err)
{
    struct op *op = &self->op;
    struct op *child = op->children[0];
    struct arena *arena = op->query->arena;
    struct go_item *items = arena_array(arena, struct go_item, child->series_count);
    uint32_t *counts = arena_array(arena, uint32_t, self->groups.count);
    if (!arena_check(arena, err) || !topk_choose(self, items, counts, err))
        return false;

    size_t total = 0;
    for (size_t g = 0; g < self->groups.count; g++)
        total += counts[g];
    op->labels = arena_array(arena, const struct labels *, total);
    uint32_t *from = arena_array(arena, uint32_t, total);
    self->settled = arena_array(arena, double, total);
    for (size_t g = 0; g < self->groups.count; g++) {
        struct go_item *chosen = items + self->groups.begins[g];
        go_sort(chosen, counts[g], self->least ? go_less_ascending : go_less_descending);
        for (size_t i = 0; i < counts[g]; i++, op->series_count++) {
            op->labels[op->series_count] = child->labels[chosen[i].index];
            from[op->series_count] = chosen[i].index;
            self->settled[op->series_count] = chosen[i].value;
        }
    }
    return names_follow(op, child, from, err);
}

static bool topk_open_many_steps(struct topk *self, struct err *err)
{
    struct op *op = &self->op;
    struct arena *arena = op->query->arena;
    op->labels = op->children[0]->labels;
    op->series_count = op->children[0]->series_count;
    op->drops_name = op->children[0]->drops_name;
    self->lists = arena_array(arena, struct topk_group, self->groups.count);
    self->k = arena_array(arena, size_t, op->grid.count);
    for (size_t s = 0; s < op->grid.count; s++) {
        self->k[s] = param_count(self->param.steps[s], op->series_count);
        if (self->k[s] > self->k_max)
            self->k_max = self->k[s];
    }
    return arena_check(arena, err);
}

static bool topk_open(struct op *op, struct err *err)
{
    struct topk *self = CONTAINER(struct topk, op, op);
    struct op *child = op->children[0];
    if (!param_read(&self->param, op->children[1], err) || !op_open(child, err))
        return false;
    if (self->param.max < 1)
        return true;
    if (!param_check_count(&self->param, err) ||
        !groups_init(&self->groups, &self->grouping, child, err))
        return false;
    group_reader_init(&self->in, child);
    return op->grid.count == 1 ? topk_open_one_step(self, err) : topk_open_many_steps(self, err);
}

/* The groups of the wanted series, in the order in which they are first due. */
static size_t topk_group_order(struct topk *self, uint32_t *group_order)
{
    size_t count = 0;
    for (size_t i = 0; i < self->op.order_count; i++) {
        uint32_t group = self->groups.of_series[self->op.order[i]];
        if (self->lists[group].wanted++ == 0)
            group_order[count++] = group;
    }
    return count;
}

static bool topk_arrange(struct op *op, struct err *err)
{
    struct topk *self = CONTAINER(struct topk, op, op);
    size_t steps = op->grid.count;
    if (steps == 1 || op->order_count == 0)
        return true;
    uint32_t *group_order = arena_array(op->query->arena, uint32_t, self->groups.count);
    if (!arena_check(op->query->arena, err) || !tile_take_for(&self->output, op, err))
        return false;
    size_t count = topk_group_order(self, group_order);
    self->members_max = groups_size_max(&self->groups, group_order, count);

    size_t room = self->k_max < self->members_max ? self->k_max : self->members_max;
    self->heap_memory_size = steps * room * 2 + steps;
    self->heap_memory = pool_take(op->query->pool, &op->query->budget, self->heap_memory_size, err);
    if (!self->heap_memory)
        return false;
    self->heaps = (struct go_item *)(void *)self->heap_memory;
    self->heap_counts = (uint32_t *)(void *)(self->heap_memory + steps * room * 2);
    return groups_arrange(&self->groups, op->children[0], group_order, count, err);
}

static void topk_look_at_histograms(const struct topk *self,
                                    const struct histogram *const *histograms)
{
    for (size_t s = 0; histograms && s < self->op.grid.count; s++) {
        if (!histograms[s] || self->k[s] == 0)
            continue;
        topk_note_ignored(self);
        return;
    }
}

/* One member's row is offered to every step's heap. */
static void topk_offer_row(const struct topk *self, size_t room, uint32_t member, const double *row)
{
    for (size_t s = 0; s < self->op.grid.count; s++) {
        if (value_is_stale(row[s]) || self->k[s] == 0)
            continue;
        struct go_heap heap = {self->heaps + s * room, self->heap_counts[s], self->least};
        if (heap.count == self->k[s] && !go_heap_takes(self->least, heap.items[0].value, row[s]))
            continue;
        go_heap_offer(&heap, self->k[s], row[s], member);
        self->heap_counts[s] = (uint32_t)heap.count;
    }
}

static bool topk_take_list(struct topk *self, struct topk_group *list, size_t members,
                           struct err *err)
{
    struct query *query = self->op.query;
    size_t total = 0;
    for (size_t s = 0; s < self->op.grid.count; s++)
        total += self->heap_counts[s];
    list->memory_size = total * 2 + (members + 3) / 2;
    list->memory = pool_take(query->pool, &query->budget, list->memory_size, err);
    if (!list->memory)
        return false;
    list->chosen = (struct topk_chosen *)(void *)list->memory;
    list->begins = (uint32_t *)(void *)(list->memory + total * 2);
    memset(list->begins, 0, (members + 2) * sizeof *list->begins);
    return true;
}

/*
 * Heaps by step to lists by member, by a counting sort: next[m] is where the next of member m goes,
 * and so in the end where member m + 1 begins.
 */
static void topk_make_lists(const struct topk *self, const struct topk_group *list, size_t room,
                            size_t members)
{
    uint32_t *next = list->begins + 1;
    for (size_t s = 0; s < self->op.grid.count; s++)
        for (size_t i = 0; i < self->heap_counts[s]; i++)
            next[self->heaps[s * room + i].index + 1]++;
    for (size_t m = 1; m <= members; m++)
        next[m] += next[m - 1];
    for (size_t s = 0; s < self->op.grid.count; s++) {
        for (size_t i = 0; i < self->heap_counts[s]; i++) {
            struct go_item item = self->heaps[s * room + i];
            list->chosen[next[item.index]++] = (struct topk_chosen){item.value, (uint32_t)s};
        }
    }
}

static bool topk_read_group(struct topk *self, uint32_t group, struct err *err)
{
    size_t members = groups_size(&self->groups, group);
    size_t room = self->k_max < members ? self->k_max : members;
    memset(self->heap_counts, 0, self->op.grid.count * sizeof *self->heap_counts);
    struct group_row row;
    enum pull got;
    group_reader_begin(&self->in, groups_members(&self->groups, group), members);
    while ((got = group_reader_next(&self->in, &row, err)) == PULL_BATCH) {
        topk_look_at_histograms(self, row.histograms);
        topk_offer_row(self, room, (uint32_t)row.member, row.values);
    }
    if (got == PULL_ERR)
        return false;
    struct topk_group *list = &self->lists[group];
    if (!topk_take_list(self, list, members, err))
        return false;
    topk_make_lists(self, list, room, members);
    return true;
}

static size_t topk_member(const struct groups *groups, uint32_t group, uint32_t series)
{
    const uint32_t *members = groups_members(groups, group);
    size_t low = 0;
    size_t high = groups_size(groups, group);
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (members[middle] <= series)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void topk_give_list(struct topk *self, struct topk_group *list)
{
    struct query *query = self->op.query;
    pool_give(query->pool, &query->budget, list->memory, list->memory_size);
    list->memory = NULL;
}

static bool topk_series_row(struct topk *self, uint32_t series, double *out, struct err *err)
{
    uint32_t group = self->groups.of_series[series];
    struct topk_group *list = &self->lists[group];
    if (!list->memory && !topk_read_group(self, group, err))
        return false;
    for (size_t s = 0; s < self->op.grid.count; s++)
        out[s] = value_stale();
    size_t member = topk_member(&self->groups, group, series);
    for (size_t i = list->begins[member]; i < list->begins[member + 1]; i++)
        out[list->chosen[i].step] = list->chosen[i].value;
    if (--list->wanted == 0)
        topk_give_list(self, list);
    return true;
}

static bool topk_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct topk *self = CONTAINER(struct topk, op, op);
    if (op->grid.count == 1) {
        *ret =
            (struct batch){.values = self->settled, .row_count = op->series_count, .step_count = 1};
        return true;
    }
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++)
        if (!topk_series_row(self, op->order[op->rows_done + i], batch_row(&out, i), err))
            return false;
    *ret = out;
    return true;
}

static void topk_close(struct op *op)
{
    struct topk *self = CONTAINER(struct topk, op, op);
    tile_give(&self->output);
    group_reader_done(&self->in);
    pool_give(op->query->pool, &op->query->budget, self->heap_memory, self->heap_memory_size);
    self->heap_memory = NULL;
    for (size_t g = 0; self->lists && g < self->groups.count; g++)
        topk_give_list(self, &self->lists[g]);
}

/* With any series of a group, which has many steps then, all of its members are read. */
static const bool *topk_tells(struct op *op)
{
    const struct topk *self = CONTAINER(struct topk, op, op);
    const bool *holds = groups_hold(&self->groups, op->children[0]);
    if (!holds)
        return NULL;
    bool *tells = arena_array(op->query->arena, bool, op->series_count);
    for (size_t g = 0; g < self->groups.count; g++)
        tells[groups_members(&self->groups, g)[0]] = holds[g];
    return tells;
}

static const struct op_class topk_class = {
    .name = "topk",
    .open = topk_open,
    .tells = topk_tells,
    .arrange = topk_arrange,
    .pull = topk_pull,
    .close = topk_close,
};

struct op *op_topk_new(struct query *query, struct op *child, struct op *param,
                       enum aggregate_op op, const struct grouping *grouping, size_t begin)
{
    struct topk *self = arena_new(query->arena, struct topk);
    op_init(&self->op, &topk_class, query, &child->grid);
    op_add_child(&self->op, child);
    op_add_child(&self->op, param);
    self->grouping = *grouping;
    self->least = op == AGGREGATE_bottomk;
    self->begin = begin;
    return &self->op;
}

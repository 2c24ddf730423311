/*
 * A regex is run once for each different value of the source label: what it gave is remembered by
 * the value's symbol.
 */
#include "engine/op/label_replace.h"

#include "base/hash.h"
#include "base/quote.h"
#include "base/regex.h"
#include "engine/op/query_map.h"

struct relabel {
    struct op op;
    struct str dst;
    struct str text; /* the replacement, or the separator */
    struct str src;
    struct str pattern;
    const struct str *sources; /* of label_join */
    size_t source_count;
};

/* What a source value became; SYMBOL_SAME where the regex does not match. */
struct replaced {
    uint32_t from;
    uint32_t to;
};

#define SYMBOL_SAME UINT32_MAX

/* The state of one label_replace at open. */
struct replacing {
    struct relabel *self;
    struct regex *regex;
    struct query_map found;
    struct replaced *items; /* in the arena: as many as series, at most */
    struct buf text;
};

static bool label_name_valid(struct str name)
{
    return name.len > 0 && utf8_valid(name);
}

/* The arena holds a copy of what changes, and what does not change is the child's. */
static bool relabel_open_child(struct op *op, struct err *err)
{
    if (!op_open(op->children[0], err))
        return false;
    op->series_count = op->children[0]->series_count;
    op->labels = arena_array(op->query->arena, const struct labels *, op->series_count);
    return arena_check(op->query->arena, err);
}

static bool replace_value(struct replacing *replacing, uint32_t from, uint32_t *ret_to,
                          struct err *err)
{
    uint64_t hash = hash_mix(0, from);
    struct map_probe at = map_find(&replacing->found.map, hash);
    for (; map_hit(&replacing->found.map, &at); map_next(&replacing->found.map, &at)) {
        if (replacing->items[at.index].from == from) {
            *ret_to = replacing->items[at.index].to;
            return true;
        }
    }
    struct symbols *symbols = replacing->self->op.query->symbols;
    uint32_t to = SYMBOL_SAME;
    buf_clear(&replacing->text);
    if (regex_expand(replacing->regex, symbols_get(symbols, from), replacing->self->text,
                     &replacing->text))
        to = symbols_add(symbols, buf_view(&replacing->text));

    size_t count = replacing->found.map.count;
    replacing->items[count] = (struct replaced){from, to};
    *ret_to = to;
    return query_map_insert(&replacing->found, hash, (uint32_t)count, err);
}

static bool replace_labels(struct replacing *replacing, struct err *err)
{
    struct op *op = &replacing->self->op;
    struct op *child = op->children[0];
    uint32_t src = symbols_add(op->query->symbols, replacing->self->src);
    uint32_t dst = symbols_add(op->query->symbols, replacing->self->dst);
    replacing->items = arena_array(op->query->arena, struct replaced, op->series_count);
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    for (size_t i = 0; i < op->series_count; i++) {
        uint32_t to;
        if (!replace_value(replacing, labels_get(child->labels[i], src), &to, err) ||
            !arena_check(op->query->arena, err))
            return false;
        op->labels[i] = child->labels[i];
        if (to == SYMBOL_SAME)
            continue;
        labels_builder_reset(&builder, op->query->symbols, child->labels[i]);
        labels_builder_set(&builder, dst, to);
        op->labels[i] = labels_builder_labels(&builder, op->query->arena);
    }
    return true;
}

static bool label_replace_open(struct op *op, struct err *err)
{
    struct relabel *self = CONTAINER(struct relabel, op, op);
    AUTO(regex_destroy) struct regex *regex = NULL;
    if (!regex_create(self->pattern, &regex, err)) {
        err_clear(err);
        return err_set(err, ERR_EXECUTION, "invalid regular expression in label_replace(): %.*s",
                       STR_ARGS(self->pattern));
    }
    if (!label_name_valid(self->dst))
        return err_set(err, ERR_EXECUTION,
                       "invalid destination label name in label_replace(): %.*s",
                       STR_ARGS(self->dst));
    if (!relabel_open_child(op, err))
        return false;

    struct replacing replacing = {.self = self, .regex = regex, .found = {.query = op->query}};
    bool replaced = replace_labels(&replacing, err);
    query_map_done(&replacing.found);
    buf_done(&replacing.text);
    return replaced;
}

static void join_values(const struct relabel *self, const struct labels *labels,
                        const uint32_t *names, struct buf *text)
{
    buf_clear(text);
    for (size_t i = 0; i < self->source_count; i++) {
        if (i > 0)
            buf_str(text, self->text);
        buf_str(text, symbols_get(self->op.query->symbols, labels_get(labels, names[i])));
    }
}

static bool join_names_valid(const struct relabel *self, struct err *err)
{
    for (size_t i = 0; i < self->source_count; i++)
        if (!label_name_valid(self->sources[i]))
            return err_set(err, ERR_EXECUTION, "invalid source label name in label_join(): %.*s",
                           STR_ARGS(self->sources[i]));
    if (!label_name_valid(self->dst))
        return err_set(err, ERR_EXECUTION, "invalid destination label name in label_join(): %.*s",
                       STR_ARGS(self->dst));
    return true;
}

static bool label_join_open(struct op *op, struct err *err)
{
    struct relabel *self = CONTAINER(struct relabel, op, op);
    if (!join_names_valid(self, err) || !relabel_open_child(op, err))
        return false;

    struct symbols *symbols = op->query->symbols;
    uint32_t dst = symbols_add(symbols, self->dst);
    uint32_t *names = arena_array(op->query->arena, uint32_t, self->source_count);
    for (size_t i = 0; i < self->source_count; i++)
        names[i] = symbols_add(symbols, self->sources[i]);
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    AUTO(buf_done) struct buf text = {0};
    for (size_t i = 0; i < op->series_count; i++) {
        const struct labels *from = op->children[0]->labels[i];
        join_values(self, from, names, &text);
        labels_builder_reset(&builder, symbols, from);
        labels_builder_set(&builder, dst, symbols_add(symbols, buf_view(&text)));
        op->labels[i] = labels_builder_labels(&builder, op->query->arena);
        if (!arena_check(op->query->arena, err))
            return false;
    }
    return true;
}

static bool relabel_pull(struct op *op, struct batch *ret, struct err *err)
{
    return op_pull(op->children[0], ret, err) == PULL_BATCH;
}

static const struct op_class label_replace_class = {
    .name = "label_replace",
    .open = label_replace_open,
    .arrange = op_arrange_as_child,
    .pull = relabel_pull,
};

static const struct op_class label_join_class = {
    .name = "label_join",
    .open = label_join_open,
    .arrange = op_arrange_as_child,
    .pull = relabel_pull,
};

static struct relabel *relabel_new(struct query *query, const struct op_class *class,
                                   struct op *child)
{
    struct relabel *self = arena_new(query->arena, struct relabel);
    op_init(&self->op, class, query, &child->grid);
    op_add_child(&self->op, child);
    return self;
}

struct op *op_label_replace_new(struct query *query, struct op *child, struct str dst,
                                struct str replacement, struct str src, struct str regex)
{
    struct relabel *self = relabel_new(query, &label_replace_class, child);
    self->dst = dst;
    self->text = replacement;
    self->src = src;
    self->pattern = regex;
    return &self->op;
}

struct op *op_label_join_new(struct query *query, struct op *child, struct str dst,
                             struct str separator, const struct str *sources, size_t source_count)
{
    struct relabel *self = relabel_new(query, &label_join_class, child);
    self->dst = dst;
    self->text = separator;
    self->sources = sources;
    self->source_count = source_count;
    return &self->op;
}

/*
 * A label value is looked at once, however many series carry it: what the pattern makes of it is
 * kept by its symbol.
 *
 * Nested calls can double a value each: its size is looked at before it is made.
 */
#include "engine/op/label_call.h"

#include <string.h>

#include "base/hash.h"
#include "base/quote.h"
#include "base/regex.h"
#include "engine/op/query_map.h"

/* As much as Prometheus's own labels can hold. */
#define LABEL_VALUE_SIZE_MAX ((size_t)16 << 20)

struct label_call {
    struct op op;
    struct str destination;
    struct str text; /* the replacement, or the separator */
    struct str pattern;
    const struct str *sources;
    size_t source_count;
    bool *drops; /* delayed name removal: op->drops_name, where the name is what is set */
};

static bool label_name_is_valid(struct str name)
{
    return name.len > 0 && utf8_valid(name);
}

static bool label_call_open_child(struct label_call *self, struct err *err)
{
    struct op *op = &self->op;
    struct arena *arena = op->query->arena;
    if (!op_open(op->children[0], err))
        return false;
    op->series_count = op->children[0]->series_count;
    op->labels = arena_array(arena, const struct labels *, op->series_count);
    op->drops_name = op->children[0]->drops_name;
    if (op->drops_name && str_eq(self->destination, STR("__name__"))) {
        self->drops = arena_array(arena, bool, op->series_count);
        memcpy(self->drops, op->drops_name, op->series_count * sizeof *self->drops);
        op->drops_name = self->drops;
    }
    return arena_check(arena, err);
}

/* A name that has been set anew stays. */
static void label_call_keep_name(struct label_call *self, size_t series)
{
    if (self->drops)
        self->drops[series] = false;
}

static bool label_call_check_size(const struct label_call *self, size_t size, struct err *err)
{
    if (size <= LABEL_VALUE_SIZE_MAX)
        return query_alive(self->op.query, err) && arena_check(self->op.query->arena, err);
    return err_set(err, ERR_LIMIT, "%s() would make a label value of more than %zu bytes",
                   self->op.class->name, LABEL_VALUE_SIZE_MAX);
}

/* The value that the destination gets for each value of the source; UINT32_MAX: it does not match.
 */
struct replacements {
    struct query_map map;
    uint32_t *sources;
    uint32_t *results;
    size_t count;
};

static uint32_t replacement_of(const struct label_call *self, const struct regex *regex,
                               struct symbols *symbols, uint32_t source, struct buf *buf)
{
    buf_clear(buf);
    if (!regex_expand(regex, symbols_get(symbols, source), self->text, buf))
        return UINT32_MAX;
    return symbols_add(symbols, buf_view(buf));
}

/* How long a replacement can be at most: each reference may stand for the whole source. */
static size_t replacement_size_max(const struct label_call *self, uint32_t source)
{
    size_t references = 0;
    for (size_t i = 0; i < self->text.len; i++)
        references += self->text.ptr[i] == '$';
    struct str text = symbols_get(self->op.query->symbols, source);
    return self->text.len + references * text.len;
}

/* *ret_result: what stands in the destination where `source` stands in the source. */
static bool replacements_get(struct replacements *known, const struct label_call *self,
                             const struct regex *regex, uint32_t source, uint32_t *ret_result,
                             struct err *err)
{
    uint64_t hash = hash_mix(0, source);
    struct map_probe at = map_find(&known->map.map, hash);
    for (; map_hit(&known->map.map, &at); map_next(&known->map.map, &at)) {
        if (known->sources[at.index] == source) {
            *ret_result = known->results[at.index];
            return true;
        }
    }
    if (!label_call_check_size(self, replacement_size_max(self, source), err))
        return false;
    AUTO(buf_done) struct buf buf = {0};
    size_t index = known->count++;
    known->sources[index] = source;
    known->results[index] = replacement_of(self, regex, self->op.query->symbols, source, &buf);
    *ret_result = known->results[index];
    return query_map_insert(&known->map, hash, (uint32_t)index, err);
}

static bool label_replace_all(struct label_call *self, const struct regex *regex, struct err *err)
{
    struct op *op = &self->op;
    struct query *query = op->query;
    uint32_t source = symbols_add(query->symbols, self->sources[0]);
    uint32_t destination = symbols_add(query->symbols, self->destination);
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    struct replacements known = {
        .map.query = query,
        .sources = arena_array(query->arena, uint32_t, op->series_count),
        .results = arena_array(query->arena, uint32_t, op->series_count),
    };
    bool ok = arena_check(query->arena, err);
    for (size_t i = 0; i < op->series_count && ok; i++) {
        const struct labels *labels = op->children[0]->labels[i];
        uint32_t result = UINT32_MAX;
        ok = replacements_get(&known, self, regex, labels_get(labels, source), &result, err);
        op->labels[i] = labels;
        if (result == UINT32_MAX)
            continue;
        labels_builder_reset(&builder, query->symbols, labels);
        labels_builder_set(&builder, destination, result);
        label_call_keep_name(self, i);
        op->labels[i] = labels_builder_labels(&builder, query->arena);
    }
    query_map_done(&known.map);
    return ok && arena_check(query->arena, err);
}

static bool label_replace_open(struct op *op, struct err *err)
{
    struct label_call *self = CONTAINER(struct label_call, op, op);
    AUTO(regex_destroy) struct regex *regex = NULL;
    struct err inner = {0};
    if (!regex_create(self->pattern, &regex, &inner))
        return err_set(err, ERR_EXECUTION, "invalid regular expression in label_replace(): %.*s",
                       STR_ARGS(self->pattern));
    if (!label_name_is_valid(self->destination))
        return err_set(err, ERR_EXECUTION,
                       "invalid destination label name in label_replace(): %.*s",
                       STR_ARGS(self->destination));
    return label_call_open_child(self, err) && label_replace_all(self, regex, err);
}

/* The values of the sources, with the separator between them. */
static bool label_join_values(const struct label_call *self, const uint32_t *sources,
                              const struct labels *labels, struct buf *buf, struct err *err)
{
    const struct symbols *symbols = self->op.query->symbols;
    size_t size = 0;
    for (size_t i = 0; i < self->source_count; i++)
        size += self->text.len + symbols_get(symbols, labels_get(labels, sources[i])).len;
    if (!label_call_check_size(self, size, err))
        return false;
    buf_clear(buf);
    for (size_t i = 0; i < self->source_count; i++) {
        if (i > 0)
            buf_str(buf, self->text);
        buf_str(buf, symbols_get(symbols, labels_get(labels, sources[i])));
    }
    return true;
}

static bool label_join_all(struct label_call *self, const uint32_t *sources, struct err *err)
{
    struct op *op = &self->op;
    struct query *query = op->query;
    uint32_t destination = symbols_add(query->symbols, self->destination);
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    AUTO(buf_done) struct buf buf = {0};
    for (size_t i = 0; i < op->series_count; i++) {
        const struct labels *labels = op->children[0]->labels[i];
        if (!label_join_values(self, sources, labels, &buf, err))
            return false;
        labels_builder_reset(&builder, query->symbols, labels);
        labels_builder_set(&builder, destination, symbols_add(query->symbols, buf_view(&buf)));
        label_call_keep_name(self, i);
        op->labels[i] = labels_builder_labels(&builder, query->arena);
    }
    return arena_check(query->arena, err);
}

static bool label_join_open(struct op *op, struct err *err)
{
    struct label_call *self = CONTAINER(struct label_call, op, op);
    struct query *query = op->query;
    uint32_t *sources = arena_array(query->arena, uint32_t, self->source_count);
    for (size_t i = 0; i < self->source_count; i++) {
        if (!label_name_is_valid(self->sources[i]))
            return err_set(err, ERR_EXECUTION, "invalid source label name in label_join(): %.*s",
                           STR_ARGS(self->sources[i]));
        sources[i] = symbols_add(query->symbols, self->sources[i]);
    }
    if (!label_name_is_valid(self->destination))
        return err_set(err, ERR_EXECUTION, "invalid destination label name in label_join(): %.*s",
                       STR_ARGS(self->destination));
    if (!label_call_open_child(self, err))
        return false;

    return label_join_all(self, sources, err);
}

static bool label_call_pull(struct op *op, struct batch *ret, struct err *err)
{
    return op_pull(op->children[0], ret, err) == PULL_BATCH;
}

static const struct op_class label_replace_class = {
    .name = "label_replace",
    .open = label_replace_open,
    .holds = op_holds_as_child,
    .arrange = op_arrange_as_child,
    .pull = label_call_pull,
};

static const struct op_class label_join_class = {
    .name = "label_join",
    .open = label_join_open,
    .holds = op_holds_as_child,
    .arrange = op_arrange_as_child,
    .pull = label_call_pull,
};

struct op *op_label_replace_new(struct query *query, struct op *child, struct str destination,
                                struct str replacement, struct str source, struct str pattern)
{
    struct label_call *self = arena_new(query->arena, struct label_call);
    op_init(&self->op, &label_replace_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->destination = destination;
    self->text = replacement;
    self->pattern = pattern;
    struct str *sources = arena_new(query->arena, struct str);
    *sources = source;
    self->sources = sources;
    self->source_count = 1;
    return &self->op;
}

struct op *op_label_join_new(struct query *query, struct op *child, struct str destination,
                             struct str separator, const struct str *sources, size_t count)
{
    struct label_call *self = arena_new(query->arena, struct label_call);
    op_init(&self->op, &label_join_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->destination = destination;
    self->text = separator;
    self->sources = sources;
    self->source_count = count;
    return &self->op;
}

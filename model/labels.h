#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "model/symbols.h"

/*
 * A label set: pairs of symbols, sorted by the names' bytes, each name once, no empty value. Equal
 * sets of one symbol table have equal pairs.
 *
 * Sets are never changed once built; they live in the arena they were built in.
 */
struct label {
    uint32_t name;
    uint32_t value;
};

struct labels {
    uint32_t count;
    struct label pairs[];
};

/* The set without labels. */
extern const struct labels labels_empty;

/* A copy of sorted pairs in the arena. */
const struct labels *labels_new(struct arena *arena, const struct label *pairs, size_t count);

/* The value's symbol, or SYM_EMPTY where the name is missing. */
uint32_t labels_get(const struct labels *labels, uint32_t name);

bool labels_equal(const struct labels *a, const struct labels *b);
uint64_t labels_hash(const struct labels *labels);

/* The hash that Prometheus has for the set, by which limit_ratio chooses. `scratch` is used. */
uint64_t labels_prometheus_hash(const struct symbols *symbols, const struct labels *labels,
                                struct buf *scratch);

/* Prometheus's order: name, value, name, value...; the shorter of two that begin alike is first. */
int labels_cmp(const struct symbols *symbols, const struct labels *a, const struct labels *b);

/* {a="b", c="d"}, values Go-quoted; the metric name like any label: Prometheus's labels.String().
 */
void labels_print(const struct symbols *symbols, const struct labels *labels, struct buf *out);

/* name{a="b"}: as a person writes it; names that are no identifiers stand quoted in the braces. */
void labels_print_metric(const struct symbols *symbols, const struct labels *labels,
                         struct buf *out);

/*
 * Builds a set by changes to another. Room for any number; kept from use to use:
 *
 *     labels_builder_reset(&b, symbols, base);
 *     labels_builder_set(&b, name, value);        SYM_EMPTY as value removes
 *     const struct labels *made = labels_builder_labels(&b, arena);
 */
struct labels_builder {
    const struct symbols *symbols;
    struct label *pairs;
    size_t count;
    size_t cap;
};

void labels_builder_reset(struct labels_builder *builder, const struct symbols *symbols,
                          const struct labels *base);
void labels_builder_set(struct labels_builder *builder, uint32_t name, uint32_t value);
uint32_t labels_builder_get(const struct labels_builder *builder, uint32_t name);
const struct labels *labels_builder_labels(struct labels_builder *builder, struct arena *arena);
void labels_builder_done(struct labels_builder *builder);

/* Without the name, type and unit, as functions leave a series; the same set if it has none. */
const struct labels *labels_drop_name(const struct labels *labels, struct arena *arena);

/* A set of names (of by, without, on, ignoring), sorted by symbol number: O(log n) has. */
struct name_set {
    const uint32_t *names;
    size_t count;
};

struct name_set name_set_new(struct arena *arena, const uint32_t *names, size_t count);
bool name_set_has(struct name_set set, uint32_t name);

/* Only the labels named; or all but those named and the metric name. The same set if none goes. */
const struct labels *labels_keep(const struct labels *labels, struct name_set names,
                                 struct arena *arena);
const struct labels *labels_without(const struct labels *labels, struct name_set names,
                                    struct arena *arena);

/* Is the text a label name of the old alphabet, [a-zA-Z_][a-zA-Z0-9_]*? */
bool label_name_is_plain(struct str name);

static inline void labels_builder_done_auto(struct labels_builder *builder)
{
    labels_builder_done(builder);
}

#include "model/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/quote.h"

const struct labels labels_empty = {0};

const struct labels *labels_new(struct arena *arena, const struct label *pairs, size_t count)
{
    if (count == 0)
        return &labels_empty;
    struct labels *labels =
        arena_alloc(arena, 1, sizeof(struct labels) + count * sizeof(struct label));
    labels->count = (uint32_t)count;
    memcpy(labels->pairs, pairs, count * sizeof *pairs);
    return labels;
}

uint32_t labels_get(const struct labels *labels, uint32_t name)
{
    for (size_t i = 0; i < labels->count; i++)
        if (labels->pairs[i].name == name)
            return labels->pairs[i].value;
    return SYM_EMPTY;
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
    if (a == b)
        return true;
    return a->count == b->count && memcmp(a->pairs, b->pairs, a->count * sizeof(struct label)) == 0;
}

uint64_t labels_hash(const struct labels *labels)
{
    uint64_t hash = labels->count;
    for (size_t i = 0; i < labels->count; i++)
        hash = hash_mix(hash, (uint64_t)labels->pairs[i].name << 32 | labels->pairs[i].value);
    return hash ^ (hash >> 32);
}

/*
 * As Prometheus lays a label set out in memory: name, value, name, value..., each behind its length
 * (one byte; from 255 on 255 and three bytes, the lowest first).
 */
static void labels_lay_out(struct str text, struct buf *out)
{
    if (text.len < 255) {
        buf_byte(out, (char)text.len);
    } else {
        const char length[] = {(char)255, (char)text.len, (char)(text.len >> 8),
                               (char)(text.len >> 16)};
        buf_append(out, length, sizeof length);
    }
    buf_str(out, text);
}

uint64_t labels_prometheus_hash(const struct symbols *symbols, const struct labels *labels,
                                struct buf *scratch)
{
    buf_clear(scratch);
    for (size_t i = 0; i < labels->count; i++) {
        labels_lay_out(symbols_get(symbols, labels->pairs[i].name), scratch);
        labels_lay_out(symbols_get(symbols, labels->pairs[i].value), scratch);
    }
    struct str bytes = buf_view(scratch);
    return hash_bytes_xx64(bytes.ptr, bytes.len);
}

int labels_cmp(const struct symbols *symbols, const struct labels *a, const struct labels *b)
{
    size_t count = a->count < b->count ? a->count : b->count;
    for (size_t i = 0; i < count; i++) {
        int order = symbols_cmp(symbols, a->pairs[i].name, b->pairs[i].name);
        if (order == 0)
            order = symbols_cmp(symbols, a->pairs[i].value, b->pairs[i].value);
        if (order != 0)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}

bool label_name_is_plain(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0;
}

/* The same with ':'. */
static bool metric_name_is_plain(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0;
}

static void label_print(const struct symbols *symbols, struct label label, struct buf *out)
{
    struct str name = symbols_get(symbols, label.name);
    if (label_name_is_plain(name))
        buf_str(out, name);
    else
        quote_append(out, name);
    buf_byte(out, '=');
    quote_append(out, symbols_get(symbols, label.value));
}

void labels_print(const struct symbols *symbols, const struct labels *labels, struct buf *out)
{
    buf_byte(out, '{');
    for (size_t i = 0; i < labels->count; i++) {
        if (i > 0)
            buf_text(out, ", ");
        label_print(symbols, labels->pairs[i], out);
    }
    buf_byte(out, '}');
}

void labels_print_metric(const struct symbols *symbols, const struct labels *labels,
                         struct buf *out)
{
    struct str name = symbols_get(symbols, labels_get(labels, SYM_NAME));
    bool plain = metric_name_is_plain(name);
    if (plain)
        buf_str(out, name);
    if (plain && labels->count == 1)
        return;

    bool first = true;
    buf_byte(out, '{');
    if (!plain && name.len) {
        quote_append(out, name);
        first = false;
    }
    for (size_t i = 0; i < labels->count; i++) {
        if (labels->pairs[i].name == SYM_NAME)
            continue;
        if (!first)
            buf_text(out, ", ");
        first = false;
        label_print(symbols, labels->pairs[i], out);
    }
    buf_byte(out, '}');
}

void labels_builder_reset(struct labels_builder *builder, const struct symbols *symbols,
                          const struct labels *base)
{
    builder->symbols = symbols;
    if (builder->cap < base->count) {
        builder->cap = base->count + 8;
        builder->pairs = mem_resize(builder->pairs, struct label, builder->cap);
    }
    if (base->count)
        memcpy(builder->pairs, base->pairs, base->count * sizeof(struct label));
    builder->count = base->count;
}

uint32_t labels_builder_get(const struct labels_builder *builder, uint32_t name)
{
    for (size_t i = 0; i < builder->count; i++)
        if (builder->pairs[i].name == name)
            return builder->pairs[i].value;
    return SYM_EMPTY;
}

void labels_builder_set(struct labels_builder *builder, uint32_t name, uint32_t value)
{
    size_t at = 0;
    int order = -1;
    for (; at < builder->count; at++) {
        order = symbols_cmp(builder->symbols, builder->pairs[at].name, name);
        if (order >= 0)
            break;
    }
    bool there = at < builder->count && order == 0;
    struct label *place = there ? builder->pairs + at : NULL;
    if (there && value != SYM_EMPTY) {
        place->value = value;
    } else if (there) {
        builder->count--;
        memmove(place, place + 1, (builder->count - at) * sizeof *place);
    } else if (value != SYM_EMPTY) {
        mem_grow(builder->pairs, struct label, builder->count, &builder->cap);
        place = builder->pairs + at;
        memmove(place + 1, place, (builder->count - at) * sizeof *place);
        *place = (struct label){name, value};
        builder->count++;
    }
}

const struct labels *labels_builder_labels(struct labels_builder *builder, struct arena *arena)
{
    return labels_new(arena, builder->pairs, builder->count);
}

void labels_builder_done(struct labels_builder *builder)
{
    free(builder->pairs);
    *builder = (struct labels_builder){0};
}

/* A copy without the labels for which `drop` says yes; the set itself if there are none. */
#define LABELS_FILTER(labels, arena, drop) \
    do { \
        size_t kept_ = 0; \
        for (size_t i = 0; i < (labels)->count; i++) \
            kept_ += !(drop); \
        if (kept_ == (labels)->count) \
            return (labels); \
        if (kept_ == 0) \
            return &labels_empty; \
        struct labels *made_ = \
            arena_alloc((arena), 1, sizeof(struct labels) + kept_ * sizeof(struct label)); \
        for (size_t i = 0; i < (labels)->count; i++) \
            if (!(drop)) \
                made_->pairs[made_->count++] = (labels)->pairs[i]; \
        return made_; \
    } while (0)

const struct labels *labels_drop_name(const struct labels *labels, struct arena *arena)
{
    LABELS_FILTER(labels, arena,
                  labels->pairs[i].name == SYM_NAME || labels->pairs[i].name == SYM_TYPE ||
                      labels->pairs[i].name == SYM_UNIT);
}

const struct labels *labels_keep(const struct labels *labels, struct name_set names,
                                 struct arena *arena)
{
    LABELS_FILTER(labels, arena, !name_set_has(names, labels->pairs[i].name));
}

const struct labels *labels_without(const struct labels *labels, struct name_set names,
                                    struct arena *arena)
{
    LABELS_FILTER(labels, arena,
                  labels->pairs[i].name == SYM_NAME || name_set_has(names, labels->pairs[i].name));
}

static int symbol_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

struct name_set name_set_new(struct arena *arena, const uint32_t *names, size_t count)
{
    uint32_t *sorted = arena_array(arena, uint32_t, count);
    if (count)
        memcpy(sorted, names, count * sizeof *names);
    qsort(sorted, count, sizeof *sorted, symbol_order);
    return (struct name_set){sorted, count};
}

bool name_set_has(struct name_set set, uint32_t name)
{
    if (set.count <= 8) {
        for (size_t i = 0; i < set.count; i++)
            if (set.names[i] == name)
                return true;
        return false;
    }
    return bsearch(&name, set.names, set.count, sizeof name, symbol_order) != NULL;
}

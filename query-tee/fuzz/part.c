#include "query-tee/fuzz/part.h"

#include <assert.h>

struct shrinking {
    struct part **root;
    bool (*still_fails)(void *context);
    void *context;
};

struct part *part_new(struct arena *arena, enum part_kind kind, const char *text)
{
    struct part *part = arena_new(arena, struct part);
    part->kind = kind;
    part->text = text;
    if (kind == PART_TEXT && text[0] == ' ' && text[1] != '\0')
        part->plain = " ";
    return part;
}

void part_add(struct part *part, struct part *piece)
{
    assert(part->count < PART_PIECES_MAX);
    part->pieces[part->count++] = piece;
}

void part_print(const struct part *part, struct buf *out)
{
    if (part->kind == PART_TEXT)
        buf_text(out, part->text);
    for (size_t i = 0; i < part->count; i++)
        part_print(part->pieces[i], out);
}

static bool shrinking_goes_on(const struct shrinking *self)
{
    return self->still_fails(self->context);
}

/* Tries to put each part of that kind below `from` in the place of `part`. */
static bool replace_by_inner(const struct shrinking *self, struct part *part,
                             const struct part *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct part *inner = from->pieces[i];
        if (inner->kind == part->kind && part->kind != PART_TEXT) {
            struct part saved = *part;
            *part = *inner;
            if (shrinking_goes_on(self))
                return true;
            *part = saved;
        }
        if (replace_by_inner(self, part, inner))
            return true;
    }
    return false;
}

static bool make_plain(const struct shrinking *self, struct part *part)
{
    struct part saved = *part;
    if (!part->plain)
        return false;
    part->text = part->plain;
    part->plain = NULL;
    if (shrinking_goes_on(self))
        return true;
    *part = saved;
    return false;
}

static bool shrink_part(const struct shrinking *self, struct part *part)
{
    if (replace_by_inner(self, part, part) || make_plain(self, part))
        return true;
    for (size_t i = 0; i < part->count; i++)
        if (shrink_part(self, part->pieces[i]))
            return true;
    return false;
}

/* A part of the query that is a whole query by itself. */
static bool shrink_root(const struct shrinking *self, struct part *from)
{
    struct part *root = *self->root;
    for (size_t i = 0; i < from->count; i++) {
        struct part *inner = from->pieces[i];
        if (inner->kind == PART_VECTOR || inner->kind == PART_SCALAR) {
            *self->root = inner;
            if (shrinking_goes_on(self))
                return true;
            *self->root = root;
        }
        if (shrink_root(self, inner))
            return true;
    }
    return false;
}

bool part_shrink(struct part **root, bool (*still_fails)(void *context), void *context)
{
    const struct shrinking self = {root, still_fails, context};
    bool any = false;
    while (shrink_root(&self, *root) || shrink_part(&self, *root))
        any = true;
    return any;
}

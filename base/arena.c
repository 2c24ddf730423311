/*
 * Pieces of doubling size, up to 256 KiB, filled from the front; what is larger gets a piece of its
 * own. An arena that is reset, and needed several pieces, gets one for all of them, up to 1 MiB: so
 * rounds that are alike soon take nothing from the heap. Memory is cleared when it is given out,
 * not when a piece is taken: an allocator asked for a cleared one may have the kernel map all of
 * its pages anew. In sanitizer builds each allocation is a piece, so that an overrun inside is
 * seen, and what is not cleared is garbage.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_PIECE_MIN ((size_t)1)
#define ARENA_PIECE_MAX ((size_t)1)
#define ARENA_ROUND_MAX ((size_t)1)
#define ARENA_GARBAGE 0xA5
#else
#define ARENA_PIECE_MIN ((size_t)4096)
#define ARENA_PIECE_MAX ((size_t)256 << 10)
#define ARENA_ROUND_MAX ((size_t)1 << 20)
#endif

struct piece {
    struct piece *next;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct budget *budget;
    struct piece *pieces; /* the newest first */
    unsigned char *at, *end;
    size_t piece_size;
    size_t used;
    size_t charged;
    struct err *over; /* the first charge that did not fit */
};

struct arena *arena_create(struct budget *budget)
{
    struct arena *arena = mem_new(struct arena);
    arena->budget = budget;
    arena->piece_size = ARENA_PIECE_MIN;
    return arena;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    for (struct piece *piece = arena->pieces; piece;) {
        struct piece *next = piece->next;
        free(piece);
        piece = next;
    }
    budget_release(arena->budget, arena->charged);
    free(arena->over);
    free(arena);
}

void arena_charge(struct arena *arena, size_t bytes)
{
    struct err err;
    if (arena->over)
        return;
    if (budget_charge(arena->budget, bytes, &err)) {
        arena->charged += bytes;
    } else {
        arena->over = mem_new(struct err);
        *arena->over = err;
    }
}

static struct piece *arena_add_piece(struct arena *arena, size_t size)
{
    size_t bytes = sizeof(struct piece) + size;
    arena_charge(arena, bytes);
    struct piece *piece = (struct piece *)mem_resize_(NULL, 1, bytes);
    piece->size = size;
    piece->next = arena->pieces;
    arena->pieces = piece;
    arena->used += bytes;
    return piece;
}

/* Of `count` members of `size` bytes, so that what follows is aligned. */
static size_t arena_bytes(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 4)
        abort();
    return (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static void *arena_take(struct arena *arena, size_t bytes)
{
    if ((size_t)(arena->end - arena->at) < bytes || !arena->at) {
        if (bytes > arena->piece_size / 4)
            return arena_add_piece(arena, bytes)->bytes;
        struct piece *piece = arena_add_piece(arena, arena->piece_size);
        arena->at = piece->bytes;
        arena->end = piece->bytes + arena->piece_size;
        if (arena->piece_size < ARENA_PIECE_MAX)
            arena->piece_size *= 2;
    }
    void *p = arena->at;
    arena->at += bytes;
    return p;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes = arena_bytes(count, size);
    return memset(arena_take(arena, bytes), 0, bytes);
}

void *arena_alloc_uncleared(struct arena *arena, size_t count, size_t size)
{
    size_t bytes = arena_bytes(count, size);
    void *p = arena_take(arena, bytes);
#ifdef ARENA_GARBAGE
    memset(p, ARENA_GARBAGE, bytes);
#endif
    return p;
}

void *arena_try(struct arena *arena, size_t count, size_t size, struct err *err)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 4) {
        err_set(err, ERR_LIMIT, "%zu times %zu bytes are more than there can be", count, size);
        return NULL;
    }
    if (bytes > ARENA_PIECE_MIN) {
        if (!budget_charge(arena->budget, bytes, err))
            return NULL;
        budget_release(arena->budget, bytes); /* arena_alloc charges it again */
    }
    void *p = arena_alloc(arena, count, size);
    return arena_check(arena, err) ? p : NULL;
}

void arena_reset(struct arena *arena)
{
    struct piece *kept = NULL;
    size_t released = 0;
    size_t held = 0;
    for (struct piece *piece = arena->pieces; piece;) {
        struct piece *next = piece->next;
        struct piece *gone = piece;
        held += piece->size;
        if (!kept || piece->size > kept->size) {
            gone = kept;
            kept = piece;
        }
        if (gone) {
            released += sizeof(struct piece) + gone->size;
            free(gone);
        }
        piece = next;
    }
    arena->used -= released;
    if (released > arena->charged)
        released = arena->charged;
    budget_release(arena->budget, released);
    arena->charged -= released;
    arena->pieces = kept;
    size_t wanted = held < ARENA_ROUND_MAX ? held : ARENA_ROUND_MAX;
    if (kept && wanted > kept->size && wanted > arena->piece_size)
        arena->piece_size = wanted;
    if (kept) {
        kept->next = NULL;
        arena->at = kept->bytes;
        arena->end = kept->bytes + kept->size;
    }
}

bool arena_check(const struct arena *arena, struct err *err)
{
    if (!arena->over)
        return true;
    return err_set(err, arena->over->kind, "%s", arena->over->msg);
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

char *arena_text(struct arena *arena, struct str s)
{
    char *text = arena_array(arena, char, s.len + 1);
    if (s.len)
        memcpy(text, s.ptr, s.len);
    return text;
}

struct str arena_str(struct arena *arena, struct str s)
{
    return (struct str){arena_text(arena, s), s.len};
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = arena_array(arena, char, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

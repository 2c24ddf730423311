#include "model/symbols.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

struct symbols {
    struct arena *arena;
    struct map map;
    struct str *texts; /* heap: it moves as it grows */
    size_t count;
    size_t cap;
};

void symbols_done(struct symbols *symbols)
{
    if (!symbols)
        return;
    map_done(&symbols->map);
    free(symbols->texts);
    symbols->texts = NULL;
    symbols->count = 0;
}

static uint32_t symbols_lookup(const struct symbols *symbols, struct str text, uint64_t hash)
{
    struct map_probe at = map_find(&symbols->map, hash);
    for (; map_hit(&symbols->map, &at); map_next(&symbols->map, &at))
        if (str_eq(symbols->texts[at.index], text))
            return at.index;
    return UINT32_MAX;
}

/* Of the table, in bytes. */
static size_t symbols_size(const struct symbols *symbols)
{
    const struct map *map = &symbols->map;
    size_t slot_count = map->slots ? map->mask + 1 : 0;
    return symbols->cap * sizeof *symbols->texts + slot_count * sizeof *map->slots;
}

static uint32_t symbols_put(struct symbols *symbols, struct str text, uint64_t hash)
{
    size_t before = symbols_size(symbols);
    mem_grow(symbols->texts, struct str, symbols->count, &symbols->cap);
    symbols->texts[symbols->count] = text;
    map_insert(&symbols->map, hash, (uint32_t)symbols->count);
    if (symbols_size(symbols) > before)
        arena_charge(symbols->arena, symbols_size(symbols) - before);
    return (uint32_t)symbols->count++;
}

struct symbols *symbols_new(struct arena *arena)
{
    struct symbols *symbols = arena_new(arena, struct symbols);
    symbols->arena = arena;
    static const char *const fixed[] = {"", "__name__", "le", "__type__", "__unit__"};
    static_assert(ARRAY_COUNT(fixed) == SYM_COUNT_FIXED, "one text a fixed symbol");
    for (size_t i = 0; i < ARRAY_COUNT(fixed); i++)
        symbols_put(symbols, str_of(fixed[i]), hash_bytes(fixed[i], strlen(fixed[i])));
    return symbols;
}

uint32_t symbols_add(struct symbols *symbols, struct str text)
{
    uint64_t hash = hash_bytes(text.ptr, text.len);
    uint32_t found = symbols_lookup(symbols, text, hash);
    if (found != UINT32_MAX)
        return found;
    return symbols_put(symbols, arena_str(symbols->arena, text), hash);
}

uint32_t symbols_find(const struct symbols *symbols, struct str text)
{
    return symbols_lookup(symbols, text, hash_bytes(text.ptr, text.len));
}

struct str symbols_get(const struct symbols *symbols, uint32_t symbol)
{
    assert(symbol < symbols->count);
    return symbols->texts[symbol];
}

size_t symbols_count(const struct symbols *symbols)
{
    return symbols->count;
}

int symbols_cmp(const struct symbols *symbols, uint32_t a, uint32_t b)
{
    if (a == b)
        return 0;
    return str_cmp(symbols_get(symbols, a), symbols_get(symbols, b));
}

#include <stddef.h>
#include <stdint.h>

#include "storage/remote/read_request.h"
#include "storage/remote/snappy_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_kind(const struct err *err)
{
    if (err->kind != ERR_BAD_DATA && err->kind != ERR_LIMIT)
        __builtin_trap();
}

static void check_query(const struct read_query *query, struct arena *arena)
{
    struct err err;
    size_t count = 0;
    struct matcher **matchers =
        arena_try_array(arena, struct matcher *, query->matcher_count, &err);
    if (!matchers)
        return;
    err_clear(&err);
    if (!read_query_matchers(query, arena, matchers, &count, &err))
        expect_kind(&err);
    for (size_t i = 0; i < count; i++) {
        matcher_matches(matchers[i], query->hint_function);
        matcher_done(matchers[i]);
    }
}

static void check_message(struct str bytes, struct arena *arena)
{
    struct err err;
    struct read_request request;
    enum read_answer_type type;
    err_clear(&err);
    if (!read_request_decode(bytes, arena, &request, &err)) {
        expect_kind(&err);
        return;
    }
    if (!read_request_negotiate(&request, &type, &err))
        expect_kind(&err);
    for (size_t i = 0; i < request.count && i < 16; i++)
        check_query(&request.queries[i], arena);
}

/* The bytes as a message, and as the block that holds one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct budget budget;
    struct err err;
    struct str bytes = {(const char *)data, size};
    size_t unpacked;
    budget_init(&budget, NULL, "--limit", (size_t)1 << 20);
    struct arena *arena = arena_create(&budget);
    check_message(bytes, arena);
    err_clear(&err);
    if (snappy_block_size(bytes, &unpacked, &err)) {
        char *message = arena_try_array(arena, char, unpacked, &err);
        if (message && snappy_block_unpack(bytes, message, unpacked, &err))
            check_message((struct str){message, unpacked}, arena);
    }
    arena_destroy(arena);
    return 0;
}

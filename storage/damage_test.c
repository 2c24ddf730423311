/*
 * Any bit of a block flipped: the database opens, and what it answers is either right or an error,
 * and never a crash (under the sanitizers: never a byte outside).
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/db.h"
#include "storage/test_blocks.h"

static const struct test_series series[] = {
    {.labels = "__name__=up,job=a", .step_ms = 10, .count = 50, .chunk_samples = 20},
    {.labels = "__name__=up,job=b", .begin_ms = 5, .step_ms = 7, .count = 60, .first = 3},
    {.labels = "__name__=down,job=b", .begin_ms = 5, .step_ms = 90, .count = 10, .first = 1e9},
};

/* Everything there is to read, as text; false where something failed. */
static bool read_all(struct test_dir *dir, struct buf *out)
{
    struct err err = {0};
    struct db *db = NULL;
    struct db_options options = {.read_only = true};
    if (!db_open(dir->path, &options, &db, &err))
        return false;
    struct budget budget;
    budget_init(&budget, NULL, "--query.memory-limit", 0);
    struct arena *arena = arena_create(&budget);
    struct symbols *symbols = symbols_new(arena);
    struct matcher *m = test_matcher(dir, "__name__=~.+");
    struct select_request request = {.matchers = &m,
                                     .matcher_count = 1,
                                     .begin_ms = INT64_MIN,
                                     .end_ms = INT64_MAX,
                                     .arena = arena,
                                     .symbols = symbols,
                                     .budget = &budget};
    struct selection *selection = NULL;
    bool ok = storage_select(db_storage(db), &request, &selection, &err);
    struct cursor *cursor = ok ? cursor_create(selection) : NULL;
    struct samples samples = {0};
    for (size_t i = 0; ok && i < selection_count(selection); i++) {
        bool more = true;
        samples.count = 0;
        cursor_open(cursor, i);
        while (ok && more)
            ok = cursor_next(cursor, &samples, &more, &err);
        labels_print(symbols, selection_labels(selection, i), out);
        buf_append(out, samples.times_ms, samples.count * sizeof *samples.times_ms);
        buf_append(out, samples.values, samples.count * sizeof *samples.values);
    }
    if (ok && selection_count(selection) == 0)
        ok = false; /* the block was left out */
    samples_done(&samples);
    cursor_destroy(cursor);
    selection_close(selection);
    matcher_done(m);
    symbols_done(symbols);
    arena_destroy(arena);
    db_close(db);
    return ok;
}

/* Flips about `rounds` bits of one file, one at a time; says how many went unnoticed. */
static size_t flip(const char *name, size_t rounds)
{
    struct test_dir dir;
    test_dir_init(&dir);
    struct ulid ulid = test_dir_block(&dir, 1, 0, 1000, series, ARRAY_COUNT(series));
    AUTO(buf_done) struct buf expected = {0};
    ck_assert(read_all(&dir, &expected));

    const char *path = arena_printf(dir.arena, "%s/%s/%s", dir.path, ulid.text, name);
    AUTO(buf_done) struct buf bytes = {0};
    test_read_file(path, &bytes);
    size_t step = bytes.len * 8 / rounds + 1;
    size_t unnoticed = 0;
    for (size_t bit = 0; bit < bytes.len * 8; bit += 1 + (size_t)rand() % step) {
        AUTO(buf_done) struct buf got = {0};
        bytes.ptr[bit / 8] ^= (char)(1 << (bit % 8));
        test_write_file(path, buf_view(&bytes));
        if (read_all(&dir, &got)) {
            ck_assert_uint_eq(got.len, expected.len);
            ck_assert_mem_eq(got.ptr, expected.ptr, got.len);
            unnoticed++;
        }
        bytes.ptr[bit / 8] ^= (char)(1 << (bit % 8));
    }
    test_dir_done(&dir);
    return unnoticed;
}

START_TEST(index_flipped)
{
    flip("index", 1500);
}
END_TEST

START_TEST(chunks_flipped)
{
    /* Only the three unused bytes of the header may change. */
    ck_assert_uint_le(flip("chunks/000001", 1500), 24);
}
END_TEST

START_TEST(tombstones_flipped)
{
    ck_assert_uint_eq(flip("tombstones", 1000), 0);
}
END_TEST

/* It has no checksum; what changes is found, or is of no weight, or moves the block in time. */
START_TEST(meta_flipped_does_not_crash)
{
    struct test_dir dir;
    test_dir_init(&dir);
    struct ulid ulid = test_dir_block(&dir, 1, 0, 1000, series, ARRAY_COUNT(series));
    const char *path = arena_printf(dir.arena, "%s/%s/meta.json", dir.path, ulid.text);
    AUTO(buf_done) struct buf bytes = {0};
    test_read_file(path, &bytes);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        AUTO(buf_done) struct buf got = {0};
        bytes.ptr[bit / 8] ^= (char)(1 << (bit % 8));
        test_write_file(path, buf_view(&bytes));
        read_all(&dir, &got);
        bytes.ptr[bit / 8] ^= (char)(1 << (bit % 8));
    }
    test_dir_done(&dir);
}
END_TEST

START_TEST(files_cut_short)
{
    static const char *const names[] = {"index", "chunks/000001", "tombstones", "meta.json"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct test_dir dir;
        test_dir_init(&dir);
        struct ulid ulid = test_dir_block(&dir, 1, 0, 1000, series, ARRAY_COUNT(series));
        const char *path = arena_printf(dir.arena, "%s/%s/%s", dir.path, ulid.text, names[i]);
        AUTO(buf_done) struct buf bytes = {0};
        test_read_file(path, &bytes);
        for (size_t size = 0; size < bytes.len; size += 1 + bytes.len / 100) {
            AUTO(buf_done) struct buf got = {0};
            test_write_file(path, (struct str){bytes.ptr, size});
            ck_assert(!read_all(&dir, &got));
        }
        test_dir_done(&dir);
    }
}
END_TEST

TEST_MAIN("damage", index_flipped, chunks_flipped, tombstones_flipped, meta_flipped_does_not_crash,
          files_cut_short)

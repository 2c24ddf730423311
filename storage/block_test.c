#include "storage/block.h"

#include <string.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/block_write.h"
#include "storage/chunk.h"
#include "storage/chunk_xor.h"
#include "storage/test_blocks.h"

static struct block_meta parse(const char *json)
{
    struct block_meta meta = {0};
    struct err err = {0};
    ck_assert_msg(block_meta_parse(str_of(json), &meta, &err), "%s", err.msg);
    return meta;
}

#define ULID_A "01BX5ZZKBKACTAV9WEVGEMMVRZ"
#define ULID_B "01BX5ZZKBKACTAV9WEVGEMMVS0"

START_TEST(reads_meta)
{
    struct block_meta meta = parse("{\"version\":1,\"ulid\":\"" ULID_A
                                   "\",\"minTime\":-5,\"maxTime\":10,"
                                   "\"stats\":{\"numSamples\":3,\"numFloatSamples\":3,"
                                   "\"numSeries\":2,\"numChunks\":1},\"compaction\":{\"level\":2,"
                                   "\"deletable\":true,\"parents\":[{\"ulid\":\"" ULID_B
                                   "\",\"minTime\":0,\"maxTime\":1}],"
                                   "\"hints\":[\"from-out-of-order\"]}}");
    ck_assert_str_eq(meta.ulid.text, ULID_A);
    ck_assert_int_eq(meta.begin_ms, -5);
    ck_assert_uint_eq(meta.sample_count, 3);
    ck_assert(meta.floats_only);
    ck_assert_uint_eq(meta.level, 2);
    ck_assert(meta.deletable);
    ck_assert(meta.beside_head);
    ck_assert_uint_eq(meta.parent_count, 1);
    ck_assert_str_eq(meta.parents[0].ulid.text, ULID_B);
    block_meta_done(&meta);

    meta = parse("{\"version\":1,\"ulid\":\"" ULID_A "\"}");
    ck_assert(!meta.deletable);
    ck_assert(!meta.floats_only);
    block_meta_done(&meta);
}
END_TEST

/* As a Prometheus has written it. */
START_TEST(prints_meta_as_prometheus_does)
{
    static const char text[] =
        "{\n\t\"ulid\": \"" ULID_A
        "\",\n\t\"minTime\": -5,\n\t\"maxTime\": 7200000,\n"
        "\t\"stats\": {\n\t\t\"numSamples\": 9,\n\t\t\"numFloatSamples\": 6,\n"
        "\t\t\"numHistogramSamples\": 3,\n\t\t\"numSeries\": 2,\n\t\t\"numChunks\": 4,\n"
        "\t\t\"numTombstones\": 1\n\t},\n\t\"compaction\": {\n\t\t\"level\": 2,\n"
        "\t\t\"sources\": [\n\t\t\t\"" ULID_A "\",\n\t\t\t\"" ULID_B
        "\"\n\t\t],\n"
        "\t\t\"deletable\": true,\n\t\t\"parents\": [\n\t\t\t{\n\t\t\t\t\"ulid\": \"" ULID_B
        "\",\n\t\t\t\t\"minTime\": -5,\n\t\t\t\t\"maxTime\": 0\n\t\t\t},\n\t\t\t{\n"
        "\t\t\t\t\"ulid\": \"" ULID_A
        "\",\n\t\t\t\t\"minTime\": 0,\n\t\t\t\t\"maxTime\": "
        "7200000\n\t\t\t}\n\t\t],\n\t\t\"failed\": true,\n\t\t\"hints\": [\n"
        "\t\t\t\"from-out-of-order\",\n\t\t\t\"from-stale-series\"\n\t\t]\n\t},\n"
        "\t\"version\": 1\n}";
    struct block_meta meta = parse(text);
    AUTO(buf_done) struct buf printed = {0};
    block_meta_print(&meta, &printed);
    ck_assert_str_eq(buf_terminated(&printed), text);
    block_meta_done(&meta);
}
END_TEST

/* Who deletes from a block of a later Prometheus, or compacts it, leaves it what it is. */
START_TEST(keeps_hints_of_tomorrow)
{
    struct block_meta meta = parse("{\"version\":1,\"ulid\":\"" ULID_A
                                   "\",\"compaction\":{\"level\":1,\"hints\":[\"from-\\\"x\\\"\","
                                   "\"from-stale-series\",7,\"later\"]}}");
    AUTO(buf_done) struct buf printed = {0};
    block_meta_print(&meta, &printed);
    block_meta_done(&meta);
    meta = parse(buf_terminated(&printed));
    ck_assert(meta.beside_head);
    ck_assert_uint_eq(meta.hints, BLOCK_FROM_STALE_SERIES);
    ck_assert_uint_eq(meta.other_hint_count, 2);
    ck_assert_str_eq(meta.other_hints[0], "from-\"x\"");
    ck_assert_str_eq(meta.other_hints[1], "later");
    block_meta_done(&meta);
}
END_TEST

START_TEST(refuses_meta_that_is_none)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{\"version\":2,\"ulid\":\"" ULID_A "\"}",
        "{\"version\":1}",
        "{\"version\":1,\"ulid\":\"01BX5\"}",
        "{\"version\":1,\"ulid\":\"" ULID_A "\",\"minTime\":2,\"maxTime\":1}",
        "{\"version\":1,\"ulid\":\"" ULID_A "\",\"minTime\":\"2\"}",
        "{\"version\":1,\"ulid\":\"" ULID_A "\",\"compaction\":{\"parents\":[{}]}}",
        "{\"version\":1,\"ulid\":\"" ULID_A "\"",
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct block_meta meta = {0};
        struct err err = {0};
        ck_assert_msg(!block_meta_parse(str_of(bad[i]), &meta, &err), "%s", bad[i]);
        ck_assert_int_eq(err.kind, ERR_CORRUPT);
    }
}
END_TEST

START_TEST(names_a_version_of_tomorrow)
{
    struct block_meta meta = {0};
    struct err err = {0};
    ck_assert(!block_meta_parse(STR("{\"version\":3,\"ulid\":\"" ULID_A "\"}"), &meta, &err));
    ck_assert_str_eq(err.msg, "version 3 of the format, of which only 1 is known");
}
END_TEST

START_TEST(ulids_are_text_for_time_and_chance)
{
    struct ulid ulid = ulid_make(1700000000000, 0xffff, 0);
    ck_assert_str_eq(ulid.text, "01HF7YAT00ZZZG000000000000");
    struct ulid parsed;
    ck_assert(ulid_parse(str_of(ulid.text), &parsed));
    ck_assert(!ulid_parse(STR("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"), &parsed));
    ck_assert(!ulid_parse(STR("01HF7YAT00ZZZU000000000000"), &parsed));
    ck_assert(!ulid_parse(STR("wal"), &parsed));
    struct ulid fresh = ulid_new();
    ck_assert(ulid_parse(str_of(fresh.text), &parsed));
}
END_TEST

static const struct test_series two[] = {
    {.labels = "__name__=up,job=b",
     .begin_ms = 100,
     .step_ms = 10,
     .count = 20,
     .chunk_samples = 7},
    {.labels = "__name__=up,job=a", .begin_ms = 0, .step_ms = 10, .count = 5, .first = 1},
};

START_TEST(says_what_was_written)
{
    struct test_dir dir;
    test_dir_init(&dir);
    struct ulid ulid = test_dir_block(&dir, 7, 0, 1000, two, 2);
    struct block *block = test_dir_open(&dir, ulid);
    const struct block_meta *meta = block_meta(block);
    ck_assert_str_eq(meta->ulid.text, ulid.text);
    ck_assert_uint_eq(meta->sample_count, 25);
    ck_assert_uint_eq(meta->series_count, 2);
    ck_assert_uint_eq(meta->chunk_count, 4);
    ck_assert_uint_eq(meta->level, 1);
    ck_assert_int_eq(meta->end_ms, 1000);
    ck_assert_uint_eq(tombstones_count(block_tombstones(block)), 0);
    ck_assert(!block_is_outdated(block));
    block_unref(block);
    test_dir_done(&dir);
}
END_TEST

START_TEST(lends_its_bytes_after_its_files_are_gone)
{
    struct test_dir dir;
    struct err err = {0};
    test_dir_init(&dir);
    struct ulid ulid = test_dir_block(&dir, 7, 0, 1000, two, 2);
    struct block *block = test_dir_open(&dir, ulid);
    ck_assert(file_remove_all(arena_printf(dir.arena, "%s/%s", dir.path, ulid.text), &err));

    _Atomic size_t entered = 0;
    struct block_windows windows = {.entered = &entered};
    struct chunk_bytes chunk;
    struct samples samples = {0};
    ck_assert_msg(block_chunk(block, &windows, 8, &chunk, &err), "%s", err.msg);
    block_forget(block);
    ck_assert(chunk_decode(chunk.encoding, chunk.data, chunk.size, &samples, &err));
    ck_assert_uint_eq(samples.count, 5);
    ck_assert_uint_eq(entered, 1);
    samples_done(&samples);
    block_unref(block);
    test_dir_done(&dir);
}
END_TEST

START_TEST(refuses_places_that_hold_no_chunk)
{
    struct test_dir dir;
    test_dir_init(&dir);
    struct block *block = test_dir_open(&dir, test_dir_block(&dir, 7, 0, 1000, two, 2));
    _Atomic size_t entered = 0;
    struct block_windows windows = {.entered = &entered};
    static const uint64_t refs[] = {0, 9, UINT32_MAX, UINT64_C(1) << 32 | 8, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(refs); i++) {
        struct err err = {0};
        struct chunk_bytes chunk;
        ck_assert(!block_chunk(block, &windows, refs[i], &chunk, &err));
        ck_assert_int_eq(err.kind, ERR_CORRUPT);
    }
    block_unref(block);
    test_dir_done(&dir);
}
END_TEST

START_TEST(says_which_file_failed)
{
    struct test_dir dir;
    struct err err = {0};
    struct block *block = NULL;
    test_dir_init(&dir);
    struct ulid ulid = test_dir_block(&dir, 7, 0, 1000, two, 2);
    const char *path = arena_printf(dir.arena, "%s/%s", dir.path, ulid.text);
    const char *index = arena_printf(dir.arena, "%s/index", path);
    test_write_file(index, STR("\xBA\xAA\xD7\x01 too short to be an index"));
    ck_assert(!block_open(path, &block, &err));
    ck_assert_str_eq(err.msg, arena_printf(dir.arena, "%s: index of 29 bytes", index));
    test_dir_done(&dir);
}
END_TEST

static bool write_one(struct test_dir *dir, const char *declared, const char *labels,
                      int64_t chunk_ms, struct err *err)
{
    AUTO(block_writer_close) struct block_writer *writer = NULL;
    struct block_write_options options = {
        .symbols = dir->symbols, .begin_ms = 0, .end_ms = 100, .ulid = ulid_new()};
    const struct labels *first = test_labels(dir, declared);
    const struct labels *second = test_labels(dir, labels);
    struct xor_appender appender;
    xor_appender_init(&appender);
    xor_appender_append(&appender, chunk_ms, 1);
    struct block_write_chunk chunk = {chunk_ms, chunk_ms, appender.bytes, appender.size, CHUNK_XOR};
    ck_assert(block_writer_create(dir->path, &options, &writer, err));
    block_writer_declare(writer, first);
    bool ok = block_writer_series(writer, first, NULL, 0, err) &&
              block_writer_series(writer, second, &chunk, 1, err);
    xor_appender_done(&appender);
    return ok;
}

START_TEST(writer_refuses_what_would_not_be_a_block)
{
    struct test_dir dir;
    struct err err = {0};
    test_dir_init(&dir);
    ck_assert(!write_one(&dir, "a=1", "a=2", 5, &err));
    ck_assert_str_eq(err.msg, "series with labels that were not declared");
    ck_assert(!write_one(&dir, "a=1", "a=1", 5, &err));
    ck_assert_str_eq(err.msg, "series in no order");
    ck_assert(!write_one(&dir, "a=1,b=1", "a=b", 100, &err));
    ck_assert_str_eq(err.msg, "a chunk lies outside of the block's range");

    /* Nothing is left of what was not finished. */
    struct block *block = NULL;
    ck_assert(!block_open(dir.path, &block, &err));
    test_dir_done(&dir);
}
END_TEST

START_TEST(many_segments_read_as_one)
{
    struct test_dir dir;
    struct err err = {0};
    test_dir_init(&dir);
    struct block_writer *writer = NULL;
    struct block_write_options options = {
        .symbols = dir.symbols, .end_ms = 100, .ulid = ulid_new(), .segment_size_max = 100};
    ck_assert(block_writer_create(dir.path, &options, &writer, &err));
    const struct labels *labels[20];
    for (int i = 0; i < 20; i++) {
        labels[i] = test_labels(&dir, arena_printf(dir.arena, "a=%02d", i));
        block_writer_declare(writer, labels[i]);
    }
    for (int i = 0; i < 20; i++) {
        struct xor_appender appender;
        xor_appender_init(&appender);
        xor_appender_append(&appender, i, i);
        struct block_write_chunk chunk = {i, i, appender.bytes, appender.size, CHUNK_XOR};
        ck_assert(block_writer_series(writer, labels[i], &chunk, 1, &err));
        xor_appender_done(&appender);
    }
    ck_assert(block_writer_finish(writer, &err));
    block_writer_close(writer);
    ck_assert(
        file_exists(arena_printf(dir.arena, "%s/%s/chunks/000005", dir.path, options.ulid.text)));

    struct block *block = test_dir_open(&dir, options.ulid);
    struct postings_view all;
    _Atomic size_t entered = 0;
    struct block_windows windows = {.entered = &entered};
    ck_assert(index_postings_all(block_index(block), &all, &err));
    for (size_t i = 0; i < 20; i++) {
        struct index_series series;
        struct chunk_meta meta;
        struct chunk_bytes chunk;
        struct samples samples = {0};
        ck_assert(index_series_open(block_index(block), postings_at(all, i), &series, &err));
        index_series_skip_labels(&series);
        ck_assert(index_series_chunk(&series, &meta));
        ck_assert_msg(block_chunk(block, &windows, meta.ref, &chunk, &err), "%s", err.msg);
        ck_assert(chunk_decode(chunk.encoding, chunk.data, chunk.size, &samples, &err));
        ck_assert(samples.values[0] == (double)i);
        samples_done(&samples);
    }
    block_unref(block);
    test_dir_done(&dir);
}
END_TEST

TEST_MAIN("block", reads_meta, prints_meta_as_prometheus_does, keeps_hints_of_tomorrow,
          refuses_meta_that_is_none, names_a_version_of_tomorrow,
          ulids_are_text_for_time_and_chance, says_what_was_written,
          lends_its_bytes_after_its_files_are_gone, refuses_places_that_hold_no_chunk,
          says_which_file_failed, writer_refuses_what_would_not_be_a_block,
          many_segments_read_as_one)

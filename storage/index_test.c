#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/test.h"
#include "storage/index_read.h"
#include "storage/index_write.h"
#include "storage/test_blocks.h"

/* "n0".."n2" with values "v0000".., each series of its own; 300 values make the table's steps
 * count. */
#define VALUES 300

static struct str symbols[VALUES + 3];
static char texts[VALUES + 3][8];

static void write_index(const char *path)
{
    struct err err = {0};
    AUTO(index_writer_destroy) struct index_writer *writer = NULL;
    for (size_t i = 0; i < VALUES + 3; i++) {
        if (i < 3)
            snprintf(texts[i], sizeof texts[i], "n%zu", i);
        else
            snprintf(texts[i], sizeof texts[i], "v%04zu", 2 * (i - 3));
        symbols[i] = str_of(texts[i]);
    }
    ck_assert_msg(index_writer_create(path, symbols, VALUES + 3, &writer, &err), "%s", err.msg);
    for (uint32_t i = 0; i < VALUES; i++) {
        struct label pairs[] = {{0, 3 + i}, {1, 3 + i % 7}, {2, 3}};
        struct chunk_meta chunks[] = {{-100 + (int64_t)i, 250, 8 + 100 * i},
                                      {260, 270, 40 + 100 * i}};
        ck_assert(index_writer_series(writer, pairs, i % 2 ? 3 : 2, chunks, 1 + i % 2, &err));
    }
    ck_assert_msg(index_writer_finish(writer, &err), "%s", err.msg);
}

struct fixture {
    struct test_dir dir;
    char path[128];
    struct buf bytes;
    struct index *index;
};

static void setup(struct fixture *f)
{
    struct err err = {0};
    *f = (struct fixture){0};
    test_dir_init(&f->dir);
    snprintf(f->path, sizeof f->path, "%s/index", f->dir.path);
    write_index(f->path);
    test_read_file(f->path, &f->bytes);
    ck_assert_msg(index_open((const uint8_t *)f->bytes.ptr, f->bytes.len, &f->index, &err), "%s",
                  err.msg);
}

static void teardown(struct fixture *f)
{
    index_close(f->index);
    buf_done(&f->bytes);
    test_dir_done(&f->dir);
}

START_TEST(lists_names_and_values)
{
    struct fixture f;
    setup(&f);
    ck_assert_uint_eq(index_name_count(f.index), 3);
    ck_assert(str_eq(index_name(f.index, 2), STR("n2")));
    ck_assert_uint_eq(index_value_count(f.index, STR("n0")), VALUES);
    ck_assert_uint_eq(index_value_count(f.index, STR("n1")), 7);
    ck_assert_uint_eq(index_value_count(f.index, STR("n9")), 0);

    struct index_values values;
    size_t count = 0;
    index_values_begin(f.index, STR("n0"), &values);
    while (index_values_next(&values))
        ck_assert(str_eq(values.value, symbols[3 + count++]));
    ck_assert_uint_eq(count, VALUES);
    teardown(&f);
}
END_TEST

START_TEST(seeks_to_the_first_value_not_before)
{
    struct fixture f;
    setup(&f);
    for (int wanted = -1; wanted <= 2 * VALUES; wanted++) {
        char text[16];
        snprintf(text, sizeof text, "v%04d", wanted);
        for (int done = 0; done < 70; done += 23) {
            struct index_values values;
            index_values_begin(f.index, STR("n0"), &values);
            for (int i = 0; i < done; i++)
                ck_assert(index_values_next(&values));
            index_values_seek(&values, str_of(wanted < 0 ? "" : text));
            int expected = (wanted + 1) / 2 > done ? (wanted + 1) / 2 : done;
            ck_assert_int_eq(index_values_next(&values), expected < VALUES);
            if (expected < VALUES)
                ck_assert(str_eq(values.value, symbols[3 + expected]));
        }
    }
    teardown(&f);
}
END_TEST

START_TEST(gives_series_back)
{
    struct fixture f;
    setup(&f);
    struct err err = {0};
    struct postings_view all;
    ck_assert(index_postings_all(f.index, &all, &err));
    ck_assert_uint_eq(all.count, VALUES);
    for (uint32_t i = 0; i < VALUES; i++) {
        struct index_series series;
        struct chunk_meta meta;
        uint32_t name = 0;
        uint32_t value = 0;
        ck_assert(index_series_open(f.index, postings_at(all, i), &series, &err));
        ck_assert(index_series_label(&series, &name, &value));
        ck_assert_uint_eq(value, 3 + i);
        index_series_skip_labels(&series);
        ck_assert(index_series_chunk(&series, &meta));
        ck_assert_int_eq(meta.begin_ms, -100 + (int64_t)i);
        ck_assert_uint_eq(meta.ref, 8 + 100 * i);
        if (i % 2) {
            ck_assert(index_series_chunk(&series, &meta));
            ck_assert_int_eq(meta.end_ms, 270);
            ck_assert_uint_eq(meta.ref, 40 + 100 * i);
        }
        ck_assert(!index_series_chunk(&series, &meta));
        ck_assert(index_series_check(&series, &err));
    }
    teardown(&f);
}
END_TEST

START_TEST(finds_lists_of_pairs)
{
    struct fixture f;
    setup(&f);
    struct err err = {0};
    struct postings_view view;
    ck_assert(index_postings(f.index, STR("n1"), STR("v0004"), &view, &err));
    ck_assert_uint_eq(view.count, 43);
    ck_assert(index_postings(f.index, STR("n2"), STR("v0000"), &view, &err));
    ck_assert_uint_eq(view.count, VALUES / 2);
    ck_assert(index_postings(f.index, STR("n1"), STR("v0003"), &view, &err));
    ck_assert_uint_eq(view.count, 0);
    ck_assert(index_postings(f.index, STR("none"), STR("v0004"), &view, &err));
    ck_assert_uint_eq(view.count, 0);
    teardown(&f);
}
END_TEST

/* Puts a new byte, and the sum of the section right again. */
static void patch_section(struct buf *bytes, size_t section, size_t at, uint8_t byte)
{
    uint8_t *b = (uint8_t *)bytes->ptr;
    size_t len = load_be32(b + section);
    b[at] = byte;
    store_be32(b + section + 4 + len, crc32c(b + section + 4, len));
}

/* Old indexes have their table in no order. */
START_TEST(reads_a_table_in_no_order)
{
    struct fixture f;
    setup(&f);
    struct err err = {0};
    uint8_t *b = (uint8_t *)f.bytes.ptr;
    size_t table = load_be64(b + f.bytes.len - 12);
    /* The first entry with a name becomes the last of its name: v0000 is now vz000. */
    char *entry = memmem(b + table, f.bytes.len - table, "v0000", 5);
    ck_assert_ptr_nonnull(entry);
    patch_section(&f.bytes, table, (size_t)(entry + 1 - f.bytes.ptr), 'z');
    index_close(f.index);
    ck_assert_msg(index_open(b, f.bytes.len, &f.index, &err), "%s", err.msg);

    struct postings_view view;
    ck_assert(index_postings(f.index, STR("n0"), STR("vz000"), &view, &err));
    ck_assert_uint_eq(view.count, 1);
    ck_assert(index_postings(f.index, STR("n0"), STR("v0100"), &view, &err));
    ck_assert_uint_eq(view.count, 1);
    struct index_values values;
    size_t count = 0;
    index_values_begin(f.index, STR("n0"), &values);
    while (index_values_next(&values))
        count++;
    ck_assert_uint_eq(count, VALUES);
    ck_assert(str_eq(values.value, STR("vz000")));
    teardown(&f);
}
END_TEST

/* Everything that an index can be asked; false at the first error. */
static bool walk(const struct index *index, uint64_t *sum, struct err *err)
{
    struct postings_view view;
    for (size_t i = 0; i < index_name_count(index); i++) {
        struct index_values values;
        index_values_begin(index, index_name(index, i), &values);
        while (index_values_next(&values)) {
            if (!index_postings_at(index, values.postings_offset, &view, err))
                return false;
            *sum = *sum * 31 + view.count + values.value.len;
        }
    }
    if (!index_postings_all(index, &view, err))
        return false;
    for (size_t i = 0; i < view.count; i++) {
        struct index_series series;
        struct chunk_meta meta;
        uint32_t name;
        uint32_t value;
        struct str text;
        if (!index_series_open(index, postings_at(view, i), &series, err))
            return false;
        while (index_series_label(&series, &name, &value)) {
            if (!index_symbol(index, name, &text, err) || !index_symbol(index, value, &text, err))
                return false;
            *sum = *sum * 31 + text.len + (uint8_t)text.ptr[text.len - 1];
        }
        while (index_series_chunk(&series, &meta))
            *sum = *sum * 31 + meta.ref + (uint64_t)meta.end_ms;
        if (!index_series_check(&series, err))
            return false;
    }
    return true;
}

START_TEST(any_bit_flipped_is_found_or_does_no_harm)
{
    struct fixture f;
    setup(&f);
    struct err err = {0};
    uint64_t expected = 0;
    ck_assert(walk(f.index, &expected, &err));
    uint8_t *b = (uint8_t *)f.bytes.ptr;
    for (size_t bit = 0; bit < f.bytes.len * 8; bit += 1 + (size_t)rand() % 60) {
        struct index *index = NULL;
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        uint64_t sum = 0;
        if (index_open(b, f.bytes.len, &index, &err) && walk(index, &sum, &err))
            ck_assert_uint_eq(sum, expected);
        index_close(index);
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    teardown(&f);
}
END_TEST

START_TEST(refuses_every_cut)
{
    struct fixture f;
    setup(&f);
    for (size_t size = 0; size < f.bytes.len; size += 1 + size / 50) {
        struct err err = {0};
        struct index *index = NULL;
        ck_assert(!index_open((const uint8_t *)f.bytes.ptr, size, &index, &err));
        ck_assert_int_eq(err.kind, ERR_CORRUPT);
    }
    teardown(&f);
}
END_TEST

TEST_MAIN("index", lists_names_and_values, seeks_to_the_first_value_not_before, gives_series_back,
          finds_lists_of_pairs, reads_a_table_in_no_order, any_bit_flipped_is_found_or_does_no_harm,
          refuses_every_cut)

#include "storage/remote/spool.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/test.h"

static struct budget disk, memory;

static struct spool *make(const char *folder, size_t disk_limit)
{
    budget_init(&disk, NULL, "--disk", disk_limit);
    budget_init(&memory, NULL, "--memory", 0);
    struct spool_place place = {folder, &disk, &memory};
    struct spool *spool = NULL;
    struct err err;
    ck_assert(spool_create(&place, &spool, &err));
    return spool;
}

/* A byte for each place, that is alike in no two windows. */
static uint8_t byte_at(uint64_t at)
{
    return (uint8_t)(at ^ at >> 8 ^ at >> 16);
}

static void append(struct spool *spool, size_t len)
{
    uint8_t *bytes = mem_new_array(uint8_t, len);
    struct err err;
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(spool_size(spool) + i);
    ck_assert_msg(spool_append(spool, bytes, len, &err), "%s", err.msg);
    free(bytes);
}

static void check(const struct spool *spool, uint64_t at, size_t len)
{
    uint8_t *bytes = mem_new_array(uint8_t, len);
    struct err err;
    ck_assert_msg(spool_read(spool, at, bytes, len, &err), "%s", err.msg);
    for (size_t i = 0; i < len; i++)
        ck_assert_uint_eq(bytes[i], byte_at(at + i));
    free(bytes);
}

START_TEST(holds_little_in_memory)
{
    struct spool *spool = make("/nowhere", 0);
    append(spool, 10);
    append(spool, SPOOL_HELD_SIZE - 10);
    check(spool, 0, SPOOL_HELD_SIZE);
    check(spool, 5, 10);
    ck_assert_uint_eq(disk.used_bytes, 0);
    spool_destroy(spool);
    ck_assert_uint_eq(memory.used_bytes, 0);
}
END_TEST

START_TEST(holds_much_in_a_file)
{
    struct spool *spool = make("/tmp", 0);
    static const size_t sizes[] = {1, SPOOL_HELD_SIZE - 1, 1, 3 * SPOOL_HELD_SIZE, 100, 100};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
        append(spool, sizes[i]);
    uint64_t size = spool_size(spool);
    ck_assert_uint_eq(size, 4 * SPOOL_HELD_SIZE + 201);
    check(spool, 0, (size_t)size);
    check(spool, size - 300, 300);
    check(spool, SPOOL_HELD_SIZE - 5, 10);
    ck_assert_uint_gt(disk.used_bytes, 4 * SPOOL_HELD_SIZE);
    spool_destroy(spool);
    ck_assert_uint_eq(disk.used_bytes, 0);
}
END_TEST

START_TEST(says_why_it_holds_no_more)
{
    struct err err;
    uint8_t byte = 0;
    struct spool *spool = make("/nowhere", 0);
    append(spool, SPOOL_HELD_SIZE);
    ck_assert(!spool_append(spool, &byte, 1, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere"));
    spool_destroy(spool);

    spool = make("/tmp", SPOOL_HELD_SIZE - 1);
    append(spool, SPOOL_HELD_SIZE);
    ck_assert(!spool_append(spool, &byte, 1, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.msg, "--disk"));
    spool_destroy(spool);
    ck_assert_uint_eq(disk.used_bytes, 0);
}
END_TEST

TEST_MAIN("spool", holds_little_in_memory, holds_much_in_a_file, says_why_it_holds_no_more)

#include "storage/wal_unsynced.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/test.h"
#include "storage/test_disk.h"
#include "storage/wal.h"

#define SIZE ((size_t)8 * WAL_PAGE_SIZE)

static char written[SIZE];
static struct wal_unsynced unsynced;

static void begin(void)
{
    for (size_t i = 0; i < SIZE; i++)
        written[i] = (char)rand();
    unsynced = (struct wal_unsynced){0};
}

static void end(void)
{
    wal_unsynced_done(&unsynced);
}

/* What was written to [from, to) of the segment. */
static void add(size_t from, size_t to)
{
    wal_unsynced_add(&unsynced, from, written + from, to - from);
}

static void check(size_t from, size_t to)
{
    ck_assert_uint_eq(unsynced.offset, from);
    ck_assert_uint_eq(unsynced.bytes.len, to - from);
    ck_assert_mem_eq(unsynced.bytes.ptr, written + from, to - from);
}

START_TEST(keeps_what_is_not_synced_from_the_begin_of_its_page)
{
    begin();
    add(0, 100);
    wal_unsynced_settle(&unsynced, 0);
    check(0, 100);
    add(100, WAL_PAGE_SIZE + 10);
    add(WAL_PAGE_SIZE + 10, WAL_PAGE_SIZE + 30);
    wal_unsynced_settle(&unsynced, 20);
    check(WAL_PAGE_SIZE, WAL_PAGE_SIZE + 30);
    add(WAL_PAGE_SIZE + 30, 3 * WAL_PAGE_SIZE);
    wal_unsynced_settle(&unsynced, 1);
    check(2 * WAL_PAGE_SIZE, 3 * WAL_PAGE_SIZE);
    wal_unsynced_settle(&unsynced, 0);
    ck_assert_uint_eq(unsynced.bytes.len, 0);
    end();
}
END_TEST

START_TEST(begins_anew_behind_a_page_that_was_filled_up)
{
    begin();
    add(0, 100);
    wal_unsynced_settle(&unsynced, 0);
    add(WAL_PAGE_SIZE, WAL_PAGE_SIZE + 50);
    check(WAL_PAGE_SIZE, WAL_PAGE_SIZE + 50);
    wal_unsynced_forget(&unsynced);
    add(0, 10); /* of another segment */
    check(0, 10);
    end();
}
END_TEST

START_TEST(gives_back_what_many_batches_have_needed)
{
    begin();
    for (size_t i = 0; i < 16; i++)
        wal_unsynced_add(&unsynced, i * SIZE, written, SIZE);
    wal_unsynced_settle(&unsynced, 5);
    ck_assert_uint_eq(unsynced.offset, 16 * SIZE - WAL_PAGE_SIZE);
    ck_assert_uint_le(unsynced.bytes.cap, (size_t)2 * WAL_PAGE_SIZE);
    ck_assert_mem_eq(unsynced.bytes.ptr, written + SIZE - WAL_PAGE_SIZE, WAL_PAGE_SIZE);
    end();
}
END_TEST

START_TEST(writes_it_where_it_was)
{
    begin();
    add(0, WAL_PAGE_SIZE + 10);
    wal_unsynced_settle(&unsynced, 3);
    int fd = memfd_create("segment", 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, WAL_PAGE_SIZE + 10), 0);
    test_disk_fail(TEST_DISK_WRITE, 0, 1);
    ck_assert(!wal_unsynced_write(&unsynced, fd));
    ck_assert(wal_unsynced_write(&unsynced, fd));
    char *found = mem_new_array(char, WAL_PAGE_SIZE + 11);
    ck_assert_int_eq(pread(fd, found, WAL_PAGE_SIZE + 11, 0), WAL_PAGE_SIZE + 10);
    ck_assert_mem_eq(found + WAL_PAGE_SIZE, written + WAL_PAGE_SIZE, 10);
    for (size_t i = 0; i < WAL_PAGE_SIZE; i++)
        ck_assert_int_eq(found[i], 0);
    free(found);
    close(fd);
    end();
}
END_TEST

TEST_MAIN("wal_unsynced", keeps_what_is_not_synced_from_the_begin_of_its_page,
          begins_anew_behind_a_page_that_was_filled_up, gives_back_what_many_batches_have_needed,
          writes_it_where_it_was)

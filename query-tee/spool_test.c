#include "query-tee/spool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/test.h"

/* Byte i of every body here. */
static char byte_at(uint64_t i)
{
    return (char)(i * 31 + i / 251);
}

static bool append(struct spool *spool, uint64_t size, size_t step, struct err *err)
{
    char bytes[70000];
    ck_assert_uint_le(step, sizeof bytes);
    uint64_t begin = spool_size(spool);
    for (uint64_t at = 0; at < size; at += step) {
        size_t part = size - at < step ? (size_t)(size - at) : step;
        for (size_t i = 0; i < part; i++)
            bytes[i] = byte_at(begin + at + i);
        if (!spool_append(spool, bytes, part, err))
            return false;
    }
    return true;
}

/* A check a byte would take longer than all the rest. */
static bool bytes_are_right(const char *bytes, uint64_t offset, size_t size)
{
    bool right = true;
    for (size_t i = 0; i < size; i++)
        right &= bytes[i] == byte_at(offset + i);
    return right;
}

/* Reads all there is from `offset` on in steps, and how much that was. */
static uint64_t check_from(struct spool *spool, uint64_t offset, size_t step, bool *ret_good,
                           struct err *err)
{
    char bytes[70000];
    size_t size = 0;
    uint64_t begin = offset;
    while ((*ret_good = spool_read(spool, offset, bytes, step, &size, err)) && size > 0) {
        ck_assert(bytes_are_right(bytes, offset, size));
        offset += size;
    }
    return offset - begin;
}

static void check_body(size_t memory_max, uint64_t size, size_t append_step, size_t read_step)
{
    struct spool_options options = {.memory_max = memory_max, .size_max = size};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    struct err err;
    bool good;
    ck_assert(append(spool, size, append_step, &err));
    spool_end(spool);
    ck_assert_uint_eq(spool_size(spool), size);
    ck_assert_uint_eq(check_from(spool, 0, read_step, &good, &err), size);
    ck_assert(good);
    ck_assert_uint_eq(check_from(spool, size / 2, read_step, &good, &err), size - size / 2);
    ck_assert(good && spool_wait(spool, &err));
}

START_TEST(gives_back_what_was_written)
{
    check_body(1 << 20, 0, 1, 1);
    check_body(1 << 20, 1, 1, 1);
    check_body(1 << 20, 4096, 100, 4096);
    check_body(1 << 20, 4097, 4097, 5000);
    check_body(100000, 100000, 7001, 1313);
    check_body(100000, 100001, 7001, 65536);
    check_body(0, 50000, 999, 1000);
    check_body(5000, 1000000, 70000, 70000);
}
END_TEST

START_TEST(charges_memory_and_disk_and_gives_them_back)
{
    struct budget memory;
    struct budget disk;
    budget_init(&memory, NULL, "--memory", 10000);
    budget_init(&disk, NULL, "--disk", 20000);
    struct spool_options options = {
        .memory_max = 1 << 20, .size_max = 1 << 20, .memory = &memory, .disk = &disk};
    struct spool *spool = spool_create(&options);
    struct err err;
    bool good;
    ck_assert(append(spool, 20000, 1000, &err));
    ck_assert_uint_eq(memory.used_bytes, 4096); /* the next piece would not fit */
    ck_assert_uint_eq(disk.used_bytes, 20000 - 4096);
    ck_assert(!append(spool, 5000, 5000, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    spool_fail(spool, &err);
    ck_assert_uint_eq(check_from(spool, 0, 3000, &good, &err), 20000);
    ck_assert(!good);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    spool_destroy(spool);
    ck_assert_uint_eq(memory.used_bytes, 0);
    ck_assert_uint_eq(disk.used_bytes, 0);
}
END_TEST

START_TEST(refuses_a_body_over_its_limit)
{
    struct spool_options options = {.memory_max = 100, .size_max = 1000};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    struct err err;
    ck_assert(append(spool, 1000, 10, &err));
    ck_assert(!append(spool, 1, 1, &err));
    ck_assert_str_eq(err.msg, "the body is longer than 1000 bytes");
    spool_fail(spool, &err);
    ck_assert(!spool_wait(spool, &err));
}
END_TEST

START_TEST(says_that_the_folder_is_missing)
{
    struct spool_options options = {.size_max = 1000, .folder = "/missing"};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    struct err err;
    ck_assert(!spool_append(spool, "x", 1, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_str_eq(err.msg, "/missing: cannot make a temporary file: No such file or directory");
    spool_end(spool);
}
END_TEST

struct writer {
    struct spool *spool;
    uint64_t size;
    bool good;
};

static void *write_all(void *context)
{
    struct writer *writer = context;
    struct err err;
    writer->good = append(writer->spool, writer->size, 65536, &err);
    if (writer->good)
        spool_end(writer->spool);
    else
        spool_fail(writer->spool, &err);
    return NULL;
}

static void *read_all(void *context)
{
    struct err err;
    bool good;
    uint64_t *size = mem_new(uint64_t);
    *size = check_from(context, 0, 10000, &good, &err);
    ck_assert(good);
    return size;
}

START_TEST(is_read_by_several_while_it_grows)
{
    struct spool_options options = {.memory_max = 300000, .size_max = 4 << 20};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    struct writer writer = {spool, 2 << 20, false};
    pthread_t threads[4];
    for (size_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, read_all, spool);
    pthread_create(&threads[3], NULL, write_all, &writer);
    for (size_t i = 0; i < 3; i++) {
        void *size;
        pthread_join(threads[i], &size);
        ck_assert_uint_eq(*(uint64_t *)size, writer.size);
        free(size);
    }
    pthread_join(threads[3], NULL);
    ck_assert(writer.good);
}
END_TEST

/* Reads all as the follower does. */
static uint64_t follow(struct spool *spool, uint64_t end)
{
    char bytes[50000];
    uint64_t at = 0;
    size_t size = 1;
    struct err err;
    while (at < end && size > 0) {
        ck_assert(spool_read(spool, at, bytes, sizeof bytes, &size, &err));
        ck_assert(bytes_are_right(bytes, at, size));
        at += size;
        spool_followed(spool, at);
    }
    return at;
}

/* All of it goes through to a follower. */
static void write_beside_follower(struct spool *spool, uint64_t size)
{
    struct writer writer = {spool, size, false};
    pthread_t thread;
    spool_follow(spool);
    pthread_create(&thread, NULL, write_all, &writer);
    ck_assert_uint_eq(follow(spool, UINT64_MAX), size);
    pthread_join(thread, NULL);
    ck_assert(writer.good);
}

START_TEST(goes_beyond_its_limit_with_a_follower)
{
    struct budget disk;
    budget_init(&disk, NULL, "--disk", 0);
    struct spool_options options = {.memory_max = 5000, .size_max = 9 << 20, .disk = &disk};
    struct spool *spool = spool_create(&options);
    write_beside_follower(spool, 24 << 20);
    ck_assert_uint_le(disk.peak_bytes, (9 + 8 + 1) << 20);

    struct err err;
    bool good;
    ck_assert_uint_eq(check_from(spool, 0, 5000, &good, &err), 5000); /* what lies in memory */
    ck_assert(!good);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    spool_destroy(spool);
    ck_assert_uint_eq(disk.used_bytes, 0);
}
END_TEST

/* A piece that no room under the limit is enough for goes in when the follower has all before it.
 */
START_TEST(takes_pieces_longer_than_its_limit_with_a_follower)
{
    struct spool_options options = {.memory_max = 5000, .size_max = 10};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    write_beside_follower(spool, 1 << 20);
}
END_TEST

START_TEST(goes_on_in_lock_step_when_the_disk_is_used_up)
{
    struct budget disk;
    budget_init(&disk, NULL, "--disk", 1 << 20);
    struct spool_options options = {.memory_max = 5000, .size_max = 9 << 20, .disk = &disk};
    struct spool *spool = spool_create(&options);
    write_beside_follower(spool, 5 << 20);
    spool_destroy(spool);
    ck_assert_uint_eq(disk.used_bytes, 0);
}
END_TEST

START_TEST(goes_on_in_lock_step_without_a_disk)
{
    struct spool_options options = {.memory_max = 5000, .size_max = 9 << 20, .folder = "/missing"};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    write_beside_follower(spool, 1 << 20);

    struct err err;
    bool good;
    ck_assert_uint_eq(check_from(spool, 0, 5000, &good, &err), 5000);
    ck_assert(!good);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
}
END_TEST

START_TEST(leaves_lock_step_when_its_follower_does)
{
    struct spool_options options = {.size_max = 9 << 20, .folder = "/missing"};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    struct writer writer = {spool, 1 << 20, true};
    pthread_t thread;
    spool_follow(spool);
    pthread_create(&thread, NULL, write_all, &writer);
    follow(spool, 300000);
    spool_unfollow(spool);
    pthread_join(thread, NULL);
    ck_assert(!writer.good);
}
END_TEST

START_TEST(fails_once_its_follower_has_gone)
{
    struct spool_options options = {.memory_max = 5000, .size_max = 1 << 20};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    struct writer writer = {spool, 8 << 20, true};
    pthread_t thread;
    spool_follow(spool);
    pthread_create(&thread, NULL, write_all, &writer);
    follow(spool, 2 << 20);
    spool_unfollow(spool);
    pthread_join(thread, NULL);
    ck_assert(!writer.good);
}
END_TEST

START_TEST(takes_at_once_what_memory_takes)
{
    static char bytes[20000];
    struct spool_options options = {.memory_max = 8192, .size_max = 30000, .folder = "/tmp"};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    struct err err;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = byte_at(i);
    ck_assert_uint_eq(spool_append_at_once(spool, bytes, 100), 100);
    ck_assert_uint_eq(spool_append_at_once(spool, bytes + 100, 19900), 8092);
    ck_assert_uint_eq(spool_append_at_once(spool, bytes + 8192, 1), 0);
    ck_assert(spool_append(spool, bytes + 8192, 11808, &err));
    ck_assert_uint_eq(spool_append_at_once(spool, bytes, 1), 0);
    spool_end(spool);
    char got[20000];
    size_t size, all = 0;
    while (spool_read(spool, all, got + all, sizeof got - all, &size, &err) && size > 0)
        all += size;
    ck_assert_uint_eq(all, sizeof bytes);
    ck_assert(bytes_are_right(got, 0, all));
}
END_TEST

START_TEST(takes_nothing_at_once_beyond_its_limit)
{
    struct spool_options options = {.memory_max = 8192, .size_max = 10};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    ck_assert_uint_eq(spool_append_at_once(spool, "12345678", 8), 8);
    ck_assert_uint_eq(spool_append_at_once(spool, "9abc", 4), 0);
    spool_end(spool);
}
END_TEST

START_TEST(says_how_much_there_is)
{
    AUTO(spool_destroy) struct spool *spool = spool_of("0123456789", 10);
    uint64_t left = 1;
    struct err err;
    ck_assert(spool_await(spool, 3, NULL, &left, &err));
    ck_assert_uint_eq(left, 7);
    ck_assert(spool_await(spool, 10, NULL, &left, &err));
    ck_assert_uint_eq(left, 0);
}
END_TEST

START_TEST(waits_no_longer_once_it_is_canceled)
{
    static const _Atomic bool canceled = true;
    struct spool_options options = {.memory_max = 100, .size_max = 100};
    AUTO(spool_destroy) struct spool *spool = spool_create(&options);
    uint64_t left = 1;
    struct err err;
    ck_assert(spool_append(spool, "0123", 4, &err));
    ck_assert(spool_await(spool, 3, &canceled, &left, &err)); /* there is no need to wait */
    ck_assert_uint_eq(left, 1);
    ck_assert(!spool_await(spool, 4, &canceled, &left, &err));
    ck_assert_int_eq(err.kind, ERR_CANCELED);
    spool_end(spool);
    ck_assert(spool_await(spool, 4, &canceled, &left, &err));
    ck_assert_uint_eq(left, 0);
}
END_TEST

TEST_MAIN("spool", gives_back_what_was_written, charges_memory_and_disk_and_gives_them_back,
          refuses_a_body_over_its_limit, says_that_the_folder_is_missing,
          is_read_by_several_while_it_grows, goes_beyond_its_limit_with_a_follower,
          takes_pieces_longer_than_its_limit_with_a_follower,
          goes_on_in_lock_step_when_the_disk_is_used_up, goes_on_in_lock_step_without_a_disk,
          leaves_lock_step_when_its_follower_does, fails_once_its_follower_has_gone,
          takes_at_once_what_memory_takes, takes_nothing_at_once_beyond_its_limit,
          says_how_much_there_is, waits_no_longer_once_it_is_canceled)

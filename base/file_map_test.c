#include "base/file_map.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/test.h"
#include "base/workers.h"

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define PAGE_COUNT 16

static char folder[] = "/tmp/millrace-file-map-XXXXXX";
static char path[64];
static struct err err;

/* Every byte of page i is i + 1. */
static void write_pages(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    for (size_t i = 0; i < PAGE_COUNT * PAGE; i++)
        buf_byte(&bytes, (char)(i / PAGE + 1));
    ck_assert(file_write_whole(path, buf_view(&bytes), &err));
}

static void map_pages(struct file_map *map)
{
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/f", folder);
    err_clear(&err);
    write_pages();
    ck_assert_msg(file_map_open(path, map, &err), "%s", err.msg);
    ck_assert_uint_eq(map->size, PAGE_COUNT * PAGE);
}

static void unmap_pages(struct file_map *map)
{
    file_map_close(map);
    ck_assert(file_remove_all(folder, &err));
}

static uint8_t page_byte(const struct file_map *map, size_t page)
{
    return ((const volatile uint8_t *)map->bytes)[page * PAGE + 17];
}

static bool page_is_good(const struct file_map *map, size_t page)
{
    err_clear(&err);
    return file_map_check(map->bytes + page * PAGE, PAGE, &err);
}

START_TEST(maps_what_a_file_holds)
{
    struct file_map map;
    map_pages(&map);
    file_map_forget(&map);
    ck_assert_uint_eq(page_byte(&map, 9), 10);
    ck_assert(page_is_good(&map, 9));
    ck_assert(!file_map_is_lost(&map) && !file_map_tell_lost(&err));
    unmap_pages(&map);
    ck_assert(!file_map_open(path, &map, &err));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    ck_assert(!file_map_open("/tmp", &map, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
}
END_TEST

START_TEST(a_page_that_is_lost_reads_as_zeros)
{
    struct file_map map, other;
    char offset[32];
    snprintf(offset, sizeof offset, "offset %zu:", 9 * PAGE);
    map_pages(&map);
    ck_assert(file_map_open(path, &other, &err));
    ck_assert_uint_eq(page_byte(&map, 9), 10);
    ck_assert_int_eq(truncate(path, 8 * PAGE), 0);
    ck_assert(!file_map_is_lost(&map));

    ck_assert_uint_eq(page_byte(&map, 9), 0);
    ck_assert(!page_is_good(&map, 9));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_msg(strstr(err.msg, path) && strstr(err.msg, offset), "%s", err.msg);
    ck_assert(file_map_is_lost(&map));
    ck_assert_uint_eq(page_byte(&map, 7), 8); /* what is there is read, and believed */
    ck_assert(page_is_good(&map, 7) && page_is_good(&map, 10));

    ck_assert_uint_eq(page_byte(&map, 12), 0);
    ck_assert_uint_eq(page_byte(&map, 10), 0); /* between two that are lost */
    ck_assert(!page_is_good(&map, 10) && !page_is_good(&map, 12) && page_is_good(&map, 13));
    ck_assert(!file_map_is_lost(&other) && page_is_good(&other, 9));
    file_map_close(&other);
    unmap_pages(&map);
}
END_TEST

START_TEST(a_lost_map_is_told_once_and_stays_lost)
{
    struct file_map map;
    map_pages(&map);
    ck_assert_int_eq(truncate(path, 8 * PAGE), 0);
    page_byte(&map, 9);
    ck_assert(file_map_tell_lost(&err));
    ck_assert_msg(strstr(err.msg, path), "%s", err.msg);
    page_byte(&map, 11);
    ck_assert(!file_map_tell_lost(&err));
    ck_assert(!file_map_is_back(&map));

    write_pages();
    ck_assert(file_map_is_back(&map));
    file_map_forget(&map);
    ck_assert_uint_eq(page_byte(&map, 9), 0); /* or who has read zeros would not know */
    ck_assert(!page_is_good(&map, 9));
    struct file_map again;
    ck_assert(file_map_open(path, &again, &err));
    ck_assert_uint_eq(page_byte(&again, 9), 10);
    ck_assert(page_is_good(&again, 9));
    file_map_close(&again);
    unmap_pages(&map);
}
END_TEST

/* More maps than the list has at first; an entry that is used again has lost nothing. */
START_TEST(entries_are_used_again)
{
    enum { COUNT = 200 };
    struct file_map map, many[COUNT];
    map_pages(&map);
    for (size_t i = 0; i < COUNT; i++)
        ck_assert(file_map_open(path, &many[i], &err));
    ck_assert_int_eq(truncate(path, 8 * PAGE), 0);
    for (size_t i = 0; i < COUNT; i += 2)
        ck_assert_uint_eq(page_byte(&many[i], 9), 0);
    for (size_t i = 0; i < COUNT; i++)
        ck_assert(file_map_is_lost(&many[i]) == (i % 2 == 0));
    for (size_t i = 0; i < COUNT; i++)
        file_map_close(&many[i]);
    write_pages();
    for (size_t i = 0; i < COUNT; i++)
        ck_assert(file_map_open(path, &many[i], &err));
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_uint_eq(page_byte(&many[i], 9), 10);
        ck_assert(!file_map_is_lost(&many[i]) && page_is_good(&many[i], 9));
        file_map_close(&many[i]);
    }
    ck_assert(!file_map_tell_lost(&err));
    unmap_pages(&map);
}
END_TEST

struct readers {
    struct work_queue queue;
    const struct file_map *map;
    _Atomic size_t done_count;
};

/* Reads all pages of a map that is cut behind the eighth, from the last on. */
static void readers_run(struct work_queue *queue, size_t task, size_t lane)
{
    (void)task;
    (void)lane;
    struct readers *readers = CONTAINER(struct readers, queue, queue);
    struct err lost;
    for (size_t i = PAGE_COUNT; i-- > 0;) {
        ck_assert_uint_eq(page_byte(readers->map, i), i < 8 ? i + 1 : 0);
        ck_assert(file_map_check(readers->map->bytes + i * PAGE, PAGE, &lost) == (i < 8));
    }
    atomic_fetch_add(&readers->done_count, 1);
}

/* Workers block signals, but not this one; the list changes meanwhile. */
START_TEST(threads_read_what_is_lost)
{
    enum { COUNT = 64 };
    struct file_map map, other;
    map_pages(&map);
    ck_assert_int_eq(truncate(path, 8 * PAGE), 0);
    AUTO(workers_destroy) struct workers *workers = workers_create(4);
    struct readers readers = {.map = &map};
    work_queue_init(&readers.queue, workers, 4, readers_run);
    work_queue_add(&readers.queue, COUNT);
    for (size_t done = 0; done < COUNT; done = atomic_load(&readers.done_count)) {
        ck_assert(file_map_open(path, &other, &err));
        page_byte(&other, 3);
        file_map_close(&other);
    }
    for (size_t i = 0; i < COUNT; i++)
        work_queue_wait(&readers.queue, i);
    work_queue_done(&readers.queue);
    unmap_pages(&map);
}
END_TEST

static void fault_elsewhere(void)
{
    FILE *file = fopen(path, "r");
    uint8_t *bytes = mmap(NULL, (size_t)PAGE_COUNT * PAGE, PROT_READ, MAP_SHARED, fileno(file), 0);
    page_byte(&(struct file_map){.bytes = bytes}, 9);
}

static void send_signal(void)
{
    raise(SIGBUS);
}

/* How a process ends that has maps, and a fault that is none of theirs. */
static int ends_by(void (*deed)(void))
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct file_map map;
        signal(SIGBUS, SIG_DFL); /* a sanitizer may have it */
        if (file_map_open(path, &map, &err) && truncate(path, 8 * PAGE) == 0 &&
            page_byte(&map, 9) == 0)
            deed();
        _exit(1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

START_TEST(other_faults_end_the_process)
{
    snprintf(path, sizeof path, "/tmp/millrace-file-map-%d", (int)getpid());
    write_pages();
    ck_assert_int_eq(ends_by(fault_elsewhere), SIGBUS);
    write_pages();
    ck_assert_int_eq(ends_by(send_signal), SIGBUS);
    unlink(path);
}
END_TEST

TEST_MAIN("file_map", maps_what_a_file_holds, a_page_that_is_lost_reads_as_zeros,
          a_lost_map_is_told_once_and_stays_lost, entries_are_used_again, threads_read_what_is_lost,
          other_faults_end_the_process)

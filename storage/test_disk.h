#pragma once

#include <stdbool.h>

/*
 * For tests: a disk that fails. A program that uses it has these calls from here instead of from
 * the C library, and they do what they always do, but for those that were told to fail with EIO.
 *
 * Thread: one at a time tells; the calls come from any.
 */
enum test_disk_call {
    TEST_DISK_SYNC,   /* fsync, fdatasync */
    TEST_DISK_WRITE,  /* pwrite */
    TEST_DISK_REMOVE, /* unlink, remove */
    TEST_DISK_MAP,    /* mmap of a file */
    TEST_DISK_LIST,   /* readdir: for each name */
    TEST_DISK_CALL_COUNT,
};

/* Of the calls from now on, `skip` succeed, and so many behind them fail. */
void test_disk_fail(enum test_disk_call call, int skip, int times);

/* Have not all that were to fail come yet? From now on none of them does. */
bool test_disk_settle(enum test_disk_call call);

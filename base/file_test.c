#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"

START_TEST(writes_whole_and_reads_back)
{
    char folder[] = "/tmp/millrace-file-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/f", folder);
    struct err err = {0};

    ck_assert(file_write_whole(path, STR("hello"), &err));
    AUTO(buf_done) struct buf buf = {0};
    ck_assert(file_read(path, 5, &buf, &err));
    ck_assert(str_eq(buf_view(&buf), STR("hello")));
    ck_assert(!file_read(path, 4, &buf, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert(file_remove_all(folder, &err));
    ck_assert(!file_read(path, 5, &buf, &err));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
}
END_TEST

/* Larger than what is read at once. */
START_TEST(writes_again_what_a_file_holds)
{
    char folder[] = "/tmp/millrace-file-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/f", folder);
    struct err err = {0};
    AUTO(buf_done) struct buf bytes = {0};
    for (size_t i = 0; i < ((size_t)5 << 19) + 3; i++)
        buf_byte(&bytes, (char)(i * 7 / 3));
    ck_assert(!file_write_again(path, &err));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    err_clear(&err);
    ck_assert(file_write_whole(path, buf_view(&bytes), &err));
    ck_assert_msg(file_write_again(path, &err), "%s", err.msg);
    AUTO(buf_done) struct buf found = {0};
    ck_assert(file_read(path, bytes.len, &found, &err));
    ck_assert(str_eq(buf_view(&found), buf_view(&bytes)));
    ck_assert(file_remove_all(folder, &err));
}
END_TEST

START_TEST(a_file_without_a_name_leaves_nothing)
{
    char folder[] = "/tmp/millrace-file-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct err err = {0};
    int fd;
    char byte = 0;
    ck_assert(file_open_unnamed(folder, &fd, &err));
    ck_assert_int_eq(pwrite(fd, "x", 1, 5), 1);
    ck_assert_int_eq(pread(fd, &byte, 1, 5), 1);
    ck_assert_int_eq(byte, 'x');
    ck_assert_int_eq(rmdir(folder), 0);
    close(fd);
    ck_assert(!file_open_unnamed(folder, &fd, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
}
END_TEST

START_TEST(a_folder_is_made_once_and_a_file_is_cut)
{
    char folder[] = "/tmp/millrace-file-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    struct err err = {0};
    ck_assert(file_make_folder("data", &err)); /* its parent is "." */
    ck_assert(file_make_folder("data", &err));
    ck_assert(!file_make_folder("missing/data", &err));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    ck_assert(file_write_whole("data/f", STR("hello"), &err));
    ck_assert(!file_write_whole("data", STR("hello"), &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert(!file_exists("data.tmp"));
    ck_assert(!file_make_folder("data/f", &err));
    ck_assert_int_eq(err.kind, ERR_IO);

    ck_assert(file_cut("data/f", 9, &err));
    ck_assert(file_cut("data/f", 4, &err));
    AUTO(buf_done) struct buf buf = {0};
    ck_assert(file_read("data/f", 9, &buf, &err));
    ck_assert(str_eq(buf_view(&buf), STR("hell")));
    ck_assert(!file_cut("data/g", 4, &err));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    ck_assert(file_remove_all(folder, &err));
}
END_TEST

START_TEST(names_are_all_but_the_dots)
{
    char folder[] = "/tmp/millrace-file-XXXXXX";
    char path[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct err err = {0};
    AUTO(file_names_done) struct file_names names = {0};
    ck_assert(file_names_read(folder, &names, &err));
    ck_assert_uint_eq(names.count, 0);
    snprintf(path, sizeof path, "%s/.f", folder);
    ck_assert(file_write_whole(path, STR("hello"), &err));
    ck_assert(file_names_read(folder, &names, &err));
    ck_assert_uint_eq(names.count, 1);
    ck_assert_str_eq(names.items[0], ".f");
    ck_assert(file_remove_all(folder, &err));
    ck_assert(!file_names_read(folder, &names, &err));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
}
END_TEST

START_TEST(what_cannot_be_looked_for_may_be_there)
{
    char folder[] = "/tmp/millrace-file-XXXXXX";
    char path[64], below[80];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct err err = {0};
    snprintf(path, sizeof path, "%s/f", folder);
    snprintf(below, sizeof below, "%s/f/below", folder);
    ck_assert(!file_exists(path));
    ck_assert(file_write_whole(path, STR("hello"), &err));
    ck_assert(file_exists(path));
    ck_assert(!file_exists(below));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("f", path), 0); /* round and round: ELOOP */
    ck_assert(file_exists(path));
    ck_assert(file_remove_all(folder, &err));
}
END_TEST

TEST_MAIN("file", writes_whole_and_reads_back, writes_again_what_a_file_holds,
          a_file_without_a_name_leaves_nothing, a_folder_is_made_once_and_a_file_is_cut,
          names_are_all_but_the_dots, what_cannot_be_looked_for_may_be_there)

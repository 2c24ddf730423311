#include "storage/head_snapshot.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/head_append.h"
#include "storage/head_internal.h"
#include "storage/snapshot_folder.h"
#include "storage/test_disk.h"
#include "storage/test_head.h"
#include "storage/test_life.h"
#include "storage/test_log.h"

static char folder[256], copy[300];
static struct err err;
static int warnings;
static uint64_t damages; /* that heads have counted */
static char said[512];   /* of the log, last */
static bool loaded, passed;

static void note_info(void *context, const char *message)
{
    loaded |= strstr(message, "snapshot loaded") != NULL;
    passed |= strstr(message, "the whole log is read") != NULL;
    snprintf(said, sizeof said, "%s", message);
}

static void note_warning(void *context, const char *message)
{
    warnings++;
}

static const struct db_options options = {
    .info = note_info,
    .warn = note_warning,
    .late_window_ms = 1000000,
    .replay_threads = 2,
};

static void setup(void)
{
    test_folder(folder, sizeof folder);
    snprintf(copy, sizeof copy, "%s-copy", folder);
    warnings = 0;
    damages = 0;
}

static void teardown(void)
{
    test_folder_remove(folder);
    if (file_exists(copy))
        test_folder_remove(copy);
}

/* The path of the one snapshot; "": there is none. */
static const char *snapshot_path(const char *root)
{
    static char path[600];
    bool is_there;
    struct snapshot_place place;
    ck_assert(snapshot_folder_newest(root, &is_there, &place, &err));
    path[0] = '\0';
    if (is_there)
        snapshot_folder_path(root, place, path, sizeof path);
    return path;
}

static struct head *open_head(const char *root)
{
    loaded = passed = false;
    return test_head_open(root, &options, INT64_MIN);
}

/* Opened for writing, the folder shows what its log says. */
static void check_same(const char *root)
{
    char *wanted = test_log_details(root, INT64_MIN);
    struct head *head = open_head(root);
    char *got = test_head_details(head);
    ck_assert_str_eq(got, wanted);
    free(got);
    free(wanted);
    struct head_counters counters;
    head_counters(head, &counters);
    damages += counters.snapshot_damages;
    head_close(head);
}

START_TEST(a_head_is_the_same_from_a_snapshot)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        setup();
        struct test_life life = {.dice = seed * 7919, .t_ms = 1000000};
        for (int number = 0; number < 5; number++) {
            struct head *head = open_head(folder);
            ck_assert_int_eq(loaded, number > 0);
            test_life_go(&life, head, (int)test_dice(&life, 1500));
            if (test_dice(&life, 2)) {
                ck_assert_msg(head_snapshot_take(head, &err), "%s", err.msg);
                test_life_go(&life, head, (int)test_dice(&life, 500));
            }
            if (test_dice(&life, 2))
                ck_assert(head_map_chunks(head, &err));
            test_folder_copy(folder, copy); /* as a process leaves it that is killed */
            head_close(head);
            ck_assert_str_ne(snapshot_path(folder), "");
            check_same(copy);
            test_folder_copy(folder, copy);
            check_same(copy);
        }
        ck_assert_int_eq(warnings, 0);
        ck_assert_uint_eq(damages, 0);
        teardown();
    }
}
END_TEST

/* Nothing late, so that the log is all. */
static void write_some(void)
{
    struct test_life life = {.dice = 5};
    struct head *head = open_head(folder);
    for (int64_t i = 0; i < 1200; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%d", (int)test_dice(&life, 9));
        test_head_append(head, name, 1000000 + 10000 * i, name[1] > '5');
    }
    head_close(head);
    ck_assert_str_ne(snapshot_path(folder), "");
}

START_TEST(only_what_came_behind_it_is_read_of_the_log)
{
    setup();
    write_some();
    struct head *head = open_head(folder);
    ck_assert(loaded);
    test_head_append(head, "new", 90000000, false);
    test_folder_copy(folder, copy);
    head_close(head);
    head = open_head(copy);
    ck_assert(loaded);
    ck_assert_msg(strstr(said, " 1 samples in logs"), "%s", said);
    head_close(head);
    teardown();
}
END_TEST

/* Cuts the file to each of its lengths, or flips a bit: the head is what the log says. */
static void damage_file(const char *name, bool cut)
{
    char path[700];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", snapshot_path(folder), name);
    ck_assert_int_eq(stat(path, &st), 0);
    for (off_t at = 0; at < st.st_size; at += 1 + st.st_size / 97) {
        test_folder_copy(folder, copy);
        snprintf(path, sizeof path, "%s/%s", snapshot_path(copy), name);
        if (cut) {
            ck_assert_int_eq(truncate(path, at), 0);
        } else {
            FILE *file = fopen(path, "r+");
            ck_assert_int_eq(fseek(file, at, SEEK_SET), 0);
            int byte = fgetc(file);
            ck_assert_int_eq(fseek(file, at, SEEK_SET), 0);
            ck_assert_int_ne(fputc(byte ^ 16, file), EOF);
            fclose(file);
        }
        check_same(copy);
    }
}

START_TEST(a_damaged_one_is_passed_over)
{
    setup();
    write_some();
    damage_file("00000000", true);
    damage_file("00000000", false);
    damage_file("origin", true);
    damage_file("origin", false);
    ck_assert_int_gt(warnings, 0);
    ck_assert_uint_eq(damages, (uint64_t)warnings);
    teardown();
}
END_TEST

/* The copy's snapshot is not used: the whole log is read, and told. */
static void check_passed(void)
{
    char *wanted = test_log_details(copy, INT64_MIN);
    struct head *head = open_head(copy);
    char *got = test_head_details(head);
    ck_assert_str_eq(got, wanted);
    ck_assert(!loaded);
    ck_assert(passed);
    ck_assert_str_eq(snapshot_path(copy), "");
    free(got);
    free(wanted);
    head_close(head);
}

START_TEST(one_of_another_log_is_passed_over)
{
    char path[700], mine[600];
    setup();
    write_some();
    snprintf(mine, sizeof mine, "%s", snapshot_path(folder));

    /* The same log, but for the last value. */
    test_folder_copy(folder, copy);
    snprintf(path, sizeof path, "rm -rf %s/wal %s/chunks_head", copy, copy);
    ck_assert_int_eq(system(path), 0);
    char kept[700];
    snprintf(kept, sizeof kept, "%s", snapshot_path(copy));
    snprintf(path, sizeof path, "%s.kept", copy);
    ck_assert_int_eq(rename(kept, path), 0);
    struct head *head = open_head(copy);
    for (int i = 0; i < 5000; i++)
        test_head_append(head, "other", 1000000 + i * 1000, false);
    head_close(head);
    ck_assert_str_ne(snapshot_path(copy), "");
    test_folder_remove(snapshot_path(copy));
    ck_assert_int_eq(rename(path, kept), 0);
    check_passed();
    teardown();
}
END_TEST

START_TEST(one_whose_log_was_cut_is_passed_over)
{
    char path[700];
    struct stat st;
    setup();
    write_some();
    test_folder_copy(folder, copy);
    snprintf(path, sizeof path, "%s/wal/00000000", copy);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(truncate(path, st.st_size / 2), 0);
    check_passed();

    test_folder_copy(folder, copy);
    ck_assert_int_eq(unlink(path), 0);
    check_passed();
    teardown();
}
END_TEST

START_TEST(one_whose_chunks_are_gone_is_passed_over)
{
    setup();
    write_some();
    test_folder_copy(folder, copy);
    test_file_remove(copy, "chunks_head/000001");
    check_passed();
    teardown();
}
END_TEST

START_TEST(one_whose_blocks_are_gone_is_passed_over)
{
    setup();
    struct head *head = open_head(folder);
    for (int64_t t_ms = 1000; t_ms < 20000; t_ms += 1000)
        test_head_append(head, "a", t_ms, false);
    ck_assert(head_truncate(head, 10000, NULL, &err));
    head_close(head);
    head = test_head_open(folder, &options, 10000);
    ck_assert(loaded);
    head_close(head);
    test_folder_copy(folder, copy);
    check_passed();
    teardown();
}
END_TEST

/* Of each series and kind of note what was told, metadata only the last. */
struct told {
    struct buf exemplars;
    char help[2][32];
};

static void hear_exemplar(void *context, const struct wal_label *labels, size_t label_count,
                          const struct append_exemplar *exemplar)
{
    struct told *told = context;
    ck_assert_uint_eq(label_count, 1);
    buf_str(&told->exemplars, labels[0].value);
    buf_byte(&told->exemplars, ':');
    buf_str(&told->exemplars, exemplar->labels[0].value);
    buf_printf(&told->exemplars, "@%lld=%g ", (long long)exemplar->t_ms, exemplar->v);
}

static void hear_metadata(void *context, const struct wal_label *labels, size_t label_count,
                          const struct append_metadata *metadata)
{
    struct told *told = context;
    ck_assert_uint_eq(label_count, 1);
    snprintf(told->help[labels[0].value.ptr[0] - 'a'], sizeof told->help[0], "%.*s %d",
             (int)metadata->help.len, metadata->help.ptr, (int)metadata->type);
}

static struct head *open_hearing(const char *root, struct told *told)
{
    buf_clear(&told->exemplars);
    memset(told->help, 0, sizeof told->help);
    static struct db_options hearing;
    hearing = options;
    hearing.exemplar = hear_exemplar;
    hearing.metadata = hear_metadata;
    hearing.notes_context = told;
    loaded = passed = false;
    struct head *head = test_head_open(root, &hearing, INT64_MIN);
    buf_terminated(&told->exemplars);
    return head;
}

static void check_told(const struct told *told, const char *exemplars, const char *a, const char *b)
{
    ck_assert_str_eq(told->exemplars.ptr, exemplars);
    ck_assert_str_eq(told->help[0], a);
    ck_assert_str_eq(told->help[1], b);
}

static void append_notes(struct head *head, const char *name, int64_t t_ms, const char *help)
{
    test_head_append(head, name, t_ms, false);
    struct wal_label label = {STR("__name__"), str_of(name)}, trace = {STR("trace_id"), STR("1")};
    struct append_exemplar exemplar = {.labels = &trace, .label_count = 1, .t_ms = t_ms, .v = 1};
    struct append_metadata metadata = {.type = APPEND_METRIC_UNKNOWN, .help = str_of(help)};
    struct append_note notes[] = {
        {.labels = &label, .label_count = 1, .exemplar = &exemplar},
        {.labels = &label, .label_count = 1, .metadata = &metadata},
    };
    ck_assert(head_append_notes(head, notes, 2, &err));
}

/* Two lives, with notes in each. */
static void write_notes(struct told *told)
{
    struct head *head = open_hearing(folder, told);
    append_notes(head, "a", 1000, "first");
    append_notes(head, "b", 2000, "other");
    append_notes(head, "a", 3000, "second");
    head_close(head);
    head = open_hearing(folder, told);
    ck_assert(loaded);
    check_told(told, "a:1@1000=1 b:1@2000=1 a:1@3000=1 ", "second 0", "other 0");
    append_notes(head, "b", 4000, "third");
    head_close(head);
}

static const char all_exemplars[] = "a:1@1000=1 b:1@2000=1 a:1@3000=1 b:1@4000=1 ";

/* What write_notes wrote is told out of the copy's log, each thing once. */
static void check_told_by_log(struct told *told)
{
    head_close(open_hearing(copy, told));
    ck_assert(!loaded);
    check_told(told, all_exemplars, "second 0", "third 0");
}

START_TEST(exemplars_and_metadata_are_told_from_it)
{
    setup();
    struct told told = {0};
    write_notes(&told);
    test_folder_copy(folder, copy);
    for (int i = 0; i < 2; i++) { /* the second is of a life that adds nothing */
        head_close(open_hearing(copy, &told));
        ck_assert(loaded);
        check_told(&told, all_exemplars, "second 0", "third 0");
    }
    ck_assert(file_remove_all(snapshot_path(copy), &err));
    check_told_by_log(&told);
    buf_done(&told.exemplars);
    teardown();
}
END_TEST

/*
 * One snapshot takes them from the one before, and from the log behind it: over segments, too, and
 * where the one before that could not be removed whole.
 */
START_TEST(exemplars_and_metadata_go_from_one_to_the_next)
{
    setup();
    struct told told = {0}, wanted = {0};
    struct head *head = open_hearing(folder, &told);
    for (int64_t t_ms = 1000; t_ms < 60000; t_ms += 1000) {
        char help[32];
        snprintf(help, sizeof help, "help %d", (int)t_ms % 7000);
        append_notes(head, t_ms % 3000 ? "a" : "b", t_ms, help);
        if (t_ms == 25000)
            test_disk_fail(TEST_DISK_REMOVE, 4, 1);
        if (t_ms % 5000 == 0)
            ck_assert_int_eq(head_snapshot_take(head, &err), t_ms != 25000);
        err_clear(&err);
        if (t_ms % 8000 == 0)
            ck_assert(wal_writer_cut(head_writer_log(head->writer), &err));
    }
    test_folder_copy(folder, copy);
    head_close(head);
    head_close(open_hearing(copy, &told));
    ck_assert(loaded);
    test_folder_copy(folder, copy);
    ck_assert(file_remove_all(snapshot_path(copy), &err));
    head_close(open_hearing(copy, &wanted));
    ck_assert(!loaded);
    ck_assert_uint_eq(wanted.exemplars.len, told.exemplars.len);
    check_told(&told, wanted.exemplars.ptr, wanted.help[0], wanted.help[1]);
    buf_done(&told.exemplars);
    buf_done(&wanted.exemplars);
    teardown();
}
END_TEST

/* Each damage of the notes: all are told once, of the whole log. */
START_TEST(one_whose_notes_are_damaged_is_passed_over)
{
    setup();
    struct told told = {0};
    write_notes(&told);
    AUTO(buf_done) struct buf bytes = {0};
    char path[700];
    snprintf(path, sizeof path, "%s/notes/00000000", snapshot_path(folder));
    ck_assert(file_read(path, 1 << 20, &bytes, &err));
    size_t whole = bytes.len;
    for (size_t at = 0; at < 40; at++) {
        test_folder_copy(folder, copy);
        snprintf(path, sizeof path, "%s/notes/00000000", snapshot_path(copy));
        bytes.ptr[at] ^= 0x21;
        ck_assert(file_write_whole(path, (struct str){bytes.ptr, at % 2 ? whole : at}, &err));
        bytes.ptr[at] ^= 0x21;
        head_close(open_hearing(copy, &told));
        ck_assert_msg(!loaded, "byte %zu", at);
        check_told(&told, all_exemplars, "second 0", "third 0");
        test_folder_remove(copy);
    }
    test_folder_copy(folder, copy);
    snprintf(path, sizeof path, "%s/notes", snapshot_path(copy));
    ck_assert(file_remove_all(path, &err));
    check_told_by_log(&told);
    buf_done(&told.exemplars);
    teardown();
}
END_TEST

/* Whole ones and others. */
static int snapshot_count(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += strncmp(entry->d_name, "chunk_snapshot", 14) == 0;
    closedir(dir);
    return count;
}

START_TEST(older_and_unfinished_ones_go)
{
    char path[600];
    setup();
    write_some();
    snprintf(path, sizeof path, "%s/chunk_snapshot.000007.0000000001.tmp", folder);
    ck_assert(file_make_folder(path, &err));
    snprintf(path, sizeof path, "%s", snapshot_path(folder));
    head_close(open_head(folder));
    ck_assert(!file_exists(path));
    ck_assert_str_ne(snapshot_path(folder), "");
    ck_assert_int_eq(snapshot_count(), 1);
    teardown();
}
END_TEST

/* Who is killed again and again while he takes one must not fill the disk with what is left. */
START_TEST(unfinished_ones_go_at_the_start)
{
    char path[600];
    setup();
    write_some();
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/chunk_snapshot.00000%d.0000000001.tmp", folder, 7 + i);
        ck_assert(file_make_folder(path, &err));
    }
    struct head *head = open_head(folder);
    ck_assert(loaded);
    ck_assert_int_eq(snapshot_count(), 1);
    ck_assert_str_ne(snapshot_path(folder), "");
    head_close(head);
    teardown();
}
END_TEST

/* The next reference is beyond all that were ever given. */
START_TEST(references_are_not_given_again)
{
    setup();
    struct head *head = open_head(folder);
    test_head_append(head, "a", 1000, false);
    test_head_append(head, "b", 1000, false);
    head_close(head);
    for (int i = 0; i < 2; i++) {
        head = open_head(folder);
        test_head_append(head, i ? "c" : "d", 1000, false);
        char *got = test_head_contents(head);
        ck_assert_str_eq(got, i ? "a:1000 b:1000 d:1000 c:1000 " : "a:1000 b:1000 d:1000 ");
        free(got);
        test_folder_copy(folder, copy);
        check_same(copy);
        head_close(head);
    }
    teardown();
}
END_TEST

/* Where it cannot be written the head is closed all the same, and the reason told. */
START_TEST(ends_without_one_where_it_cannot_be_written)
{
    setup();
    struct head *head = open_head(folder);
    for (int i = 0; i < 100; i++)
        test_head_append(head, "a", 1000 + i, false);
    struct rlimit before, small;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){100, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    head_close(head);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_int_eq(warnings, 1);
    ck_assert_str_eq(snapshot_path(folder), "");
    check_same(folder);
    teardown();
}
END_TEST

TEST_MAIN("head_snapshot", a_head_is_the_same_from_a_snapshot,
          exemplars_and_metadata_go_from_one_to_the_next,
          only_what_came_behind_it_is_read_of_the_log, a_damaged_one_is_passed_over,
          one_of_another_log_is_passed_over, one_whose_log_was_cut_is_passed_over,
          one_whose_chunks_are_gone_is_passed_over, one_whose_blocks_are_gone_is_passed_over,
          exemplars_and_metadata_are_told_from_it, one_whose_notes_are_damaged_is_passed_over,
          older_and_unfinished_ones_go, unfinished_ones_go_at_the_start,
          references_are_not_given_again, ends_without_one_where_it_cannot_be_written)

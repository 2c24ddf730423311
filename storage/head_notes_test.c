#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/append.h"
#include "storage/head_append.h"
#include "storage/snapshot_folder.h"
#include "storage/test_head.h"
#include "storage/test_log.h"
#include "storage/wal_log.h"
#include "storage/wal_record.h"

static char folder[256];
static struct err err;
static struct head *head;
static struct buf told; /* what the head passed on */

static void tell_exemplar(void *context, const struct wal_label *labels, size_t label_count,
                          const struct append_exemplar *exemplar)
{
    ck_assert_ptr_eq(context, &told);
    ck_assert_uint_eq(label_count, 1);
    buf_str(&told, labels[0].value);
    buf_printf(&told, ":%lld=%g", (long long)exemplar->t_ms, exemplar->v);
    for (size_t i = 0; i < exemplar->label_count; i++)
        buf_printf(&told, "{%.*s}", STR_ARGS(exemplar->labels[i].value));
    buf_byte(&told, ' ');
}

static void tell_metadata(void *context, const struct wal_label *labels, size_t label_count,
                          const struct append_metadata *about)
{
    ck_assert_ptr_eq(context, &told);
    ck_assert_uint_eq(label_count, 1);
    buf_str(&told, labels[0].value);
    buf_printf(&told, "=%d/%.*s/%.*s ", about->type, STR_ARGS(about->unit), STR_ARGS(about->help));
}

static void open_head(int64_t blocks_end_ms)
{
    struct db_options options = {
        .exemplar = tell_exemplar,
        .metadata = tell_metadata,
        .notes_context = &told,
    };
    buf_clear(&told);
    head = test_head_open(folder, &options, blocks_end_ms);
}

static void begin(void)
{
    test_folder(folder, sizeof folder);
    open_head(INT64_MIN);
    test_head_append(head, "a", 10, false);
    test_head_append(head, "b", 10, false);
}

static void end(void)
{
    head_close(TAKE(head));
    buf_done(&told);
    test_folder_remove(folder);
}

/* What is passed on when the log is read again. */
static void expect_from(int64_t blocks_end_ms, const char *expected)
{
    head_close(TAKE(head));
    ck_assert(snapshot_folder_remove(folder, NULL, &err));
    open_head(blocks_end_ms);
    ck_assert_str_eq(buf_terminated(&told), expected);
}

static void expect(const char *expected)
{
    expect_from(INT64_MIN, expected);
}

static bool note_exemplar(const char *name, int64_t t_ms)
{
    struct wal_label label = {STR("__name__"), str_of(name)};
    struct wal_label trace = {STR("trace_id"), STR("x")};
    struct append_exemplar exemplar = {&trace, 1, t_ms, 1.5};
    struct append_note note = {&label, 1, &exemplar, NULL};
    return head_append_notes(head, &note, 1, &err);
}

static bool note_metadata(const char *name, const char *help)
{
    struct wal_label label = {STR("__name__"), str_of(name)};
    struct append_metadata about = {APPEND_METRIC_GAUGE, STR("s"), str_of(help)};
    struct append_note note = {&label, 1, NULL, &about};
    return head_append_notes(head, &note, 1, &err);
}

START_TEST(exemplars_are_told_again)
{
    begin();
    ck_assert(note_exemplar("a", 10));
    ck_assert(note_exemplar("b", 20));
    ck_assert(note_exemplar("nobody", 20));
    expect("a:10=1.5{x} b:20=1.5{x} ");
    ck_assert(note_exemplar("a", 30));
    expect("a:10=1.5{x} b:20=1.5{x} a:30=1.5{x} ");
    expect_from(15, "b:20=1.5{x} a:30=1.5{x} "); /* those of blocks are not */
    end();
}
END_TEST

START_TEST(metadata_is_logged_when_it_changes)
{
    begin();
    ck_assert(note_metadata("a", "one"));
    ck_assert(note_metadata("a", "one"));
    ck_assert(note_metadata("b", "one"));
    ck_assert(note_metadata("a", "two"));
    ck_assert(note_metadata("a", "two"));
    ck_assert(note_metadata("nobody", "two"));
    expect("a=2/s/one b=2/s/one a=2/s/two ");
    end();
}
END_TEST

START_TEST(checkpoints_keep_the_last_of_metadata_and_late_exemplars)
{
    begin();
    ck_assert(note_metadata("a", "one"));
    ck_assert(note_exemplar("a", 11));
    for (int64_t i = 2; i <= 5; i++) {
        test_head_append(head, "a", 10 * i, false);
        ck_assert(note_exemplar("a", 10 * i));
        ck_assert(note_metadata("a", i == 2 ? "two" : "three"));
        ck_assert(head_truncate(head, 5 * i, NULL, &err));
    }
    expect_from(25, "a:30=1.5{x} a=2/s/three a:40=1.5{x} a:50=1.5{x} ");
    end();
}
END_TEST

/* What is passed on at a start that begins with the snapshot of the last end. */
static void expect_from_snapshot(const char *expected)
{
    head_close(TAKE(head));
    open_head(INT64_MIN);
    ck_assert_str_eq(buf_terminated(&told), expected);
}

START_TEST(snapshots_keep_them)
{
    begin();
    ck_assert(note_metadata("a", "one"));
    ck_assert(note_exemplar("a", 10));
    ck_assert(note_metadata("b", "one"));
    ck_assert(note_metadata("a", "two"));
    expect_from_snapshot("a:10=1.5{x} a=2/s/two b=2/s/one ");
    expect_from_snapshot("a:10=1.5{x} a=2/s/two b=2/s/one ");
    ck_assert(note_exemplar("b", 20));
    ck_assert(note_metadata("b", "two"));
    expect_from_snapshot("a:10=1.5{x} b:20=1.5{x} a=2/s/two b=2/s/two ");
    end();
}
END_TEST

/* The path of what the snapshot has of them. */
static const char *notes_path(void)
{
    static char path[600], name[700];
    bool is_there;
    struct snapshot_place place;
    ck_assert(snapshot_folder_newest(folder, &is_there, &place, &err));
    ck_assert(is_there);
    snapshot_folder_path(folder, place, path, sizeof path);
    snapshot_notes_path(path, name, sizeof name);
    strcat(name, "/00000000");
    return name;
}

/* All of the log is told then, and nothing twice. */
START_TEST(damaged_ones_in_a_snapshot_are_passed_over)
{
    begin();
    ck_assert(note_metadata("a", "one"));
    ck_assert(note_exemplar("a", 10));
    ck_assert(note_metadata("a", "two"));
    const char *of_log = "a=2/s/one a:10=1.5{x} a=2/s/two ";
    for (size_t cut = 0; cut < 64; cut += 7) {
        head_close(TAKE(head));
        ck_assert_int_eq(truncate(notes_path(), (off_t)cut), 0);
        open_head(INT64_MIN);
        ck_assert_str_eq(buf_terminated(&told), of_log);
    }
    head_close(TAKE(head));
    AUTO(buf_done) struct buf bytes = {0};
    ck_assert(file_read(notes_path(), 1 << 20, &bytes, &err));
    bytes.ptr[20] ^= 1;
    ck_assert(file_write_whole(notes_path(), buf_view(&bytes), &err));
    open_head(INT64_MIN);
    ck_assert_str_eq(buf_terminated(&told), of_log);
    end();
}
END_TEST

START_TEST(nothing_is_lost_when_there_is_no_space)
{
    begin();
    signal(SIGXFSZ, SIG_IGN);
    ck_assert(note_metadata("a", "one"));
    struct rlimit limit, before;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 64;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!note_metadata("a", "two"));
    ck_assert_int_eq(err.kind, ERR_IO);
    err_clear(&err);
    ck_assert(!note_exemplar("a", 10));
    err_clear(&err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(note_metadata("a", "two"));
    expect("a=2/s/one a=2/s/two ");
    end();
}
END_TEST

TEST_MAIN("head_notes", exemplars_are_told_again, metadata_is_logged_when_it_changes,
          checkpoints_keep_the_last_of_metadata_and_late_exemplars, snapshots_keep_them,
          damaged_ones_in_a_snapshot_are_passed_over, nothing_is_lost_when_there_is_no_space)

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/test.h"
#include "storage/append.h"
#include "storage/head_append.h"
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
          checkpoints_keep_the_last_of_metadata_and_late_exemplars,
          nothing_is_lost_when_there_is_no_space)

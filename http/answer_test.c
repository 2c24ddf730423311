#include "http/answer.h"

#include "base/test.h"

/* A stream of `count` letters that may fail in front of the letter `bad`. */
struct letters {
    struct stream stream;
    int count;
    int at;
    int bad;
    int closed;
};

static bool letters_next(struct stream *stream, struct buf *out, bool *ret_more, struct err *err)
{
    struct letters *letters = CONTAINER(struct letters, stream, stream);
    if (letters->at == letters->bad)
        return err_set(err, ERR_EXECUTION, "letter %d is bad", letters->bad);
    buf_byte(out, (char)('a' + letters->at++));
    *ret_more = letters->at < letters->count;
    return true;
}

static void letters_fail(struct stream *stream, struct answer *answer, const struct err *err)
{
    answer_error_text(answer, 422, err->msg);
}

static void letters_close(struct stream *stream)
{
    CONTAINER(struct letters, stream, stream)->closed++;
}

static const struct stream_class letters_class = {
    .next = letters_next,
    .fail = letters_fail,
    .close = letters_close,
};

START_TEST(holds_a_short_stream_whole)
{
    struct letters letters = {.stream = {&letters_class}, .count = 4, .bad = -1};
    struct answer answer = {.status = 200, .stream = &letters.stream};
    answer_hold(&answer, 100);
    ck_assert(str_eq(buf_view(&answer.body), STR("abcd")));
    ck_assert_ptr_null(answer.stream);
    ck_assert_int_eq(letters.closed, 1);
    answer_done(&answer);
    ck_assert_int_eq(letters.closed, 1);
}
END_TEST

START_TEST(stops_at_the_size_to_hold)
{
    struct letters letters = {.stream = {&letters_class}, .count = 4, .bad = 3};
    struct answer answer = {.status = 200, .stream = &letters.stream};
    answer_hold(&answer, 3);
    ck_assert(str_eq(buf_view(&answer.body), STR("abc")));
    ck_assert_ptr_nonnull(answer.stream);
    ck_assert_int_eq(answer.status, 200);
    answer_done(&answer);
    ck_assert_int_eq(letters.closed, 1);
}
END_TEST

START_TEST(turns_an_early_failure_into_an_error_answer)
{
    struct letters letters = {.stream = {&letters_class}, .count = 4, .bad = 2};
    struct answer answer = {.status = 200, .stream = &letters.stream};
    answer_hold(&answer, 3);
    ck_assert_int_eq(answer.status, 422);
    ck_assert(str_eq(buf_view(&answer.body), STR("letter 2 is bad\n")));
    ck_assert_int_eq(letters.closed, 1);
    answer_done(&answer);
}
END_TEST

TEST_MAIN("answer", holds_a_short_stream_whole, stops_at_the_size_to_hold,
          turns_an_early_failure_into_an_error_answer)

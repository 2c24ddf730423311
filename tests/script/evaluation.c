#include "tests/script/evaluation.h"

#include <string.h>

#include "base/float_text.h"
#include "model/duration.h"
#include "tests/script/reader.h"

static bool time_read(struct reader *reader, const char *word, int64_t *ret_ms, struct err *err)
{
    if (!reader_take_word(reader, word))
        return reader_fail(reader, word, err);
    if (!duration_read(reader_field(reader), ret_ms, err))
        return false;
    reader_skip_spaces(reader);
    return true;
}

/* from TIME to TIME step STEP */
static bool range_read(struct evaluation *evaluation, struct reader *reader, struct err *err)
{
    if (!time_read(reader, "from", &evaluation->start_ms, err) ||
        !time_read(reader, "to", &evaluation->end_ms, err) ||
        !time_read(reader, "step", &evaluation->step_ms, err))
        return false;
    return evaluation->end_ms >= evaluation->start_ms ||
           err_set(err, ERR_BAD_DATA, "the range ends before it begins");
}

static bool suffix_read(struct evaluation *evaluation, struct reader *reader, struct err *err)
{
    static const struct {
        const char *word;
        enum expect_kind kind;
    } suffixes[] = {
        {"eval_fail", EXPECT_FAIL},
        {"eval_warn", EXPECT_WARN},
        {"eval_info", EXPECT_INFO},
        {"eval_ordered", EXPECT_ORDERED},
    };
    if (reader_take_word(reader, "eval"))
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++)
        if (reader_take_word(reader, suffixes[i].word)) {
            expectations_add(&evaluation->expectations, suffixes[i].kind);
            return true;
        }
    return reader_fail(reader, "eval", err);
}

bool evaluation_read(struct evaluation *evaluation, struct str line, struct err *err)
{
    struct reader reader = {.text = line};
    if (!suffix_read(evaluation, &reader, err))
        return false;
    evaluation->is_range = reader_take_word(&reader, "range");
    if (evaluation->is_range) {
        if (!range_read(evaluation, &reader, err))
            return false;
    } else {
        if (!reader_take_word(&reader, "instant"))
            return reader_fail(&reader, "instant or range", err);
        if (!time_read(&reader, "at", &evaluation->at_ms, err))
            return false;
        evaluation->end_ms = INT64_MIN; /* no range vector, until one is expected */
    }
    evaluation->query = (struct str){line.ptr + reader.pos, line.len - reader.pos};
    return evaluation->query.len > 0 || reader_fail(&reader, "a query", err);
}

static bool string_read(struct evaluation *evaluation, struct reader *reader, struct arena *arena,
                        struct err *err)
{
    if (!reader_quoted(reader, arena, &evaluation->string, err))
        return false;
    evaluation->expects_string = true;
    return reader_at_end(reader) || reader_fail(reader, "the end of the line", err);
}

static bool expect_read(struct evaluation *evaluation, struct reader *reader, struct arena *arena,
                        struct err *err)
{
    if (reader_take_word(reader, "string"))
        return string_read(evaluation, reader, arena, err);
    if (!reader_take_word(reader, "range"))
        return expectations_read(&evaluation->expectations, reader, err);
    if (!reader_take_word(reader, "vector"))
        return reader_fail(reader, "vector", err);
    if (!range_read(evaluation, reader, err))
        return false;
    evaluation->at_ms = evaluation->end_ms;
    evaluation->expects_range_vector = true;
    return true;
}

static void evaluation_add(struct evaluation *evaluation, const struct series_description *series,
                           struct arena *arena)
{
    for (size_t i = 0; i < evaluation->count; i++)
        if (labels_equal(evaluation->series[i].labels, series->labels)) {
            evaluation->series[i] = *series;
            evaluation->positions[i] = evaluation->line_count;
            return;
        }
    if (evaluation->count == evaluation->cap) {
        size_t count = evaluation->count;
        evaluation->cap = count ? count * 2 : 8;
        struct series_description *grown =
            arena_array(arena, struct series_description, evaluation->cap);
        size_t *positions = arena_array(arena, size_t, evaluation->cap);
        if (count) {
            memcpy(grown, evaluation->series, count * sizeof *grown);
            memcpy(positions, evaluation->positions, count * sizeof *positions);
        }
        evaluation->series = grown;
        evaluation->positions = positions;
    }
    evaluation->series[evaluation->count] = *series;
    evaluation->positions[evaluation->count++] = evaluation->line_count;
}

static bool fail_read(struct evaluation *evaluation, struct reader *reader, bool *ret_is,
                      struct err *err)
{
    bool is_pattern = reader_take_word(reader, "expected_fail_regexp");
    *ret_is = is_pattern || reader_take_word(reader, "expected_fail_message");
    if (!*ret_is)
        return true;
    struct str text = {reader->text.ptr + reader->pos, reader->text.len - reader->pos};
    return expectations_add_fail(&evaluation->expectations, text, is_pattern, err);
}

bool evaluation_read_line(struct evaluation *evaluation, struct str line, struct arena *arena,
                          struct symbols *symbols, struct err *err)
{
    struct reader reader = {.text = line};
    if (evaluation->ended)
        return reader_fail(&reader, "an empty line", err);
    if (reader_take_word(&reader, "expect"))
        return expect_read(evaluation, &reader, arena, err);
    if (expectations_has(&evaluation->expectations, EXPECT_FAIL)) {
        bool is_fail;
        if (!fail_read(evaluation, &reader, &is_fail, err))
            return false;
        evaluation->ended = is_fail;
        if (is_fail)
            return true;
    }
    evaluation->line_count++;
    bool out_of_range;
    if (float_parse(line, &evaluation->scalar, &out_of_range)) {
        evaluation->expects_scalar = true;
        evaluation->ended = true;
        return true;
    }
    struct series_description series;
    if (!series_description_parse(line, arena, symbols, &series, err))
        return false;
    if (series.count > 1 && !evaluation->is_range && !evaluation->expects_range_vector)
        return err_set(err, ERR_BAD_DATA, "an instant query has one value a series");
    if (series.count == 0)
        return err_set(err, ERR_BAD_DATA, "a series without a value");
    evaluation_add(evaluation, &series, arena);
    return true;
}

void evaluation_done(struct evaluation *evaluation)
{
    expectations_done(&evaluation->expectations);
}

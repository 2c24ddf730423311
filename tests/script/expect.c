#include "tests/script/expect.h"

#include <assert.h>

#include "base/buf.h"
#include "base/mem.h"

static const char *const kind_names[] = {
    [EXPECT_FAIL] = "fail", [EXPECT_WARN] = "warn",       [EXPECT_NO_WARN] = "no_warn",
    [EXPECT_INFO] = "info", [EXPECT_NO_INFO] = "no_info", [EXPECT_ORDERED] = "ordered",
};

void expectations_done(struct expectations *expectations)
{
    for (size_t i = 0; i < expectations->count; i++)
        regex_destroy(expectations->items[i].regex);
    free(expectations->items);
}

static struct expectation *expectations_grow(struct expectations *expectations,
                                             enum expect_kind kind)
{
    mem_grow(expectations->items, struct expectation, expectations->count, &expectations->cap);
    struct expectation *added = &expectations->items[expectations->count++];
    *added = (struct expectation){.kind = kind};
    return added;
}

void expectations_add(struct expectations *expectations, enum expect_kind kind)
{
    expectations_grow(expectations, kind);
}

bool expectations_has(const struct expectations *expectations, enum expect_kind kind)
{
    for (size_t i = 0; i < expectations->count; i++)
        if (expectations->items[i].kind == kind)
            return true;
    return false;
}

static bool expectations_add_text(struct expectations *expectations, enum expect_kind kind,
                                  struct str text, bool is_pattern, struct err *err)
{
    struct regex *regex = NULL;
    if (is_pattern) {
        AUTO(buf_done) struct buf anywhere = {0};
        buf_printf(&anywhere, ".*(?:%.*s).*", STR_ARGS(text));
        if (!regex_create(buf_view(&anywhere), &regex, err))
            return false;
    }
    struct expectation *added = expectations_grow(expectations, kind);
    added->text = text;
    added->regex = regex;
    return true;
}

bool expectations_add_fail(struct expectations *expectations, struct str text, bool is_pattern,
                           struct err *err)
{
    return expectations_add_text(expectations, EXPECT_FAIL, text, is_pattern, err);
}

static bool expectations_agree(const struct expectations *expectations, struct err *err)
{
    size_t fail_count = 0;
    for (size_t i = 0; i < expectations->count; i++)
        fail_count += expectations->items[i].kind == EXPECT_FAIL;
    if (fail_count > 1)
        return err_set(err, ERR_BAD_DATA, "more than one \"expect fail\"");
    if (expectations_has(expectations, EXPECT_WARN) &&
        expectations_has(expectations, EXPECT_NO_WARN))
        return err_set(err, ERR_BAD_DATA, "warn and no_warn are both expected");
    if (expectations_has(expectations, EXPECT_INFO) &&
        expectations_has(expectations, EXPECT_NO_INFO))
        return err_set(err, ERR_BAD_DATA, "info and no_info are both expected");
    return true;
}

bool expectations_read(struct expectations *expectations, struct reader *line, struct err *err)
{
    size_t kind = 0;
    while (kind < EXPECT_KIND_COUNT && !reader_take_word(line, kind_names[kind]))
        kind++;
    if (kind == EXPECT_KIND_COUNT)
        return reader_fail(line, "fail, warn, no_warn, info, no_info or ordered", err);
    struct str rest = {line->text.ptr + line->pos, line->text.len - line->pos};
    bool is_message = str_starts(rest, STR("msg:"));
    bool is_pattern = str_starts(rest, STR("regex:"));
    if (rest.len == 0) {
        expectations_add(expectations, (enum expect_kind)kind);
    } else if (is_message || is_pattern) {
        line->pos += is_message ? strlen("msg:") : strlen("regex:");
        reader_skip_spaces(line);
        struct str text = {line->text.ptr + line->pos, line->text.len - line->pos};
        if (!expectations_add_text(expectations, (enum expect_kind)kind, text, is_pattern, err))
            return false;
    } else {
        return reader_fail(line, "msg: or regex:", err);
    }
    return expectations_agree(expectations, err);
}

static bool expectation_allows(const struct expectation *expectation, struct str text)
{
    if (expectation->regex)
        return regex_matches(expectation->regex, text);
    return expectation->text.len == 0 || str_eq(expectation->text, text);
}

bool expectations_allow_error(const struct expectations *expectations, struct str message)
{
    for (size_t i = 0; i < expectations->count; i++)
        if (expectations->items[i].kind == EXPECT_FAIL &&
            !expectation_allows(&expectations->items[i], message))
            return false;
    return expectations_has(expectations, EXPECT_FAIL);
}

static bool note_is_expected(const struct expectations *expectations, enum expect_kind kind,
                             struct str text)
{
    for (size_t i = 0; i < expectations->count; i++)
        if (expectations->items[i].kind == kind &&
            expectation_allows(&expectations->items[i], text))
            return true;
    return false;
}

static bool expectation_is_met(const struct expectation *expectation, const struct str *texts,
                               size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (expectation_allows(expectation, texts[i]))
            return true;
    return false;
}

bool expectations_allow_notes(const struct expectations *expectations, enum expect_kind kind,
                              enum expect_kind none, const struct str *texts, size_t count,
                              struct err *err)
{
    if (count && expectations_has(expectations, none))
        return err_set(err, ERR_EXECUTION, "expected %s, got \"%.*s\"", kind_names[none],
                       STR_ARGS(texts[0]));
    if (!expectations_has(expectations, kind))
        return true;
    for (size_t i = 0; i < expectations->count; i++) {
        const struct expectation *expectation = &expectations->items[i];
        if (expectation->kind == kind && !expectation_is_met(expectation, texts, count))
            return err_set(err, ERR_EXECUTION, "expected %s \"%.*s\", got %zu others%s%.*s",
                           kind_names[kind], STR_ARGS(expectation->text), count, count ? ": " : "",
                           STR_ARGS(count ? texts[0] : STR("")));
    }
    for (size_t i = 0; i < count; i++)
        if (!note_is_expected(expectations, kind, texts[i]))
            return err_set(err, ERR_EXECUTION, "unexpected %s \"%.*s\"", kind_names[kind],
                           STR_ARGS(texts[i]));
    return true;
}

/*
 * A pattern on the first line, a text on the others: what a matcher answers from its literals and
 * its prefix must be what the regex answers, and a template expands without harm.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/regex.h"
#include "model/matcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct matcher *matcher, struct str text)
{
    if (matcher_matches(matcher, text) == regex_matches(matcher->regex, text))
        return;
    fprintf(stderr, "%.*s on \"%.*s\": not as the regex says\n", STR_ARGS(matcher->value),
            STR_ARGS(text));
    abort();
}

/* Texts at the edge of what the shortcuts say: each literal, and each with more behind. */
static void compare_edges(const struct matcher *matcher, struct str text)
{
    AUTO(buf_done) struct buf more = {0};
    compare(matcher, matcher->prefix);
    buf_str(&more, matcher->prefix);
    buf_str(&more, text);
    compare(matcher, buf_view(&more));
    for (size_t i = 0; i < matcher->literal_count; i++) {
        compare(matcher, matcher->literals[i]);
        more.len = 0;
        buf_str(&more, matcher->literals[i]);
        buf_str(&more, text);
        compare(matcher, buf_view(&more));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size};
    const char *end = size ? memchr(all.ptr, '\n', size) : NULL;
    struct str pattern = {all.ptr, end ? (size_t)(end - all.ptr) : size};
    struct str text = end ? (struct str){end + 1, size - pattern.len - 1} : STR("");

    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher *matcher = NULL;
    static struct err err;
    if (!matcher_new(arena, MATCH_REGEX, STR("l"), pattern, &matcher, &err)) {
        if (err.kind != ERR_BAD_DATA)
            abort();
        return 0;
    }
    compare(matcher, text);
    compare(matcher, pattern);
    compare(matcher, STR(""));
    compare_edges(matcher, text);

    AUTO(buf_done) struct buf out = {0};
    bool matches = regex_expand(matcher->regex, text, pattern, &out);
    if (matches != regex_matches(matcher->regex, text) || (!matches && out.len > 0))
        abort();
    matcher_done(matcher);
    return 0;
}

/*
 * One pass over the words. What was read last and may still get a range, an offset or an @ is the
 * `primary`; it joins its level, a pair of parentheses, when anything else comes:
 *
 *     sum by (job) (rate(x{a="b"}[5m] offset 1h)) / y
 *                        `---- primary --------'
 *                  `-------- primary ---------'
 */
#include "query-tee/reach.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/float_text.h"
#include "model/duration.h"

#define DEPTH_MAX 200

/* Times further away are cut: nothing overflows. */
#define TIME_MAX_MS ((int64_t)1 << 52)

/* Samples that are read: so long before an evaluation, and at fixed times. */
struct span {
    bool relative;
    int64_t oldest_back_ms;
    int64_t newest_back_ms;
    bool fixed;
    int64_t oldest_ms;
    int64_t newest_ms;
};

struct primary {
    bool there;
    bool selector; /* and nothing behind it yet */
    struct span span;
    int64_t offset_ms;
    bool pinned; /* by @ */
    int64_t at_oldest_ms;
    int64_t at_newest_ms;
};

enum word_kind { WORD_END, WORD_NAME, WORD_NUMBER, WORD_STRING, WORD_SIGN };

struct word {
    enum word_kind kind;
    struct str text;
};

struct reader {
    const char *at;
    const char *end;
    struct word word;
    int64_t start_ms;
    int64_t end_ms;
    int64_t lookback_ms;
    size_t depth;
    bool unknown;
};

static int64_t clip(int64_t ms)
{
    return ms > TIME_MAX_MS ? TIME_MAX_MS : ms < -TIME_MAX_MS ? -TIME_MAX_MS : ms;
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end) {
        if (strchr(" \t\r\n", *reader->at)) {
            reader->at++;
        } else if (*reader->at == '#') {
            while (reader->at < reader->end && *reader->at != '\n')
                reader->at++;
        } else {
            return;
        }
    }
}

static const char *string_end(const struct reader *reader)
{
    const char *at = reader->at + 1;
    while (at < reader->end && *at != *reader->at) {
        if (*at == '\\' && *reader->at != '`')
            at++;
        at++;
    }
    return at < reader->end ? at + 1 : reader->end;
}

static void reader_next(struct reader *reader)
{
    skip_space(reader);
    const char *begin = reader->at, *at = begin;
    if (at == reader->end) {
        reader->word = (struct word){WORD_END, {at, 0}};
        return;
    }
    enum word_kind kind = WORD_SIGN;
    if (is_name_start(*at) && *at != ':') {
        kind = WORD_NAME;
        while (at < reader->end && (is_name_start(*at) || is_digit(*at)))
            at++;
    } else if (is_digit(*at) || (*at == '.' && at + 1 < reader->end && is_digit(at[1]))) {
        kind = WORD_NUMBER;
        for (; at < reader->end &&
               (is_digit(*at) || *at == '.' || *at == '_' || (is_name_start(*at) && *at != ':'));
             at++)
            if ((*at == 'e' || *at == 'E') && at + 1 < reader->end &&
                (at[1] == '-' || at[1] == '+'))
                at++;
    } else if (*at == '"' || *at == '\'' || *at == '`') {
        kind = WORD_STRING;
        at = string_end(reader);
    } else {
        at++;
    }
    reader->at = at;
    reader->word = (struct word){kind, {begin, (size_t)(at - begin)}};
}

static bool word_is(const struct reader *reader, const char *text)
{
    return reader->word.text.len == strlen(text) && reader->word.kind != WORD_STRING &&
           strncasecmp(reader->word.text.ptr, text, reader->word.text.len) == 0;
}

static bool word_is_one_of(const struct reader *reader, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (word_is(reader, texts[i]))
            return true;
    return false;
}

static void span_join(struct span *span, const struct span *other)
{
    if (other->relative) {
        bool first = !span->relative;
        span->relative = true;
        if (first || other->oldest_back_ms > span->oldest_back_ms)
            span->oldest_back_ms = other->oldest_back_ms;
        if (first || other->newest_back_ms < span->newest_back_ms)
            span->newest_back_ms = other->newest_back_ms;
    }
    if (other->fixed) {
        bool first = !span->fixed;
        span->fixed = true;
        if (first || other->oldest_ms < span->oldest_ms)
            span->oldest_ms = other->oldest_ms;
        if (first || other->newest_ms > span->newest_ms)
            span->newest_ms = other->newest_ms;
    }
}

/* The primary is complete: offset and @ take effect. */
static void primary_flush(struct primary *primary, struct span *level)
{
    struct span *span = &primary->span;
    if (span->relative) {
        span->oldest_back_ms = clip(span->oldest_back_ms + primary->offset_ms);
        span->newest_back_ms = clip(span->newest_back_ms + primary->offset_ms);
    }
    if (span->relative && primary->pinned) {
        struct span fixed = {
            .fixed = true,
            .oldest_ms = clip(primary->at_oldest_ms - span->oldest_back_ms),
            .newest_ms = clip(primary->at_newest_ms - span->newest_back_ms),
        };
        span->relative = false;
        span_join(span, &fixed);
    }
    span_join(level, span);
    *primary = (struct primary){0};
}

/* "5m", "300" or "1e3": a duration, or a number of seconds. */
static bool read_time(struct reader *reader, int64_t *ret_ms)
{
    bool negative = false;
    while (word_is(reader, "-") || word_is(reader, "+")) {
        negative ^= word_is(reader, "-");
        reader_next(reader);
    }
    double v;
    bool out_of_range;
    if (reader->word.kind != WORD_NUMBER)
        return false;
    if (float_parse(reader->word.text, &v, &out_of_range)) {
        if (!(fabs(v) < (double)TIME_MAX_MS / 1000))
            return false;
        *ret_ms = (int64_t)(v * 1000);
    } else if (!duration_parse(reader->word.text, ret_ms)) {
        return false;
    }
    *ret_ms = clip(negative ? -*ret_ms : *ret_ms);
    reader_next(reader);
    return true;
}

/* Behind an opening sign: past the one that closes it. */
static void skip_closed(struct reader *reader, const char *open, const char *close)
{
    size_t depth = 1;
    while (depth > 0 && reader->word.kind != WORD_END) {
        if (word_is(reader, open))
            depth++;
        else if (word_is(reader, close))
            depth--;
        reader_next(reader);
    }
}

/* Behind "[": a range, or a subquery's range and step. */
static void read_range(struct reader *reader, struct primary *primary)
{
    int64_t range_ms = 0;
    bool good = read_time(reader, &range_ms);
    bool subquery = word_is(reader, ":");
    if (!good || range_ms < 0 || (!subquery && !word_is(reader, "]")))
        reader->unknown = true;
    if (subquery)
        primary->span.oldest_back_ms = clip(primary->span.oldest_back_ms + range_ms);
    else
        primary->span.oldest_back_ms = range_ms;
    primary->selector = false;
    skip_closed(reader, "[", "]");
}

static void read_at(struct reader *reader, struct primary *primary)
{
    bool start = word_is(reader, "start"), end = word_is(reader, "end");
    int64_t at_ms = start ? reader->start_ms : reader->end_ms;
    if (start || end) {
        reader_next(reader);
        if (word_is(reader, "(")) {
            reader_next(reader);
            skip_closed(reader, "(", ")");
        }
    } else if (!read_time(reader, &at_ms)) {
        reader->unknown = true;
    }
    primary->pinned = true;
    primary->at_oldest_ms = primary->at_newest_ms = at_ms;
}

static struct primary selector_primary(const struct reader *reader)
{
    return (struct primary){
        .there = true,
        .selector = true,
        .span = {.relative = true, .oldest_back_ms = reader->lookback_ms},
    };
}

static void read_level(struct reader *reader, struct span *level);

static void read_name(struct reader *reader, struct primary *primary, struct span *level)
{
    static const char *const labels_follow[] = {"on",      "ignoring",   "by",
                                                "without", "group_left", "group_right"};
    static const char *const operators[] = {"and", "or", "unless", "bool", "atan2", "inf", "nan"};
    static const char *const groupings[] = {"by", "without"};
    bool grouping = word_is_one_of(reader, labels_follow, ARRAY_COUNT(labels_follow));
    bool operation = word_is_one_of(reader, operators, ARRAY_COUNT(operators));
    if (word_is(reader, "offset") && primary->there) {
        int64_t offset_ms = 0;
        reader_next(reader);
        if (!read_time(reader, &offset_ms))
            reader->unknown = true;
        primary->offset_ms = clip(primary->offset_ms + offset_ms);
        return;
    }
    reader_next(reader);
    bool called = word_is(reader, "(");
    if (grouping) {
        /* A grouping behind the aggregation leaves the primary as it is. */
        if (called) {
            reader_next(reader);
            skip_closed(reader, "(", ")");
        }
        return;
    }
    primary_flush(primary, level);
    if (operation || word_is_one_of(reader, groupings, ARRAY_COUNT(groupings)))
        return;
    if (!called) {
        *primary = selector_primary(reader);
        return;
    }
    reader_next(reader);
    primary->there = true;
    read_level(reader, &primary->span);
}

static void read_sign(struct reader *reader, struct primary *primary, struct span *level)
{
    char sign = *reader->word.text.ptr;
    reader_next(reader);
    if (sign == '{') {
        if (!primary->selector) {
            primary_flush(primary, level);
            *primary = selector_primary(reader);
        }
        primary->selector = false;
        skip_closed(reader, "{", "}");
    } else if (sign == '[') {
        read_range(reader, primary);
    } else if (sign == '@') {
        read_at(reader, primary);
    } else if (sign == '(') {
        primary_flush(primary, level);
        primary->there = true;
        read_level(reader, &primary->span);
    } else {
        primary_flush(primary, level);
    }
}

/* Up to the parenthesis that ends it, or the end. */
static void read_level(struct reader *reader, struct span *level)
{
    struct primary primary = {0};
    if (++reader->depth > DEPTH_MAX) {
        reader->unknown = true;
        reader->at = reader->end;
        reader_next(reader);
    }
    while (reader->word.kind != WORD_END && !word_is(reader, ")")) {
        switch (reader->word.kind) {
        case WORD_NAME:
            read_name(reader, &primary, level);
            break;
        case WORD_SIGN:
            read_sign(reader, &primary, level);
            break;
        case WORD_NUMBER:
        case WORD_STRING:
        case WORD_END:
            primary_flush(&primary, level);
            reader_next(reader);
            break;
        }
    }
    primary_flush(&primary, level);
    if (reader->word.kind != WORD_END)
        reader_next(reader);
    reader->depth--;
}

bool reach_of_query(struct str query, int64_t start_ms, int64_t end_ms, int64_t lookback_ms,
                    struct reach *ret_reach)
{
    struct reader reader = {
        .at = query.ptr,
        .end = query.ptr + query.len,
        .start_ms = clip(start_ms),
        .end_ms = clip(end_ms),
        .lookback_ms = clip(lookback_ms),
    };
    struct span span = {0};
    reader_next(&reader);
    while (reader.word.kind != WORD_END)
        read_level(&reader, &span);
    if (reader.unknown || (!span.relative && !span.fixed))
        return false;
    struct span fixed = {
        .fixed = span.relative,
        .oldest_ms = reader.start_ms - span.oldest_back_ms,
        .newest_ms = reader.end_ms - span.newest_back_ms,
    };
    span_join(&span, &fixed);
    *ret_reach = (struct reach){span.oldest_ms, span.newest_ms};
    return true;
}

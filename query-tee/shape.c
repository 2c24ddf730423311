#include "query-tee/shape.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/quote.h"

/*
 * A tokenizer of its own, so that the judge does not depend on the judged one's parser. Tokens are
 * told apart by what stands in front of and behind them; the output is written token by token, with
 * spaces where the kinds of two neighbours ask for one.
 */
enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_DURATION,
    TOKEN_OPERATOR, /* as in PromQL, and those of matchers */
    TOKEN_MARK,     /* one of ( ) [ ] { } , : @ */
    TOKEN_BAD,
};

struct token {
    enum token_kind kind;
    struct str text;
};

#define DEPTH_MAX 100

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static struct str text_skip(struct str text, size_t len)
{
    return (struct str){text.ptr + len, text.len - len};
}

/* White space and comments. */
static struct str blank_skip(struct str text)
{
    while (text.len) {
        if (*text.ptr == '#') {
            while (text.len && *text.ptr != '\n' && *text.ptr != '\r')
                text = text_skip(text, 1);
        } else if (is_one_of(*text.ptr, " \t\r\n")) {
            text = text_skip(text, 1);
        } else {
            break;
        }
    }
    return text;
}

/* 0 if the string does not end. */
static size_t string_len(struct str text)
{
    char quote = *text.ptr;
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == quote)
            return i + 1;
        if (quote != '`' && text.ptr[i] == '\n')
            return 0;
        if (quote != '`' && text.ptr[i] == '\\')
            i++;
    }
    return 0;
}

/* Digits and units, as 1h30m; 0 if the word is none. */
static bool word_is_duration(struct str word)
{
    size_t i = 0;
    while (i < word.len) {
        size_t digits = i;
        while (i < word.len && is_digit(word.ptr[i]))
            i++;
        if (i == digits || i == word.len || !is_one_of(word.ptr[i], "smhdwy"))
            return false;
        i += word.ptr[i] == 'm' && i + 1 < word.len && word.ptr[i + 1] == 's' ? 2 : 1;
    }
    return word.len > 0;
}

static bool word_is_number(struct str word)
{
    static const char *const letters[] = {"0123456789abcdefABCDEF_", "0123456789_.eE+-"};
    bool hex = word.len > 2 && word.ptr[0] == '0' && is_one_of(word.ptr[1], "xXoObB");
    const char *allowed = letters[!hex];
    for (size_t i = hex ? 2 : 0; i < word.len; i++)
        if (!is_one_of(word.ptr[i], allowed))
            return false;
    return true;
}

static struct token number_next(struct str text)
{
    size_t len = 0;
    bool hex = text.len > 1 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x';
    while (len < text.len) {
        char c = text.ptr[len];
        bool sign = (c == '+' || c == '-') && !hex && (text.ptr[len - (len > 0)] | 0x20) == 'e';
        if (!is_letter(c) && !is_digit(c) && c != '.' && !sign)
            break;
        len++;
    }
    struct str word = {text.ptr, len};
    enum token_kind kind = TOKEN_BAD;
    if (word_is_duration(word))
        kind = TOKEN_DURATION;
    else if (word_is_number(word))
        kind = TOKEN_NUMBER;
    return (struct token){kind, word};
}

static struct token operator_next(struct str text)
{
    static const char *const operators[] = {"==", "=~", "!=", "!~", "<=", ">=", "</", ">/", "+",
                                            "-",  "*",  "/",  "%",  "^",  "<",  ">",  "="};
    for (size_t i = 0; i < ARRAY_COUNT(operators); i++)
        if (str_starts(text, str_of(operators[i])))
            return (struct token){TOKEN_OPERATOR, {text.ptr, strlen(operators[i])}};
    if (is_one_of(*text.ptr, "()[]{},:@"))
        return (struct token){TOKEN_MARK, {text.ptr, 1}};
    return (struct token){TOKEN_BAD, {text.ptr, 1}};
}

/* The token at the front of `text`, which is not blank; a colon begins a word outside of []. */
static struct token token_next(struct str text, bool brackets)
{
    if (text.len == 0)
        return (struct token){TOKEN_END, text};
    char first = *text.ptr;
    if (first == '"' || first == '\'' || first == '`') {
        size_t len = string_len(text);
        return (struct token){len ? TOKEN_STRING : TOKEN_BAD, {text.ptr, len}};
    }
    if (is_digit(first) || (first == '.' && text.len > 1 && is_digit(text.ptr[1])))
        return number_next(text);
    if (is_letter(first) || (first == ':' && !brackets)) {
        size_t len = 1;
        while (len < text.len && (is_letter(text.ptr[len]) || is_digit(text.ptr[len]) ||
                                  (text.ptr[len] == ':' && !brackets)))
            len++;
        return (struct token){TOKEN_WORD, {text.ptr, len}};
    }
    return operator_next(text);
}

static bool word_is(struct str word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == word.len && strncasecmp(word.ptr, list[i], word.len) == 0)
            return true;
    return false;
}

static const char *const operators[] = {"and", "or", "unless", "atan2"};
static const char *const modifiers[] = {"offset", "bool", "anchored", "smoothed"};
static const char *const groupings[] = {"by",       "without",    "on",
                                        "ignoring", "group_left", "group_right"};
static const char *const aggregations[] = {
    "sum",    "avg",  "count",   "min",      "max",    "group",       "stddev",
    "stdvar", "topk", "bottomk", "quantile", "limitk", "limit_ratio", "count_values",
};

#define WORD_IS(word, list) word_is((word), (list), ARRAY_COUNT(list))

/* What the output ends with, as far as the next token's space depends on it. */
enum shape_end {
    END_OPEN,    /* nothing, an opening bracket, a comma, a sign */
    END_NAME,    /* a function, an aggregation */
    END_WORD,    /* a modifier or an operator */
    END_OPERAND, /* whatever can stand in front of an operator */
};

struct shape {
    struct buf *out;
    struct str rest;
    enum shape_end end;
    bool offset;     /* a duration comes, also one that looks like a number */
    bool grouping;   /* a list of labels comes */
    bool list;       /* in that list */
    bool list_label; /* and one has been written */
    char open[DEPTH_MAX];
    size_t depth;
};

static void shape_put(struct shape *shape, struct str text, bool space, enum shape_end end)
{
    if (space)
        buf_byte(shape->out, ' ');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        buf_byte(shape->out, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
    }
    shape->end = end;
}

static void shape_operand(struct shape *shape, const char *text)
{
    shape_put(shape, str_of(text), shape->end == END_WORD || shape->end == END_OPERAND,
              END_OPERAND);
}

static bool shape_inside(const struct shape *shape, char open)
{
    return shape->depth > 0 && shape->open[shape->depth - 1] == open;
}

static bool shape_opens(const struct shape *shape)
{
    struct str next = blank_skip(shape->rest);
    return next.len && *next.ptr == '(';
}

static void shape_word(struct shape *shape, struct str word)
{
    bool space = shape->end != END_OPEN;
    if (shape->list) {
        if (!shape->list_label)
            shape_put(shape, STR("l"), false, END_OPERAND);
        shape->list_label = true;
    } else if (shape_inside(shape, '{')) {
        shape_operand(shape, "l");
    } else if (WORD_IS(word, groupings) &&
               (shape->end == END_NAME || shape_opens(shape) || shape->end == END_OPERAND)) {
        shape_put(shape, word, space, END_WORD);
        shape->grouping = shape_opens(shape);
    } else if (WORD_IS(word, operators) && space) {
        shape_put(shape, word, true, END_WORD);
    } else if (WORD_IS(word, modifiers) && space) {
        shape_put(shape, word, true, END_WORD);
        shape->offset = (word.ptr[0] | 0x20) == 'o';
    } else if (shape_opens(shape) || WORD_IS(word, aggregations)) {
        /* Names of functions are told apart by case, those of aggregations are not. */
        shape_put(shape, word, shape->end == END_WORD || shape->end == END_OPERAND, END_NAME);
    } else if ((word.len == 3 && strncasecmp(word.ptr, "inf", 3) == 0) ||
               (word.len == 3 && strncasecmp(word.ptr, "nan", 3) == 0)) {
        shape_operand(shape, "n");
    } else {
        shape_operand(shape, "m");
    }
}

static void shape_string(struct shape *shape)
{
    struct str next = blank_skip(shape->rest);
    bool matcher = shape_inside(shape, '{') && shape->end == END_OPEN;
    bool name = next.len && (*next.ptr == '=' || *next.ptr == '!');
    if (shape->list)
        shape_word(shape, STR("l"));
    else if (matcher)
        shape_operand(shape, name ? "l" : "m");
    else
        shape_operand(shape, "s");
}

static bool shape_operator(struct shape *shape, struct str text)
{
    bool equals = text.ptr[0] == '=' || text.ptr[0] == '!';
    bool matches = text.len == 1 ? equals : text.ptr[1] == '~' || str_eq(text, STR("!="));
    if (shape_inside(shape, '{')) {
        /* What follows a matcher's operator is a string, which asks for no space. */
        shape_put(shape, text, false, END_NAME);
        return matches;
    }
    if (shape->end == END_OPERAND) {
        shape_put(shape, text, true, END_WORD);
        return !matches || str_eq(text, STR("!="));
    }
    shape_put(shape, text, shape->end == END_WORD, END_OPEN);
    return text.len == 1 && (*text.ptr == '-' || *text.ptr == '+');
}

static bool shape_close(struct shape *shape, char open)
{
    if (!shape_inside(shape, open))
        return false;
    shape->depth--;
    shape->list = false;
    return true;
}

static bool shape_mark(struct shape *shape, struct str text)
{
    char mark = *text.ptr;
    switch (mark) {
    case '(':
    case '[':
    case '{':
        if (shape->depth == DEPTH_MAX || shape_inside(shape, '{'))
            return false;
        shape->open[shape->depth++] = mark;
        shape->list = shape->grouping && mark == '(';
        shape->list_label = false;
        shape->grouping = false;
        shape_put(shape, text, shape->end == END_WORD || (shape->end == END_OPERAND && mark == '('),
                  END_OPEN);
        return true;
    case ')':
        shape_put(shape, text, false, END_OPERAND);
        return shape_close(shape, '(');
    case ']':
        shape_put(shape, text, false, END_OPERAND);
        return shape_close(shape, '[');
    case '}':
        shape_put(shape, text, false, END_OPERAND);
        return shape_close(shape, '{');
    case '@':
        shape_put(shape, text, true, END_WORD);
        return true;
    case ':':
        shape_put(shape, text, false, END_OPEN);
        return shape_inside(shape, '[');
    default:
        if (!shape->list)
            shape_put(shape, text, false, END_OPEN);
        return shape->depth > 0;
    }
}

static bool shape_token(struct shape *shape, struct token token)
{
    bool offset = shape->offset;
    shape->offset = offset && token.kind == TOKEN_OPERATOR; /* its sign */
    switch (token.kind) {
    case TOKEN_WORD:
        shape_word(shape, token.text);
        return true;
    case TOKEN_STRING:
        shape_string(shape);
        return true;
    case TOKEN_DURATION:
    case TOKEN_NUMBER:
        offset |= token.kind == TOKEN_DURATION || shape_inside(shape, '[');
        shape_operand(shape, offset ? "d" : "n");
        return !shape_inside(shape, '{');
    case TOKEN_OPERATOR:
        return shape_operator(shape, token.text);
    case TOKEN_MARK:
        return shape_mark(shape, token.text);
    case TOKEN_END:
    case TOKEN_BAD:
        break;
    }
    return false;
}

void shape_append(struct str query, struct buf *out)
{
    size_t begin = out->len;
    struct shape shape = {.out = out, .rest = blank_skip(query)};
    struct token token = token_next(shape.rest, false);
    bool valid = utf8_valid(query) && token.kind != TOKEN_END;
    for (; valid && token.kind != TOKEN_END;
         token = token_next(shape.rest, shape_inside(&shape, '['))) {
        shape.rest = blank_skip(text_skip(shape.rest, token.text.len));
        size_t before = out->len;
        valid = shape_token(&shape, token);
        if (out->len - begin > SHAPE_SIZE_MAX) {
            out->len = before;
            while (out->len - begin > SHAPE_SIZE_MAX - 3)
                out->len--;
            buf_text(out, "...");
            return;
        }
    }
    if (valid && shape.depth == 0)
        return;
    out->len = begin;
    buf_text(out, "invalid");
}

struct shape_bound {
    int64_t up_to;
    const char *name;
};

const char *shape_range(int64_t start_ms, int64_t end_ms, int64_t step_ms)
{
    static const struct shape_bound bounds[] = {
        {3600000, "1h"}, {21600000, "6h"}, {86400000, "1d"}, {604800000, "7d"}, {2592000000, "30d"},
    };
    if (step_ms <= 0)
        return "instant";
    for (size_t i = 0; i < ARRAY_COUNT(bounds); i++)
        if ((uint64_t)end_ms - (uint64_t)start_ms <= (uint64_t)bounds[i].up_to)
            return bounds[i].name;
    return "longer";
}

const char *shape_steps(int64_t start_ms, int64_t end_ms, int64_t step_ms)
{
    static const struct shape_bound bounds[] = {
        {1, "1"}, {10, "10"}, {100, "100"}, {1000, "1000"}, {11000, "11000"},
    };
    uint64_t steps = 1;
    if (step_ms > 0)
        steps = ((uint64_t)end_ms - (uint64_t)start_ms) / (uint64_t)step_ms + 1;
    for (size_t i = 0; i < ARRAY_COUNT(bounds); i++)
        if (steps <= (uint64_t)bounds[i].up_to)
            return bounds[i].name;
    return "more";
}

enum shape_order shape_order(struct str query)
{
    struct token first = token_next(blank_skip(query), false);
    struct str rest = blank_skip(text_skip(blank_skip(query), first.text.len));
    enum shape_order order = SHAPE_ORDER_NONE;
    if (str_eq(first.text, STR("sort")) || str_eq(first.text, STR("sort_desc")))
        order = SHAPE_ORDER_VALUE;
    if (str_eq(first.text, STR("sort_by_label")) || str_eq(first.text, STR("sort_by_label_desc")))
        order = SHAPE_ORDER_LABEL;
    if (order == SHAPE_ORDER_NONE || rest.len == 0 || *rest.ptr != '(')
        return SHAPE_ORDER_NONE;

    /* Only if its closing bracket ends the query. */
    size_t depth = 0;
    do {
        struct token token = token_next(rest, true);
        if (token.kind == TOKEN_END || token.text.len == 0)
            return SHAPE_ORDER_NONE;
        depth += token.kind == TOKEN_MARK && *token.text.ptr == '(';
        depth -= token.kind == TOKEN_MARK && *token.text.ptr == ')';
        rest = blank_skip(text_skip(rest, token.text.len));
    } while (depth > 0);
    return rest.len == 0 ? order : SHAPE_ORDER_NONE;
}

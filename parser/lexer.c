#include "parser/lexer.h"

#include "base/quote.h"
#include "parser/scan.h"

void lexer_init(struct lexer *lexer, struct str input)
{
    *lexer = (struct lexer){.input = input};
}

static int lexer_peek(const struct lexer *lexer)
{
    return byte_at(lexer->input, lexer->pos);
}

static bool lexer_accept(struct lexer *lexer, char c)
{
    if (lexer_peek(lexer) != (unsigned char)c)
        return false;
    lexer->pos++;
    return true;
}

static bool lexer_emit(struct lexer *lexer, enum token_kind kind, struct token *ret_token)
{
    *ret_token = (struct token){
        .kind = kind,
        .span = {lexer->begin, lexer->pos},
        .text = {lexer->input.ptr + lexer->begin, lexer->pos - lexer->begin},
    };
    lexer->last_begin = lexer->begin;
    return true;
}

static bool lexer_fail(const char *what, struct err *err)
{
    return err_set(err, ERR_BAD_DATA, "%s", what);
}

/* `what`, and the character at `pos` in single quotes. */
static bool lexer_fail_at(const struct lexer *lexer, const char *what, size_t pos, struct err *err)
{
    AUTO(buf_done) struct buf rune = {0};
    rune_quote(lexer->input, pos, &rune);
    return err_set(err, ERR_BAD_DATA, "%s %.*s", what, STR_ARGS(buf_view(&rune)));
}

static void lexer_skip_spaces(struct lexer *lexer)
{
    while (is_space(lexer_peek(lexer)))
        lexer->pos++;
}

static void lexer_skip(struct lexer *lexer)
{
    lexer_skip_spaces(lexer);
    /* No comments where only a duration may stand. */
    while (lexer_peek(lexer) == '#' && !lexer->in_duration) {
        int c = lexer_peek(lexer);
        for (; c != '\n' && c != '\r' && c != -1; c = lexer_peek(lexer))
            lexer->pos++;
        lexer_skip_spaces(lexer);
    }
    lexer->begin = lexer->pos;
}

static bool lex_number(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    enum token_kind kind;
    lexer->seen_duration = lexer->seen_duration || lexer->in_duration;
    lexer->in_duration = false;
    if (scan_number(lexer->input, &lexer->pos, &kind))
        return lexer_emit(lexer, kind, ret_token);

    AUTO(buf_done) struct buf text = {0};
    quote_append(&text, (struct str){lexer->input.ptr + lexer->begin, lexer->pos - lexer->begin});
    return err_set(err, ERR_BAD_DATA, "bad number or duration syntax: %.*s",
                   STR_ARGS(buf_view(&text)));
}

static bool lex_string(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    char quote = lexer->input.ptr[lexer->pos++];
    if (!scan_string(lexer->input, &lexer->pos, quote, err))
        return false;
    return lexer_emit(lexer, TOKEN_STRING, ret_token);
}

/* fill, fill_left and fill_right are names unless a parenthesis follows: they came late. */
static bool lexer_before_paren(const struct lexer *lexer)
{
    size_t pos = lexer->pos;
    while (is_space(byte_at(lexer->input, pos)))
        pos++;
    return byte_at(lexer->input, pos) == '(';
}

static bool lex_word(struct lexer *lexer, struct token *ret_token)
{
    bool colon = false;
    for (int c = lexer_peek(lexer); is_alnum(c) || c == ':'; c = lexer_peek(lexer)) {
        colon = colon || c == ':';
        lexer->pos++;
    }
    if (colon)
        return lexer_emit(lexer, TOKEN_METRIC_IDENTIFIER, ret_token);

    struct str word = {lexer->input.ptr + lexer->begin, lexer->pos - lexer->begin};
    enum token_kind kind = token_of_word(word);
    if ((kind == TOKEN_FILL || kind == TOKEN_FILL_LEFT || kind == TOKEN_FILL_RIGHT) &&
        !lexer_before_paren(lexer))
        kind = TOKEN_IDENTIFIER;
    return lexer_emit(lexer, kind, ret_token);
}

/* step, range, min_of, max_of: the words inside brackets. */
static bool lex_duration_word(struct lexer *lexer, struct token *ret_token)
{
    while (is_alpha(lexer_peek(lexer)))
        lexer->pos++;
    struct str word = {lexer->input.ptr + lexer->begin, lexer->pos - lexer->begin};
    enum token_kind kind = token_of_word(word);
    if (kind != TOKEN_STEP && kind != TOKEN_RANGE && kind != TOKEN_MIN_OF && kind != TOKEN_MAX_OF)
        return false;
    return lexer_emit(lexer, kind, ret_token);
}

static bool lex_paren(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    if (lexer_accept(lexer, '(')) {
        lexer->paren_depth++;
        return lexer_emit(lexer, TOKEN_LEFT_PAREN, ret_token);
    }
    lexer->pos++;
    if (--lexer->paren_depth >= 0)
        return lexer_emit(lexer, TOKEN_RIGHT_PAREN, ret_token);
    lexer->begin = lexer->pos;
    return lexer_fail("unexpected right parenthesis ')'", err);
}

static bool lex_right_bracket(struct lexer *lexer, struct token *ret_token)
{
    lexer->pos++;
    lexer->in_brackets = false;
    lexer->in_duration = false;
    return lexer_emit(lexer, TOKEN_RIGHT_BRACKET, ret_token);
}

/* The signs of arithmetic and ',': the same everywhere. TOKEN_INPUT_END: none of them. */
static enum token_kind sign_kind(int c)
{
    switch (c) {
    case ',':
        return TOKEN_COMMA;
    case '+':
        return TOKEN_ADD;
    case '-':
        return TOKEN_SUB;
    case '*':
        return TOKEN_MUL;
    case '/':
        return TOKEN_DIV;
    case '%':
        return TOKEN_MOD;
    case '^':
        return TOKEN_POW;
    default:
        return TOKEN_INPUT_END;
    }
}

static bool lex_duration(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    int c = lexer_peek(lexer);
    if (c == -1)
        return lexer_fail("unexpected end of input in duration expression", err);
    if (c == ']')
        return lex_right_bracket(lexer, ret_token);
    if (c == ':') {
        lexer->pos++;
        if (lexer->seen_duration && !lexer->seen_colon) {
            lexer->seen_colon = true;
            return lexer_emit(lexer, TOKEN_COLON, ret_token);
        }
        lexer->begin = lexer->pos;
        return lexer_fail(lexer->seen_duration
                              ? "unexpected repeated colon in duration expression"
                              : "unexpected colon before duration in duration expression",
                          err);
    }
    if (c == '(' || c == ')')
        return lex_paren(lexer, ret_token, err);
    if (sign_kind(c) != TOKEN_INPUT_END) {
        lexer->pos++;
        return lexer_emit(lexer, sign_kind(c), ret_token);
    }
    if (is_digit(c) || (c == '.' && is_digit(byte_at(lexer->input, lexer->pos + 1))))
        return lex_number(lexer, ret_token, err);
    if (is_alpha(c) && lex_duration_word(lexer, ret_token))
        return true;
    return lexer_fail_at(lexer, "unexpected character in duration expression:", lexer->begin, err);
}

static bool lex_in_braces(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    int c = lexer_peek(lexer);
    if (c == -1)
        return lexer_fail("unexpected end of input inside braces", err);
    if (is_alpha(c)) {
        while (is_alnum(lexer_peek(lexer)))
            lexer->pos++;
        return lexer_emit(lexer, TOKEN_IDENTIFIER, ret_token);
    }
    if (c == '"' || c == '\'' || c == '`')
        return lex_string(lexer, ret_token, err);

    lexer->pos++;
    switch (c) {
    case ',':
        return lexer_emit(lexer, TOKEN_COMMA, ret_token);
    case '=':
        return lexer_emit(lexer, lexer_accept(lexer, '~') ? TOKEN_EQL_REGEX : TOKEN_EQL, ret_token);
    case '!':
        if (lexer_accept(lexer, '~'))
            return lexer_emit(lexer, TOKEN_NEQ_REGEX, ret_token);
        if (lexer_accept(lexer, '='))
            return lexer_emit(lexer, TOKEN_NEQ, ret_token);
        return lexer_fail_at(lexer, "unexpected character after '!' inside braces:", lexer->pos,
                             err);
    case '{':
        return lexer_fail("unexpected left brace '{'", err);
    case '}':
        lexer->in_braces = false;
        return lexer_emit(lexer, TOKEN_RIGHT_BRACE, ret_token);
    default:
        return lexer_fail_at(lexer, "unexpected character inside braces:", lexer->begin, err);
    }
}

static bool lex_comparison(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    switch (lexer->input.ptr[lexer->pos++]) {
    case '=':
        if (lexer_peek(lexer) == '~')
            return lexer_fail("unexpected character after '=': '~'", err);
        return lexer_emit(lexer, lexer_accept(lexer, '=') ? TOKEN_EQLC : TOKEN_EQL, ret_token);
    case '!':
        if (lexer_accept(lexer, '='))
            return lexer_emit(lexer, TOKEN_NEQ, ret_token);
        return lexer_fail_at(lexer, "unexpected character after '!':", lexer->pos, err);
    case '<':
        if (lexer_accept(lexer, '='))
            return lexer_emit(lexer, TOKEN_LTE, ret_token);
        return lexer_emit(lexer, lexer_accept(lexer, '/') ? TOKEN_TRIM_UPPER : TOKEN_LSS,
                          ret_token);
    default:
        if (lexer_accept(lexer, '='))
            return lexer_emit(lexer, TOKEN_GTE, ret_token);
        return lexer_emit(lexer, lexer_accept(lexer, '/') ? TOKEN_TRIM_LOWER : TOKEN_GTR,
                          ret_token);
    }
}

/* A letter or ':' behind the first number in brackets. */
static bool lex_in_brackets(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    if (lexer_accept(lexer, ':')) {
        if (lexer->seen_colon)
            return lexer_fail("unexpected colon ':'", err);
        lexer->seen_colon = true;
        return lexer_emit(lexer, TOKEN_COLON, ret_token);
    }
    if (lex_duration_word(lexer, ret_token))
        return true;
    AUTO(buf_done) struct buf rune = {0};
    rune_quote(lexer->input, lexer->begin, &rune);
    return err_set(err, ERR_BAD_DATA, "unexpected character: %.*s, expected ':'",
                   STR_ARGS(buf_view(&rune)));
}

static bool lex_bracket(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    if (lexer_peek(lexer) == ']') {
        if (lexer->in_brackets)
            return lex_right_bracket(lexer, ret_token);
        return lexer_fail("unexpected right bracket ']'", err);
    }
    if (lexer->in_brackets)
        return lexer_fail("unexpected left bracket '['", err);
    lexer->pos++;
    lexer->in_brackets = true;
    lexer->in_duration = true;
    lexer->seen_colon = false;
    return lexer_emit(lexer, TOKEN_LEFT_BRACKET, ret_token);
}

static bool lex_end(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    if (lexer->paren_depth != 0)
        return lexer_fail("unclosed left parenthesis", err);
    if (lexer->in_brackets)
        return lexer_fail("unclosed left bracket", err);
    return lexer_emit(lexer, TOKEN_INPUT_END, ret_token);
}

static bool lex_statement(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    int c = lexer_peek(lexer);
    if (is_alpha(c) || c == ':') {
        if (lexer->in_brackets)
            return lex_in_brackets(lexer, ret_token, err);
        return lex_word(lexer, ret_token);
    }
    if (is_digit(c) || (c == '.' && is_digit(byte_at(lexer->input, lexer->pos + 1))))
        return lex_number(lexer, ret_token, err);
    if (sign_kind(c) != TOKEN_INPUT_END) {
        lexer->pos++;
        return lexer_emit(lexer, sign_kind(c), ret_token);
    }
    switch (c) {
    case -1:
        return lex_end(lexer, ret_token, err);
    case '(':
    case ')':
        return lex_paren(lexer, ret_token, err);
    case '[':
    case ']':
        return lex_bracket(lexer, ret_token, err);
    case '{':
        lexer->pos++;
        lexer->in_braces = true;
        return lexer_emit(lexer, TOKEN_LEFT_BRACE, ret_token);
    case '=':
    case '!':
    case '<':
    case '>':
        return lex_comparison(lexer, ret_token, err);
    case '"':
    case '\'':
    case '`':
        return lex_string(lexer, ret_token, err);
    case '@':
        lexer->pos++;
        return lexer_emit(lexer, TOKEN_AT, ret_token);
    default:
        return lexer_fail_at(lexer, "unexpected character:", lexer->begin, err);
    }
}

bool lexer_next(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    lexer_skip(lexer);
    if (lexer->in_duration)
        return lex_duration(lexer, ret_token, err);
    if (lexer->in_braces)
        return lex_in_braces(lexer, ret_token, err);
    return lex_statement(lexer, ret_token, err);
}

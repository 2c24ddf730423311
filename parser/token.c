#include "parser/token.h"

#include <strings.h>

#include "base/quote.h"

static const struct {
    struct str text;
    enum token_class class;
    unsigned uses;
} tokens[TOKEN_KIND_COUNT] = {
#define TOKEN(name, text, class, uses) \
    [TOKEN_##name] = {{(text), sizeof(text) - 1}, (class), (uses)},
#include "parser/tokens.def"
#undef TOKEN
};

const char *token_text(enum token_kind kind)
{
    return tokens[kind].text.ptr;
}

enum token_class token_class(enum token_kind kind)
{
    return tokens[kind].class;
}

bool token_may_be(enum token_kind kind, enum token_uses use)
{
    return (tokens[kind].uses & use) != 0;
}

static bool word_is(struct str word, struct str text)
{
    return word.len == text.len && (word.ptr[0] | 0x20) == text.ptr[0] &&
           strncasecmp(word.ptr, text.ptr, word.len) == 0;
}

enum token_kind token_of_word(struct str word)
{
    for (enum token_kind kind = TOKEN_AND; kind < TOKEN_KIND_COUNT; kind++)
        if (word_is(word, tokens[kind].text))
            return kind;
    if (word_is(word, STR("inf")) || word_is(word, STR("nan")))
        return TOKEN_NUMBER;
    return TOKEN_IDENTIFIER;
}

/* Long texts are cut to ten characters: enough to recognise them. */
static void describe_quoted(const struct token *token, struct buf *out)
{
    if (token->kind == TOKEN_IDENTIFIER || token->kind == TOKEN_METRIC_IDENTIFIER ||
        token->text.len <= 10) {
        quote_append(out, token->text);
        return;
    }
    size_t len = 0;
    for (int i = 0; i < 10 && len < token->text.len; i++) {
        size_t rune_len;
        utf8_decode((struct str){token->text.ptr + len, token->text.len - len}, &rune_len);
        len += rune_len;
    }
    quote_append(out, (struct str){token->text.ptr, len});
    buf_text(out, "...");
}

static void describe_tagged(const char *tag, const struct token *token, struct buf *out)
{
    buf_byte(out, '<');
    buf_text(out, tag);
    buf_str(out, token->text);
    buf_byte(out, '>');
}

void token_describe(const struct token *token, struct buf *out)
{
    switch (tokens[token->kind].class) {
    case CLASS_END:
        buf_str(out, tokens[token->kind].text);
        return;
    case CLASS_VALUE:
        buf_str(out, tokens[token->kind].text);
        buf_byte(out, ' ');
        describe_quoted(token, out);
        return;
    case CLASS_SIGN:
    case CLASS_WORD:
        describe_quoted(token, out);
        return;
    case CLASS_OPERATOR:
        describe_tagged("op:", token, out);
        return;
    case CLASS_KEYWORD:
        describe_tagged("", token, out);
        return;
    case CLASS_AGGREGATE:
        describe_tagged("aggr:", token, out);
        return;
    }
}

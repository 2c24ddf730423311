#include "parser/lexer.h"

#include "base/test.h"

/* The tokens as errors would name them, or where and why there are no more. */
static void reads(const char *query, const char *wanted)
{
    AUTO(buf_done) struct buf got = {0};
    struct err err = {0};
    struct lexer lexer;
    struct token token = {.kind = TOKEN_COMMA};
    lexer_init(&lexer, str_of(query));
    while (token.kind != TOKEN_INPUT_END) {
        if (got.len)
            buf_byte(&got, ' ');
        if (!lexer_next(&lexer, &token, &err)) {
            buf_printf(&got, "%zu: %s", lexer.begin, err.msg);
            break;
        }
        token_describe(&token, &got);
    }
    ck_assert_str_eq(buf_terminated(&got), wanted);
}

START_TEST(tells_words_apart)
{
    reads("foo SUM Offset a:b :c step inf",
          "identifier \"foo\" <aggr:SUM> <Offset> metric identifier \"a:b\" metric identifier "
          "\":c\" \"step\" number \"inf\" end of input");
}
END_TEST

START_TEST(fill_is_a_word_only_in_front_of_a_parenthesis)
{
    reads("fill fill\n(1",
          "identifier \"fill\" <fill> \"(\" number \"1\" 12: unclosed left "
          "parenthesis");
}
END_TEST

START_TEST(knows_no_words_inside_braces)
{
    reads("{sum='and',by!=`x`}",
          "\"{\" identifier \"sum\" \"=\" string \"'and'\" \",\" identifier "
          "\"by\" <op:!=> string \"`x`\" \"}\" end of input");
    reads("{a:b}", "\"{\" identifier \"a\" 2: unexpected character inside braces: ':'");
}
END_TEST

START_TEST(takes_the_longest_sign)
{
    reads("a </b >/c <=d",
          "identifier \"a\" <op:</> identifier \"b\" <op:>/> identifier \"c\" "
          "<op:<=> identifier \"d\" end of input");
    reads("a =~ b", "identifier \"a\" 2: unexpected character after '=': '~'");
    reads("a !", "identifier \"a\" 2: unexpected character after '!': '\357\277\275'");
}
END_TEST

START_TEST(tells_numbers_from_durations)
{
    reads("1 1.5 1e5 0x1f 1_0 5m 1h30m .5",
          "number \"1\" number \"1.5\" number \"1e5\" number "
          "\"0x1f\" number \"1_0\" duration \"5m\" duration "
          "\"1h30m\" number \".5\" end of input");
    reads("5x", "0: bad number or duration syntax: \"5\"");
    reads("1.2.3", "0: bad number or duration syntax: \"1.2.\"");
}
END_TEST

START_TEST(one_colon_in_brackets)
{
    reads("[5m:1m]", "\"[\" duration \"5m\" \":\" duration \"1m\" \"]\" end of input");
    reads("[5m::]", "\"[\" duration \"5m\" \":\" 4: unexpected colon ':'");
    reads("[:5m]", "\"[\" 2: unexpected colon before duration in duration expression");
    reads("[step()*x]",
          "\"[\" \"step\" \"(\" \")\" <op:*> 8: unexpected character in duration "
          "expression: 'x'");
}
END_TEST

START_TEST(skips_comments_but_not_in_front_of_a_range)
{
    reads("a # b\n c", "identifier \"a\" identifier \"c\" end of input");
    reads("[#\n5m]", "\"[\" 1: unexpected character in duration expression: '#'");
}
END_TEST

START_TEST(long_texts_are_cut)
{
    reads("\"0123456789\"", "string \"\\\"012345678\"... end of input");
    reads("identifier_of_some_length", "identifier \"identifier_of_some_length\" end of input");
}
END_TEST

START_TEST(says_what_is_wrong_with_a_string)
{
    reads("'\\q'", "0: unknown escape sequence U+0071 'q'");
    reads("'\\x4'", "0: illegal character U+0027 ''' in escape sequence");
    reads("'\\ud800'", "0: escape sequence is an invalid Unicode code point");
    reads("'\n'", "0: unterminated quoted string");
    reads("`\n", "0: unterminated raw string");
    reads("'\377'", "0: invalid UTF-8 rune");
}
END_TEST

TEST_MAIN("lexer", tells_words_apart, fill_is_a_word_only_in_front_of_a_parenthesis,
          knows_no_words_inside_braces, takes_the_longest_sign, tells_numbers_from_durations,
          one_colon_in_brackets, skips_comments_but_not_in_front_of_a_range, long_texts_are_cut,
          says_what_is_wrong_with_a_string)

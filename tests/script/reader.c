#include "tests/script/reader.h"

#include <strings.h>

#include "model/sample.h"
#include "parser/literal.h"
#include "parser/scan.h"

int reader_byte(const struct reader *reader)
{
    return byte_at(reader->text, reader->pos);
}

bool reader_at_end(const struct reader *reader)
{
    return reader->pos >= reader->text.len;
}

bool reader_take(struct reader *reader, char byte)
{
    if (reader_byte(reader) != (unsigned char)byte)
        return false;
    reader->pos++;
    return true;
}

bool reader_skip_spaces(struct reader *reader)
{
    size_t begin = reader->pos;
    while (is_space(reader_byte(reader)))
        reader->pos++;
    return reader->pos > begin;
}

struct str reader_word(struct reader *reader)
{
    size_t begin = reader->pos;
    while (is_alnum(reader_byte(reader)) || reader_byte(reader) == ':')
        reader->pos++;
    return (struct str){reader->text.ptr + begin, reader->pos - begin};
}

struct str reader_field(struct reader *reader)
{
    size_t begin = reader->pos;
    while (!reader_at_end(reader) && !is_space(reader_byte(reader)))
        reader->pos++;
    return (struct str){reader->text.ptr + begin, reader->pos - begin};
}

bool reader_take_word(struct reader *reader, const char *word)
{
    size_t begin = reader->pos;
    if (str_eq(reader_field(reader), str_of(word))) {
        reader_skip_spaces(reader);
        return true;
    }
    reader->pos = begin;
    return false;
}

static void digits_skip(struct reader *reader)
{
    while (is_digit(reader_byte(reader)) || reader_byte(reader) == '_')
        reader->pos++;
}

static bool number_read_digits(struct reader *reader, double *ret_value, struct err *err)
{
    size_t begin = reader->pos;
    digits_skip(reader);
    if (reader_take(reader, '.'))
        digits_skip(reader);
    if (reader->pos > begin && (reader_take(reader, 'e') || reader_take(reader, 'E'))) {
        if (!reader_take(reader, '-'))
            reader_take(reader, '+');
        digits_skip(reader);
    }
    if (reader->pos == begin)
        return reader_fail(reader, "a value", err);
    struct str text = {reader->text.ptr + begin, reader->pos - begin};
    return literal_number(text, ret_value, err);
}

bool reader_number(struct reader *reader, double *ret_value, struct err *err)
{
    bool minus = reader_take(reader, '-');
    bool has_sign = minus || reader_take(reader, '+');
    if (!is_alpha(reader_byte(reader))) {
        if (!number_read_digits(reader, ret_value, err))
            return false;
    } else {
        struct reader before = *reader;
        struct str word = reader_word(reader);
        if (word.len == 3 && strncasecmp(word.ptr, "inf", 3) == 0)
            *ret_value = __builtin_inf();
        else if (word.len == 3 && strncasecmp(word.ptr, "nan", 3) == 0)
            *ret_value = value_nan();
        else if (!has_sign && str_eq(word, STR("stale")))
            *ret_value = value_stale();
        else
            return reader_fail(&before, "a number or stale", err);
    }
    if (minus)
        *ret_value = -*ret_value;
    return true;
}

bool reader_count(struct reader *reader, uint64_t *ret_count, struct err *err)
{
    uint64_t count = 0;
    size_t begin = reader->pos;
    for (; is_digit(reader_byte(reader)) && count < UINT32_MAX; reader->pos++)
        count = count * 10 + (uint64_t)(reader_byte(reader) - '0');
    if (reader->pos == begin || is_digit(reader_byte(reader)))
        return reader_fail(reader, "a count", err);
    *ret_count = count;
    return true;
}

bool reader_quoted(struct reader *reader, struct arena *arena, struct str *ret_value,
                   struct err *err)
{
    size_t begin = reader->pos;
    int quote = reader_byte(reader);
    if (quote != '"' && quote != '\'' && quote != '`')
        return reader_fail(reader, "a quoted string", err);
    reader->pos++;
    if (!scan_string(reader->text, &reader->pos, (char)quote, err))
        return false;
    struct str text = {reader->text.ptr + begin, reader->pos - begin};
    *ret_value = literal_string(text, arena);
    return true;
}

bool reader_fail(const struct reader *reader, const char *what, struct err *err)
{
    struct str rest = {reader->text.ptr + reader->pos, reader->text.len - reader->pos};
    return err_set(err, ERR_BAD_DATA, "expected %s at byte %zu: \"%.*s\"", what, reader->pos + 1,
                   STR_ARGS(rest));
}

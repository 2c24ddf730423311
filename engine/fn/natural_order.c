#include "engine/fn/natural_order.h"

#include <stdint.h>

/* A run of digits or of anything else. */
struct natural_chunk {
    struct str text;
    bool is_number; /* digits that fit an int64 */
    int64_t number;
};

static bool byte_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool digits_parse(struct str digits, int64_t *ret_number)
{
    int64_t number = 0;
    for (size_t i = 0; i < digits.len; i++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digits.ptr[i] - '0', &number))
            return false;
    *ret_number = number;
    return true;
}

/* Takes the next chunk off the text; false at its end. */
static bool natural_next(struct str *text, struct natural_chunk *ret_chunk)
{
    if (text->len == 0)
        return false;
    bool digits = byte_is_digit(text->ptr[0]);
    size_t len = 1;
    while (len < text->len && byte_is_digit(text->ptr[len]) == digits)
        len++;
    *ret_chunk = (struct natural_chunk){.text = {text->ptr, len}};
    ret_chunk->is_number = digits && digits_parse(ret_chunk->text, &ret_chunk->number);
    *text = (struct str){text->ptr + len, text->len - len};
    return true;
}

bool natural_less(struct str a, struct str b)
{
    struct natural_chunk x, y;
    while (natural_next(&a, &x)) {
        if (!natural_next(&b, &y))
            return false;
        bool numbers = x.is_number && y.is_number;
        bool equal = numbers ? x.number == y.number : str_eq(x.text, y.text);
        if (!equal)
            return numbers ? x.number < y.number : str_cmp(x.text, y.text) < 0;
        if (a.len == 0)
            return true;
        if (b.len == 0)
            return false;
    }
    return false;
}

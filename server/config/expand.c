/* As Go's os.Expand, which Prometheus has for the values of external labels. */
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"

/* One character that is a name by itself. */
static bool is_special(char c)
{
    return (c >= '0' && c <= '9') || (c && strchr("*#$@!?-", c));
}

static bool is_of_name(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/*
 * The name at the front of what stands behind a dollar, and how many bytes it takes with its
 * braces. Empty with bytes taken: a slip that goes away; with none: no name at all.
 */
static struct str name_at(struct str s, size_t *ret_taken)
{
    if (s.ptr[0] != '{') {
        size_t len = 0;
        while (len < s.len && is_of_name(s.ptr[len]))
            len++;
        *ret_taken = is_special(s.ptr[0]) ? 1 : len;
        return (struct str){s.ptr, *ret_taken};
    }
    const char *end = memchr(s.ptr, '}', s.len);
    if (s.len > 2 && is_special(s.ptr[1]) && s.ptr[2] == '}')
        end = s.ptr + 2;
    if (!end) {
        *ret_taken = 1;
        return (struct str){0};
    }
    *ret_taken = (size_t)(end - s.ptr) + 1;
    return (struct str){s.ptr + 1, *ret_taken - 2};
}

void config_expand(struct str text, void (*missing)(void *context, const char *name), void *context,
                   struct buf *out)
{
    AUTO(buf_done) struct buf name_text = {0};
    for (size_t at = 0; at < text.len; at++) {
        if (text.ptr[at] != '$' || at + 1 == text.len) {
            buf_byte(out, text.ptr[at]);
            continue;
        }
        size_t taken;
        struct str name = name_at((struct str){text.ptr + at + 1, text.len - at - 1}, &taken);
        at += taken;
        if (taken == 0 || str_eq(name, STR("$")))
            buf_byte(out, '$');
        if (name.len == 0 || str_eq(name, STR("$")))
            continue;
        buf_clear(&name_text);
        buf_str(&name_text, name);
        const char *value = getenv(buf_terminated(&name_text));
        if (value && *value)
            buf_text(out, value);
        else
            missing(context, buf_terminated(&name_text));
    }
}

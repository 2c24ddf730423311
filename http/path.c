#include "http/path.h"

bool path_matches(const char *pattern, struct str path)
{
    size_t at = 0;
    for (; *pattern; pattern++) {
        if (*pattern == ':') {
            size_t begin = at;
            while (at < path.len && path.ptr[at] != '/')
                at++;
            if (at == begin)
                return false;
            pattern += strcspn(pattern, "/") - 1;
            continue;
        }
        if (at == path.len || path.ptr[at] != *pattern)
            return false;
        at++;
    }
    return at == path.len;
}

bool path_below(struct str folder, struct str path, struct str *ret_rest)
{
    if (!str_starts(path, folder))
        return false;
    struct str rest = {path.ptr + folder.len, path.len - folder.len};
    if (rest.len > 0 && rest.ptr[0] != '/')
        return false;
    *ret_rest = rest;
    return true;
}

void path_clean(struct str path, struct buf *out)
{
    size_t root = out->len;
    for (size_t at = 0; at < path.len;) {
        size_t begin = at;
        while (at < path.len && path.ptr[at] != '/')
            at++;
        struct str part = {path.ptr + begin, at - begin};
        at++;
        if (str_eq(part, STR(".."))) {
            while (out->len > root && out->ptr[--out->len] != '/') {
            }
        } else if (part.len && !str_eq(part, STR("."))) {
            buf_byte(out, '/');
            buf_str(out, part);
        }
    }
    if (out->len == root)
        buf_byte(out, '/');
}

#include "server/prefix.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/path.h"

/* Behind the host; without parameters and what else may follow. */
static bool url_path(struct str url, struct str *ret_path, struct err *err)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
        struct str scheme = str_of(schemes[i]);
        if (!str_starts(url, scheme) || url.len == scheme.len)
            continue;
        size_t at = scheme.len, end;
        while (at < url.len && !strchr("/?#", url.ptr[at]))
            at++;
        for (end = at; end < url.len && !strchr("?#", url.ptr[end]);)
            end++;
        *ret_path = (struct str){url.ptr + at, end - at};
        return true;
    }
    return err_set(err, ERR_BAD_DATA,
                   "flag --web.external-url: \"%.*s\" is no URL of http or https", STR_ARGS(url));
}

bool prefix_init(struct prefix *prefix, const char *external_url, const char *route_prefix,
                 struct err *err)
{
    struct str path = str_of(route_prefix);
    *prefix = (struct prefix){0};
    if (path.len == 0 && *external_url && !url_path(str_of(external_url), &path, err))
        return false;
    while (path.len && path.ptr[0] == '/') {
        path.ptr++;
        path.len--;
    }
    while (path.len && path.ptr[path.len - 1] == '/')
        path.len--;
    AUTO(buf_done) struct buf text = {0};
    buf_printf(&text, "%s%.*s", path.len ? "/" : "", STR_ARGS(path));
    prefix->path = mem_strdup(buf_terminated(&text));
    buf_byte(&text, '/');
    prefix->home = mem_strdup(buf_terminated(&text));
    return true;
}

void prefix_done(struct prefix *prefix)
{
    free(prefix->path);
    free(prefix->home);
    *prefix = (struct prefix){0};
}

struct str prefix_below(const struct prefix *prefix, struct str path)
{
    struct str rest = {"", 0};
    return path_below(str_of(prefix->path), path, &rest) ? rest : (struct str){"", 0};
}

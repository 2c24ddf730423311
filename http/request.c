#include "http/request.h"

#include <string.h>
#include <strings.h>

const char *request_header(const struct request *request, const char *name)
{
    return request->class ? request->class->header(request, name) : NULL;
}

void request_each_header(const struct request *request,
                         void (*header)(void *context, const char *name, const char *value),
                         void *context)
{
    if (request->class)
        request->class->each_header(request, header, context);
}

void request_client(const struct request *request, char *out, size_t out_size)
{
    *out = '\0';
    if (request->class)
        request->class->client(request, out, out_size);
}

/* Is the body a form that is read as parameters? */
static bool request_has_form(const struct request *request)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *method = request->method;
    if (strcmp(method, "POST") != 0 && strcmp(method, "PUT") != 0 && strcmp(method, "PATCH") != 0)
        return false;
    const char *type = request_header(request, "Content-Type");
    if (!type || strncasecmp(type, form, sizeof form - 1) != 0)
        return false;
    char behind = type[sizeof form - 1];
    return behind == '\0' || behind == ';' || behind == ' ';
}

struct str request_line_uri(struct str target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
        size_t at = strlen(schemes[i]);
        if (target.len < at || strncasecmp(target.ptr, schemes[i], at) != 0)
            continue;
        while (at < target.len && !strchr("/?", target.ptr[at]))
            at++;
        return (struct str){target.ptr + at, target.len - at};
    }
    return target;
}

struct str request_raw_path(struct str uri)
{
    const char *mark = uri.len ? memchr(uri.ptr, '?', uri.len) : NULL;
    if (mark)
        uri.len = (size_t)(mark - uri.ptr);
    return uri;
}

bool request_read_uri(struct request *request)
{
    struct str path = request_raw_path(request->uri);
    struct str query = {"", 0};
    if (path.len == 0 || path.ptr[0] != '/')
        return false;
    if (path.len < request->uri.len)
        query = (struct str){path.ptr + path.len + 1, request->uri.len - path.len - 1};
    if (request_has_form(request))
        params_parse(&request->params, request->body, request->arena);
    params_parse(&request->params, query, request->arena);
    params_parse(&request->url_params, query, request->arena);
    return percent_decode(path, false, request->arena, &request->path);
}

#include "query-tee/backend.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "query-tee/backend_config.h"
#include "query-tee/base64.h"

/* The user name that stands for the request's tenant. */
#define USER_OF_TENANT "__REQUEST_HEADER_X_SCOPE_ORGID__"

DEFINE_AUTO(CURLU *, curl_url_cleanup)

/* A part of the URL in the arena, or NULL. */
static const char *url_part(CURLU *url, CURLUPart part, unsigned flags, struct arena *arena)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return NULL;
    const char *kept = arena_text(arena, str_of(text));
    curl_free(text);
    return kept;
}

static bool backend_read_url(struct backend *backend, const char *text, struct arena *arena,
                             struct err *err)
{
    AUTO(curl_url_cleanup) CURLU *url = curl_url();
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
    const char *scheme = code == CURLUE_OK ? url_part(url, CURLUPART_SCHEME, 0, arena) : NULL;
    if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        return err_set(err, ERR_BAD_DATA,
                       "flag --backend.endpoints: \"%s\" is no URL of http or https", text);
    const char *path = url_part(url, CURLUPART_PATH, 0, arena);
    const char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, arena);
    backend->host = url_part(url, CURLUPART_HOST, 0, arena);
    backend->host_port = arena_printf(arena, "%s:%s", backend->host, port);
    backend->user = url_part(url, CURLUPART_USER, CURLU_URLDECODE, arena);
    backend->password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE, arena);
    size_t path_len = path ? strlen(path) : 0;
    while (path_len > 0 && path[path_len - 1] == '/')
        path_len--;
    backend->base =
        arena_printf(arena, "%s://%s%.*s", scheme, backend->host_port, (int)path_len, path);
    return true;
}

static bool backends_read_urls(const struct tee_options *options, struct arena *arena,
                               struct backends *backends, struct err *err)
{
    for (const char *at = options->endpoints; *at;) {
        size_t len = strcspn(at, ",");
        struct str part = {at, len};
        at += len + (at[len] == ',');
        while (part.len > 0 && part.ptr[0] == ' ')
            part = (struct str){part.ptr + 1, part.len - 1};
        while (part.len > 0 && part.ptr[part.len - 1] == ' ')
            part.len--;
        if (part.len == 0)
            continue;
        if (backends->count == BACKENDS_MAX)
            return err_set(err, ERR_BAD_DATA, "flag --backend.endpoints: more than %d backends",
                           BACKENDS_MAX);
        struct backend *backend = &backends->items[backends->count++];
        if (!backend_read_url(backend, arena_text(arena, part), arena, err))
            return false;
        backend->proportion = options->proportion;
        backend->access = (struct client_access){
            .ca_file = *options->tls_ca_path ? options->tls_ca_path : NULL,
            .insecure_skip_verify = options->skip_tls_verify,
            .proxy = "",
        };
    }
    if (backends->count == 0)
        return err_set(err, ERR_BAD_DATA, "flag --backend.endpoints: name at least one backend");
    return true;
}

static bool backends_name(struct backends *backends, struct err *err)
{
    for (size_t i = 0; i < backends->count; i++) {
        struct backend *backend = &backends->items[i];
        backend->name = backend->host;
        for (size_t k = 0; k < backends->count; k++) {
            if (k == i)
                continue;
            if (strcmp(backends->items[k].host_port, backend->host_port) == 0)
                return err_set(err, ERR_BAD_DATA, "flag --backend.endpoints: %s is there twice",
                               backend->host_port);
            if (strcmp(backends->items[k].host, backend->host) == 0)
                backend->name = backend->host_port;
        }
    }
    return true;
}

static bool backends_prefer(struct backends *backends, const char *name, struct err *err)
{
    if (!*name)
        return true;
    size_t count = 0;
    for (size_t i = 0; i < backends->count; i++) {
        struct backend *backend = &backends->items[i];
        if (strcmp(backend->host, name) != 0 && strcmp(backend->host_port, name) != 0)
            continue;
        count++;
        backends->preferred = backend;
    }
    if (count != 1)
        return err_set(err, ERR_BAD_DATA, "flag --backend.preferred: \"%s\" is %s", name,
                       count ? "the host of several backends; name the port too"
                             : "the host of no backend");
    backends->preferred->preferred = true;
    backends->preferred->proportion = 1;
    return true;
}

static bool backends_check(const struct tee_options *options, const struct backends *backends,
                           struct err *err)
{
    if (backends->preferred)
        return true;
    if (options->compare)
        return err_set(err, ERR_BAD_DATA,
                       "flag --proxy.compare-responses: name the backend to compare with, by "
                       "--backend.preferred");
    if (options->passthrough)
        return err_set(err, ERR_BAD_DATA,
                       "flag --proxy.passthrough-non-registered-routes: name the backend that gets "
                       "them, by --backend.preferred");
    for (size_t i = 0; i < backends->count; i++)
        if (backends->items[i].proportion < 1)
            return err_set(err, ERR_BAD_DATA,
                           "a proportion of requests needs a backend that gets all: "
                           "--backend.preferred");
    return true;
}

bool backends_read(const struct tee_options *options, struct arena *arena,
                   struct backends *ret_backends, struct err *err)
{
    *ret_backends = (struct backends){0};
    return backends_read_urls(options, arena, ret_backends, err) &&
           backends_name(ret_backends, err) &&
           backends_prefer(ret_backends, options->preferred, err) &&
           backend_config_read(options->config_file, arena, ret_backends, err) &&
           backends_check(options, ret_backends, err);
}

/* The password of a client's basic authentication; "": none. */
static const char *password_of(const char *sent, struct arena *arena)
{
    static const char basic[] = "Basic ";
    if (!sent || strncasecmp(sent, basic, sizeof basic - 1) != 0)
        return "";
    AUTO(buf_done) struct buf plain = {0};
    if (!base64_decode(str_of(sent + sizeof basic - 1), &plain))
        return "";
    const char *colon = plain.len ? memchr(plain.ptr, ':', plain.len) : NULL;
    if (!colon)
        return "";
    struct str password = {colon + 1, (size_t)(plain.ptr + plain.len - (colon + 1))};
    return arena_text(arena, password);
}

const char *backend_authorization(const struct backend *backend, const char *sent,
                                  const char *tenant, struct arena *arena)
{
    if (!backend->user && !backend->password)
        return sent;
    const char *user = backend->user ? backend->user : "";
    if (strcmp(user, USER_OF_TENANT) == 0)
        user = tenant ? tenant : "";
    const char *password = backend->password ? backend->password : password_of(sent, arena);
    AUTO(buf_done) struct buf plain = {0};
    buf_printf(&plain, "%s:%s", user, password);
    AUTO(buf_done) struct buf packed = {0};
    base64_encode(buf_view(&plain), &packed);
    return arena_printf(arena, "Basic %s", buf_terminated(&packed));
}

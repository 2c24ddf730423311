#include "http/client_setup.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REDIRECT_COUNT_MAX 10L

DEFINE_AUTO(CURLU *, curl_url_cleanup)

static void setup_header(struct client_setup *setup, const char *name, const char *value)
{
    AUTO(buf_done) struct buf line = {0};
    /* libcurl takes "name:" as a wish to leave the header out. */
    buf_printf(&line, *value ? "%s: %s" : "%s;", name, value);
    setup->headers = curl_slist_append(setup->headers, buf_terminated(&line));
}

static void setup_headers(struct client_setup *setup, const struct client_request *request)
{
    bool agent = false, accept_encoding = false;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct client_header *header = &request->headers[i];
        agent |= strcasecmp(header->name, "user-agent") == 0;
        accept_encoding |= strcasecmp(header->name, "accept-encoding") == 0;
        setup_header(setup, header->name, header->value);
    }
    if (request->access && request->access->authorization)
        setup_header(setup, "Authorization", request->access->authorization);
    if (!agent)
        setup_header(setup, "User-Agent", "millrace");
    if (!accept_encoding)
        setup_header(setup, "Accept-Encoding", "gzip");
    /* Large bodies are sent at once: many servers never say that they may come. */
    setup->headers = curl_slist_append(setup->headers, "Expect:");
}

static void apply_method(CURL *easy, const struct client_request *request)
{
    const char *method = request->method;
    if (request->body.ptr || (method && strcmp(method, "POST") == 0)) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.ptr ? request->body.ptr : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        if (method && strcmp(method, "POST") != 0)
            curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    } else if (method && strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (method && strcmp(method, "GET") != 0) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    }
}

/* One part of the URL, or NULL; the caller frees it with curl_free. */
static char *url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

static void url_origin(CURLU *url, struct buf *out)
{
    char *scheme = url_part(url, CURLUPART_SCHEME);
    char *host = url_part(url, CURLUPART_HOST), *port = url_part(url, CURLUPART_PORT);
    buf_printf(out, "%s://%s:%s", scheme ? scheme : "", host ? host : "", port ? port : "");
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
}

/*
 * The name that a certificate is checked against is the URL's host; where another one is wanted,
 * the host becomes that name, and the connection still goes where the URL said.
 */
static void setup_server_name(struct client_setup *setup, CURLU *url, const char *name)
{
    char *host = url_part(url, CURLUPART_HOST), *port = url_part(url, CURLUPART_PORT);
    AUTO(buf_done) struct buf line = {0};
    buf_printf(&line, "%s::%s:%s", name, host ? host : "", port ? port : "");
    setup->connect_to = curl_slist_append(NULL, buf_terminated(&line));

    buf_clear(&line);
    buf_printf(&line, "%s%s%s", host ? host : "", port ? ":" : "", port ? port : "");
    setup_header(setup, "Host", buf_terminated(&line));
    curl_url_set(url, CURLUPART_HOST, name, 0);
    curl_free(host);
    curl_free(port);
}

static void url_text(CURLU *url, struct buf *out)
{
    char *text = url_part(url, CURLUPART_URL);
    buf_text(out, text ? text : "");
    curl_free(text);
}

/* "host:port" or "host" without anything that means more than it says; its end, or NULL. */
static const char *authority_end(const char *at)
{
    size_t host = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
    if (host == 0 || at[host] != ':')
        return host ? at + host : NULL;
    const char *port = at + host + 1;
    size_t len = strspn(port, "0123456789");
    return len > 0 && len <= 5 && strtol(port, NULL, 10) <= UINT16_MAX ? port + len : NULL;
}

/*
 * Most URLs are plain: scheme, host, port, path and parameters, and nothing to take apart. False:
 * it takes libcurl to read it.
 */
static bool setup_plain_url(struct client_setup *setup, const char *url)
{
    size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
    const char *path = scheme ? authority_end(url + scheme) : NULL;
    if (!path || *path != '/')
        return false;
    const char *end = path;
    while (*end > ' ' && *end <= '~' && *end != '#')
        end++;
    if (*end)
        return false;
    buf_append(&setup->origin, url, (size_t)(path - url));
    buf_append(&setup->shown, url, strcspn(url, "?"));
    buf_append(&setup->url, url, (size_t)(end - url));
    return true;
}

static bool setup_url(struct client_setup *setup, const struct client_request *request,
                      struct err *err)
{
    const char *server_name = request->access ? request->access->server_name : NULL;
    if (!server_name && setup_plain_url(setup, request->url))
        return true;
    AUTO(curl_url_cleanup) CURLU *url = curl_url();
    CURLUcode code = curl_url_set(url, CURLUPART_URL, request->url, CURLU_PATH_AS_IS);
    if (code != CURLUE_OK)
        return err_set(err, ERR_BAD_DATA, "\"%s\" is no URL: %s", request->url,
                       curl_url_strerror(code));
    char *scheme = url_part(url, CURLUPART_SCHEME);
    bool tls = scheme && strcmp(scheme, "https") == 0;
    bool http = tls || (scheme && strcmp(scheme, "http") == 0);
    curl_free(scheme);
    if (!http)
        return err_set(err, ERR_BAD_DATA, "\"%s\" is no URL of http or https", request->url);

    url_origin(url, &setup->origin);
    setup->user = url_part(url, CURLUPART_USER);
    setup->password = url_part(url, CURLUPART_PASSWORD);
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    AUTO(curl_url_cleanup) CURLU *shown = curl_url_dup(url);
    curl_url_set(shown, CURLUPART_QUERY, NULL, 0);
    url_text(shown, &setup->shown);

    if (tls && server_name)
        setup_server_name(setup, url, server_name);
    url_text(url, &setup->url);
    return true;
}

static void apply_access(CURL *easy, const struct client_access *access)
{
    if (access->user)
        curl_easy_setopt(easy, CURLOPT_USERNAME, access->user);
    if (access->user)
        curl_easy_setopt(easy, CURLOPT_PASSWORD, access->password ? access->password : "");
    if (access->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, access->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (access->cert_file)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, access->cert_file);
    if (access->key_file)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, access->key_file);
    if (access->insecure_skip_verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (access->follow_redirects) {
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, REDIRECT_COUNT_MAX);
        curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    }
    if (access->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, access->proxy);
}

bool client_setup_init(struct client_setup *setup, const struct client_request *request,
                       struct err *err)
{
    *setup = (struct client_setup){0};
    if (!setup_url(setup, request, err))
        return false;
    buf_terminated(&setup->url);
    buf_terminated(&setup->shown);
    setup_headers(setup, request);
    return true;
}

void client_setup_done(struct client_setup *setup)
{
    curl_slist_free_all(setup->headers);
    curl_slist_free_all(setup->connect_to);
    curl_free(setup->user);
    curl_free(setup->password);
    buf_done(&setup->url);
    buf_done(&setup->shown);
    buf_done(&setup->origin);
}

void client_setup_apply(const struct client_setup *setup, const struct client_request *request,
                        CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_URL, setup->url.ptr);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* it stays below what it was put below */
    curl_easy_setopt(easy, CURLOPT_USERNAME, setup->user);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, setup->password);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, setup->connect_to);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, setup->headers);
    apply_method(easy, request);
    if (request->access)
        apply_access(easy, request->access);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Streams of HTTP/2 would be read ahead of their reader by many MiB. */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

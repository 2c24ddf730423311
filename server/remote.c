#include "server/remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "server/server.h"
#include "storage/merge.h"

/* A file with a secret holds no more. */
#define SECRET_SIZE_MAX ((size_t)64 << 10)

/* What a Prometheus without data of its own takes for their begin; with, this much is added. */
#define LOCAL_MARGIN_MS ((int64_t)4 * 3600 * 1000)

struct endpoint {
    struct read_transport transport;
    const struct config_endpoint *config;
    struct read_counters *counters;
    struct client *http;
    struct read_client *client;
};

struct remote {
    struct server *server;
    struct arena *arena; /* names, labels */
    const struct config *config;
    struct endpoint *endpoints;
    size_t count;
    struct read_client **clients;
    struct storage *merged; /* NULL: there are no endpoints */
};

/* An answer on its way. */
struct remote_body {
    struct read_body body;
    struct arena *arena; /* what the request borrows */
    struct client_access access;
    struct client_stream *stream;
    struct read_counters *counters;
    bool asking; /* it counts among those under way */
    bool begun;  /* an answer that counts has come, */
    bool whole;  /* and come to its end */
};

static void remote_body_asked(struct remote_body *body)
{
    if (body->asking)
        atomic_fetch_sub(&body->counters->asking, 1);
    body->asking = false;
}

static void remote_body_close(struct read_body *base)
{
    struct remote_body *body = CONTAINER(struct remote_body, body, base);
    remote_body_asked(body);
    if (body->begun)
        read_counters_ended(body->counters, read_kind_of(base->content_type), body->whole);
    client_stream_close(body->stream);
    arena_destroy(body->arena);
    free(body);
}

static bool remote_body_read(struct read_body *base, void *bytes, size_t cap, size_t *ret_got,
                             struct err *err)
{
    struct remote_body *body = CONTAINER(struct remote_body, body, base);
    if (!client_stream_read(body->stream, bytes, cap, ret_got, err))
        return false;
    body->whole = *ret_got == 0;
    return true;
}

static const struct read_body_class remote_body_class = {
    .read = remote_body_read,
    .close = remote_body_close,
};

/* What the file holds now, without white space around it; `path` NULL: what is there stays. */
static bool secret_read(const char *path, struct arena *arena, const char **secret, struct err *err)
{
    if (!path)
        return true;
    AUTO(buf_done) struct buf bytes = {0};
    if (!file_read(path, SECRET_SIZE_MAX, &bytes, err))
        return false;
    struct str text = buf_view(&bytes);
    while (text.len && strchr(" \t\r\n", text.ptr[text.len - 1]))
        text.len--;
    while (text.len && strchr(" \t\r\n", text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    if (text.len && memchr(text.ptr, '\n', text.len))
        return err_set(err, ERR_IO, "%s: a secret is one line", path);
    *secret = arena_text(arena, text);
    return true;
}

static bool access_read(const struct config_endpoint *config, struct remote_body *body,
                        struct err *err)
{
    struct client_access *access = &body->access;
    *access = config->access;
    const char *credentials = config->credentials ? config->credentials : "";
    if (!secret_read(config->user_file, body->arena, &access->user, err) ||
        !secret_read(config->password_file, body->arena, &access->password, err) ||
        !secret_read(config->credentials_file, body->arena, &credentials, err))
        return false;
    if (config->credentials_type)
        access->authorization =
            arena_printf(body->arena, "%s %s", config->credentials_type, credentials);
    return true;
}

/* Headers that the protocol wants, and the endpoint's own. */
static const struct client_header *headers_of(const struct config_endpoint *config,
                                              struct arena *arena, size_t *ret_count)
{
    static const struct client_header fixed[] = {
        {"Content-Encoding", "snappy"},
        {"Content-Type", "application/x-protobuf"},
        {"X-Prometheus-Remote-Read-Version", "0.1.0"},
    };
    *ret_count = ARRAY_COUNT(fixed) + config->headers.count;
    struct client_header *headers = arena_array(arena, struct client_header, *ret_count);
    memcpy(headers, fixed, sizeof fixed);
    for (size_t i = 0; i < config->headers.count; i++)
        headers[ARRAY_COUNT(fixed) + i] =
            (struct client_header){config->headers.items[i].name, config->headers.items[i].value};
    return headers;
}

static int64_t timeout_ms(const struct config_endpoint *config, int64_t deadline_ns)
{
    int64_t left_ms = deadline_ns ? (deadline_ns - clock_monotonic_ns()) / 1000000 : 0;
    if (deadline_ns && left_ms < 1)
        return 1;
    bool deadline_first = deadline_ns && (config->timeout_ms == 0 || left_ms < config->timeout_ms);
    return deadline_first ? left_ms + 1 : config->timeout_ms;
}

static bool endpoint_open(struct read_transport *transport, const struct read_ask *ask,
                          struct read_body **ret_body, struct err *err)
{
    const struct endpoint *endpoint = CONTAINER(struct endpoint, transport, transport);
    struct remote_body *body = mem_new(struct remote_body);
    AUTO(read_body_close) struct read_body *base = &body->body;
    base->class = &remote_body_class;
    base->content_type = "";
    body->arena = arena_create(NULL);
    body->counters = endpoint->counters;
    body->asking = true;
    atomic_fetch_add(&endpoint->counters->asking, 1);
    if (!access_read(endpoint->config, body, err))
        return false;
    struct client_request request = {
        .url = endpoint->config->url,
        .method = "POST",
        .body = ask->message,
        .access = &body->access,
        .timeout_ms = timeout_ms(endpoint->config, ask->deadline_ns),
        .cancel = ask->cancel,
    };
    request.headers = headers_of(endpoint->config, body->arena, &request.header_count);
    int64_t begin_ns = clock_monotonic_ns();
    if (!client_open(endpoint->http, &request, &body->stream, err))
        return false;
    const char *content_type = client_stream_header(body->stream, "content-type");
    base->status = client_stream_status(body->stream);
    base->content_type = content_type ? content_type : "";
    body->begun = base->status == 200;
    enum read_kind kind = read_kind_of(base->content_type);
    if (body->begun)
        read_counters_begun(body->counters, kind, clock_monotonic_ns() - begin_ns);
    if (kind == READ_KIND_CHUNKED) /* as Prometheus: the others are read before it returns */
        remote_body_asked(body);
    *ret_body = TAKE(base);
    return true;
}

static const struct read_pair *pairs_of(const struct config_pairs *pairs, struct arena *arena)
{
    struct read_pair *items = arena_array(arena, struct read_pair, pairs->count);
    for (size_t i = 0; i < pairs->count; i++)
        items[i] = (struct read_pair){str_of(pairs->items[i].name), str_of(pairs->items[i].value)};
    return items;
}

/* The URL without secrets and parameters. */
static const char *url_shown(const char *url, struct arena *arena)
{
    const char *host = strstr(url, "://") + 3;
    const char *at = memrchr(host, '@', strcspn(host, "/?#")); /* a password may have one, too */
    size_t scheme_len = (size_t)(host - url);
    const char *rest = at ? at + 1 : host;
    return arena_printf(arena, "%.*s%.*s", (int)scheme_len, url, (int)strcspn(rest, "?#"), rest);
}

static struct read_client *endpoint_client(struct remote *remote, struct endpoint *endpoint)
{
    const struct config *config = remote->config;
    const struct config_endpoint *entry = endpoint->config;
    bool external = entry->filter_external_labels;
    const char *shown = url_shown(entry->url, remote->arena);
    endpoint->counters =
        read_metrics_of(&remote->server->read_metrics, entry->name ? entry->name : "", shown);
    struct read_client_options options = {
        .name = shown,
        .transport = &endpoint->transport,
        .external_labels = pairs_of(&config->external_labels, remote->arena),
        .external_label_count = external ? config->external_labels.count : 0,
        .required = pairs_of(&entry->required_matchers, remote->arena),
        .required_count = entry->required_matchers.count,
        .read_recent = entry->read_recent,
        .partial = entry->partial,
        .frame_size_max = (size_t)entry->frame_size_max,
        .spool_folder = remote->server->options.spool_folder,
        .spool_budget = &remote->server->spool_budget,
    };
    return read_client_create(&options);
}

/* The begin of the oldest block, with Prometheus's margin; without blocks all that was is older. */
static int64_t local_begin_ms(void *context)
{
    const struct remote *remote = context;
    struct db_stats stats;
    db_stats(remote->server->db, &stats);
    bool has_blocks = stats.block_count > 0 && stats.begin_ms <= stats.end_ms;
    return (has_blocks ? stats.begin_ms : clock_now_ms()) + LOCAL_MARGIN_MS;
}

struct remote *remote_create(struct server *server, const struct config *config)
{
    struct remote *remote = mem_new(struct remote);
    remote->server = server;
    remote->config = config;
    remote->arena = arena_create(NULL);
    remote->count = config->endpoint_count;
    if (remote->count == 0)
        return remote;
    remote->endpoints = arena_array(remote->arena, struct endpoint, remote->count);
    remote->clients = arena_array(remote->arena, struct read_client *, remote->count);
    for (size_t i = 0; i < remote->count; i++) {
        struct endpoint *endpoint = &remote->endpoints[i];
        endpoint->transport.open = endpoint_open;
        endpoint->config = &config->endpoints[i];
        endpoint->http = server->client;
        endpoint->client = remote->clients[i] = endpoint_client(remote, endpoint);
    }
    struct merge_options options = {
        .local = db_storage(server->db),
        .clients = remote->clients,
        .client_count = remote->count,
        .local_begin_ms = local_begin_ms,
        .context = remote,
    };
    remote->merged = merge_create(&options);
    return remote;
}

struct storage *remote_storage(struct remote *remote)
{
    return remote->merged ? remote->merged : db_storage(remote->server->db);
}

void remote_destroy(struct remote *remote)
{
    if (!remote)
        return;
    for (size_t i = 0; i < remote->count && remote->clients; i++)
        read_client_destroy(remote->clients[i]);
    merge_destroy(remote->merged);
    arena_destroy(remote->arena);
    free(remote);
}

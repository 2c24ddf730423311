/* In the order that Prometheus's structs have, which is that of its answers. */
#include "server/config/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/float_text.h"
#include "model/duration.h"
#include "model/flags.h"
#include "model/yaml_write.h"

static void put_map(struct yaml_writer *yaml, const char *key)
{
    yaml_write_text(yaml, key);
    yaml_write_map(yaml);
}

/* Left out where there is nothing, as all that follows. */
static void put_text(struct yaml_writer *yaml, const char *key, const char *text)
{
    if (!text || !*text)
        return;
    yaml_write_text(yaml, key);
    yaml_write_text(yaml, text);
}

static void put_secret(struct yaml_writer *yaml, const char *key, const char *text)
{
    put_text(yaml, key, text && *text ? "<secret>" : NULL);
}

static void put_bool(struct yaml_writer *yaml, const char *key, bool value)
{
    yaml_write_text(yaml, key);
    yaml_write_plain(yaml, value ? "true" : "false");
}

static void put_true(struct yaml_writer *yaml, const char *key, bool value)
{
    if (value)
        put_bool(yaml, key, true);
}

static void put_count(struct yaml_writer *yaml, const char *key, int64_t count)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, count);
    yaml_write_text(yaml, key);
    yaml_write_plain(yaml, text);
}

static void put_duration(struct yaml_writer *yaml, const char *key, int64_t ms)
{
    AUTO(buf_done) struct buf text = {0};
    if (ms == 0)
        return;
    duration_print(ms, &text);
    yaml_write_text(yaml, key);
    yaml_write_plain(yaml, buf_terminated(&text));
}

static void put_pairs(struct yaml_writer *yaml, const char *key, const struct config_pairs *pairs)
{
    if (pairs->count == 0)
        return;
    put_map(yaml, key);
    for (size_t i = 0; i < pairs->count; i++) {
        yaml_write_text(yaml, pairs->items[i].name);
        yaml_write_text(yaml, pairs->items[i].value);
    }
    yaml_write_map_end(yaml);
}

/* A URL, but for a password in it. */
static void put_url(struct yaml_writer *yaml, const char *key, const char *url)
{
    AUTO(buf_done) struct buf text = {0};
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end ? scheme_end + 3 : url;
    const char *at = memrchr(host, '@', strcspn(host, "/?#"));
    const char *colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;
    if (colon)
        buf_printf(&text, "%.*s:xxxxx%s", (int)(colon - url), url, at);
    else
        buf_text(&text, url);
    put_text(yaml, key, buf_terminated(&text));
}

static void put_global(struct yaml_writer *yaml, const struct config *config)
{
    put_map(yaml, "global");
    put_duration(yaml, "scrape_interval", config->scrape_interval_ms);
    put_duration(yaml, "scrape_timeout", config->scrape_timeout_ms);
    put_duration(yaml, "evaluation_interval", config->evaluation_interval_ms);
    put_pairs(yaml, "external_labels", &config->external_labels);
    yaml_write_map_end(yaml);
}

static void put_retention(struct yaml_writer *yaml, const struct config_retention *retention)
{
    AUTO(buf_done) struct buf text = {0};
    put_map(yaml, "retention");
    put_duration(yaml, "time", retention->time_ms);
    if (retention->size_bytes > 0) {
        size_print(retention->size_bytes, &text);
        put_text(yaml, "size", buf_terminated(&text));
    }
    if (retention->percentage > 0) {
        char number[FLOAT_TEXT_SIZE + 1];
        number[float_text_g(number, retention->percentage)] = '\0';
        yaml_write_text(yaml, "percentage");
        yaml_write_plain(yaml, number);
    }
    yaml_write_map_end(yaml);
}

static void put_storage(struct yaml_writer *yaml, const struct config_shown *shown)
{
    int64_t window_ms = shown->config->out_of_order_window_ms;
    bool tsdb = window_ms || shown->retention, exemplars = shown->exemplar_count_max >= 0;
    if (!tsdb && !exemplars)
        return;
    put_map(yaml, "storage");
    if (tsdb) {
        put_map(yaml, "tsdb");
        if (window_ms)
            put_count(yaml, "outofordertimewindow", window_ms); /* so it slips into theirs */
        put_duration(yaml, "out_of_order_time_window", window_ms);
        if (shown->retention)
            put_retention(yaml, shown->retention);
        yaml_write_map_end(yaml);
    }
    if (exemplars) {
        put_map(yaml, "exemplars");
        if (shown->exemplar_count_max > 0)
            put_count(yaml, "max_exemplars", shown->exemplar_count_max);
        yaml_write_map_end(yaml);
    }
    yaml_write_map_end(yaml);
}

static void put_access(struct yaml_writer *yaml, const struct config_endpoint *endpoint)
{
    const struct client_access *access = &endpoint->access;
    if (access->user || access->password || endpoint->user_file || endpoint->password_file) {
        put_map(yaml, "basic_auth");
        put_text(yaml, "username", access->user);
        put_text(yaml, "username_file", endpoint->user_file);
        put_secret(yaml, "password", access->password);
        put_text(yaml, "password_file", endpoint->password_file);
        yaml_write_map_end(yaml);
    }
    if (endpoint->credentials_type) {
        put_map(yaml, "authorization");
        put_text(yaml, "type", endpoint->credentials_type);
        put_secret(yaml, "credentials", endpoint->credentials);
        put_text(yaml, "credentials_file", endpoint->credentials_file);
        yaml_write_map_end(yaml);
    }
    if (access->ca_file || access->cert_file || access->server_name ||
        access->insecure_skip_verify) {
        put_map(yaml, "tls_config");
        put_text(yaml, "ca_file", access->ca_file);
        put_text(yaml, "cert_file", access->cert_file);
        put_text(yaml, "key_file", access->key_file);
        put_text(yaml, "server_name", access->server_name);
        put_bool(yaml, "insecure_skip_verify", access->insecure_skip_verify);
        yaml_write_map_end(yaml);
    }
    put_bool(yaml, "follow_redirects", access->follow_redirects);
    if (access->proxy)
        put_url(yaml, "proxy_url", access->proxy);
    else
        put_true(yaml, "proxy_from_environment", true);
}

static void put_endpoint(struct yaml_writer *yaml, const struct config_endpoint *endpoint)
{
    yaml_write_map(yaml);
    put_url(yaml, "url", endpoint->url);
    put_duration(yaml, "remote_timeout", endpoint->timeout_ms);
    if (endpoint->frame_size_max)
        put_count(yaml, "chunked_read_limit", endpoint->frame_size_max);
    put_pairs(yaml, "headers", &endpoint->headers);
    put_true(yaml, "read_recent", endpoint->read_recent);
    put_text(yaml, "name", endpoint->name);
    put_access(yaml, endpoint);
    put_pairs(yaml, "required_matchers", &endpoint->required_matchers);
    put_true(yaml, "filter_external_labels", endpoint->filter_external_labels);
    put_true(yaml, "partial", endpoint->partial);
    yaml_write_map_end(yaml);
}

void config_print(const struct config_shown *shown, struct buf *out)
{
    const struct config *config = shown->config;
    struct yaml_writer *yaml = yaml_writer_create(out);
    yaml_write_map(yaml);
    put_global(yaml, config);
    put_storage(yaml, shown);
    if (config->endpoint_count > 0) {
        yaml_write_text(yaml, "remote_read");
        yaml_write_list(yaml);
        for (size_t i = 0; i < config->endpoint_count; i++)
            put_endpoint(yaml, &config->endpoints[i]);
        yaml_write_list_end(yaml);
    }
    yaml_write_map_end(yaml);
    yaml_writer_destroy(yaml);
}

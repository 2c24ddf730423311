#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/client.h"
#include "server/config/fields.h"

/*
 * The file of --config.file: Prometheus's YAML, as far as it concerns a store. What it has beyond
 * that is told in warnings, and left out.
 */

/* An entry of remote_read. */
struct config_endpoint {
    const char *name; /* NULL: none was given */
    const char *url;
    int64_t timeout_ms;
    int64_t frame_size_max; /* chunked_read_limit */
    struct config_pairs headers;
    struct client_access access; /* `authorization` and `password` without what is in files */
    const char *user_file;       /* read for each request, so that they can be replaced; NULL */
    const char *password_file;
    const char *credentials_type; /* "Bearer"; NULL: no authorization */
    const char *credentials;
    const char *credentials_file;
    struct config_pairs required_matchers;
    bool read_recent;
    bool filter_external_labels;
    bool partial; /* ours: its failure is a warning */
};

/* storage.tsdb.retention; what it does not say is 0. */
struct config_retention {
    bool is_there;
    int64_t time_ms;
    int64_t size_bytes;
    double percentage; /* of the disk, instead of a size */
};

struct config {
    struct arena *arena; /* where all of it lives */
    /* What scrapes and rules go by; of it, queries use the step of subqueries that name none. */
    int64_t scrape_interval_ms, scrape_timeout_ms, evaluation_interval_ms;
    struct config_pairs external_labels;
    int64_t out_of_order_window_ms;
    struct config_retention retention;
    int64_t exemplar_count_max; /* -1: not said */
    struct config_endpoint *endpoints;
    size_t endpoint_count;
};

#define CONFIG_SIZE_MAX ((size_t)4 << 20)
#define CONFIG_ENDPOINTS_MAX 1000

struct config_source {
    const char *path;
    void (*warn)(void *context, const char *message);
    void *context;
};

/*
 * `source->path` NULL: what holds without a file. ERR_BAD_DATA: "file:12: ...", one sentence.
 * ERR_NOT_FOUND, ERR_IO, ERR_LIMIT.
 */
bool config_open(const struct config_source *source, struct config *ret_config, struct err *err)
    MUST_CHECK;

/* The same from a text. */
bool config_read(const struct config_source *source, struct str text, struct config *ret_config,
                 struct err *err) MUST_CHECK;
void config_done(struct config *config);

/* The reader of remote_read, as a field of the whole file. */
config_read_fn config_read_endpoints;

/*
 * $NAME and ${NAME} become what the environment has; "$$" is a dollar. `missing` is told of each
 * name that is not there, or empty.
 */
void config_expand(struct str text, void (*missing)(void *context, const char *name), void *context,
                   struct buf *out);

static inline void config_done_auto(struct config *config)
{
    config_done(config);
}

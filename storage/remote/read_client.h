#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/remote/read_body.h"
#include "storage/remote/spool.h"
#include "storage/select.h"

/*
 * Series of another server, by remote read: what Prometheus's client asks for and makes of the
 * answer, storage/remote/read.go.
 *
 * An answer is fetched whole, chunks as they come into a spool, before labels are told: chunks are
 * sent between them. It is then selected from like any storage.
 *
 * Thread: any. All that the options hold outlives the client.
 */
struct read_client;

struct read_pair {
    struct str name;
    struct str value;
};

struct read_client_options {
    const char *name; /* as errors and warnings call the server */
    struct read_transport *transport;
    /*
     * Series there have these labels beside those that they have here: they are asked for, unless
     * a query has matchers on them itself, and taken away from what comes.
     */
    const struct read_pair *external_labels;
    size_t external_label_count;
    const struct read_pair *required; /* a query without these matchers finds nothing there */
    size_t required_count;
    bool read_recent; /* also what is newer than the begin of what we have ourselves */
    bool partial;     /* its failures are warnings */
    size_t frame_size_max;
    const char *spool_folder;
    struct budget *spool_budget;
};

struct read_client *read_client_create(const struct read_client_options *options);
void read_client_destroy(struct read_client *client);
const struct read_client_options *read_client_options(const struct read_client *client);

/*
 * Is the server to be asked at all? `local_begin_ms` is when what we have ourselves begins. Cuts
 * what is asked for where only older things are wanted.
 */
bool read_client_wants(const struct read_client *client, struct select_request *request,
                       int64_t local_begin_ms);

/*
 * The answer, checked. Neither arena nor symbols of the request are used. Errors name the server;
 * ERR_CANCELED; ERR_TIMEOUT: the request's deadline passed; ERR_LIMIT: a budget is used up; all
 * else is ERR_IO or ERR_CORRUPT.
 */
bool read_client_fetch(struct read_client *client, const struct select_request *request,
                       struct spool **ret_spool, struct err *err) MUST_CHECK;

/* Takes the spool over, also on failure. Series are sorted by labels. */
bool read_client_select(struct read_client *client, const struct select_request *request,
                        struct spool *spool, struct selection **ret_selection, struct err *err)
    MUST_CHECK;

DEFINE_AUTO(struct read_client *, read_client_destroy)

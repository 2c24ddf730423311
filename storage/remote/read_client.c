#include "storage/remote/read_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "storage/remote/read_ask.h"
#include "storage/remote/read_spool.h"

/* Of what a server says instead of an answer. */
#define COMPLAINT_SIZE_MAX 1024

struct read_client {
    struct read_client_options options;
};

struct read_client *read_client_create(const struct read_client_options *options)
{
    struct read_client *client = mem_new(struct read_client);
    client->options = *options;
    return client;
}

void read_client_destroy(struct read_client *client)
{
    free(client);
}

const struct read_client_options *read_client_options(const struct read_client *client)
{
    return &client->options;
}

static bool has_required(const struct read_pair *required, const struct select_request *request)
{
    for (size_t i = 0; i < request->matcher_count; i++) {
        const struct matcher *matcher = request->matchers[i];
        if (matcher->kind == MATCH_EQUAL && str_eq(matcher->name, required->name) &&
            str_eq(matcher->value, required->value))
            return true;
    }
    return false;
}

bool read_client_wants(const struct read_client *client, struct select_request *request,
                       int64_t local_begin_ms)
{
    const struct read_client_options *options = &client->options;
    for (size_t i = 0; i < options->required_count; i++)
        if (!has_required(&options->required[i], request))
            return false;
    if (options->read_recent)
        return true;
    bool whole = request->whole_begin_ms != 0 || request->whole_end_ms != 0;
    if ((whole ? request->whole_begin_ms : request->begin_ms) > local_begin_ms ||
        request->begin_ms > local_begin_ms)
        return false;
    if (request->end_ms > local_begin_ms)
        request->end_ms = local_begin_ms;
    if (request->whole_end_ms > local_begin_ms)
        request->whole_end_ms = local_begin_ms;
    return true;
}

/* What the server said, with its status; what is missing of it does not matter. */
static bool client_complain(const struct read_client *client, struct read_body *body,
                            struct err *err)
{
    char text[COMPLAINT_SIZE_MAX];
    size_t len = 0, got = 0;
    do {
        if (!body->class->read(body, text + len, sizeof text - len, &got, err)) {
            if (err->kind == ERR_CANCELED)
                return false;
            break;
        }
        len += got;
    } while (got > 0 && len < sizeof text);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    return err_set(err, ERR_IO, "remote server %s returned http status %d: %.*s",
                   client->options.name, body->status, (int)len, text);
}

static bool client_take(const struct read_client *client, struct read_body *body,
                        struct budget *memory, struct spool *spool, struct err *err)
{
    static const char streamed[] =
        "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    static const char sampled[] = "application/x-protobuf";
    struct read_limits limits = {client->options.frame_size_max, memory};
    if (body->status / 100 != 2)
        return client_complain(client, body, err);
    if (strncmp(body->content_type, streamed, sizeof streamed - 1) == 0)
        return read_spool_frames(body, &limits, spool, err) ||
               err_wrap(err, "remote server %s", client->options.name);
    if (strncmp(body->content_type, sampled, sizeof sampled - 1) == 0)
        return read_spool_samples(body, &limits, spool, err) ||
               err_wrap(err, "remote server %s", client->options.name);
    return err_set(err, ERR_IO, "remote server %s: unsupported content type: %s",
                   client->options.name, body->content_type);
}

bool read_client_fetch(struct read_client *client, const struct select_request *request,
                       struct spool **ret_spool, struct err *err)
{
    AUTO(buf_done) struct buf message = {0};
    read_ask_put(&client->options, request, &message);
    struct spool_place place = {client->options.spool_folder, client->options.spool_budget,
                                request->budget};
    AUTO(spool_destroy) struct spool *spool = NULL;
    if (!spool_create(&place, &spool, err))
        return false;
    struct read_ask ask = {buf_view(&message), request->cancel, request->deadline_ns};
    AUTO(read_body_close) struct read_body *body = NULL;
    if (client->options.transport->open(client->options.transport, &ask, &body, err) &&
        client_take(client, body, request->budget, spool, err)) {
        *ret_spool = TAKE(spool);
        return true;
    }
    if (err->kind == ERR_CANCELED || err->kind == ERR_LIMIT)
        return false;
    bool late = request->deadline_ns && clock_monotonic_ns() > request->deadline_ns;
    if (late)
        err->kind = ERR_TIMEOUT;
    else if (err->kind != ERR_CORRUPT)
        err->kind = ERR_IO;
    return err_wrap(err, "remote_read");
}

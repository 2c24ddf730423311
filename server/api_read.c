/*
 * Remote read, for other systems: a Prometheus, Thanos or another Millrace. Errors are plain text,
 * in Prometheus's words.
 */
#include "server/read_query.h"
#include "server/routes.h"
#include "server/server.h"
#include "storage/remote/snappy_block.h"

/* Packed or not: Prometheus's limit, looked at before anything is unpacked. */
#define READ_REQUEST_SIZE_MAX ((size_t)32 << 20)

static bool read_unpack(struct read_run *run, struct str body, struct str *ret_message,
                        struct err *err)
{
    size_t size;
    if (!snappy_block_size(body, &size, err))
        return false;
    if (size > READ_REQUEST_SIZE_MAX)
        return err_set(err, ERR_BAD_DATA, "snappy: decoded length %zu exceeds limit %zu", size,
                       READ_REQUEST_SIZE_MAX);
    char *message = arena_try_array(run->arena, char, size, err);
    if (!message || !snappy_block_unpack(body, message, size, err))
        return false;
    *ret_message = (struct str){message, size};
    return true;
}

void route_read(struct server *server, const struct request *request, struct answer *answer)
{
    struct err err;
    err_clear(&err);
    if (!gate_enter(&server->read_gate, request->cancel, &err)) {
        answer_error_text(answer, 500, err.msg);
        return;
    }
    struct read_run run = {
        .server = server, .settings = settings_ref(server), .cancel = request->cancel};
    run.arena = arena_create(&server->listing_budget);
    run.series_arena = arena_create(NULL);
    run.symbols = symbols_new(run.arena);
    struct str message;
    enum read_answer_type type;
    if (!read_unpack(&run, request->body, &message, &err) ||
        !read_request_decode(message, run.arena, &run.request, &err) ||
        !read_request_negotiate(&run.request, &type, &err)) {
        answer_error_text(answer, err.kind == ERR_LIMIT ? 503 : 400, err.msg);
        read_run_done(&run);
    } else if (type == READ_STREAMED_CHUNKS) {
        read_answer_chunks(&run, answer);
    } else {
        read_answer_samples(&run, answer);
    }
}

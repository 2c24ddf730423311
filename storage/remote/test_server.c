#include "storage/remote/test_server.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/proto_writer.h"
#include "base/varint.h"
#include "model/histogram_samples.h"
#include "storage/chunk_pack.h"
#include "storage/merge.h"
#include "storage/remote/read_answer.h"
#include "storage/remote/snappy_block.h"
#include "storage/test_storage.h"

struct test_body {
    struct read_body body;
    const struct test_server *server;
    size_t at;
};

static bool test_body_read(struct read_body *base, void *bytes, size_t cap, size_t *ret_got,
                           struct err *err)
{
    struct test_body *body = CONTAINER(struct test_body, body, base);
    const struct buf *answer = &body->server->answer;
    size_t left = answer->len - body->at;
    size_t got = left < cap ? left : cap;
    if (got > body->server->piece_size)
        got = body->server->piece_size;
    if (got == 0 && body->server->read_kind != ERR_NONE)
        return err_set(err, body->server->read_kind, "the test server breaks off");
    if (got > 0)
        memcpy(bytes, answer->ptr + body->at, got);
    body->at += got;
    *ret_got = got;
    return true;
}

static void test_body_close(struct read_body *base)
{
    free(CONTAINER(struct test_body, body, base));
}

static const struct read_body_class test_body_class = {test_body_read, test_body_close};

static bool test_server_open(struct read_transport *transport, const struct read_ask *ask,
                             struct read_body **ret_body, struct err *err)
{
    struct test_server *server = CONTAINER(struct test_server, transport, transport);
    size_t size = 0;
    atomic_fetch_add(&server->asked_count, 1);
    for (int i = 0; server->stalls && i < 20000; i++) {
        if (atomic_load(ask->cancel))
            return err_set(err, ERR_CANCELED, "canceled");
        usleep(1000);
    }
    if (server->kind != ERR_NONE)
        return err_set(err, server->kind, "the test server fails");
    if (!snappy_block_size(ask->message, &size, err))
        return false;
    buf_clear(&server->asked);
    if (!snappy_block_unpack(ask->message, buf_reserve(&server->asked, size), size, err))
        return false;
    server->asked.len = size;
    struct test_body *body = mem_new(struct test_body);
    body->body = (struct read_body){&test_body_class, server->status, server->content_type};
    body->server = server;
    *ret_body = &body->body;
    return true;
}

void test_server_init(struct test_server *server)
{
    *server = (struct test_server){
        .transport.open = test_server_open,
        .status = 200,
        .content_type = TEST_STREAMED,
        .piece_size = 1000,
    };
    budget_init(&server->spool_budget, NULL, "--spool", 0);
    budget_init(&server->memory, NULL, "--memory", 0);
}

void test_server_done(struct test_server *server)
{
    buf_done(&server->answer);
    buf_done(&server->asked);
}

struct read_client_options test_server_options(struct test_server *server, const char *name)
{
    return (struct read_client_options){
        .name = name,
        .transport = &server->transport,
        .read_recent = true,
        .frame_size_max = 100000,
        .spool_folder = "/tmp",
        .spool_budget = &server->spool_budget,
    };
}

void test_server_put_frame(struct test_server *server, struct str message)
{
    uint8_t sum[4];
    store_be32(sum, crc32c(message.ptr, message.len));
    put_uvarint(&server->answer, message.len);
    buf_append(&server->answer, sum, sizeof sum);
    buf_str(&server->answer, message);
}

static void put_labels(struct buf *out, const char *const *labels)
{
    for (; *labels; labels += 2) {
        AUTO(buf_done) struct buf label = {0};
        put_bytes(&label, 1, str_of(labels[0]));
        put_bytes(&label, 2, str_of(labels[1]));
        put_bytes(out, 1, buf_view(&label));
    }
}

void test_server_frame(struct test_server *server, const char *const *labels,
                       const int64_t *times_ms, const double *values, size_t count)
{
    AUTO(buf_done) struct buf series = {0};
    struct chunk_pack pack = {0};
    chunk_pack_begin(&pack, 0);
    for (size_t i = 0; i < count; i++)
        chunk_pack_float(&pack, times_ms[i], 0, values[i]);
    chunk_pack_end(&pack);
    put_labels(&series, labels);
    for (size_t i = 0; i < pack.count; i++) {
        struct stored_chunk chunk = {
            .begin_ms = pack.chunks[i].begin_ms,
            .end_ms = pack.chunks[i].end_ms,
            .data = (const uint8_t *)pack.bytes.ptr + pack.chunks[i].at,
            .size = pack.chunks[i].size,
            .encoding = pack.chunks[i].encoding,
        };
        read_put_chunk(&series, &chunk);
    }
    read_put_frame(&server->answer, buf_view(&series), 0);
    chunk_pack_done(&pack);
}

static void print_series(struct cursor *cursor, size_t series, struct buf *out, struct err *err)
{
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    bool more = true;
    cursor_open(cursor, series);
    while (more && cursor_next(cursor, &samples, &more, err))
        ;
    for (size_t i = 0; i < samples.count; i++)
        buf_printf(out, " %lld:%g", (long long)samples.times_ms[i], samples.values[i]);
    for (size_t i = 0; i < histograms.count; i++)
        buf_printf(out, " %lld:h%g", (long long)histograms.times_ms[i], histograms.items[i]->count);
    samples_done(&samples);
    histogram_samples_done(&histograms);
}

enum err_kind test_select(struct storage *storage, struct matcher *const *matchers,
                          size_t matcher_count, int64_t begin_ms, int64_t end_ms, struct buf *out)
{
    struct budget budget;
    budget_init(&budget, NULL, "--memory", 0);
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    struct select_request request = {
        .matchers = matchers,
        .matcher_count = matcher_count,
        .begin_ms = begin_ms,
        .end_ms = end_ms,
        .arena = arena,
        .symbols = symbols,
        .budget = &budget,
        .warn = NULL,
    };
    struct selection *selection = NULL;
    struct err err;
    err_clear(&err);
    if (storage_select(storage, &request, &selection, &err)) {
        struct cursor *cursor = cursor_create(selection);
        for (size_t i = 0; i < selection_count(selection) && err.kind == ERR_NONE; i++) {
            labels_print(symbols, selection_labels(selection, i), out);
            print_series(cursor, i, out, &err);
            buf_byte(out, '\n');
        }
        cursor_destroy(cursor);
        selection_close(selection);
    }
    symbols_done(symbols);
    if (err.kind != ERR_NONE) {
        buf_clear(out);
        buf_text(out, err.msg);
    }
    if (atomic_load(&budget.used_bytes) != 0)
        abort(); /* what was charged is given back */
    return err.kind;
}

static int64_t no_local_data(void *context)
{
    return INT64_MAX;
}

enum err_kind test_client_select(const struct read_client_options *options,
                                 struct matcher *const *matchers, size_t matcher_count,
                                 int64_t begin_ms, int64_t end_ms, struct buf *out)
{
    struct test_storage local;
    test_storage_init(&local);
    struct read_client *client = read_client_create(options);
    struct merge_options merge = {
        .local = &local.storage,
        .clients = &client,
        .client_count = 1,
        .local_begin_ms = no_local_data,
    };
    struct storage *storage = merge_create(&merge);
    enum err_kind kind = test_select(storage, matchers, matcher_count, begin_ms, end_ms, out);
    merge_destroy(storage);
    read_client_destroy(client);
    test_storage_done(&local);
    return kind;
}

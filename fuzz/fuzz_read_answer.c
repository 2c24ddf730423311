/*
 * Any bytes as another server's answer to remote read, of the kind that the first byte says, with
 * checksums made right if it says so; then all that is taken is read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/varint.h"
#include "model/histogram_samples.h"
#include "storage/remote/read_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAMPLED = 1, MEND_CHECKSUMS = 2 };

struct fuzz_body {
    struct read_body body;
    const uint8_t *at;
    size_t left;
};

struct fuzz_transport {
    struct read_transport transport;
    struct fuzz_body body;
};

static bool fuzz_read(struct read_body *base, void *bytes, size_t cap, size_t *ret_got,
                      struct err *err)
{
    struct fuzz_body *body = CONTAINER(struct fuzz_body, body, base);
    *ret_got = body->left < cap ? body->left : cap;
    if (*ret_got)
        memcpy(bytes, body->at, *ret_got);
    body->at += *ret_got;
    body->left -= *ret_got;
    return true;
}

static void fuzz_close(struct read_body *body)
{
    body->content_type = NULL; /* the transport's */
}

static bool fuzz_open(struct read_transport *transport, const struct read_ask *ask,
                      struct read_body **ret_body, struct err *err)
{
    *ret_body = &CONTAINER(struct fuzz_transport, transport, transport)->body.body;
    return true;
}

static void mend(uint8_t *bytes, size_t size)
{
    struct bytes_reader r = bytes_reader_of(bytes, size);
    for (;;) {
        uint64_t len = read_uvarint(&r);
        if (r.failed || read_left(&r) < 4 || len > read_left(&r) - 4)
            return;
        uint8_t *sum = bytes + (r.at - bytes);
        store_be32(sum, crc32c(sum + 4, len));
        if (!read_bytes(&r, 4 + len))
            return;
    }
}

static void expect_kind(const struct err *err)
{
    if (err->kind != ERR_CORRUPT && err->kind != ERR_LIMIT)
        __builtin_trap();
}

static void read_all(struct selection *selection)
{
    static struct err err;
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    struct cursor *cursor = cursor_create(selection);
    for (size_t i = 0; i < selection_count(selection); i++) {
        bool more = true;
        cursor_open(cursor, i);
        while (more) {
            samples.count = 0;
            histogram_samples_clear(&histograms);
            if (!cursor_next(cursor, &samples, &more, &err)) {
                expect_kind(&err);
                break;
            }
        }
    }
    cursor_destroy(cursor);
    samples_done(&samples);
    histogram_samples_done(&histograms);
}

static void take(struct read_client *client, struct budget *budget)
{
    static struct err err;
    struct arena *arena = arena_create(budget);
    struct symbols *symbols = symbols_new(arena);
    struct select_request request = {
        .begin_ms = INT64_MIN / 2,
        .end_ms = INT64_MAX / 2,
        .arena = arena,
        .symbols = symbols,
        .budget = budget,
    };
    struct spool *spool = NULL;
    struct selection *selection = NULL;
    if (!read_client_fetch(client, &request, &spool, &err) ||
        !read_client_select(client, &request, spool, &selection, &err))
        expect_kind(&err);
    if (selection)
        read_all(selection);
    selection_close(selection);
    symbols_done(symbols);
    arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct read_body_class class = {fuzz_read, fuzz_close};
    static const char sampled[] = "application/x-protobuf";
    static const char streamed[] =
        "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    if (size == 0)
        return 0;
    uint8_t *bytes = mem_new_array(uint8_t, size);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & MEND_CHECKSUMS)
        mend(bytes, size - 1);
    struct fuzz_transport transport = {
        .transport.open = fuzz_open,
        .body = {{&class, 200, data[0] & SAMPLED ? sampled : streamed}, bytes, size - 1},
    };
    struct budget memory, disk;
    budget_init(&memory, NULL, "--memory", (size_t)64 << 20);
    budget_init(&disk, NULL, "--disk", (size_t)16 << 20);
    struct read_client_options options = {
        .name = "fuzz",
        .transport = &transport.transport,
        .read_recent = true,
        .frame_size_max = (size_t)1 << 20,
        .spool_folder = "/tmp",
        .spool_budget = &disk,
    };
    struct read_client *client = read_client_create(&options);
    take(client, &memory);
    read_client_destroy(client);
    free(bytes);
    if (memory.used_bytes != 0 || disk.used_bytes != 0)
        __builtin_trap();
    return 0;
}

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "http/answer.h"
#include "model/symbols.h"
#include "storage/remote/read_request.h"
#include "storage/select.h"

struct server;

/*
 * A remote read request under way, and what its queries have in common. It is a stream that answers
 * it, of one kind or the other: read_samples.c, read_chunks.c.
 *
 * Thread: the one that answers.
 */
struct read_run {
    struct server *server;
    struct settings *settings; /* a reference */
    struct arena *arena;
    struct symbols *symbols;
    struct arena *series_arena;    /* one series' labels with */
    struct labels_builder builder; /* the external ones */
    struct read_request request;
    const _Atomic bool *cancel;
};

/* Takes the run over: fills in the answer with its stream, or with an error. */
void read_answer_samples(struct read_run *run, struct answer *answer);
void read_answer_chunks(struct read_run *run, struct answer *answer);

/* Frees what the run holds, and leaves the gate. */
void read_run_done(struct read_run *run);

/* As text, with the status that Prometheus has for it. */
void read_fail(struct answer *answer, const struct err *err);

/* The series of a query, in the storage's order. */
bool read_select(const struct read_run *run, size_t query, struct selection **ret_selection,
                 struct err *err) MUST_CHECK;

/* A series' labels with the external ones that it has not itself. Until the next call. */
const struct labels *read_labels(struct read_run *run, const struct labels *labels);

/* ERR_CANCELED: the client has gone. */
bool read_alive(const struct read_run *run, struct err *err) MUST_CHECK;

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "engine/engine.h"
#include "storage/test_storage.h"
#include "tests/agree/data.h"
#include "tests/agree/query.h"

/*
 * Random series loaded, with both engines over them. Options are those of Prometheus's own tests:
 * every feature is on. `delayed_names` may be switched off, since the default is off.
 */
struct ground {
    struct arena *arena;
    struct symbols *symbols;
    struct test_storage storage;
    struct engine *engine;
};

struct ground_options {
    bool delayed_names;
    size_t thread_count;
};

/* Ends the process where the data does not load: what data.c makes must. */
void ground_open(struct ground *ground, const struct data *data,
                 const struct ground_options *options);
void ground_close(struct ground *ground);

enum verdict {
    VERDICT_SAME,
    VERDICT_DIFFERENT,
    VERDICT_NOT_STREAMED, /* the streaming engine does not do it */
};

/* Both engines' answers, and what they are to each other. */
enum verdict ground_compare(struct ground *ground, const struct asked *asked, struct buf *streaming,
                            struct buf *reference);

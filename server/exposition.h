#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "storage/append.h"

/*
 * What /metrics shows, read back: Prometheus's text format, version 0.0.4, of families and samples
 * without timestamps. This way what is recorded of ourselves is what a scrape would find.
 *
 * Texts are borrowed from the text that was read, or lie in the arena, as all else does.
 *
 * Thread: any.
 */
struct exposition_family {
    struct str name;
    enum append_metric type;
    struct str help;
};

struct exposition_sample {
    struct wal_label *labels; /* the metric's name first, then as they stand there */
    size_t label_count;
    double v;
};

struct exposition {
    struct exposition_family *families;
    size_t family_count;
    struct exposition_sample *samples;
    size_t sample_count;
};

/* ERR_CORRUPT names the line. */
bool exposition_read(struct str text, struct arena *arena, struct exposition *ret_exposition,
                     struct err *err) MUST_CHECK;

#pragma once

#include <stdbool.h>

#include "storage/append_run.h"
#include "storage/wal_encode.h"
#include "storage/wal_write.h"

/*
 * Puts the samples of a batch into a log: the WAL, which has all of them, or the WBL, which has
 * those that came out of order.
 *
 * Records stand in the order in which Prometheus writes those of one commit: floats, then
 * histograms by kind. The samples of one series stay in order over all of them: where they would
 * not, what has gathered is closed, and the kinds begin anew.
 *
 * Thread: one at a time.
 */
enum {
    SAMPLE_FLOATS,
    SAMPLE_HISTOGRAMS,
    SAMPLE_CUSTOM,
    SAMPLE_FLOAT_HISTOGRAMS,
    SAMPLE_FLOAT_CUSTOM,
    SAMPLE_KINDS
};

/* A record is closed when it has so many bytes. */
#define SAMPLE_RECORD_SIZE_MAX ((size_t)1 << 20)

struct sample_log {
    struct wal_writer *log; /* borrowed */
    struct wal_encoder kinds[SAMPLE_KINDS];
};

void sample_log_done(struct sample_log *log);

/* The records wait in the writer, to be flushed. `late`: only samples out of order. */
void sample_log_add(struct sample_log *log, const struct append_run *run, bool late,
                    bool with_starts);

/* Hands a record over, if it holds anything. */
void sample_log_close(struct wal_writer *log, struct wal_encoder *encoder);

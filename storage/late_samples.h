#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "storage/append_run.h"
#include "storage/head.h"

/*
 * Samples out of order, where they are taken (db_options.late_window_ms): a log of their own, the
 * WBL, and what they need to become blocks. In memory they are part of their series
 * (live_series.h), so selects find them like any others.
 *
 *     late_samples_log, _apply    as part of a batch
 *     late_samples_cut            what is there by now has a mark: those before it
 *     late_samples_range          the times of these
 *     compact_late                become blocks (compact_write.h)
 *     late_samples_trim           and go, out of memory and out of the log
 *
 * Thread: `head.changing` is held for what belongs to a batch; the others take it themselves.
 */
struct late_samples;
struct head_state;
struct live_series;

/* Where such samples are taken or a log has some; else there is nothing to open. */
bool late_samples_open(struct head *head, struct err *err) MUST_CHECK;

/* As db_set_late_window; takes head.changing. */
bool late_samples_set_window(struct head *head, int64_t window_ms, struct err *err) MUST_CHECK;
void late_samples_close(struct late_samples *late);

/* Those of a batch into the log. */
bool late_samples_log(struct head *head, const struct append_run *run, struct err *err) MUST_CHECK;

/* One of both, into memory; with the head's lock. False: there is one at its time. */
bool late_samples_apply(struct head_state *state, struct live_series *series,
                        const struct append_sample *sample,
                        const struct append_histogram *histogram);

/* As wal_writer_counters, wal_writer_position and wal_writer_sync, of their log. */
void late_samples_counters(const struct head *head, struct wal_counters *ret_counters);
uint64_t late_samples_position(const struct head *head);
bool late_samples_sync(struct head *head, uint64_t position, struct err *err) MUST_CHECK;

/* *ret_mark 0: there is nothing to be cut. */
bool late_samples_cut(struct head *head, uint32_t *ret_mark, struct err *err) MUST_CHECK;

/* Both ends included; false: there are none. */
bool late_samples_range(struct head *head, int64_t *ret_begin_ms, int64_t *ret_end_ms);

/* Selects find those before the mark in blocks: they go out of memory, and out of the log. */
bool late_samples_trim(struct head *head, uint32_t mark, struct err *err) MUST_CHECK;

/*
 * Removes what trims have left of the log. To be done before anything relies on the log having no
 * more than memory: a restart would bring back what was deleted since, for deletes are logged for
 * what is in memory only, and checkpoints keep them only as long. One at a time, with the trims.
 */
bool late_samples_settle(struct head *head, struct err *err) MUST_CHECK;

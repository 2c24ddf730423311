#pragma once

#include <stdbool.h>

#include "storage/append.h"
#include "storage/head.h"

/* The writing side of a head; append.h says what a batch is. */

/*
 * After the first refresh: cuts off what a killed writer has left behind the last whole record and
 * the last whole head chunk, and begins a segment. From now on nothing is read again that is in the
 * files; head_append may be called.
 */
bool head_begin_writing(struct head *head, struct err *err) MUST_CHECK;

/* As db_append. Thread: any. */
bool head_append(struct head *head, const struct append_batch *batch, enum append_mode mode,
                 struct append_result *ret_result, struct err *err) MUST_CHECK;

/* As db_append_notes. Thread: any. */
bool head_append_notes(struct head *head, const struct append_note *notes, size_t count,
                       struct err *err) MUST_CHECK;

struct head_writer;
struct wal_writer;
struct told_metadata;

/* Its log; with `changing` held, as all that writes. */
struct wal_writer *head_writer_log(struct head_writer *writer);

/* What was told last of each series' metadata. */
struct told_metadata *head_writer_told(struct head_writer *writer);
void head_writer_destroy(struct head_writer *writer);

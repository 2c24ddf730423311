#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "query-tee/answer_item.h"
#include "query-tee/answer_kind.h"

/*
 * Reads an answer of Prometheus's API as a stream: its items come out one by one, and only one of
 * them is in memory. The rest of the answer (status, warnings, ...) may stand before or behind its
 * data, and is complete at the end.
 *
 * Fails with ERR_CORRUPT, and the offset of the byte, for a body that is no such answer or that
 * ends too early; with ERR_LIMIT for an item that is too large; with the spool's own error where
 * its writer failed.
 *
 * Thread: one at a time. It waits for a body that is still being written.
 */
struct spool;
struct answer_reader;

enum answer_pull {
    ANSWER_ERR = -1, /* err is set; only destroy may follow */
    ANSWER_END = 0,
    ANSWER_ITEM = 1,
};

/* What stands beside the data; texts that are not there have a NULL pointer. */
struct answer_envelope {
    struct str status;
    struct str error_type;
    struct str error;
    struct str result_type;
    struct str *warnings;
    size_t warning_count;
    struct str *infos;
    size_t info_count;
    bool has_data;
    bool pair; /* the result is a time and a value: a scalar, or a string */
};

/* The spool must outlive it. */
struct answer_reader *answer_reader_create(struct spool *spool, enum answer_kind kind,
                                           size_t item_size_max);
void answer_reader_destroy(struct answer_reader *reader);

/* The next item, or the end, from which on the envelope is complete. */
enum answer_pull answer_reader_next(struct answer_reader *reader, struct err *err) MUST_CHECK;

/*
 * Is the next item byte for byte the newest one of `like`, and is that seen at once? Then it has
 * been passed, unread: this reader's own newest item stays what it was.
 */
bool answer_reader_pass_same(struct answer_reader *reader, const struct answer_reader *like);

/* Reads the item that began at this place of the body; a reader for this has no other use. */
bool answer_reader_item_at(struct answer_reader *reader, uint64_t place, struct err *err)
    MUST_CHECK;

/* The newest item, its place in the body, and the envelope; borrowed, until the next one is read.
 */
const struct answer_item *answer_reader_item(const struct answer_reader *reader);
uint64_t answer_reader_place(const struct answer_reader *reader);
const struct answer_envelope *answer_reader_envelope(const struct answer_reader *reader);

DEFINE_AUTO(struct answer_reader *, answer_reader_destroy)

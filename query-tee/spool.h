#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/err.h"

/*
 * The body of an answer: written once from front to back, and read from any place while it still
 * grows. What comes first lies in memory; from `memory_max` on, or once the budget for memory is
 * used up, bytes go to a temporary file that has no name. So a body of any size costs a bounded
 * amount of memory.
 *
 * A body that outgrows its limit fails, unless somebody follows it (a client that it is handed on
 * to): then what the follower has read is dropped, and the writer waits for the follower. The
 * others' reads of what was dropped fail with ERR_LIMIT.
 *
 * Reads wait for the writer, which must end the spool or fail it, whatever happens; it goes when
 * writer and readers are done with it.
 *
 * Thread: one writer, any number of readers; all functions of readers from any thread.
 */
struct spool;

struct spool_options {
    size_t memory_max;
    uint64_t size_max;
    struct budget *memory; /* NULL: not charged */
    struct budget *disk;   /* NULL: not charged */
    const char *folder;    /* of the temporary file */
};

/* The options' texts and budgets must outlive it. */
struct spool *spool_create(const struct spool_options *options);
void spool_destroy(struct spool *spool);

/* For tests: a complete body that is there already. */
struct spool *spool_of(const void *bytes, size_t size);

/*
 * The writer's. False: ERR_LIMIT, it is longer than it may be, or the disk's budget is used up;
 * ERR_IO, it cannot be written. The writer then fails the spool.
 */
bool spool_append(struct spool *spool, const void *bytes, size_t size, struct err *err) MUST_CHECK;

/* The writer's as well: as much as memory takes without waiting for anything; how much that was. */
size_t spool_append_at_once(struct spool *spool, const void *bytes, size_t size);
void spool_end(struct spool *spool);
void spool_fail(struct spool *spool, const struct err *err);

/*
 * Up to `size_max` bytes from `offset` on; waits until there is at least one. *ret_size 0: the body
 * has ended there. False: the writer's error, ERR_IO, or ERR_LIMIT for bytes that were dropped;
 * bytes in front of the writer's failure are still read.
 */
bool spool_read(struct spool *spool, uint64_t offset, void *out, size_t size_max, size_t *ret_size,
                struct err *err) MUST_CHECK;

/*
 * Waits until there is something behind `offset`: how much, by now. Errors as spool_read's, and
 * ERR_CANCELED within 50 ms once `cancel` is true (NULL: never).
 */
bool spool_await(struct spool *spool, uint64_t offset, const _Atomic bool *cancel,
                 uint64_t *ret_size, struct err *err) MUST_CHECK;

/* Waits for the end. False: the writer's error. */
bool spool_wait(struct spool *spool, struct err *err) MUST_CHECK;

/* What there is of it by now. */
uint64_t spool_size(struct spool *spool);

/*
 * One reader is the follower: it says up to where it has read, and in the end that it reads no
 * more.
 */
void spool_follow(struct spool *spool);
void spool_followed(struct spool *spool, uint64_t offset);
void spool_unfollow(struct spool *spool);

DEFINE_AUTO(struct spool *, spool_destroy)

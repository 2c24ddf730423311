#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/err.h"

/*
 * Bytes put away while they come, to be read later and in another order: the first SPOOL_HELD_SIZE
 * in memory, all once they are more in a file without a name, which goes away with the spool. What
 * is written lies in the system's cache, not in the process.
 *
 * Thread: one appends; then any number may read.
 */
struct spool;

#define SPOOL_HELD_SIZE ((size_t)256 << 10)

/* Where files are made, and what may be held. */
struct spool_place {
    const char *folder;
    struct budget *disk;   /* of all such files */
    struct budget *memory; /* of who asks */
};

/* The folder's name and the budgets outlive the spool. ERR_LIMIT: there is no memory for it. */
bool spool_create(const struct spool_place *place, struct spool **ret_spool, struct err *err)
    MUST_CHECK;
void spool_destroy(struct spool *spool);

/* ERR_IO: the file cannot be made or written; ERR_LIMIT: a budget is used up. */
bool spool_append(struct spool *spool, const void *bytes, size_t len, struct err *err) MUST_CHECK;
uint64_t spool_size(const struct spool *spool);

/* `len` bytes from `at` on, which have been appended. ERR_IO. */
bool spool_read(const struct spool *spool, uint64_t at, void *bytes, size_t len, struct err *err)
    MUST_CHECK;

DEFINE_AUTO(struct spool *, spool_destroy)

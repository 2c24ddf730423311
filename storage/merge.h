#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/remote/read_client.h"
#include "storage/select.h"

/*
 * The local database and any number of other servers as one storage: series merged in the order of
 * their labels, samples of one time counted once. The servers are asked at once, while the local
 * database is read.
 *
 * A server that fails fails the select, with an error that names it; one that may be left out
 * (read_client_options.partial) becomes a warning. Where no server is to be asked, the answer is
 * the local storage's own.
 *
 * Thread: any.
 */
struct merge_options {
    struct storage *local;
    struct read_client *const *clients; /* borrowed, as is all else */
    size_t client_count;
    /* When what the local storage has begins: servers without read_recent are asked for older. */
    int64_t (*local_begin_ms)(void *context);
    void *context;
};

struct storage *merge_create(const struct merge_options *options);
void merge_destroy(struct storage *storage);

#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "query-tee/backend.h"

/* A file larger than this is none of ours. */
#define BACKEND_CONFIG_SIZE_MAX ((size_t)1 << 20)

/*
 * Puts what the file says of each backend into it: request_headers, request_proportion,
 * min_data_queried_age, by host or host:port. An empty path: nothing. ERR_BAD_DATA names the file
 * and the line; ERR_IO, ERR_NOT_FOUND and ERR_LIMIT name the file.
 */
bool backend_config_read(const char *path, struct arena *arena, struct backends *backends,
                         struct err *err) MUST_CHECK;

/* The same of a text that is there already; errors name the line alone. */
bool backend_config_parse(struct str text, struct arena *arena, struct backends *backends,
                          struct err *err) MUST_CHECK;

#pragma once

#include <stdbool.h>

#include "base/err.h"

struct db_options;
struct serve_options;
struct server;

/*
 * The command line of `millrace serve`: what can be told of it before anything is opened.
 *
 * Thread: one.
 */

/* ERR_BAD_DATA: one sentence that names the flag. *ret_help: help is wanted, and nothing else. */
bool serve_flags_read(struct server *server, int argc, char **argv, bool *ret_help, struct err *err)
    MUST_CHECK;

/* For --help. */
void serve_flags_help(void);

/* What the flags of the log say. */
bool wal_options_read(const struct serve_options *options, struct db_options *ret_options,
                      struct err *err) MUST_CHECK;

#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "storage/select.h"

struct server;

/*
 * remote_read of the configuration: the servers that are asked beside the local database, and how:
 * requests over the server's HTTP client, with the endpoint's headers and secrets.
 */
struct remote;

struct config;

/* What all queries read: the local database, and the endpoints if there are any. `config` is
 * borrowed until the end. */
struct remote *remote_create(struct server *server, const struct config *config);
struct storage *remote_storage(struct remote *remote);
void remote_destroy(struct remote *remote);

#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config/config.h"
#include "server/remote.h"
#include "storage/retention.h"

struct server;

/*
 * What the configuration file says, in force. Whoever needs it takes it once, and keeps it to the
 * end of what it does: a file that is read again puts others into its place, whole, for those that
 * come after.
 *
 * Thread: any; nothing in it changes once it is in force.
 */
struct settings {
    _Atomic size_t refs;
    struct config config;
    struct retention retention; /* the file's, or else the flags' */
    size_t exemplar_count_max;
    struct remote *remote; /* NULL until the database is open */
};

/* The settings in force, and how the file was read last. */
struct settings_place {
    pthread_mutex_t lock; /* moments: `now` */
    struct settings *now;
    pthread_mutex_t reloading; /* one at a time */
    _Atomic bool good;         /* the file, the last time it was read */
    _Atomic int64_t good_ms;   /* when it was good last, */
    _Atomic int64_t tried_ms;  /* and when it was read last */
};

void settings_init(struct server *server);

/* Reads the file for the first time, or what holds without one. Errors as config_open's. */
bool settings_begin(struct server *server, struct err *err) MUST_CHECK;
void settings_end(struct server *server);

/* The database is open: from now on `remote` is there. Before anybody else uses it. */
void settings_connect(struct server *server);

/*
 * Reads the file again and puts what it says in force: for the database, and for the requests that
 * begin after. On an error all stays as it was; the error is logged as well.
 */
bool settings_reload(struct server *server, struct err *err) MUST_CHECK;

/* Those in force; a reference for the caller. */
struct settings *settings_ref(struct server *server);
void settings_unref(struct settings *settings);

/* What all queries read. */
static inline struct storage *settings_storage(const struct settings *settings)
{
    return remote_storage(settings->remote);
}

DEFINE_AUTO(struct settings *, settings_unref)

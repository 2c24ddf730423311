#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/recent_times.h"
#include "engine/engine.h"
#include "http/client.h"
#include "http/cors.h"
#include "http/listen.h"
#include "model/flags.h"
#include "server/feature_flags.h"
#include "server/gate.h"
#include "server/lifecycle.h"
#include "server/metadata.h"
#include "server/metrics.h"
#include "server/prefix.h"
#include "server/read_metrics.h"
#include "server/receiver.h"
#include "server/self_monitor.h"
#include "server/settings.h"
#include "storage/db.h"
#include "storage/exemplars.h"

/* The flags of `millrace serve`, as serve.def lists them. */
struct serve_options {
#define MEMBER_TEXT const char *
#define MEMBER_SWITCH bool
#define MEMBER_COUNT int64_t
#define MEMBER_DURATION int64_t
#define MEMBER_SIZE int64_t
#define FLAG(member, kind, name, fallback, value, help) MEMBER_##kind member;
#include "server/serve.def"
#undef FLAG
};

extern const struct flag serve_flags[];
extern const size_t serve_flag_count;

/*
 * What the handlers of all requests share. Made before the first request comes, but for what waits
 * for the database (lifecycle.h), and there until the last has gone.
 *
 * Thread: any; what changes has its own locks or is atomic.
 */
struct server {
    struct serve_options options;
    const char **flag_texts; /* one a flag of serve_flags */
    struct log log;
    struct features features;
    enum engine_fallback fallback;
    bool disabled[FN_COUNT];  /* functions */
    const char *fallback_url; /* of a Prometheus; NULL: none */
    struct client *client;    /* of all that is asked elsewhere */
    struct lifecycle lifecycle;
    struct settings_place settings; /* what --config.file says */
    struct db_reading reading;      /* of the log, while the database is being opened */
    struct db *db;                  /* once it is ready, as the engine */
    struct engine *engine;
    struct listener *_Atomic listener; /* NULL until it listens */
    struct cors cors;
    struct prefix prefix; /* of all paths */
    struct metrics metrics;
    struct read_metrics read_metrics; /* of remote_read */
    struct recent_times query_times[QUERY_PART_COUNT];
    struct budget listing_budget; /* memory of lists of series and labels, and of remote read */
    struct budget request_budget; /* bodies of requests, and what is made of them */
    struct budget spool_budget;   /* files of what other servers answer */
    struct receiver receiver;
    struct gate read_gate;       /* of remote read */
    struct exemplars *exemplars; /* NULL: the feature is off */
    struct metadata *metadata;   /* that was sent with samples, and of our own metrics */
    struct self_monitor *_Atomic self_monitor; /* NULL: there is none */
    int64_t start_ms;
};

/* "0.1.0", and the commit it was built from; "unknown" if that is not known. */
extern const char server_version[];
extern const char server_api_version[]; /* the Prometheus whose API this is, for clients that ask */
extern const char server_revision[];

/* The commands; argv starts behind the command's name. They give the exit code. */
int command_serve(int argc, char **argv);
int command_query(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_demo_data(int argc, char **argv);

/* Exit codes: it failed; it was asked wrongly. */
#define EXIT_FAILED 1
#define EXIT_USAGE 2

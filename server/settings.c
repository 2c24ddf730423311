#include "server/settings.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/server.h"

static void settings_warn(void *context, const char *message)
{
    log_message(context, LOG_LEVEL_WARN, message);
}

/* The file's section is taken as a whole, as Prometheus has it: what it leaves out is not set. */
static struct retention settings_retention(const struct server *server, const struct config *config)
{
    if (config->retention.is_there)
        return (struct retention){
            .time_ms = config->retention.time_ms,
            .size_bytes = (uint64_t)config->retention.size_bytes,
            .disk_percent = config->retention.percentage,
        };
    return (struct retention){
        .time_ms = server->options.retention_ms,
        .size_bytes = (uint64_t)server->options.retention_bytes,
    };
}

static bool settings_read(struct server *server, struct settings **ret_settings, struct err *err)
{
    const char *path = server->options.config_file;
    struct config_source source = {*path ? path : NULL, settings_warn, &server->log};
    AUTO(settings_unref) struct settings *settings = mem_new(struct settings);
    atomic_init(&settings->refs, 1);
    if (!config_open(&source, &settings->config, err))
        return false;
    settings->retention = settings_retention(server, &settings->config);
    int64_t exemplars = settings->config.exemplar_count_max;
    settings->exemplar_count_max =
        (size_t)(exemplars >= 0 ? exemplars : server->options.exemplar_count_max);
    *ret_settings = TAKE(settings);
    return true;
}

void settings_init(struct server *server)
{
    pthread_mutex_init(&server->settings.lock, NULL);
    pthread_mutex_init(&server->settings.reloading, NULL);
}

bool settings_begin(struct server *server, struct err *err)
{
    struct settings_place *place = &server->settings;
    if (!settings_read(server, &place->now, err))
        return err_wrap(err, "flag --config.file");
    atomic_store(&place->good, true);
    atomic_store(&place->good_ms, clock_now_ms());
    return true;
}

void settings_end(struct server *server)
{
    struct settings_place *place = &server->settings;
    settings_unref(place->now);
    pthread_mutex_destroy(&place->lock);
    pthread_mutex_destroy(&place->reloading);
}

void settings_connect(struct server *server)
{
    struct settings *settings = server->settings.now;
    settings->remote = remote_create(server, &settings->config);
}

struct settings *settings_ref(struct server *server)
{
    struct settings_place *place = &server->settings;
    pthread_mutex_lock(&place->lock);
    struct settings *settings = place->now;
    atomic_fetch_add_explicit(&settings->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&place->lock);
    return settings;
}

void settings_unref(struct settings *settings)
{
    if (!settings || atomic_fetch_sub(&settings->refs, 1) != 1)
        return;
    remote_destroy(settings->remote);
    config_done(&settings->config);
    free(settings);
}

/* What can fail comes first, and then all of it is in force at once. */
static bool settings_apply(struct server *server, struct settings *settings, struct err *err)
{
    struct settings_place *place = &server->settings;
    if (!server->options.read_only) {
        if (!db_set_late_window(server->db, settings->config.out_of_order_window_ms, err))
            return false;
        db_set_retention(server->db, &settings->retention);
    }
    if (server->exemplars)
        exemplars_resize(server->exemplars, settings->exemplar_count_max);
    settings->remote = remote_create(server, &settings->config);
    pthread_mutex_lock(&place->lock);
    struct settings *old = place->now;
    place->now = settings;
    pthread_mutex_unlock(&place->lock);
    settings_unref(old);
    return true;
}

static void log_reload(struct server *server, int64_t begin_ns, const struct err *err)
{
    struct log_line line =
        err ? log_begin(&server->log, LOG_LEVEL_ERROR, "Error reloading config")
            : log_begin(&server->log, LOG_LEVEL_INFO, "Completed loading of configuration file");
    log_text(&line, "filename", server->options.config_file);
    if (err)
        log_text(&line, "err", err->msg);
    else
        log_duration(&line, "totalDuration", clock_monotonic_ns() - begin_ns);
    log_end(&line);
}

bool settings_reload(struct server *server, struct err *err)
{
    struct settings_place *place = &server->settings;
    struct settings *settings = NULL;
    int64_t begin_ns = clock_monotonic_ns();
    pthread_mutex_lock(&place->reloading);
    bool good = settings_read(server, &settings, err);
    if (!good)
        err_wrap(err, "couldn't load configuration (--config.file=\"%s\")",
                 server->options.config_file);
    if (good && !settings_apply(server, settings, err)) {
        settings_unref(settings);
        good = err_wrap(err, "cannot apply the configuration (--config.file=\"%s\")",
                        server->options.config_file);
    }
    int64_t now_ms = clock_now_ms();
    atomic_store(&place->tried_ms, now_ms);
    if (good)
        atomic_store(&place->good_ms, now_ms);
    atomic_store(&place->good, good);
    log_reload(server, begin_ns, good ? NULL : err);
    pthread_mutex_unlock(&place->reloading);
    return good;
}

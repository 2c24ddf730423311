/* A web service: requests by handler, method and code, their latencies, queues, and its build. */
#include "model/sample.h"
#include "server/demo/fleet.h"

#define HANDLER_COUNT 6
#define CODE_COUNT 3
#define BUCKET_COUNT 11
#define QUEUE_COUNT 2
#define VERSION_COUNT 2

static const struct {
    const char *path;
    const char *method;
    double share; /* of all requests */
    double latency;
} handlers[HANDLER_COUNT] = {
    {"/", "GET", 0.34, 0.018},          {"/api/items", "GET", 0.3, 0.045},
    {"/api/items", "POST", 0.08, 0.11}, {"/api/orders", "POST", 0.05, 0.24},
    {"/search", "GET", 0.22, 0.16},     {"/health", "GET", 0.01, 0.002},
};

static const struct {
    const char *code;
    double share;
} codes[CODE_COUNT] = {{"200", 0.97}, {"404", 0.024}, {"500", 0.006}};

static const struct {
    const char *text;
    double le;
} bounds[BUCKET_COUNT] = {
    {"0.005", 0.005}, {"0.01", 0.01}, {"0.025", 0.025}, {"0.05", 0.05},
    {"0.1", 0.1},     {"0.25", 0.25}, {"0.5", 0.5},     {"1", 1},
    {"2.5", 2.5},     {"5", 5},       {"10", 10},
};

static const char *const queues[QUEUE_COUNT] = {"mail", "thumbnails"};
static const char *const versions[VERSION_COUNT] = {"2.4.1", "2.5.0"};
static const char *const revisions[VERSION_COUNT] = {"5f1c2ab", "9d07e34"};

struct app {
    size_t requests[HANDLER_COUNT][CODE_COUNT]; /* series */
    size_t buckets[HANDLER_COUNT][BUCKET_COUNT + 1];
    size_t sums[HANDLER_COUNT];
    size_t counts[HANDLER_COUNT];
    size_t queue_lengths[QUEUE_COUNT];
    size_t builds[VERSION_COUNT];
    size_t errors; /* never moves */
    size_t memory;
    size_t started;
    size_t in_flight;

    double request_values[HANDLER_COUNT][CODE_COUNT];
    double bucket_values[HANDLER_COUNT][BUCKET_COUNT + 1];
    double sum_values[HANDLER_COUNT];
    double queue_values[QUEUE_COUNT];
    double memory_value;
    double started_value;
    double rate;  /* requests a second at the busiest */
    double phase; /* when that is */
    size_t start_count;
};

static void app_declare_handler(struct target *target, struct app *app, size_t h)
{
    for (size_t c = 0; c < CODE_COUNT; c++)
        app->requests[h][c] =
            target_series(target, "http_requests_total", "handler", handlers[h].path, "method",
                          handlers[h].method, "code", codes[c].code, NULL);
    for (size_t b = 0; b <= BUCKET_COUNT; b++)
        app->buckets[h][b] = target_series(
            target, "http_request_duration_seconds_bucket", "handler", handlers[h].path, "method",
            handlers[h].method, "le", b < BUCKET_COUNT ? bounds[b].text : "+Inf", NULL);
    app->sums[h] = target_series(target, "http_request_duration_seconds_sum", "handler",
                                 handlers[h].path, "method", handlers[h].method, NULL);
    app->counts[h] = target_series(target, "http_request_duration_seconds_count", "handler",
                                   handlers[h].path, "method", handlers[h].method, NULL);
}

static void app_declare(struct target *target)
{
    struct app *app = target->state;
    for (size_t h = 0; h < HANDLER_COUNT; h++)
        app_declare_handler(target, app, h);
    for (size_t q = 0; q < QUEUE_COUNT; q++)
        app->queue_lengths[q] = target_series(target, "queue_length", "queue", queues[q], NULL);
    for (size_t v = 0; v < VERSION_COUNT; v++)
        app->builds[v] = target_series(target, "build_info", "version", versions[v], "revision",
                                       revisions[v], NULL);
    app->errors = target_series(target, "http_panics_total", NULL);
    app->in_flight = target_series(target, "http_requests_in_flight", NULL);
    app->memory = target_series(target, "process_resident_memory_bytes", NULL);
    app->started = target_series(target, "process_start_time_seconds", NULL);
    app->rate = random_in(&target->random, 20, 120);
    app->phase = random_in(&target->random, 0, 0.1);
}

static void app_start(struct target *target, int64_t time_ms)
{
    struct app *app = target->state;
    for (size_t h = 0; h < HANDLER_COUNT; h++) {
        for (size_t c = 0; c < CODE_COUNT; c++)
            app->request_values[h][c] = 0;
        for (size_t b = 0; b <= BUCKET_COUNT; b++)
            app->bucket_values[h][b] = 0;
        app->sum_values[h] = 0;
    }
    /* The first process is older than the data. */
    double age = app->start_count ? 0 : random_in(&target->random, 1e5, 1e6);
    app->started_value = (double)(int64_t)((double)time_ms / 10 - age * 100) / 100;
    app->memory_value = 9e7;
    app->start_count++;
}

/* Requests of one handler since the last scrape, and where their latencies fall. */
static void app_serve(struct target *target, struct app *app, size_t h, double mean, double slow)
{
    struct random *random = &target->random;
    double served = 0;
    for (size_t c = 0; c < CODE_COUNT; c++) {
        /* /health never fails: idle series. */
        double n =
            handlers[h].share < 0.02 && c > 0 ? 0 : random_count(random, mean * codes[c].share);
        app->request_values[h][c] += n;
        served += n;
        target->values[app->requests[h][c]] = app->request_values[h][c];
    }
    double latency = handlers[h].latency * slow;
    for (size_t b = 0; b < BUCKET_COUNT; b++) {
        double ratio = latency / bounds[b].le;
        app->bucket_values[h][b] += (double)(int64_t)(served / (1 + ratio * ratio) + 0.5);
        target->values[app->buckets[h][b]] = app->bucket_values[h][b];
    }
    app->bucket_values[h][BUCKET_COUNT] += served;
    app->sum_values[h] += served * latency * random_in(random, 1.2, 1.4);
    target->values[app->buckets[h][BUCKET_COUNT]] = app->bucket_values[h][BUCKET_COUNT];
    target->values[app->counts[h]] = app->bucket_values[h][BUCKET_COUNT];
    target->values[app->sums[h]] = app->sum_values[h];
}

static void app_scrape(struct target *target, int64_t time_ms, double seconds)
{
    struct app *app = target->state;
    struct random *random = &target->random;
    double day = (double)(time_ms % 86400000) / 86400000;
    double load = 0.35 + 0.65 * random_wave(day + app->phase);
    double slow = 0.8 + 0.6 * load + 0.1 * random_bell(random);
    if (time_ms / 1800000 % 11 == (int64_t)(target->number % 11))
        slow *= 3; /* a bad half hour */
    slow = slow > 0.3 ? slow : 0.3;
    for (size_t h = 0; h < HANDLER_COUNT; h++)
        app_serve(target, app, h, app->rate * load * seconds * handlers[h].share, slow);

    for (size_t q = 0; q < QUEUE_COUNT; q++) {
        double pull = (30 * load * slow - app->queue_values[q]) * 0.1;
        double next = app->queue_values[q] + pull + 4 * random_bell(random);
        app->queue_values[q] = next > 0 ? (double)(int64_t)next : 0;
        target->values[app->queue_lengths[q]] = app->queue_values[q];
    }
    size_t version = app->start_count > 1 ? 1 : 0;
    target->values[app->builds[version]] = 1;
    target->values[app->errors] = 0;
    target->values[app->in_flight] = (double)(int64_t)(load * slow * random_in(random, 2, 9));
    app->memory_value +=
        (2.4e8 * load + 6e7 - app->memory_value) * 0.02 + 2e5 * random_bell(random);
    target->values[app->memory] = (double)((int64_t)(app->memory_value / 4096) * 4096);
    target->values[app->started] = app->started_value;
}

const struct target_class target_app = {
    .name = "app",
    .state_size = sizeof(struct app),
    .declare = app_declare,
    .start = app_start,
    .scrape = app_scrape,
};

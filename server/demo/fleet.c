#include "server/demo/fleet.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "model/sample.h"
#include "model/symbols.h"

/* Scrapes come a little late, by so much at most. */
#define JITTER_MS 4

/* One instance in so many leaves for good, and another takes its place. */
#define REPLACED_EVERY 10
#define REPLACED_FIRST 7

static const char *const jobs[] = {"shop", "checkout", "inventory"};

size_t target_series(struct target *target, const char *metric, ...)
{
    struct fleet *fleet = target->fleet;
    struct labels_builder builder = {0};
    labels_builder_reset(&builder, fleet->symbols, &labels_empty);
    labels_builder_set(&builder, SYM_NAME, symbols_add(fleet->symbols, str_of(metric)));
    labels_builder_set(&builder, symbols_add(fleet->symbols, STR("job")),
                       symbols_add(fleet->symbols, str_of(target->job)));
    labels_builder_set(&builder, symbols_add(fleet->symbols, STR("instance")),
                       symbols_add(fleet->symbols, str_of(target->instance)));
    va_list ap;
    va_start(ap, metric);
    for (const char *name; (name = va_arg(ap, const char *)) != NULL;)
        labels_builder_set(&builder, symbols_add(fleet->symbols, str_of(name)),
                           symbols_add(fleet->symbols, str_of(va_arg(ap, const char *))));
    va_end(ap);

    if (target->count == target->cap) {
        size_t cap = target->cap ? target->cap * 2 : 64;
        const struct labels **labels = arena_array(fleet->arena, const struct labels *, cap);
        if (target->count)
            memcpy(labels, target->labels, target->count * sizeof *labels);
        target->labels = labels;
        target->cap = cap;
    }
    target->labels[target->count] = labels_builder_labels(&builder, fleet->arena);
    labels_builder_done(&builder);
    return target->count++;
}

/* Minutes of silence, the more the longer the time; the first app always has one to show. */
static void target_plan_outages(struct target *target)
{
    const struct fleet_options *options = &target->fleet->options;
    struct random *random = &target->random;
    int64_t span_ms = options->end_ms - options->begin_ms;
    double wanted = target->class == &target_app ? 0.35 : 0.1;
    for (size_t i = 0; i < OUTAGES_MAX; i++) {
        double chance = random_unit(random);
        int64_t at = options->begin_ms + (int64_t)(random_unit(random) * (double)span_ms);
        int64_t length_ms = (int64_t)(random_in(random, 1, 12) * 60000);
        bool shown = target->number == 0 && target->class == &target_app && i == 0;
        if (shown)
            at = options->begin_ms + span_ms * 5 / 8;
        if (chance < wanted || shown)
            target->outages[target->outage_count++] = (struct outage){at, at + length_ms};
    }
}

static void target_init(struct target *target, struct fleet *fleet,
                        const struct target_class *class, const char *job, const char *instance)
{
    *target = (struct target){
        .class = class,
        .fleet = fleet,
        .job = job,
        .instance = instance,
        .begin_ms = fleet->options.begin_ms,
        .end_ms = fleet->options.end_ms,
    };
    target->random = random_of(fleet->options.seed, fleet->target_count);
    target->state = arena_alloc(fleet->arena, 1, class->state_size);
    target->offset_ms =
        (int64_t)(random_unit(&target->random) * (double)fleet->options.interval_ms);
    target->up = target_series(target, "up", NULL);
    target->duration = target_series(target, "scrape_duration_seconds", NULL);
    target->scraped = target_series(target, "scrape_samples_scraped", NULL);
    class->declare(target);
    target->values = arena_array(fleet->arena, double, target->count);
    fleet->series_count += target->count;
    fleet->target_count++;
}

static const char *instance_name(struct fleet *fleet, size_t number, int port)
{
    return arena_printf(fleet->arena, "10.%zu.%zu.%zu:%d", number / 62500 % 256, number / 250 % 250,
                        number % 250 + 1, port);
}

/* The application and the machine of one instance. */
static void fleet_add_instance(struct fleet *fleet, size_t number, size_t address, int64_t begin_ms,
                               int64_t end_ms)
{
    for (size_t i = 0; i < 2; i++) {
        struct target *target = &fleet->targets[fleet->target_count];
        const char *job = i == 0 ? jobs[number % ARRAY_COUNT(jobs)] : "node";
        const char *instance = instance_name(fleet, address, i == 0 ? 8080 : 9100);
        target_init(target, fleet, i == 0 ? &target_app : &target_node, job, instance);
        target->number = number;
        target->begin_ms = begin_ms;
        target->end_ms = end_ms;
        target_plan_outages(target);
    }
}

void fleet_init(struct fleet *fleet, const struct fleet_options *options, struct arena *arena,
                struct symbols *symbols)
{
    *fleet = (struct fleet){.options = *options, .arena = arena, .symbols = symbols};
    size_t replaced = options->instance_count / REPLACED_EVERY + 1;
    fleet->targets = arena_array(arena, struct target, 2 * (options->instance_count + replaced));
    int64_t span_ms = options->end_ms - options->begin_ms;
    for (size_t i = 0; i < options->instance_count; i++) {
        if (i % REPLACED_EVERY != REPLACED_FIRST) {
            fleet_add_instance(fleet, i, i, options->begin_ms, options->end_ms);
            continue;
        }
        int64_t left_ms = options->begin_ms + span_ms * 3 / 5;
        fleet_add_instance(fleet, i, i, options->begin_ms, left_ms);
        fleet_add_instance(fleet, i, options->instance_count + i, left_ms + 120000,
                           options->end_ms);
    }
}

/* Always the same for a scrape, whenever it is asked for. */
static int64_t target_time_ms(const struct target *target, int64_t step)
{
    const struct fleet_options *options = &target->fleet->options;
    uint64_t late =
        random_mix((uint64_t)step ^ (uint64_t)target->offset_ms << 20) % (JITTER_MS + 1);
    int64_t into = target->begin_ms % options->interval_ms;
    int64_t first = target->begin_ms + (into ? options->interval_ms - into : 0);
    return first + step * options->interval_ms + target->offset_ms + (int64_t)late;
}

int64_t target_next_ms(const struct target *target)
{
    int64_t time_ms = target_time_ms(target, target->step);
    return time_ms > target->end_ms ? INT64_MAX : time_ms;
}

bool target_ends(const struct target *target)
{
    return target->end_ms < target->fleet->options.end_ms &&
           target_time_ms(target, target->step + 1) > target->end_ms;
}

static bool target_is_out(const struct target *target, int64_t time_ms)
{
    for (size_t i = 0; i < target->outage_count; i++)
        if (time_ms >= target->outages[i].begin_ms && time_ms < target->outages[i].end_ms)
            return true;
    return false;
}

void target_scrape(struct target *target)
{
    int64_t time_ms = target_next_ms(target);
    bool out = target_is_out(target, time_ms);
    bool ends = target_ends(target);
    for (size_t i = 0; i < target->count; i++)
        target->values[i] = value_stale();
    if (!out && (target->down || !target->started)) {
        target->class->start(target, time_ms);
        target->started = true;
    }
    target->down = out;
    if (!ends) {
        target->values[target->up] = out ? 0 : 1;
        double took = out ? 10 : random_in(&target->random, 0.002, 0.02);
        target->values[target->duration] = (double)(int64_t)(took * 1e6) / 1e6;
        target->values[target->scraped] = out ? 0 : (double)(target->count - 3);
    }
    if (!out && !ends)
        target->class->scrape(target, time_ms, (double)target->fleet->options.interval_ms / 1000);
    target->step++;
}

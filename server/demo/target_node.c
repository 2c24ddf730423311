/* A machine: CPU time by core and mode, memory, load, temperatures, disks. */
#include "server/demo/fleet.h"

#define CORE_COUNT 4
#define MODE_COUNT 8
#define DISK_COUNT 2

static const char *const cores[CORE_COUNT] = {"0", "1", "2", "3"};
static const char *const modes[MODE_COUNT] = {"idle",    "iowait", "irq",    "nice",
                                              "softirq", "steal",  "system", "user"};
static const char *const disks[DISK_COUNT] = {"sda", "sdb"};

/* Shares of the time that a core is not idle; nice and steal never move. */
static const double mode_shares[MODE_COUNT] = {0, 0.06, 0.01, 0, 0.03, 0, 0.2, 0.7};

#define MEMORY_TOTAL 16777216000.0

struct node {
    size_t cpu[CORE_COUNT][MODE_COUNT]; /* series */
    size_t read_bytes[DISK_COUNT];
    size_t written_bytes[DISK_COUNT];
    size_t memory_total;
    size_t memory_available;
    size_t load1;
    size_t temperatures[2];
    size_t boot_time;

    double cpu_values[CORE_COUNT][MODE_COUNT];
    double read_values[DISK_COUNT];
    double written_values[DISK_COUNT];
    double available;
    double load;
    double temperature_values[2];
    double boot_value;
    double phase;
    bool booted;
};

static void node_declare(struct target *target)
{
    struct node *node = target->state;
    for (size_t c = 0; c < CORE_COUNT; c++)
        for (size_t m = 0; m < MODE_COUNT; m++)
            node->cpu[c][m] = target_series(target, "node_cpu_seconds_total", "cpu", cores[c],
                                            "mode", modes[m], NULL);
    for (size_t d = 0; d < DISK_COUNT; d++) {
        node->read_bytes[d] =
            target_series(target, "node_disk_read_bytes_total", "device", disks[d], NULL);
        node->written_bytes[d] =
            target_series(target, "node_disk_written_bytes_total", "device", disks[d], NULL);
    }
    node->memory_total = target_series(target, "node_memory_MemTotal_bytes", NULL);
    node->memory_available = target_series(target, "node_memory_MemAvailable_bytes", NULL);
    node->load1 = target_series(target, "node_load1", NULL);
    node->temperatures[0] =
        target_series(target, "node_temperature_celsius", "sensor", "cpu", NULL);
    node->temperatures[1] =
        target_series(target, "node_temperature_celsius", "sensor", "board", NULL);
    node->boot_time = target_series(target, "node_boot_time_seconds", NULL);
    node->phase = random_in(&target->random, 0, 0.1);
}

static void node_start(struct target *target, int64_t time_ms)
{
    struct node *node = target->state;
    struct random *random = &target->random;
    /* The first start is before the data; a later one is a reboot. */
    double age = node->booted ? 0 : random_in(random, 1e6, 5e6);
    for (size_t c = 0; c < CORE_COUNT; c++)
        for (size_t m = 0; m < MODE_COUNT; m++)
            node->cpu_values[c][m] = m == 0 ? (double)(int64_t)(age * 70) / 100
                                            : (double)(int64_t)(age * 30 * mode_shares[m]) / 100;
    for (size_t d = 0; d < DISK_COUNT; d++) {
        node->read_values[d] = (double)(int64_t)(age * 10) * 4096;
        node->written_values[d] = (double)(int64_t)(age * 30) * 4096;
    }
    node->available = MEMORY_TOTAL * 0.7;
    node->temperature_values[0] = 50;
    node->temperature_values[1] = 38;
    node->boot_value = (double)(time_ms - time_ms % 1000) / 1000 - (double)(int64_t)age;
    node->booted = true;
}

static double hundredths(double v)
{
    return (double)(int64_t)(v * 100 + 0.5) / 100;
}

static void node_scrape_cpu(struct target *target, struct node *node, double busy, double seconds)
{
    struct random *random = &target->random;
    for (size_t c = 0; c < CORE_COUNT; c++) {
        double own = busy * random_in(random, 0.7, 1.3);
        own = own < 0.98 ? own : 0.98;
        for (size_t m = 0; m < MODE_COUNT; m++) {
            double share = m == 0 ? 1 - own : own * mode_shares[m];
            node->cpu_values[c][m] = hundredths(node->cpu_values[c][m] + share * seconds);
            target->values[node->cpu[c][m]] = node->cpu_values[c][m];
        }
    }
}

static void node_scrape(struct target *target, int64_t time_ms, double seconds)
{
    struct node *node = target->state;
    struct random *random = &target->random;
    double day = (double)(time_ms % 86400000) / 86400000;
    double busy = 0.08 + 0.5 * random_wave(day + node->phase) + 0.03 * random_bell(random);
    busy = busy > 0.02 ? busy : 0.02;
    node_scrape_cpu(target, node, busy, seconds);

    for (size_t d = 0; d < DISK_COUNT; d++) {
        node->read_values[d] += 4096 * random_count(random, busy * 60 * seconds);
        node->written_values[d] += 4096 * random_count(random, busy * 200 * seconds);
        target->values[node->read_bytes[d]] = node->read_values[d];
        target->values[node->written_bytes[d]] = node->written_values[d];
    }
    double aim = MEMORY_TOTAL * (0.75 - 0.4 * busy);
    node->available += (aim - node->available) * 0.05 + 3e7 * random_bell(random);
    node->load += (busy * CORE_COUNT * 1.3 - node->load) * 0.2 + 0.05 * random_bell(random);
    node->load = node->load > 0 ? node->load : 0;
    for (size_t i = 0; i < 2; i++) {
        double warm = i == 0 ? 42 + 40 * busy : 36 + 6 * busy;
        double *v = &node->temperature_values[i];
        *v += (warm - *v) * 0.1 + 0.4 * random_bell(random);
        target->values[node->temperatures[i]] = (double)(int64_t)(*v * 2 + 0.5) / 2;
    }
    target->values[node->memory_total] = MEMORY_TOTAL;
    target->values[node->memory_available] = (double)((int64_t)(node->available / 4096) * 4096);
    target->values[node->load1] = hundredths(node->load);
    target->values[node->boot_time] = node->boot_value;
}

const struct target_class target_node = {
    .name = "node",
    .state_size = sizeof(struct node),
    .declare = node_declare,
    .start = node_start,
    .scrape = node_scrape,
};

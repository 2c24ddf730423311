#include "server/config/config.h"

#include <string.h>

#include "base/file.h"
#include "base/quote.h"
#include "model/labels.h"

#define INTERVAL_DEFAULT_MS 60000
#define SCRAPE_TIMEOUT_DEFAULT_MS 10000

#define IN_CONFIG(member) offsetof(struct config, member)

struct expansion {
    struct config_reader *reader;
    const struct yaml_node *node;
};

static void expand_missing(void *context, const char *name)
{
    const struct expansion *expansion = context;
    config_warn(expansion->reader, expansion->node,
                "the environment has no %s, which is taken for empty", name);
}

/* Labels without a value are none; names need not be of the old alphabet. */
static bool read_external_labels(struct config_reader *reader, const struct yaml_node *value,
                                 void *into, struct err *err)
{
    struct config_pairs *labels = into;
    if (!config_read_pairs(reader, value, into, err))
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < labels->count; i++) {
        struct config_pair *label = &labels->items[i];
        if (!*label->name || !utf8_valid(str_of(label->name)))
            return config_fail(reader, value, err, "\"%s\" is no label name", label->name);
        AUTO(buf_done) struct buf text = {0};
        struct expansion expansion = {reader, value};
        config_expand(str_of(label->value), expand_missing, &expansion, &text);
        if (!utf8_valid(buf_view(&text)))
            return config_fail(reader, value, err, "the value of %s is no UTF-8", label->name);
        if (text.len > 0)
            labels->items[kept++] =
                (struct config_pair){label->name, arena_text(reader->arena, buf_view(&text))};
    }
    labels->count = kept;
    return true;
}

static bool read_global(struct config_reader *reader, const struct yaml_node *value, void *into,
                        struct err *err)
{
    /* Who scrapes or evaluates rules uses the others; they are in nearly every file. */
    static const struct config_field fields[] = {
        {"external_labels", read_external_labels, IN_CONFIG(external_labels)},
        {"scrape_interval", config_read_duration, IN_CONFIG(scrape_interval_ms)},
        {"scrape_timeout", config_read_duration, IN_CONFIG(scrape_timeout_ms)},
        {"evaluation_interval", config_read_duration, IN_CONFIG(evaluation_interval_ms)},
        {"scrape_protocols", NULL, 0},
        {"rule_query_offset", NULL, 0},
        {"scrape_failure_log_file", NULL, 0},
        {"body_size_limit", NULL, 0},
        {"sample_limit", NULL, 0},
        {"target_limit", NULL, 0},
        {"label_limit", NULL, 0},
        {"label_name_length_limit", NULL, 0},
        {"label_value_length_limit", NULL, 0},
        {"keep_dropped_targets", NULL, 0},
        {"metric_name_validation_scheme", NULL, 0},
        {"metric_name_escaping_scheme", NULL, 0},
        {"scrape_native_histograms", NULL, 0},
        {"convert_classic_histograms_to_nhcb", NULL, 0},
        {"always_scrape_classic_histograms", NULL, 0},
        {"extra_scrape_metrics", NULL, 0},
    };
    return config_read_map(reader, value, CONFIG_SECTION("global", fields), into, err);
}

static bool read_retention(struct config_reader *reader, const struct yaml_node *value, void *into,
                           struct err *err)
{
    static const struct config_field fields[] = {
        {"time", config_read_duration, IN_CONFIG(retention.time_ms)},
        {"size", config_read_size, IN_CONFIG(retention.size_bytes)},
        {"percentage", config_read_percent, IN_CONFIG(retention.percentage)},
    };
    struct config *config = into;
    config->retention.is_there = true;
    if (!config_read_map(reader, value, CONFIG_SECTION("storage.tsdb.retention", fields), into,
                         err))
        return false;
    if (config->retention.percentage > 0 && config->retention.size_bytes > 0)
        config_warn(reader, value,
                    "storage.tsdb.retention.size is ignored, because "
                    "storage.tsdb.retention.percentage is specified");
    return true;
}

static bool read_tsdb(struct config_reader *reader, const struct yaml_node *value, void *into,
                      struct err *err)
{
    static const struct config_field fields[] = {
        {"out_of_order_time_window", config_read_duration, IN_CONFIG(out_of_order_window_ms)},
        {"retention", read_retention, 0},
    };
    return config_read_map(reader, value, CONFIG_SECTION("storage.tsdb", fields), into, err);
}

static bool read_exemplars(struct config_reader *reader, const struct yaml_node *value, void *into,
                           struct err *err)
{
    static const struct config_field fields[] = {
        {"max_exemplars", config_read_count, IN_CONFIG(exemplar_count_max)},
    };
    return config_read_map(reader, value, CONFIG_SECTION("storage.exemplars", fields), into, err);
}

static bool read_storage(struct config_reader *reader, const struct yaml_node *value, void *into,
                         struct err *err)
{
    static const struct config_field fields[] = {
        {"tsdb", read_tsdb, 0},
        {"exemplars", read_exemplars, 0},
    };
    return config_read_map(reader, value, CONFIG_SECTION("storage", fields), into, err);
}

/* What a Prometheus does and Millrace does not. */
static const char *const foreign_keys[] = {
    "scrape_configs", "scrape_config_files",
    "rule_files",     "alerting",
    "remote_write",   "tracing",
    "otlp",           "runtime",
};

static void warn_of_foreign(const struct config_reader *reader, const struct yaml_node *root)
{
    AUTO(buf_done) struct buf found = {0};
    const struct yaml_node *first = NULL;
    for (size_t i = 0; root->kind == YAML_MAP && i < root->count; i += 2)
        for (size_t j = 0; j < ARRAY_COUNT(foreign_keys); j++)
            if (root->items[i]->kind == YAML_SCALAR &&
                str_eq(root->items[i]->text, str_of(foreign_keys[j]))) {
                buf_printf(&found, "%s%s", first ? ", " : "", foreign_keys[j]);
                first = first ? first : root->items[i];
            }
    if (first)
        config_warn(reader, first, "Millrace does not do %s: left out", buf_terminated(&found));
}

/* As Prometheus: 0 is as if nothing was said. */
static bool config_complete(struct config *config, const char *path, struct err *err)
{
    if (config->scrape_interval_ms == 0)
        config->scrape_interval_ms = INTERVAL_DEFAULT_MS;
    if (config->evaluation_interval_ms == 0)
        config->evaluation_interval_ms = INTERVAL_DEFAULT_MS;
    if (config->scrape_timeout_ms > config->scrape_interval_ms)
        return err_set(err, ERR_BAD_DATA, "%s: global scrape timeout greater than scrape interval",
                       path);
    if (config->scrape_timeout_ms == 0)
        config->scrape_timeout_ms = config->scrape_interval_ms < SCRAPE_TIMEOUT_DEFAULT_MS
                                        ? config->scrape_interval_ms
                                        : SCRAPE_TIMEOUT_DEFAULT_MS;
    return true;
}

static bool config_read_root(struct config_reader *reader, const struct yaml_node *root,
                             struct config *config, struct err *err)
{
    struct config_field fields[3 + ARRAY_COUNT(foreign_keys)] = {
        {"global", read_global, 0},
        {"storage", read_storage, 0},
        {"remote_read", config_read_endpoints, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(foreign_keys); i++)
        fields[3 + i].key = foreign_keys[i];
    if (!config_read_map(reader, root, CONFIG_SECTION("", fields), config, err))
        return false;
    warn_of_foreign(reader, root);
    return true;
}

bool config_read(const struct config_source *source, struct str text, struct config *ret_config,
                 struct err *err)
{
    AUTO(config_done)
    struct config config = {
        .arena = arena_create(NULL),
        .exemplar_count_max = -1,
    };
    struct config_reader reader = {
        .path = source->path ? source->path : "",
        .folder = "",
        .arena = config.arena,
        .warn = source->warn,
        .context = source->context,
    };
    const char *slash = strrchr(reader.path, '/');
    if (slash)
        reader.folder =
            arena_text(config.arena, (struct str){reader.path, (size_t)(slash - reader.path) + 1});

    const struct yaml_node *root = NULL;
    struct err why;
    if (text.len > CONFIG_SIZE_MAX)
        return err_set(err, ERR_LIMIT, "%s: larger than %zu bytes", reader.path, CONFIG_SIZE_MAX);
    if (!yaml_read(text, config.arena, &root, &why))
        return err_set(err, why.kind, "%s:%s", reader.path, why.msg);
    if (root && !yaml_is_null(root) && !config_read_root(&reader, root, &config, err))
        return false;
    if (!config_complete(&config, reader.path, err))
        return false;
    *ret_config = config;
    config = (struct config){0};
    return true;
}

bool config_open(const struct config_source *source, struct config *ret_config, struct err *err)
{
    AUTO(buf_done) struct buf text = {0};
    if (source->path && !file_read(source->path, CONFIG_SIZE_MAX, &text, err))
        return false;
    return config_read(source, buf_view(&text), ret_config, err);
}

void config_done(struct config *config)
{
    arena_destroy(config->arena);
}

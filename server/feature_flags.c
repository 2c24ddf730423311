#include "server/feature_flags.h"

#include <stddef.h>
#include <string.h>

#define NO_EFFECT SIZE_MAX
#define OF(member) offsetof(struct features, member)

static const struct {
    const char *name;
    size_t offset; /* of the bool that it sets */
} FEATURES[] = {
    {"promql-experimental-functions", OF(parse.experimental_functions)},
    {"promql-extended-range-selectors", OF(parse.extended_selectors)},
    {"promql-binop-fill-modifiers", OF(parse.fill_modifiers)},
    {"promql-delayed-name-removal", OF(modes.delayed_names)},
    {"type-and-unit-labels", OF(modes.type_and_unit)},
    {"use-start-timestamps", OF(modes.start_timestamps)},
    {"exemplar-storage", OF(exemplars)},
    {"st-storage", OF(starts)},
    {"metadata-wal-records", OF(metadata)},
    {"promql-per-step-stats", OF(step_stats)},
    {"auto-reload-config", NO_EFFECT},
    {"concurrent-rule-eval", NO_EFFECT},
    {"created-timestamp-zero-ingestion", NO_EFFECT},
    {"delayed-compaction", NO_EFFECT},
    {"extra-scrape-metrics", NO_EFFECT},
    {"fast-startup", NO_EFFECT},
    {"histograms-st-encoding", NO_EFFECT},
    {"memory-snapshot-on-shutdown", NO_EFFECT},
    {"native-histograms", NO_EFFECT},
    {"old-ui", NO_EFFECT},
    {"ooo-native-histograms", NO_EFFECT},
    {"otlp-deltatocumulative", NO_EFFECT},
    {"otlp-native-delta-ingestion", NO_EFFECT},
    {"promql-duration-expr", NO_EFFECT},
    {"search-api", NO_EFFECT},
    {"st-synthesis", NO_EFFECT},
    {"use-uncached-io", NO_EFFECT},
    {"xor2-encoding", NO_EFFECT},
};

static bool feature_set(struct features *features, struct str name)
{
    for (size_t i = 0; i < ARRAY_COUNT(FEATURES); i++) {
        if (!str_eq(name, str_of(FEATURES[i].name)))
            continue;
        if (FEATURES[i].offset != NO_EFFECT)
            *(bool *)((char *)features + FEATURES[i].offset) = true;
        return true;
    }
    return false;
}

struct features features_read(const char *text, features_tell *tell, void *context)
{
    struct features features = {0};
    for (;;) {
        struct str name = {text, strcspn(text, ",")};
        if (name.len > 0) {
            bool known = feature_set(&features, name);
            if (tell)
                tell(context, name, known);
        }
        if (text[name.len] == '\0')
            return features;
        text += name.len + 1;
    }
}

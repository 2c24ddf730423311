/* OpenTelemetry's variables, as its specification of SDKs names them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/params.h"
#include "query-tee/tracer.h"

#define QUEUE_MAX 2048
#define BATCH_MAX 512
#define DELAY_MS 5000
#define TIMEOUT_MS 10000
#define NUMBER_MAX 100000000

struct reading {
    char *(*get)(const char *name);
    struct arena *arena;
    struct tracer_options *options;
    struct err *warning;
};

/* An empty variable is as good as none. */
static const char *read_text(const struct reading *reading, const char *name)
{
    const char *text = reading->get(name);
    return text && *text ? text : NULL;
}

/* The first of several things that are not understood. */
static void warn(const struct reading *reading, const char *name, const char *text,
                 const char *wanted)
{
    if (reading->warning->kind == ERR_NONE)
        err_set(reading->warning, ERR_BAD_DATA, "%s: \"%s\" is not %s", name, text, wanted);
}

static int64_t read_number(const struct reading *reading, const char *name, int64_t least,
                           int64_t fallback)
{
    const char *text = read_text(reading, name);
    if (!text)
        return fallback;
    char *end;
    long long number = strtoll(text, &end, 10);
    if (*end == '\0' && number >= least && number <= NUMBER_MAX)
        return number;
    warn(reading, name, text, "a number as it should be");
    return fallback;
}

/* For traces alone, or for all that is told. */
static const char *read_either(const struct reading *reading, const char *one, const char *all,
                               const char **ret_name)
{
    const char *text = read_text(reading, one);
    *ret_name = text ? one : all;
    return text ? text : read_text(reading, all);
}

static struct str trimmed(struct str text)
{
    while (text.len > 0 && (*text.ptr == ' ' || *text.ptr == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* The next of "name=value,name=value", decoded; false: there is none. */
static bool pair_next(const struct reading *reading, const char *variable, struct str *rest,
                      const char **ret_name, const char **ret_value)
{
    while (rest->len > 0) {
        const char *comma = memchr(rest->ptr, ',', rest->len);
        struct str pair = {rest->ptr, comma ? (size_t)(comma - rest->ptr) : rest->len};
        size_t taken = pair.len + (comma != NULL);
        rest->ptr += taken;
        rest->len -= taken;
        pair = trimmed(pair);
        const char *equals = pair.len ? memchr(pair.ptr, '=', pair.len) : NULL;
        struct str name = {pair.ptr, equals ? (size_t)(equals - pair.ptr) : 0}, value;
        if (equals && trimmed(name).len > 0 &&
            percent_decode(trimmed((struct str){equals + 1, pair.len - name.len - 1}), false,
                           reading->arena, &value)) {
            *ret_name = arena_text(reading->arena, trimmed(name));
            *ret_value = arena_text(reading->arena, value);
            return true;
        }
        if (pair.len > 0)
            warn(reading, variable, arena_text(reading->arena, pair), "name=value");
    }
    return false;
}

static void read_headers(const struct reading *reading)
{
    struct tracer_options *options = reading->options;
    const char *name, *key, *value;
    const char *text = read_either(reading, "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                                   "OTEL_EXPORTER_OTLP_HEADERS", &name);
    struct str rest = str_of(text ? text : "");
    while (options->header_count < TRACER_HEADERS_MAX &&
           pair_next(reading, name, &rest, &key, &value)) {
        if (strpbrk(key, "\r\n: ") || strpbrk(value, "\r\n"))
            warn(reading, name, key, "a header's");
        else
            options->headers[options->header_count++] = (struct client_header){key, value};
    }
}

static void read_resource(const struct reading *reading)
{
    struct tracer_options *options = reading->options;
    const char *key, *value, *service = read_text(reading, "OTEL_SERVICE_NAME");
    const char *text = read_text(reading, "OTEL_RESOURCE_ATTRIBUTES");
    struct str rest = str_of(text ? text : "");
    options->service_name = "query-tee";
    while (options->attribute_count < TRACER_ATTRIBUTES_MAX &&
           pair_next(reading, "OTEL_RESOURCE_ATTRIBUTES", &rest, &key, &value)) {
        if (strcmp(key, "service.name") == 0)
            options->service_name = value;
        else
            options->attributes[options->attribute_count++] =
                (struct span_attribute){.key = key, .text = str_of(value)};
    }
    if (service)
        options->service_name = arena_text(reading->arena, str_of(service));
}

static double read_ratio(const struct reading *reading)
{
    const char *text = read_text(reading, "OTEL_TRACES_SAMPLER_ARG");
    if (!text)
        return 1;
    char *end;
    double ratio = strtod(text, &end);
    if (*end == '\0' && ratio >= 0 && ratio <= 1)
        return ratio;
    warn(reading, "OTEL_TRACES_SAMPLER_ARG", text, "a share between 0 and 1");
    return 1;
}

static void read_sampler(const struct reading *reading)
{
    struct trace_sampler *sampler = &reading->options->sampler;
    const char *name = read_text(reading, "OTEL_TRACES_SAMPLER");
    const char *rest = name ? name : "parentbased_always_on";
    static const char parent_based[] = "parentbased_";
    *sampler = (struct trace_sampler){.ratio = 1};
    if (strncmp(rest, parent_based, sizeof parent_based - 1) == 0) {
        sampler->parent_based = true;
        rest += sizeof parent_based - 1;
    }
    if (strcmp(rest, "always_off") == 0) {
        sampler->ratio = 0;
    } else if (strcmp(rest, "traceidratio") == 0) {
        sampler->ratio = read_ratio(reading);
    } else if (strcmp(rest, "always_on") != 0) {
        warn(reading, "OTEL_TRACES_SAMPLER", name,
             "always_on, always_off, traceidratio or one of these behind parentbased_");
        *sampler = (struct trace_sampler){.parent_based = true, .ratio = 1};
    }
}

/* NULL: nothing is to be sent. */
static const char *read_url(const struct reading *reading)
{
    const char *disabled = read_text(reading, "OTEL_SDK_DISABLED");
    const char *exporter = read_text(reading, "OTEL_TRACES_EXPORTER");
    const char *url = read_text(reading, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    const char *base = read_text(reading, "OTEL_EXPORTER_OTLP_ENDPOINT");
    const char *name;
    if (!url && base) {
        bool slash = base[strlen(base) - 1] == '/';
        url = arena_printf(reading->arena, "%s%sv1/traces", base, slash ? "" : "/");
    } else if (url) {
        url = arena_text(reading->arena, str_of(url));
    }
    if (!url || (disabled && strcasecmp(disabled, "true") == 0) ||
        (exporter && strcmp(exporter, "none") == 0))
        return NULL;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        warn(reading, "OTEL_EXPORTER_OTLP_ENDPOINT", url, "a URL of http or https");
        return NULL;
    }
    const char *protocol = read_either(reading, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                                       "OTEL_EXPORTER_OTLP_PROTOCOL", &name);
    if (protocol && strcmp(protocol, "grpc") == 0) {
        warn(reading, name, protocol, "http/json, which is what there is: no spans are sent");
        return NULL;
    }
    return url;
}

void tracer_options_read(char *(*get)(const char *name), struct arena *arena,
                         struct tracer_options *ret_options, struct err *ret_warning)
{
    struct tracer_options options = {0};
    struct reading reading = {get, arena, &options, ret_warning};
    err_clear(ret_warning);
    options.url = read_url(&reading);
    if (options.url) {
        read_headers(&reading);
        read_resource(&reading);
        read_sampler(&reading);
        const char *name;
        read_either(&reading, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT",
                    &name);
        options.timeout_ms = read_number(&reading, name, 1, TIMEOUT_MS);
        options.queue_max = (size_t)read_number(&reading, "OTEL_BSP_MAX_QUEUE_SIZE", 1, QUEUE_MAX);
        options.batch_max =
            (size_t)read_number(&reading, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, BATCH_MAX);
        options.delay_ms = read_number(&reading, "OTEL_BSP_SCHEDULE_DELAY", 0, DELAY_MS);
        if (options.batch_max > options.queue_max)
            options.batch_max = options.queue_max;
    }
    *ret_options = options;
}

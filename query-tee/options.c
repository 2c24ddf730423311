#include "query-tee/options.h"

#include <string.h>
#include <unistd.h>

#include "query-tee/time_text.h"

/* Messages of gRPC say their size in 32 bits; with their other fields, answers stay below that. */
#define GRPC_SIZE_MAX (INT64_C(2) << 30)

static const struct flag tee_flags[] = {
#define FLAG(member, kind, name, fallback, value, help) \
    {name, 0, FLAG_##kind, offsetof(struct tee_options, member), fallback, value, help},
#include "query-tee/tee.def"
#undef FLAG
};

void options_help(struct buf *out)
{
    buf_text(out,
             "usage: query-tee [flags]\n"
             "       query-tee replay --help\n"
             "       query-tee fuzz --help\n\n"
             "Answers Prometheus's API from one backend, asks the others too, and tells where they "
             "differ.\n"
             "Flags have Mimir's names; one dash is as good as two.\n\n");
    flags_print(tee_flags, ARRAY_COUNT(tee_flags), out);
}

static bool options_set_log(struct tee_options *options, struct err *err)
{
    options->log.fd = STDERR_FILENO;
    if (!log_level_parse(str_of(options->log_level), &options->log.level))
        return err_set(err, ERR_BAD_DATA,
                       "flag --log.level: \"%s\" is not debug, info, warn or error",
                       options->log_level);
    options->log.json = strcmp(options->log_format, "json") == 0;
    if (!options->log.json && strcmp(options->log_format, "logfmt") != 0)
        return err_set(err, ERR_BAD_DATA, "flag --log.format: \"%s\" is not logfmt or json",
                       options->log_format);
    return true;
}

static bool options_check_ports(const struct tee_options *options, struct err *err)
{
    const struct {
        const char *name;
        int64_t port;
    } ports[] = {
        {"http-service-port", options->http_port},
        {"metrics-port", options->metrics_port},
        {"grpc-service-port", options->grpc_port},
    };
    for (size_t i = 0; i < ARRAY_COUNT(ports); i++)
        if (ports[i].port > 65535)
            return err_set(err, ERR_BAD_DATA, "flag --server.%s: a port is at most 65535",
                           ports[i].name);
    return true;
}

/* What a message's prefix can say, and a gRPC connection can count. */
static bool options_check_grpc(const struct tee_options *options, struct err *err)
{
    if (options->grpc_connection_max == 0 || options->grpc_connection_max > 65535)
        return err_set(err, ERR_BAD_DATA,
                       "flag --server.grpc-conn-limit: at least 1, at most 65535");
    if (options->grpc_call_max == 0 || options->grpc_call_max > 65535)
        return err_set(err, ERR_BAD_DATA,
                       "flag --server.grpc-max-concurrent-streams: at least 1, at most 65535");
    if (options->grpc_request_size_max > GRPC_SIZE_MAX ||
        options->grpc_answer_size_max > GRPC_SIZE_MAX)
        return err_set(err, ERR_BAD_DATA, "flag --server.grpc-max-%s-msg-size-bytes: at most 2GiB",
                       options->grpc_request_size_max > GRPC_SIZE_MAX ? "recv" : "send");
    return true;
}

static bool options_check(struct tee_options *options, struct err *err)
{
    options->skip_before_ms = INT64_MIN;
    if (*options->skip_before && strcmp(options->skip_before, "0") != 0 &&
        !time_text_parse(str_of(options->skip_before), &options->skip_before_ms))
        return err_set(err, ERR_BAD_DATA,
                       "flag --proxy.compare-skip-samples-before: \"%s\" is not a time such as "
                       "2025-10-09T09:33:00Z",
                       options->skip_before);
    if (options->proportion > 1)
        return err_set(err, ERR_BAD_DATA,
                       "flag --proxy.secondary-backends-request-proportion: a share lies between 0 "
                       "and 1");
    if (!options_check_ports(options, err) || !options_check_grpc(options, err))
        return false;
    if (options->compare_threads == 0 || options->compare_threads > 64)
        return err_set(err, ERR_BAD_DATA,
                       "flag --proxy.compare-concurrency: at least 1, at most "
                       "64");
    if (options->report_examples > 1000)
        return err_set(err, ERR_BAD_DATA, "flag --report.examples: at most 1000");
    if (!*options->tls_cert_path != !*options->tls_key_path)
        return err_set(err, ERR_BAD_DATA,
                       "flags --server.http-tls-cert-path and --server.http-tls-key-path go "
                       "together");
    if (*options->path_prefix && options->path_prefix[0] != '/')
        return err_set(err, ERR_BAD_DATA, "flag --server.path-prefix: \"%s\" has no slash in front",
                       options->path_prefix);
    return true;
}

bool options_read(int argc, char *const *argv, struct tee_options *ret_options, struct err *err)
{
    struct tee_options options = {0};
    struct flags flags = {
        .table = tee_flags,
        .count = ARRAY_COUNT(tee_flags),
        .into = &options,
        .one_dash = true,
    };
    if (!flags_parse(&flags, argc, argv, err))
        return false;
    options.help = flags.help;
    if (flags.word_count > 0 && !flags.help)
        return err_set(err, ERR_BAD_DATA, "no such command: \"%s\"", flags.words[0]);
    if (!options_set_log(&options, err) || !options_check(&options, err))
        return false;
    *ret_options = options;
    return true;
}

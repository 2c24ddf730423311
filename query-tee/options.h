#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "model/flags.h"

/*
 * What the flags of `query-tee` say: a member for each line of tee.def. Texts are those of the
 * command line, and live as long as it does.
 */
struct tee_options {
    const char *endpoints;
    const char *preferred;
    const char *config_file;
    const char *tls_ca_path;
    const char *skip_before;
    const char *temp_folder;
    const char *report_file;
    const char *http_address;
    const char *path_prefix;
    const char *tls_cert_path;
    const char *tls_key_path;
    const char *grpc_address;
    const char *cluster_label;
    const char *log_level;
    const char *log_format;
    int64_t read_timeout_ms;
    int64_t ulps;
    int64_t skip_recent_ms;
    int64_t confirm_delay_ms;
    int64_t shift_ms;
    int64_t compare_threads;
    int64_t compare_queue_max;
    int64_t slow_ms;
    int64_t lookback_ms;
    int64_t in_flight_max;
    int64_t body_size_max;
    int64_t body_memory_max;
    int64_t bodies_memory_max;
    int64_t bodies_disk_max;
    int64_t drain_ms;
    int64_t report_examples;
    int64_t http_port;
    int64_t metrics_port;
    int64_t connection_max;
    int64_t grpc_port;
    int64_t grpc_connection_max;
    int64_t grpc_call_max;
    int64_t grpc_request_size_max;
    int64_t grpc_answer_size_max;
    double tolerance;
    double proportion;
    bool skip_tls_verify;
    bool compare;
    bool relative;
    bool exact_errors;
    bool skip_failures;
    bool compare_order;
    bool confirm;
    bool passthrough;
    bool add_time;

    /* Made of the texts above. */
    struct log log;
    int64_t skip_before_ms; /* INT64_MIN: none */
    bool help;
};

/* ERR_BAD_DATA: one sentence that names the flag. */
bool options_read(int argc, char *const *argv, struct tee_options *ret_options, struct err *err)
    MUST_CHECK;

/* What --help prints. */
void options_help(struct buf *out);

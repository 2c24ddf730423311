/* `millrace explain`: the plan of a query, and with --analyze what its parts did. */
#include <stdio.h>

#include "server/local.h"
#include "server/server.h"

static void explain_help(void)
{
    AUTO(buf_done) struct buf out = {0};
    buf_text(&out,
             "usage: millrace explain DIR EXPR [flags]\n\n"
             "Shows how a query would be run over a data directory.\n\n");
    flags_print(ask_flags + 1, ask_flag_count - 1, &out);
    fwrite(out.ptr, 1, out.len, stdout);
}

/* Every row, for what it costs. */
static bool explain_run(struct running *running, struct err *err)
{
    struct result_row row;
    if (!running_open(running, err))
        return false;
    for (;;) {
        enum pull got = running_next(running, &row, err);
        if (got != PULL_BATCH)
            return got == PULL_END;
    }
}

static void explain_totals(const struct running *running)
{
    struct running_stats stats = running_stats(running);
    printf(
        "\nseries selected  %llu\nsamples read     %llu\npeak memory      %.1f MiB\n"
        "preparing        %.3f ms\nrunning          %.3f ms\n",
        (unsigned long long)stats.series_selected, (unsigned long long)stats.samples_read,
        (double)stats.peak_bytes / (1 << 20), (double)stats.prepare_ns / 1e6,
        (double)stats.eval_ns / 1e6);
}

static bool explain(struct local *local, const struct ask_options *options, const char *text,
                    struct err *err)
{
    struct ask_range range;
    if (!ask_range_read(options, local_data_end_ms(local), false, &range, err))
        return false;
    struct query_spec spec = {
        .text = str_of(text),
        .start_ms = range.start_ms,
        .end_ms = range.end_ms,
        .step_ms = range.step_ms,
        .measure = options->analyze,
    };
    AUTO(running_destroy) struct running *running = NULL;
    if (!ask_engine_read(options, &spec.engine, err))
        return false;
    if (!running_create(local->engine, &spec, &running, err))
        return false;
    if (options->analyze && !explain_run(running, err))
        return false;
    AUTO(buf_done) struct buf out = {0};
    running_explain(running, &out);
    fwrite(out.ptr, 1, out.len, stdout);
    if (options->analyze)
        explain_totals(running);
    return true;
}

int command_explain(int argc, char **argv)
{
    struct ask_options options = {0};
    struct flags flags = {.table = ask_flags + 1, .count = ask_flag_count - 1, .into = &options};
    struct err err;
    err_clear(&err);
    if (!flags_parse(&flags, argc, argv, &err)) {
        fprintf(stderr, "millrace: %s (millrace explain --help lists the flags)\n", err.msg);
        return EXIT_USAGE;
    }
    if (flags.help) {
        explain_help();
        return 0;
    }
    if (flags.word_count != 2) {
        fprintf(stderr, "millrace: explain wants a directory and an expression\n");
        return EXIT_USAGE;
    }
    struct local local = {0};
    bool good = local_open(flags.words[0], &options, &local, &err) &&
                explain(&local, &options, flags.words[1], &err);
    local_close(&local);
    if (good)
        return 0;
    fprintf(stderr, "millrace: %s\n", err.msg);
    return err.kind == ERR_BAD_DATA ? EXIT_USAGE : EXIT_FAILED;
}

/*
 * promql_script: runs Prometheus's test language over an engine.
 *
 *     promql_script [--engine=streaming|reference] [--fallback=reference|none] [--disable=NAME|all]
 *                   [--verbose] FILE...
 *
 * A function that is disabled is none of the streaming engine's. Ends with "N passed, N failed",
 * which counts evaluations, and with 1 if one failed.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "tests/script/run.h"
#include "tests/script/script.h"

#define SCRIPT_SIZE_MAX ((size_t)64 << 20)

static bool option_disable(const char *name, struct run_options *options)
{
    if (strcmp(name, "all") == 0) {
        for (size_t i = 0; i < FN_COUNT; i++)
            options->disabled[i] = true;
        return true;
    }
    const struct function *function = function_find(str_of(name));
    if (function)
        options->disabled[function->id] = true;
    return function != NULL;
}

static bool option_read(const char *text, struct run_options *options)
{
    if (strcmp(text, "--engine=streaming") == 0)
        options->engine = ENGINE_STREAMING;
    else if (strcmp(text, "--engine=reference") == 0)
        options->engine = ENGINE_REFERENCE;
    else if (strcmp(text, "--fallback=reference") == 0)
        options->fallback = FALLBACK_REFERENCE;
    else if (strcmp(text, "--fallback=none") == 0)
        options->fallback = FALLBACK_NONE;
    else if (strncmp(text, "--disable=", strlen("--disable=")) == 0)
        return option_disable(text + strlen("--disable="), options);
    else if (strcmp(text, "--verbose") == 0)
        options->verbose = true;
    else
        return false;
    return true;
}

static void file_run(const char *path, const struct run_options *options, struct run_counts *counts)
{
    struct err err = {0};
    AUTO(buf_done) struct buf text = {0};
    struct script script = {0};
    if (!file_read(path, SCRIPT_SIZE_MAX, &text, &err)) {
        printf("FAIL %s\n", err.msg);
        counts->failed++;
        return;
    }
    if (!script_parse(&script, buf_view(&text), &err)) {
        printf("FAIL %s:%s\n", path, err.msg);
        counts->failed++;
    } else {
        run_script(path, &script, options, counts);
    }
    script_done(&script);
}

int main(int argc, char **argv)
{
    struct run_options options = {0};
    struct run_counts counts = {0};
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++)
        if (!option_read(argv[at], &options)) {
            fprintf(stderr, "promql_script: unknown option %s\n", argv[at]);
            return 2;
        }
    if (at == argc) {
        fprintf(stderr, "promql_script: no file to run\n");
        return 2;
    }
    for (; at < argc; at++)
        file_run(argv[at], &options, &counts);
    printf("%zu passed, %zu failed\n", counts.passed, counts.failed);
    return counts.failed > 0;
}

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "engine/engine.h"
#include "tests/script/script.h"

/*
 * Runs the commands of a script over a storage in memory. An instant evaluation is asked several
 * times: as it stands; as the middle step of a range query; and with all its selectors fixed by @,
 * at other times too. It passes if all of them do.
 */
struct run_options {
    enum engine_kind engine;
    enum engine_fallback fallback;
    bool disabled[FN_COUNT]; /* functions taken away from the streaming engine */
    bool verbose;            /* tells of those that pass, too */
    bool quiet;              /* tells of none */
};

struct run_counts {
    size_t passed;
    size_t failed;
};

/* Failures go to stdout as "FILE:LINE: QUERY" and, below, why. Counts are added to. */
void run_script(const char *name, const struct script *script, const struct run_options *options,
                struct run_counts *counts);

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "tests/script/evaluation.h"
#include "tests/script/load.h"

/*
 * A file of Prometheus's test language: commands, one after another. Lines that begin with '#' are
 * empty ones; an empty line ends what belongs to a command.
 */
enum command_kind { COMMAND_CLEAR, COMMAND_LOAD, COMMAND_EVAL };

struct command {
    enum command_kind kind;
    size_t line;
    struct load load;
    struct evaluation evaluation;
};

struct script {
    struct arena *arena;
    struct symbols *symbols; /* of all labels in it */
    struct command *commands;
    size_t count, cap;
};

/* `text` must outlive the script. ERR_BAD_DATA begins with the number of the line. */
bool script_parse(struct script *script, struct str text, struct err *err) MUST_CHECK;

/* Also of a script that could not be parsed. */
void script_done(struct script *script);

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Command-line flags, from one table a command: what is parsed, what --help prints, and what the
 * server tells of itself.
 *
 *     --flag=value   --flag value   -o value   --switch   --no-switch
 *
 * and, where the command's users are used to Go's flags, all of these with one dash.
 *
 * Words that are no flags are kept in order; behind "--" everything is a word.
 */
enum flag_kind {
    FLAG_TEXT,     /* const char * */
    FLAG_SWITCH,   /* bool */
    FLAG_COUNT,    /* int64_t, not negative */
    FLAG_DURATION, /* int64_t, milliseconds; Prometheus's durations */
    FLAG_REAL,     /* double, not negative */
    FLAG_SIZE,     /* int64_t, bytes: 512MB, 1GiB, 75% of the machine's memory */
    FLAG_TEXTS,    /* struct flag_texts: the flag may be there several times; no default */
};

#define FLAG_TEXTS_MAX 16

struct flag_texts {
    const char *items[FLAG_TEXTS_MAX];
    size_t count;
};

struct flag {
    const char *name; /* without dashes */
    char letter;      /* -o; 0: none */
    enum flag_kind kind;
    size_t offset;        /* of the member it fills */
    const char *fallback; /* the default as text; NULL: none, the member stays as it is */
    const char *value;    /* how help names the value; NULL for a switch */
    const char *help;
};

#define FLAG_WORDS_MAX 8

struct flags {
    const struct flag *table;
    size_t count;
    void *into;         /* the struct that the offsets are in */
    bool one_dash;      /* -flag is --flag; there are no letters but -h */
    const char **texts; /* the values as texts, one a flag; NULL: not wanted */
    const char *words[FLAG_WORDS_MAX];
    size_t word_count;
    bool help; /* --help or -h was there: nothing else counts */
};

/*
 * Defaults first, then `argv`, which starts with the first argument and outlives what is filled:
 * texts are borrowed from it and from the table. ERR_BAD_DATA: one sentence that names the flag;
 * flags before it have been taken. Words beyond FLAG_WORDS_MAX are an error too.
 */
bool flags_parse(struct flags *flags, int argc, char *const *argv, struct err *err) MUST_CHECK;

/* The table as --help shows it, aligned. */
void flags_print(const struct flag *table, size_t count, struct buf *out);

/* "1GiB", "512MB" (of 1024, as in Prometheus), "4096"; "75%" of what the machine has. */
bool size_parse(struct str text, int64_t *ret_bytes);

/* "512MiB", "1GiB512MiB"; nothing for 0. */
void size_print(int64_t bytes, struct buf *out);

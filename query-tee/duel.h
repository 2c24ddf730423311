#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/flags.h"
#include "query-tee/compare.h"

/*
 * Two backends that are asked the same, and whose answers are compared: what `replay` and `fuzz`
 * are made of.
 *
 * Thread: one at a time.
 */
struct duel;

/* A member for each line of duel.def. Texts are borrowed. */
struct duel_options {
    struct flag_texts backends;
    struct flag_texts headers;
    const char *tls_ca_path;
    const char *explained_file;
    const char *report_file;
    const char *temp_folder;
    int64_t timeout_ms;
    int64_t ulps;
    int64_t skip_recent_ms;
    int64_t lookback_ms;
    int64_t report_examples;
    int64_t body_size_max;
    double tolerance;
    bool skip_tls_verify;
    bool relative;
    bool bits;
    bool exact_errors;
    bool compare_order;
    bool confirm;
    int64_t self_checks;
};

/* ERR_BAD_DATA names the flag, or the line of a file. ERR_IO, ERR_NOT_FOUND, ERR_LIMIT name a file
 * that cannot be read. */
bool duel_open(const struct duel_options *options, struct duel **ret_duel, struct err *err)
    MUST_CHECK;
void duel_close(struct duel *duel);

/* A backend's URL without secrets; 0 is the preferred one. Borrowed. */
const char *duel_name(const struct duel *duel, size_t which);

struct duel_question {
    const char *path;   /* "/api/v1/query" */
    const char *params; /* as a form has them */
    struct str query;   /* empty where the route has none */
    int64_t start_ms;   /* of a range query; end_ms too */
    int64_t end_ms;
    int64_t step_ms; /* 0: no range query */
};

/* The preferred backend first. */
struct duel_side {
    const char *name; /* its URL without secrets */
    int status;       /* 0: there was no answer */
    int64_t latency_ns;
    uint64_t size;   /* of the body, in bytes */
    char fault[256]; /* why there was none; "": there was one */
};

enum duel_verdict {
    DUEL_SAME,
    DUEL_DIFFERENT,
    DUEL_EXPLAINED, /* different in ways that are known */
    DUEL_UNSTABLE,  /* different, and so are the preferred backend's own answers, asked again */
    DUEL_SKIPPED,   /* comparison.skip_reason says why */
    DUEL_NO_ANSWER, /* of one of them */
};

struct duel_result {
    enum duel_verdict verdict;
    struct duel_side sides[2];
    struct comparison comparison; /* empty under DUEL_NO_ANSWER */
};

/*
 * Asks once; with `confirm` once more where the answers differ, and then the second time counts.
 * Where they still do, the preferred backend is asked alone some times, whether it agrees with
 * itself.
 */
void duel_ask(struct duel *duel, const struct duel_question *question,
              struct duel_result *ret_result);
void duel_result_done(struct duel_result *result);

/* Adds the difference to the report file, if there is one. */
bool duel_report(struct duel *duel, const struct duel_question *question,
                 const struct duel_result *result, struct err *err) MUST_CHECK;

/* One line for people: the classes with their counts, or the fault. */
void duel_result_print(const struct duel_result *result, struct buf *out);

/* The first examples of each class, a line each, two spaces in front. */
void duel_examples_print(const struct duel_result *result, struct buf *out);

/* The body of the preferred backend's answer to a GET; 2xx, or an error. */
bool duel_ask_preferred(struct duel *duel, const char *path, struct buf *ret_body, struct err *err)
    MUST_CHECK;

/*
 * Why a backend refuses the question as none that it understands, for what not every release knows.
 * NULL: both understand it. *ret_err: its words.
 */
const char *duel_who_refuses(struct duel *duel, const struct duel_question *question,
                             struct err *ret_err);

DEFINE_AUTO(struct duel *, duel_close)

static inline void duel_result_done_auto(struct duel_result *result)
{
    duel_result_done(result);
}

#pragma once

#include <pthread.h>

#include "base/workers.h"
#include "engine/engine.h"
#include "engine/plan/plan.h"

/* Shared by the files of this folder itself; everybody else goes by engine/engine.h. */
struct engine {
    struct storage *storage;
    struct engine_options options;
    struct budget budget; /* of all queries */
    struct pool *pool;
    struct workers *workers;
    pthread_mutex_t lock; /* over the counts below */
    pthread_cond_t turn;
    size_t running_count;
    size_t waiting_count;
    size_t again_count; /* of those that wait: how many come back from a pause */
    uint64_t queries_total;
    uint64_t samples_total;
};

/*
 * Waits until fewer queries run than may; ERR_TIMEOUT or ERR_CANCELED if it takes too long.
 * `again`: the query has run before and was paused.
 */
bool engine_enter(struct engine *engine, const struct query *query, bool again, struct err *err)
    MUST_CHECK;
void engine_leave(struct engine *engine);
void engine_add_samples(struct engine *engine, uint64_t samples_read);

struct running {
    struct engine *engine;
    struct query query;
    struct str text;
    bool instant;
    bool entered;  /* has had its turn */
    bool has_turn; /* and is not paused */
    struct node *ast;
    struct plan_request request;
    struct plan *plan; /* NULL: the reference engine was asked for */
    struct op *root;
    struct row_reader rows;
    size_t row; /* how many of the root's rows have been looked at */

    /* A range vector as the answer: see matrix.c. */
    struct samples_result *samples;

    /* All of it from the reference engine: see reference_answer.c. */
    struct reference_answer *reference;

    const char **fallbacks; /* why; in the arena */
    size_t fallback_count;

    int64_t begin_ns, entered_ns, opened_ns, ended_ns;
};

/*
 * A range vector as the answer of an instant query: the samples of a selector, or the rows of a
 * subquery, with their own times.
 */
struct samples_result;

bool samples_result_open(struct running *running, struct samples_result **ret_result,
                         struct err *err) MUST_CHECK;
enum pull samples_result_next(struct samples_result *result, struct result_row *ret_row,
                              struct err *err) MUST_CHECK;
size_t samples_result_count(const struct samples_result *result);
uint64_t samples_result_read(const struct samples_result *result);
uint64_t samples_result_counted(const struct samples_result *result); /* query->count_samples */
void samples_result_close(struct samples_result *result);

/* The reference engine's answer to the whole query. */
struct reference_answer;
struct reference_result;

bool reference_answer_open(struct running *running, struct reference_answer **ret_answer,
                           struct err *err) MUST_CHECK;
enum pull reference_answer_next(struct reference_answer *answer, struct result_row *ret_row)
    MUST_CHECK;
const struct reference_result *reference_answer_result(const struct reference_answer *answer);
void reference_answer_explain(const struct running *running, struct buf *out);

/* The series of an operator sorted by labels; NULL if they are already. In the arena. */
const uint32_t *series_label_order(struct query *query, const struct labels *const *labels,
                                   size_t count);

/* What the sources below an operator have read. */
uint64_t op_samples_read(const struct op *op);
uint64_t op_series_selected(const struct op *op);

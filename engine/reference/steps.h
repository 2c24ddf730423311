#pragma once

#include "engine/reference/evaluate.h"

/*
 * Step by step over the points of several matrices: at each step a function gets the vectors of
 * that step and fills another one; these become series again.
 *
 * With one step the series come as the function gave them; and each must have its own labels unless
 * names go later. With several, series that have the same labels are one, in the order of what they
 * are made of (ref_sample.place); over a range that has but one step, as the function gave them.
 */
struct ref_step {
    struct ref *ref;
    const struct ref_times *times;
    size_t index;
    int64_t time_ms;
    struct ref_vector *vectors;    /* one of each matrix */
    const uint32_t *const *series; /* of each vector's samples: which of the matrix's they are of */
    /*
     * With a matching: by which group a sample of each vector is matched, and how many groups there
     * are over all steps.
     */
    const uint32_t *const *groups;
    size_t group_count;
    struct ref_vector *out; /* empty at first */
};

typedef bool ref_step_fn(void *context, struct ref_step *step, struct err *err);

struct ref_steps {
    struct ref_matrix *matrices;
    size_t matrix_count;
    const struct vector_matching *matching; /* NULL: none */
    ref_step_fn *fn;
    void *context;
};

bool ref_steps_run(struct ref *ref, const struct ref_times *times, const struct ref_steps *steps,
                   struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;

/*
 * Evaluates the children of an expression one after another, and runs the function over them.
 * Strings are left out: their matrix is empty.
 */
bool ref_steps_of(struct ref *ref, const struct ref_times *times, const struct ref_expr *expr,
                  struct ref_steps *steps, struct ref_matrix *ret_matrix, struct err *err)
    MUST_CHECK;

/* Appends `sample` to what the step gives. */
void ref_step_add(struct ref_step *step, const struct ref_sample *sample);

/* The label names of a matching or grouping. */
struct name_set ref_names(struct ref *ref, const struct str *names, size_t count);

#include "engine/fn/arith.h"
#include "engine/reference/element.h"
#include "engine/reference/match.h"

struct scalar_binary {
    const struct ref_expr *expr;
    bool swap; /* the scalar is on the left */
};

static bool scalars_step(void *context, struct ref_step *step, struct err *err)
{
    const struct ref_expr *expr = context;
    enum binary_op op = expr->node->binary.op;
    if (op == BINARY_TRIM_UPPER || op == BINARY_TRIM_LOWER)
        return err_set(err, ERR_EXECUTION, "operator \"%s\" not allowed for Scalar operations",
                       binary_op_text(op));
    const struct ref_sample sample = {
        .labels = &labels_empty,
        .value = arith_scalar(op, step->vectors[0].items[0].value, step->vectors[1].items[0].value),
    };
    ref_step_add(step, &sample);
    return true;
}

/* A comparison lets the vector's element through, on whichever side it stands. */
static bool scalar_put(const struct scalar_binary *self, struct ref_step *step,
                       const struct ref_sample *sample, const struct ref_outcome *outcome)
{
    const struct binary *binary = &self->expr->node->binary;
    struct ref_sample out = *sample;
    out.value = outcome->element.value;
    out.histogram = outcome->element.histogram;
    if (binary_op_is_comparison(binary->op) && self->swap) {
        out.value = sample->value;
        out.histogram = sample->histogram;
    }
    if (binary->return_bool)
        out.value = outcome->keep;
    else if (!outcome->keep)
        return false;
    if (ref_op_changes_metric(binary->op) || binary->return_bool) {
        out.labels = ref_drop_name(step->ref, sample->labels);
        out.drops_name = true;
    }
    ref_step_add(step, &out);
    return true;
}

/* Of several remarks in a step only the last one is told. */
static bool scalar_step(void *context, struct ref_step *step, struct err *err)
{
    (void)err;
    const struct scalar_binary *self = context;
    const struct ref_vector *vector = &step->vectors[self->swap];
    struct ref_element scalar = {.value = step->vectors[!self->swap].items[0].value};
    struct ref_outcome last = {.remark = REF_REMARK_NONE};
    for (size_t i = 0; i < vector->count; i++) {
        const struct ref_sample *sample = &vector->items[i];
        struct ref_element element = {sample->value, sample->histogram};
        struct ref_outcome outcome =
            ref_element_op(step->ref, self->expr->node->binary.op, self->swap ? scalar : element,
                           self->swap ? element : scalar);
        if (outcome.remark >= REF_REMARK_DROPS)
            last = outcome;
        else
            scalar_put(self, step, sample, &outcome);
    }
    ref_outcome_note(step->ref, self->expr, &last);
    return true;
}

bool ref_binary(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                struct ref_matrix *ret_matrix, struct err *err)
{
    const struct binary *binary = &expr->node->binary;
    bool left_scalar = binary->left->type == TYPE_SCALAR;
    bool right_scalar = binary->right->type == TYPE_SCALAR;
    struct scalar_binary scalar = {.expr = expr, .swap = left_scalar};
    struct ref_steps steps = {0};
    if (left_scalar && right_scalar) {
        steps.fn = scalars_step;
        steps.context = expr;
    } else if (left_scalar || right_scalar) {
        steps.fn = scalar_step;
        steps.context = &scalar;
    } else if (binary_op_is_set(binary->op)) {
        return ref_set_binary(ref, times, expr, ret_matrix, err);
    } else {
        return ref_match_binary(ref, times, expr, ret_matrix, err);
    }
    return ref_steps_of(ref, times, expr, &steps, ret_matrix, err);
}

#include "engine/reference/element.h"

#include "engine/fn/arith.h"
#include "engine/fn/histogram_trim.h"

bool ref_op_changes_metric(enum binary_op op)
{
    return op <= BINARY_ATAN2;
}

static struct ref_outcome outcome_float(double value, bool keep)
{
    return (struct ref_outcome){.element.value = value, .keep = keep};
}

static struct ref_outcome outcome_histogram(const struct histogram *h)
{
    return (struct ref_outcome){.element.histogram = h, .keep = true};
}

static struct ref_outcome outcome_remark(enum ref_remark remark)
{
    return (struct ref_outcome){.remark = remark};
}

static bool op_is_trim(enum binary_op op)
{
    return op == BINARY_TRIM_UPPER || op == BINARY_TRIM_LOWER;
}

static struct ref_outcome element_floats(enum binary_op op, double left, double right)
{
    if (op_is_trim(op))
        return outcome_remark(REF_REMARK_TYPES);
    double result = arith_scalar(op, left, right);
    if (binary_op_is_comparison(op))
        return outcome_float(left, result != 0);
    return outcome_float(result, true);
}

static struct ref_outcome element_scaled(struct ref *ref, enum binary_op op,
                                         const struct histogram *left, double right)
{
    switch ((int)op) {
    case BINARY_MUL:
        return outcome_histogram(
            histogram_compact(ref->arena, histogram_multiply(ref->scratch, left, right)));
    case BINARY_DIV:
        return outcome_histogram(
            histogram_compact(ref->arena, histogram_divide(ref->scratch, left, right)));
    case BINARY_TRIM_UPPER:
    case BINARY_TRIM_LOWER:
        return outcome_histogram(histogram_trim(ref->arena, left, right, op == BINARY_TRIM_UPPER));
    default:
        return outcome_remark(REF_REMARK_TYPES);
    }
}

static struct ref_outcome element_sum(struct ref *ref, struct histogram *sum, unsigned clashes)
{
    if (clashes & HISTOGRAM_CLASH_INCOMPATIBLE)
        return outcome_remark(REF_REMARK_LAYOUT);
    if (clashes & HISTOGRAM_CLASH_RESET)
        return outcome_remark(REF_REMARK_RESETS);
    struct ref_outcome outcome = outcome_histogram(histogram_compact(ref->arena, sum));
    if (clashes & HISTOGRAM_CLASH_BOUNDS)
        outcome.remark = REF_REMARK_BOUNDS;
    return outcome;
}

static struct ref_outcome element_histograms(struct ref *ref, enum binary_op op,
                                             const struct histogram *left,
                                             const struct histogram *right)
{
    unsigned clashes = HISTOGRAM_CLASH_NONE;
    struct ref_outcome outcome;
    struct histogram *sum;
    switch ((int)op) {
    case BINARY_ADD:
        sum = histogram_add(ref->scratch, left, right, &clashes);
        return element_sum(ref, sum, clashes);
    case BINARY_SUB:
        sum = histogram_subtract(ref->scratch, left, right, &clashes);
        if (sum)
            sum->hint = HISTOGRAM_GAUGE;
        return element_sum(ref, sum, clashes);
    case BINARY_EQL:
    case BINARY_NEQ:
        outcome = outcome_histogram(left);
        outcome.keep = histogram_equal(left, right) == (op == BINARY_EQL);
        return outcome;
    default:
        return outcome_remark(REF_REMARK_TYPES);
    }
}

struct ref_outcome ref_element_op(struct ref *ref, enum binary_op op, struct ref_element left,
                                  struct ref_element right)
{
    struct ref_outcome outcome;
    if (left.histogram && right.histogram)
        outcome = element_histograms(ref, op, left.histogram, right.histogram);
    else if (left.histogram)
        outcome = element_scaled(ref, op, left.histogram, right.value);
    else if (right.histogram && op == BINARY_MUL)
        outcome = element_scaled(ref, op, right.histogram, left.value);
    else if (right.histogram)
        outcome = outcome_remark(REF_REMARK_TYPES);
    else
        outcome = element_floats(op, left.value, right.value);
    outcome.left_is_histogram = left.histogram != NULL;
    outcome.right_is_histogram = right.histogram != NULL;
    return outcome;
}

void ref_outcome_note(struct ref *ref, const struct ref_expr *expr,
                      const struct ref_outcome *outcome)
{
    struct annotations *notes = &ref->query->annotations;
    size_t begin = expr->node->span.begin;
    enum binary_op op = expr->node->binary.op;
    enum note_operation operation = op == BINARY_SUB ? NOTE_SUBTRACTION : NOTE_ADDITION;
    switch (outcome->remark) {
    case REF_REMARK_NONE:
        break;
    case REF_REMARK_BOUNDS:
        note_bounds_reconciled(notes, begin, operation);
        break;
    case REF_REMARK_RESETS:
        note_reset_collision(notes, begin, operation);
        break;
    case REF_REMARK_LAYOUT:
        note_bucket_layout(notes, begin, binary_op_text(op));
        break;
    case REF_REMARK_TYPES:
        note_sample_types(notes, begin, outcome->left_is_histogram, binary_op_text(op),
                          outcome->right_is_histogram);
        break;
    }
}

#include "parser/duration_eval.h"

#include <math.h>

#include "parser/literal.h"

static bool duration_fail(const struct node *node, const char *what, struct err *err)
{
    return err_set(err, ERR_BAD_DATA, "%zu:%zu: %s", node->span.begin, node->span.end, what);
}

/* Go's math.Min and math.Max: a NaN wins, unless the other is the infinity looked for. */
static double min_of(double a, double b)
{
    if (a == -INFINITY || b == -INFINITY)
        return -INFINITY;
    if (isnan(a) || isnan(b))
        return NAN;
    if (a == 0 && b == 0)
        return signbit(a) ? a : b;
    return a < b ? a : b;
}

static double max_of(double a, double b)
{
    if (a == INFINITY || b == INFINITY)
        return INFINITY;
    if (isnan(a) || isnan(b))
        return NAN;
    if (a == 0 && b == 0)
        return signbit(a) ? b : a;
    return a > b ? a : b;
}

static bool eval_node(const struct node *node, const struct duration_values *values,
                      double *ret_seconds, struct err *err)
{
    const struct duration_node *duration = &node->duration;
    double left = 0;
    double right = 0;
    if (duration->left && !eval_node(duration->left, values, &left, err))
        return false;
    if (duration->right && !eval_node(duration->right, values, &right, err))
        return false;

    double seconds = 0;
    switch (duration->op) {
    case DURATION_LITERAL:
        seconds = duration->seconds;
        break;
    case DURATION_ADD:
        seconds = left + right;
        break;
    case DURATION_SUB:
        seconds = left - right;
        break;
    case DURATION_MUL:
        seconds = left * right;
        break;
    case DURATION_DIV:
        if (right == 0)
            return duration_fail(node, "division by zero", err);
        seconds = left / right;
        break;
    case DURATION_MOD:
        if (right == 0)
            return duration_fail(node, "modulo by zero", err);
        seconds = fmod(left, right);
        break;
    case DURATION_POW:
        seconds = pow(left, right);
        break;
    case DURATION_PLUS:
        seconds = right;
        break;
    case DURATION_MINUS:
        seconds = -right;
        break;
    case DURATION_STEP:
        seconds = values->step;
        break;
    case DURATION_RANGE:
        seconds = values->range;
        break;
    case DURATION_MIN_OF:
        seconds = min_of(left, right);
        break;
    case DURATION_MAX_OF:
        seconds = max_of(left, right);
        break;
    }
    *ret_seconds = seconds;
    return true;
}

bool duration_eval(const struct node *node, const struct duration_values *values,
                   bool signed_allowed, int64_t *ret_ms, struct err *err)
{
    double seconds = 0;
    if (!eval_node(node, values, &seconds, err))
        return false;
    if (!isfinite(seconds))
        return duration_fail(node, "duration is NaN or infinite", err);
    if (seconds <= 0 && !signed_allowed)
        return duration_fail(node, "duration must be greater than 0", err);
    if (seconds > 0x1p63 / 1e9 || seconds < -0x1p63 / 1e9)
        return duration_fail(node, "duration is out of range", err);
    *ret_ms = int64_of(seconds * 1000);
    return true;
}

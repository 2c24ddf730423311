/*
 * One flat loop an operator, always into the left row: where the answer is to go into the right
 * one, the rows change places and the operator is turned around (a < b is b > a). Missing points
 * are told by their bits and blended in as integers, because arithmetic on the stale marker, a
 * signalling NaN, would quieten it.
 */
#include "engine/fn/arith.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

#include "base/attr.h"
#include "engine/fn/gomath.h"
#include "model/sample.h"

typedef void arith_kernel(double *restrict left, const double *restrict right, size_t count);

/* `result` is the value of (l, r). */
#define ARITH_KERNEL(name, result) \
    KERNEL_CLONES static void name(double *restrict left, const double *restrict right, \
                                   size_t count) \
    { \
        for (size_t i = 0; i < count; i++) { \
            double l = left[i], r = right[i]; \
            bool missing = value_bits(l) == STALE_BITS || value_bits(r) == STALE_BITS; \
            uint64_t bits = value_bits(result); \
            left[i] = value_of_bits(missing ? STALE_BITS : bits); \
        } \
    }

ARITH_KERNEL(arith_add, l + r)
ARITH_KERNEL(arith_sub, l - r)
ARITH_KERNEL(arith_sub_turned, r - l)
ARITH_KERNEL(arith_mul, l *r)
ARITH_KERNEL(arith_div, l / r)
ARITH_KERNEL(arith_div_turned, r / l)

/* What a comparison leaves where it holds: (left & keep_left) | (right & keep_right) | yes. */
struct arith_choice {
    uint64_t keep_left;
    uint64_t keep_right;
    uint64_t yes;
    uint64_t no;
};

typedef void arith_compare(double *restrict left, const double *restrict right, size_t count,
                           struct arith_choice choice);

#define ARITH_COMPARE(name, holds) \
    KERNEL_CLONES static void name(double *restrict left, const double *restrict right, \
                                   size_t count, struct arith_choice choice) \
    { \
        for (size_t i = 0; i < count; i++) { \
            double l = left[i], r = right[i]; \
            uint64_t l_bits = value_bits(l), r_bits = value_bits(r); \
            bool missing = l_bits == STALE_BITS || r_bits == STALE_BITS; \
            uint64_t yes = \
                (l_bits & choice.keep_left) | (r_bits & choice.keep_right) | choice.yes; \
            uint64_t bits = (holds) ? yes : choice.no; \
            left[i] = value_of_bits(missing ? STALE_BITS : bits); \
        } \
    }

ARITH_COMPARE(arith_eql, l == r)
ARITH_COMPARE(arith_neq, l != r)
ARITH_COMPARE(arith_lss, l < r)
ARITH_COMPARE(arith_lte, l <= r)
ARITH_COMPARE(arith_gtr, l > r)
ARITH_COMPARE(arith_gte, l >= r)

/* For operators that are a call each. */
static void arith_each(double (*call)(double, double), const double *left, const double *right,
                       double *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool missing = value_is_stale(left[i]) || value_is_stale(right[i]);
        out[i] = missing ? value_stale() : call(left[i], right[i]);
    }
}

struct arith_class {
    arith_kernel *kernel, *kernel_turned;
    arith_compare *compare, *compare_turned;
    double (*call)(double, double);
};

static const struct arith_class arith_classes[] = {
    [BINARY_ADD] = {.kernel = arith_add, .kernel_turned = arith_add},
    [BINARY_SUB] = {.kernel = arith_sub, .kernel_turned = arith_sub_turned},
    [BINARY_MUL] = {.kernel = arith_mul, .kernel_turned = arith_mul},
    [BINARY_DIV] = {.kernel = arith_div, .kernel_turned = arith_div_turned},
    [BINARY_MOD] = {.call = fmod},
    [BINARY_POW] = {.call = gomath_pow},
    [BINARY_ATAN2] = {.call = gomath_atan2},
    [BINARY_EQL] = {.compare = arith_eql, .compare_turned = arith_eql},
    [BINARY_NEQ] = {.compare = arith_neq, .compare_turned = arith_neq},
    [BINARY_LSS] = {.compare = arith_lss, .compare_turned = arith_gtr},
    [BINARY_LTE] = {.compare = arith_lte, .compare_turned = arith_gte},
    [BINARY_GTR] = {.compare = arith_gtr, .compare_turned = arith_lss},
    [BINARY_GTE] = {.compare = arith_gte, .compare_turned = arith_lte},
};

static const struct arith_class *arith_class_get(enum binary_op op)
{
    assert((size_t)op < ARRAY_COUNT(arith_classes));
    return &arith_classes[op];
}

static struct arith_choice arith_choice(const struct arith *arith, bool turned)
{
    if (arith->return_bool)
        return (struct arith_choice){.yes = value_bits(1), .no = value_bits(0)};
    bool second = arith->keep_right != turned;
    return (struct arith_choice){.keep_left = second ? 0 : UINT64_MAX,
                                 .keep_right = second ? UINT64_MAX : 0,
                                 .no = STALE_BITS};
}

void arith_rows(const struct arith *arith, double *left, const double *right, size_t count)
{
    const struct arith_class *class = arith_class_get(arith->op);
    if (class->compare)
        class->compare(left, right, count, arith_choice(arith, false));
    else if (class->kernel)
        class->kernel(left, right, count);
    else
        arith_each(class->call, left, right, left, count);
}

void arith_rows_into_right(const struct arith *arith, const double *left, double *right,
                           size_t count)
{
    const struct arith_class *class = arith_class_get(arith->op);
    if (class->compare_turned)
        class->compare_turned(right, left, count, arith_choice(arith, true));
    else if (class->kernel_turned)
        class->kernel_turned(right, left, count);
    else
        arith_each(class->call, left, right, right, count);
}

double arith_scalar(enum binary_op op, double left, double right)
{
    arith_rows(&(struct arith){.op = op, .return_bool = true}, &left, &right, 1);
    return left;
}

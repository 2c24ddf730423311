/*
 * One line an operator, children indented below it: what it does, how many series and steps; and,
 * once a measured query has run, the time spent in it and below it, pulls, and samples decoded.
 */
#include "engine/op/fallback.h"
#include "engine/op/shared.h"
#include "engine/op/source.h"
#include "engine/running.h"

#define EXPLAIN_DEPTH_MAX 64

uint64_t op_samples_read(const struct op *op)
{
    if (!op)
        return 0;
    uint64_t samples = op_is_source(op)     ? op_source_samples(op)
                       : op_is_fallback(op) ? op_fallback_samples(op)
                                            : 0;
    samples += op_samples_read(op_shared_below(op));
    for (size_t i = 0; i < op->child_count; i++)
        samples += op_samples_read(op->children[i]);
    return samples;
}

uint64_t op_series_selected(const struct op *op)
{
    if (!op)
        return 0;
    uint64_t series = op_is_source(op)     ? op_source_series(op)
                      : op_is_fallback(op) ? op_fallback_series(op)
                                           : 0;
    series += op_series_selected(op_shared_below(op));
    for (size_t i = 0; i < op->child_count; i++)
        series += op_series_selected(op->children[i]);
    return series;
}

static void explain_counts(const struct op *op, struct buf *out)
{
    if (op->state == OP_NEW)
        return;
    buf_printf(out, "  [series %zu, steps %zu", op->series_count, op->grid.count);
    if (op_is_source(op))
        buf_printf(out, ", samples %llu", (unsigned long long)op_source_samples(op));
    if (op->query->measure)
        buf_printf(out, ", pulls %llu, time %.3f ms", (unsigned long long)op->pull_count,
                   (double)(op->open_ns + op->pull_ns) / 1e6);
    buf_byte(out, ']');
}

static void explain_op(const struct op *op, size_t depth, struct buf *out)
{
    buf_printf(out, "%*s%s", (int)depth * 2, "", op->detail ? op->detail : op->class->name);
    explain_counts(op, out);
    buf_byte(out, '\n');
    if (depth == EXPLAIN_DEPTH_MAX)
        return;
    const struct op *below = op_shared_below(op);
    if (below)
        explain_op(below, depth + 1, out);
    for (size_t i = 0; i < op->child_count; i++)
        explain_op(op->children[i], depth + 1, out);
}

void running_explain(const struct running *running, struct buf *out)
{
    if (running->root)
        explain_op(running->root, 0, out);
    else if (running->reference || !running->plan)
        reference_answer_explain(running, out);
    else
        plan_print(running->plan, out);
}

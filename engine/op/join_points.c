#include "engine/op/join_points.h"

#include <string.h>

#include "engine/fn/histogram_trim.h"
#include "engine/op/presence.h"
#include "model/notes.h"

enum join_failure {
    JOIN_FINE,
    JOIN_FLOATS, /* types that do not go together: float op float, ... */
    JOIN_FLOAT_HISTOGRAM,
    JOIN_HISTOGRAM_FLOAT,
    JOIN_HISTOGRAMS,
    JOIN_LAYOUT,
    JOIN_RESET,
    JOIN_BOUNDS, /* there is a result all the same */
};

#define JOIN_FAILURE_COUNT (JOIN_BOUNDS + 1)

/* Two points, in the order of the expression. */
struct join_pair_of_points {
    double left, right;
    const struct histogram *left_histogram, *right_histogram;
};

struct join_result {
    enum join_failure failure;
    bool keep; /* comparisons */
    struct histogram *histogram;
};

struct join_points join_points_of(struct query *query, const struct grid *grid,
                                  const struct binary *binary, size_t begin)
{
    return (struct join_points){
        .query = query,
        .step_count = grid->count,
        .arith = {.op = binary->op, .return_bool = binary->return_bool},
        .swapped = binary->matching->card == CARD_ONE_TO_MANY,
        .begin = begin,
    };
}

static bool join_points_has_histograms(const struct join_points *points,
                                       const struct join_meeting *meeting)
{
    return binary_op_is_trim(points->arith.op) ||
           row_has_histogram(meeting->many.histograms, points->step_count) ||
           row_has_histogram(meeting->one.histograms, points->step_count);
}

static void join_points_floats(const struct join_points *points, const struct join_meeting *meeting,
                               double *out)
{
    memcpy(out, meeting->many.values, points->step_count * sizeof *out);
    if (points->swapped)
        arith_rows_into_right(&points->arith, meeting->one.values, out, points->step_count);
    else
        arith_rows(&points->arith, out, meeting->one.values, points->step_count);
}

static struct join_result join_add_up(bool subtract, const struct join_pair_of_points *pair,
                                      struct arena *arena)
{
    unsigned clashes = 0;
    struct histogram *sum =
        subtract ? histogram_subtract(arena, pair->left_histogram, pair->right_histogram, &clashes)
                 : histogram_add(arena, pair->left_histogram, pair->right_histogram, &clashes);
    if (!sum)
        return (struct join_result){.failure = JOIN_LAYOUT};
    /* Prometheus means to warn only, but loses the result. */
    if (clashes & HISTOGRAM_CLASH_RESET)
        return (struct join_result){.failure = JOIN_RESET};
    sum = histogram_compact(arena, sum);
    if (subtract)
        sum->hint = HISTOGRAM_GAUGE;
    return (struct join_result){
        .failure = clashes & HISTOGRAM_CLASH_BOUNDS ? JOIN_BOUNDS : JOIN_FINE,
        .keep = true,
        .histogram = sum,
    };
}

static struct join_result join_histograms(enum binary_op op, const struct join_pair_of_points *pair,
                                          struct arena *arena)
{
    if (op == BINARY_ADD || op == BINARY_SUB)
        return join_add_up(op == BINARY_SUB, pair, arena);
    if (op != BINARY_EQL && op != BINARY_NEQ)
        return (struct join_result){.failure = JOIN_HISTOGRAMS};
    bool equal = histogram_equal(pair->left_histogram, pair->right_histogram);
    return (struct join_result){
        .keep = equal == (op == BINARY_EQL),
        .histogram = histogram_keep(arena, pair->left_histogram),
    };
}

/* At least one of the two is a histogram. */
static struct join_result join_pair_meet(enum binary_op op, const struct join_pair_of_points *pair,
                                         struct arena *arena)
{
    const struct histogram *left = pair->left_histogram, *right = pair->right_histogram;
    if (left && right)
        return join_histograms(op, pair, arena);

    struct histogram *made = NULL;
    if (op == BINARY_MUL)
        made = histogram_compact(arena, left ? histogram_multiply(arena, left, pair->right)
                                             : histogram_multiply(arena, right, pair->left));
    else if (left && op == BINARY_DIV)
        made = histogram_compact(arena, histogram_divide(arena, left, pair->right));
    else if (left && binary_op_is_trim(op))
        made = histogram_trim(arena, left, pair->right, op == BINARY_TRIM_UPPER);
    if (!made)
        return (struct join_result){.failure = left ? JOIN_HISTOGRAM_FLOAT : JOIN_FLOAT_HISTOGRAM};
    return (struct join_result){.keep = true, .histogram = made};
}

static void join_points_fail(struct join_points *points, size_t step, uint32_t place,
                             enum join_failure failure)
{
    if (!points->failures) {
        points->failures = arena_array(points->query->arena, uint8_t, points->step_count);
        points->places = arena_array(points->query->arena, uint32_t, points->step_count);
    }
    if (points->failures[step] == JOIN_FINE || place >= points->places[step]) {
        points->failures[step] = (uint8_t)failure;
        points->places[step] = place;
    }
    if (failure != JOIN_BOUNDS)
        points->failed[step / 64] |= UINT64_C(1) << step % 64;
}

/* A step at which both sides have a point, and one of them is a histogram. */
static void join_points_meet_at(struct join_points *points, size_t step, uint32_t place,
                                const struct join_pair_of_points *pair, double *out,
                                const struct histogram **out_histograms, struct arena *arena)
{
    struct join_result result = join_pair_meet(points->arith.op, pair, arena);
    if (result.failure != JOIN_FINE)
        join_points_fail(points, step, place, result.failure);
    if (!result.histogram)
        return;
    if (points->arith.return_bool)
        out[step] = result.keep ? 1 : 0;
    else if (result.keep)
        out_histograms[step] = result.histogram;
}

static void join_points_any(struct join_points *points, const struct join_meeting *meeting,
                            double *out, const struct histogram **out_histograms,
                            struct arena *arena)
{
    const struct point_row many = meeting->many, one = meeting->one;
    size_t steps = points->step_count;
    bool trim = binary_op_is_trim(points->arith.op);
    if (!points->failed)
        points->failed = arena_array(points->query->arena, uint64_t, presence_words(steps));
    memset(points->failed, 0, presence_words(steps) * sizeof *points->failed);
    if (!trim)
        join_points_floats(points, meeting, out);

    for (size_t s = 0; s < steps; s++) {
        const struct histogram *hm = many.histograms ? many.histograms[s] : NULL;
        const struct histogram *ho = one.histograms ? one.histograms[s] : NULL;
        bool both =
            (hm || !value_is_stale(many.values[s])) && (ho || !value_is_stale(one.values[s]));
        if (trim || hm || ho)
            out[s] = value_stale();
        if (!both)
            continue;
        bool swapped = points->swapped;
        const struct join_pair_of_points pair = {
            .left = swapped ? one.values[s] : many.values[s],
            .right = swapped ? many.values[s] : one.values[s],
            .left_histogram = swapped ? ho : hm,
            .right_histogram = swapped ? hm : ho,
        };
        if (hm || ho)
            join_points_meet_at(points, s, meeting->place, &pair, out, out_histograms, arena);
        else if (trim)
            join_points_fail(points, s, meeting->place, JOIN_FLOATS);
    }
}

bool join_points_meet(struct join_points *points, const struct join_meeting *meeting,
                      struct tile *tile, struct batch *out, size_t row, const uint64_t **ret_failed,
                      struct err *err)
{
    *ret_failed = NULL;
    if (!join_points_has_histograms(points, meeting)) {
        join_points_floats(points, meeting, batch_row(out, row));
        return true;
    }
    const struct histogram **histograms = tile_histograms(tile, out, row, err);
    if (!histograms)
        return false;
    join_points_any(points, meeting, batch_row(out, row), histograms, tile->arena);
    *ret_failed = points->failed;
    return tile_check(tile, err);
}

bool join_points_mark(const struct join_points *points, const struct join_meeting *meeting,
                      const uint64_t *failed, uint64_t *seen, uint64_t *also)
{
    const struct point_row many = meeting->many, one = meeting->one;
    size_t steps = points->step_count;
    for (size_t step = 0; step < steps; step += 64) {
        uint64_t both = presence_word(many.values, many.histograms, steps, step) &
                        presence_word(one.values, one.histograms, steps, step);
        if (failed)
            both &= ~failed[step / 64];
        if (seen[step / 64] & both)
            return false;
        seen[step / 64] |= both;
        if (also)
            also[step / 64] |= both;
    }
    return true;
}

static void join_failure_note(const struct join_points *points, enum join_failure failure)
{
    struct annotations *notes = &points->query->annotations;
    const char *op = binary_op_text(points->arith.op);
    bool adds = points->arith.op == BINARY_ADD;
    switch (failure) {
    case JOIN_FINE:
        return;
    case JOIN_FLOATS:
        note_sample_types(notes, points->begin, false, op, false);
        return;
    case JOIN_FLOAT_HISTOGRAM:
        note_sample_types(notes, points->begin, false, op, true);
        return;
    case JOIN_HISTOGRAM_FLOAT:
        note_sample_types(notes, points->begin, true, op, false);
        return;
    case JOIN_HISTOGRAMS:
        note_sample_types(notes, points->begin, true, op, true);
        return;
    case JOIN_LAYOUT:
        note_bucket_layout(notes, points->begin, op);
        return;
    case JOIN_RESET:
        note_reset_collision(notes, points->begin, adds ? NOTE_ADDITION : NOTE_SUBTRACTION);
        return;
    case JOIN_BOUNDS:
        note_bounds_reconciled(notes, points->begin, adds ? NOTE_ADDITION : NOTE_SUBTRACTION);
        return;
    }
}

const bool *join_points_tells(const struct join_points *points, struct op *op)
{
    return binary_op_is_trim(points->arith.op) ? op_all_series(op) : op_holds(op);
}

void join_points_note(struct join_points *points)
{
    bool told[JOIN_FAILURE_COUNT] = {false};
    for (size_t s = 0; points->failures && s < points->step_count; s++) {
        enum join_failure failure = points->failures[s];
        if (!told[failure])
            join_failure_note(points, failure);
        told[failure] = true;
    }
}

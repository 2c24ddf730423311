#include "query-tee/compare_inside.h"

/*
 * Two lists in the order of their times are walked together. Where only one of them has points, the
 * run of them is looked at as a whole, with what lies at its two ends: that is what tells an edge
 * from a hole.
 */
struct side {
    const struct answer_point *points;
    size_t count;
    size_t at;
};

/* Entries of metadata have no times. */
static bool point_is_compared(const struct compare *compare, const struct answer_point *point)
{
    return compare->request->kind == ANSWER_METADATA ||
           (point->time_ms >= compare->begin_ms && point->time_ms <= compare->end_ms);
}

/* What of the item's points is compared. */
static struct side side_of(struct compare *compare, const struct answer_item *item)
{
    size_t begin = 0;
    size_t end = item->point_count;
    while (begin < end && !point_is_compared(compare, &item->points[begin]))
        begin++;
    while (end > begin && !point_is_compared(compare, &item->points[end - 1]))
        end--;
    compare->out->points_skipped += item->point_count - (end - begin);
    return (struct side){.points = item->points ? item->points + begin : NULL,
                         .count = end - begin};
}

bool compare_all_skipped(struct compare *compare, const struct answer_item *item)
{
    for (size_t i = 0; i < item->point_count; i++)
        if (point_is_compared(compare, &item->points[i]))
            return false;
    compare->out->points_skipped += item->point_count;
    return item->point_count > 0;
}

static void note_point(struct compare *compare, enum difference_class class, struct str labels,
                       const struct answer_point *preferred, const struct answer_point *other)
{
    struct difference difference = {
        .labels = labels,
        .timed = compare->request->kind != ANSWER_METADATA,
    };
    if (preferred) {
        difference.time_ms = preferred->time_ms;
        difference.preferred = answer_point_text(preferred);
    }
    if (other) {
        difference.time_ms = other->time_ms;
        difference.other = answer_point_text(other);
    }
    compare_note(compare, class, &difference);
}

/* Two points of one time. */
static void compare_pair(struct compare *compare, struct str labels, const struct answer_point *a,
                         const struct answer_point *b, bool texts)
{
    struct str left = answer_point_text(a);
    struct str right = answer_point_text(b);
    if (a->kind == b->kind && str_eq(left, right))
        return;
    if (texts)
        note_point(compare, DIFF_STRING, labels, a, b);
    else if (a->kind == POINT_HISTOGRAM || b->kind == POINT_HISTOGRAM) {
        if (a->kind != b->kind || !compare_histograms_agree(compare->options, left, right))
            note_point(compare, DIFF_HISTOGRAM, labels, a, b);
    } else if (!compare_values_agree(compare->options, left, right)) {
        note_point(compare, DIFF_VALUE, labels, a, b);
    }
}

/* Is there a point at this index, and at this time? */
static bool side_has(const struct side *side, size_t index, int64_t time_ms)
{
    return index < side->count && side->points[index].time_ms == time_ms;
}

/* Do the points that only `side` has, up to `end`, prolong what both have by at most a lookback? */
static bool run_is_edge(const struct compare *compare, const struct side *side, size_t end,
                        const struct side *lacking)
{
    int64_t step_ms = compare->request->step_ms;
    int64_t first_ms = side->points[side->at].time_ms;
    int64_t last_ms = side->points[end - 1].time_ms;
    if (step_ms <= 0 || last_ms - first_ms + step_ms > compare->options->lookback_ms)
        return false;

    /* Index 0 - 1 is beyond any count. */
    bool side_before = side_has(side, side->at - 1, first_ms - step_ms);
    bool lacking_before = side_has(lacking, lacking->at - 1, first_ms - step_ms);
    bool side_after = side_has(side, end, last_ms + step_ms);
    bool lacking_after = side_has(lacking, lacking->at, last_ms + step_ms);
    if (side_before && lacking_before)
        return !side_after && !lacking_after;
    return side_after && lacking_after && !side_before && !lacking_before;
}

/* Points that only `side` has: as many as follow each other without a hole. */
static void compare_run(struct compare *compare, struct str labels, struct side *side,
                        const struct side *lacking, bool preferred)
{
    int64_t step_ms = compare->request->step_ms;
    const struct answer_point *points = side->points;
    int64_t until_ms = INT64_MAX;
    if (lacking->at < lacking->count)
        until_ms = lacking->points[lacking->at].time_ms;
    size_t end = side->at + 1;
    while (end < side->count && points[end].time_ms < until_ms &&
           (step_ms <= 0 || points[end].time_ms - points[end - 1].time_ms == step_ms))
        end++;

    enum difference_class class = preferred ? DIFF_MISSING_POINTS : DIFF_EXTRA_POINTS;
    if (run_is_edge(compare, side, end, lacking))
        class = DIFF_STALENESS_EDGE;
    for (; side->at < end; side->at++)
        note_point(compare, class, labels, preferred ? &points[side->at] : NULL,
                   preferred ? NULL : &points[side->at]);
}

static void compare_series(struct compare *compare, const struct answer_item *preferred,
                           const struct answer_item *other, bool texts)
{
    struct side a = side_of(compare, preferred);
    struct side b = side_of(compare, other);
    compare->out->point_count += a.count;
    while (a.at < a.count || b.at < b.count) {
        bool a_has =
            a.at < a.count && (b.at == b.count || a.points[a.at].time_ms <= b.points[b.at].time_ms);
        bool b_has =
            b.at < b.count && (a.at == a.count || b.points[b.at].time_ms <= a.points[a.at].time_ms);
        if (a_has && b_has)
            compare_pair(compare, preferred->labels, &a.points[a.at++], &b.points[b.at++], texts);
        else if (a_has)
            compare_run(compare, preferred->labels, &a, &b, true);
        else
            compare_run(compare, preferred->labels, &b, &a, false);
    }
}

/* An exemplar's text is its value, a space, and its labels. */
static struct str exemplar_value(const struct answer_point *point)
{
    const char *space = memchr(point->ptr, ' ', point->len);
    return (struct str){point->ptr, space ? (size_t)(space - point->ptr) : point->len};
}

static struct str exemplar_labels(const struct answer_point *point)
{
    size_t value_len = exemplar_value(point).len;
    return (struct str){point->ptr + value_len, point->len - value_len};
}

/* The same exemplar, be it with another value? */
static bool exemplars_meet(const struct answer_point *a, const struct answer_point *b)
{
    return a->time_ms == b->time_ms && str_eq(exemplar_labels(a), exemplar_labels(b));
}

static bool exemplars_agree(const struct compare *compare, const struct answer_point *a,
                            const struct answer_point *b)
{
    return compare_values_agree(compare->options, exemplar_value(a), exemplar_value(b));
}

static int entry_cmp(const struct answer_point *a, const struct answer_point *b)
{
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    return str_cmp(answer_point_text(a), answer_point_text(b));
}

/* Lists without an order: entries of metadata, exemplars. Both come sorted. */
static void compare_entries(struct compare *compare, const struct answer_item *preferred,
                            const struct answer_item *other)
{
    bool exemplars = compare->request->kind == ANSWER_EXEMPLARS;
    enum difference_class class = exemplars ? DIFF_EXEMPLAR : DIFF_METADATA;
    struct side a = side_of(compare, preferred);
    struct side b = side_of(compare, other);
    compare->out->point_count += a.count;
    while (a.at < a.count || b.at < b.count) {
        const struct answer_point *left = a.at < a.count ? &a.points[a.at] : NULL;
        const struct answer_point *right = b.at < b.count ? &b.points[b.at] : NULL;
        int order = !left ? 1 : !right ? -1 : entry_cmp(left, right);
        bool agree = order == 0;
        if (exemplars && left && right && exemplars_meet(left, right)) {
            order = 0;
            agree = exemplars_agree(compare, left, right);
        }
        if (!agree)
            note_point(compare, class, preferred->labels, order <= 0 ? left : NULL,
                       order >= 0 ? right : NULL);
        a.at += order <= 0;
        b.at += order >= 0;
    }
}

void compare_points(struct compare *compare, const struct answer_item *preferred,
                    const struct answer_item *other, bool texts)
{
    if (compare->request->kind == ANSWER_METADATA || compare->request->kind == ANSWER_EXEMPLARS)
        compare_entries(compare, preferred, other);
    else
        compare_series(compare, preferred, other, texts);
}

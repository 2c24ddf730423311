/*
 * One-to-one and many-to-one matching: for each sample of the "many" side (the left one, unless
 * group_right says otherwise) the one of the other side in its match group.
 */
#include "engine/reference/match.h"

#include "base/hash.h"
#include "engine/reference/element.h"

#define NO_SAMPLE UINT32_MAX

struct match_result {
    uint32_t group;
    const struct labels *labels; /* kept ones: equal if they are the same */
};

/* What the labels of two samples, both of which stay, come to. */
struct match_pair {
    const struct labels *many, *one;
    const struct labels *result;
};

struct match {
    struct ref *ref;
    const struct ref_expr *expr;
    const struct binary *binary;
    const struct vector_matching *matching;
    bool swapped; /* group_right: the many are on the right */
    struct name_set names;
    uint32_t *include; /* symbols of group_left's labels */

    struct map pair_map; /* of the pairs met so far */
    struct match_pair *pairs;
    size_t pair_count, pair_cap;

    struct ref_step *step;
    uint32_t *ones;   /* by group: the sample of the "one" side, or NO_SAMPLE */
    bool *matched;    /* by group: something has come of it */
    struct map known; /* group_left, group_right: finds these by group and labels: */
    struct match_result *results;
    size_t result_count;
    struct ref_outcome last; /* the last remark of the step */
};

struct match_error {
    struct buf labels, first, second;
};

static void match_error_done_auto(struct match_error *error)
{
    buf_done(&error->labels);
    buf_done(&error->first);
    buf_done(&error->second);
}

/* The labels by which a sample is matched, as errors and filled-in samples show them. */
static const struct labels *match_labels(const struct match *match, const struct labels *labels)
{
    struct arena *scratch = match->ref->scratch;
    return match->matching->on ? labels_keep(labels, match->names, scratch)
                               : labels_without(labels, match->names, scratch);
}

static bool match_refuse_duplicate(const struct match *match, const struct labels *one,
                                   const struct labels *other, struct err *err)
{
    const struct symbols *symbols = match->ref->query->symbols;
    AUTO(match_error_done) struct match_error error = {0};
    labels_print(symbols, match_labels(match, one), &error.labels);
    labels_print(symbols, one, &error.first);
    labels_print(symbols, other, &error.second);
    struct str first = buf_view(&error.first), second = buf_view(&error.second);
    if (str_cmp(first, second) > 0) {
        struct str swap = first;
        first = second;
        second = swap;
    }
    return err_set(err, ERR_EXECUTION,
                   "found duplicate series for the match group %.*s on the %s hand-side of the "
                   "operation: [%.*s, %.*s];many-to-many matching not allowed: matching labels "
                   "must be unique on one side",
                   STR_ARGS(buf_view(&error.labels)), match->swapped ? "left" : "right",
                   STR_ARGS(first), STR_ARGS(second));
}

static bool match_find_ones(struct match *match, struct err *err)
{
    struct ref_step *step = match->step;
    size_t side = !match->swapped;
    const struct ref_vector *vector = &step->vectors[side];
    match->ones = arena_array(match->ref->scratch, uint32_t, step->group_count);
    match->matched = arena_array(match->ref->scratch, bool, step->group_count);
    for (size_t i = 0; i < step->group_count; i++)
        match->ones[i] = NO_SAMPLE;
    for (size_t i = 0; i < vector->count; i++) {
        uint32_t group = step->groups[side][i];
        if (match->ones[group] != NO_SAMPLE)
            return match_refuse_duplicate(match, vector->items[i].labels,
                                          vector->items[match->ones[group]].labels, err);
        match->ones[group] = (uint32_t)i;
    }
    return arena_check(match->ref->scratch, err);
}

static const struct labels *match_make_labels(const struct match *match, const struct labels *many,
                                              const struct labels *one)
{
    struct ref *ref = match->ref;
    const struct vector_matching *matching = match->matching;
    bool drop_bool = match->binary->return_bool && !ref->query->modes.delayed_names;
    const struct labels *labels = many;
    if (drop_bool || ref_op_changes_metric(match->binary->op))
        labels = label_pool_nameless(&ref->labels, labels);
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    labels_builder_reset(&builder, ref->query->symbols, labels);
    for (size_t i = 0; matching->card == CARD_ONE_TO_ONE && i < labels->count; i++)
        if (name_set_has(match->names, labels->pairs[i].name) != matching->on)
            labels_builder_set(&builder, labels->pairs[i].name, SYM_EMPTY);
    for (size_t i = 0; i < matching->include_count; i++)
        labels_builder_set(&builder, match->include[i], labels_get(one, match->include[i]));
    return label_pool_keep(&ref->labels, labels_builder_labels(&builder, ref->scratch));
}

/* The labels of what comes of two samples. */
static const struct labels *match_result_labels(struct match *match, const struct labels *many,
                                                const struct labels *one)
{
    struct arena *arena = match->ref->arena;
    uint64_t hash = hash_mix((uint64_t)(uintptr_t)many, (uint64_t)(uintptr_t)one);
    struct map_probe at = map_find(&match->pair_map, hash);
    for (; map_hit(&match->pair_map, &at); map_next(&match->pair_map, &at)) {
        const struct match_pair *pair = &match->pairs[at.index];
        if (pair->many == many && pair->one == one)
            return pair->result;
    }
    if (match->pair_count == match->pair_cap) {
        match->pair_cap = match->pair_cap ? match->pair_cap * 2 : 8;
        struct match_pair *pairs = arena_array(arena, struct match_pair, match->pair_cap);
        for (size_t i = 0; i < match->pair_count; i++)
            pairs[i] = match->pairs[i];
        match->pairs = pairs;
    }
    const struct labels *result = match_make_labels(match, many, one);
    map_insert_in(arena, &match->pair_map, hash, (uint32_t)match->pair_count);
    match->pairs[match->pair_count++] = (struct match_pair){many, one, result};
    return result;
}

/* Grouping labels have to tell the results of one group apart. */
static bool match_check_many(struct match *match, uint32_t group, const struct labels *labels,
                             struct err *err)
{
    uint64_t hash = hash_mix(group, (uint64_t)(uintptr_t)labels);
    struct map_probe at = map_find(&match->known, hash);
    for (; map_hit(&match->known, &at); map_next(&match->known, &at))
        if (match->results[at.index].group == group && match->results[at.index].labels == labels)
            return err_set(err, ERR_EXECUTION,
                           "multiple matches for labels: grouping labels must ensure unique "
                           "matches");
    map_insert_in(match->ref->scratch, &match->known, hash, (uint32_t)match->result_count);
    match->results[match->result_count++] = (struct match_result){group, labels};
    return true;
}

static bool match_check(struct match *match, uint32_t group, const struct labels *labels,
                        struct err *err)
{
    bool matched = match->matched[group];
    match->matched[group] = true;
    if (match->matching->card != CARD_ONE_TO_ONE)
        return match_check_many(match, group, labels, err);
    if (matched)
        return err_set(err, ERR_EXECUTION,
                       "multiple matches for labels: many-to-one matching must be explicit "
                       "(group_left/group_right)");
    return true;
}

static bool match_put(struct match *match, const struct ref_sample *many,
                      const struct ref_sample *one, uint32_t group, struct err *err)
{
    const struct binary *binary = match->binary;
    const struct ref_sample *left = match->swapped ? one : many;
    const struct ref_sample *right = match->swapped ? many : one;
    struct ref_outcome outcome =
        ref_element_op(match->ref, binary->op, (struct ref_element){left->value, left->histogram},
                       (struct ref_element){right->value, right->histogram});
    if (outcome.remark != REF_REMARK_NONE)
        match->last = outcome;
    if (outcome.remark >= REF_REMARK_DROPS)
        return true;

    struct ref_sample sample = {
        .place = many->place,
        .labels = match_result_labels(match, many->labels, one->labels),
        .drops_name = binary->return_bool,
        .value = outcome.element.value,
        .histogram = outcome.element.histogram,
    };
    if (binary->return_bool) {
        sample.value = outcome.keep;
        sample.histogram = NULL;
    }
    if (!match_check(match, group, sample.labels, err))
        return false;
    if (outcome.keep || binary->return_bool)
        ref_step_add(match->step, &sample);
    return true;
}

/*
 * Stands in for the sample that is missing on the other side. Prometheus fills the "one" side with
 * fill_right and the "many" side with fill_left, also where group_right has them change places.
 */
static struct ref_sample match_fill(const struct match *match, const struct ref_sample *sample,
                                    double value)
{
    return (struct ref_sample){
        .labels = label_pool_keep(&match->ref->labels, match_labels(match, sample->labels)),
        .value = value,
        .place = sample->place,
    };
}

static bool match_many(struct match *match, struct err *err)
{
    const struct vector_matching *matching = match->matching;
    size_t side = match->swapped;
    const struct ref_vector *many = &match->step->vectors[side];
    const struct ref_vector *ones = &match->step->vectors[!side];
    for (size_t i = 0; i < many->count; i++) {
        uint32_t group = match->step->groups[side][i];
        struct ref_sample one;
        if (match->ones[group] != NO_SAMPLE)
            one = ones->items[match->ones[group]];
        else if (matching->fill.has_right)
            one = match_fill(match, &many->items[i], matching->fill.right);
        else
            continue;
        if (!match_put(match, &many->items[i], &one, group, err))
            return false;
    }
    return true;
}

/* Where results stand that only the "one" side is there for: behind all others. */
#define PLACE_REST (UINT32_MAX / 2)

/* Samples of the "one" side that nothing has come of. */
static bool match_rest(struct match *match, struct err *err)
{
    const struct vector_matching *matching = match->matching;
    size_t side = !match->swapped;
    const struct ref_vector *ones = &match->step->vectors[side];
    for (size_t i = 0; matching->fill.has_left && i < ones->count; i++) {
        uint32_t group = match->step->groups[side][i];
        if (match->matched[group])
            continue;
        struct ref_sample many = match_fill(match, &ones->items[i], matching->fill.left);
        many.place += PLACE_REST;
        if (!match_put(match, &many, &ones->items[i], group, err))
            return false;
    }
    return true;
}

static bool match_step(void *context, struct ref_step *step, struct err *err)
{
    struct match *match = context;
    const struct vector_matching *matching = match->matching;
    size_t left = step->vectors[0].count, right = step->vectors[1].count;
    bool fills = matching->fill.has_left || matching->fill.has_right;
    if (left + right == 0 || ((left == 0 || right == 0) && !fills))
        return true;
    match->step = step;
    match->last = (struct ref_outcome){.remark = REF_REMARK_NONE};
    match->results = arena_array(match->ref->scratch, struct match_result, left + right);
    match->result_count = 0;
    match->known = (struct map){0};
    bool ok = match_find_ones(match, err) && match_many(match, err) && match_rest(match, err);
    if (ok)
        ref_outcome_note(match->ref, match->expr, &match->last);
    return ok && arena_check(match->ref->scratch, err);
}

bool ref_match_binary(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                      struct ref_matrix *ret_matrix, struct err *err)
{
    const struct vector_matching *matching = expr->node->binary.matching;
    struct match match = {
        .ref = ref,
        .expr = expr,
        .binary = &expr->node->binary,
        .matching = matching,
        .swapped = matching->card == CARD_ONE_TO_MANY,
        .names = ref_names(ref, matching->labels, matching->label_count),
        .include = arena_array(ref->arena, uint32_t, matching->include_count),
    };
    for (size_t i = 0; i < matching->include_count; i++)
        match.include[i] = symbols_add(ref->query->symbols, matching->include[i]);
    struct ref_steps steps = {.matching = matching, .fn = match_step, .context = &match};
    return ref_steps_of(ref, times, expr, &steps, ret_matrix, err);
}

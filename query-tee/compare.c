#include "query-tee/compare.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "base/regex.h"
#include "query-tee/compare_inside.h"
#include "query-tee/spool.h"

/* Of each text of an example; labels get four times as much. */
#define TEXT_SIZE_MAX 1024
#define LABELS_SIZE_MAX (4 * TEXT_SIZE_MAX)
#define ERROR_SIZE_MAX (64u << 10)

const char *difference_name(enum difference_class class)
{
    static const char *const names[DIFF_COUNT] = {
#define DIFFERENCE(name, text) [DIFF_##name] = (text),
#include "query-tee/difference.def"
#undef DIFFERENCE
    };
    return names[class];
}

const char *compare_skip_name(enum compare_skip skip)
{
    static const char *const names[] = {
        [COMPARE_SKIP_NONE] = "none",
        [COMPARE_SKIP_NO_JSON] = "no_json",
        [COMPARE_SKIP_PREFERRED_FAILED] = "preferred_failed",
        [COMPARE_SKIP_CANCELED] = "canceled",
        [COMPARE_SKIP_TOO_MANY_SERIES] = "too_many_series",
        [COMPARE_SKIP_TOO_LARGE] = "too_large",
    };
    return names[skip];
}

void compare_leave_out(struct compare *compare, enum compare_skip skip, const char *reason)
{
    compare->out->skip = skip;
    compare->out->skip_reason = arena_text(compare->out->arena, str_of(reason));
}

/* A copy of the front of a text, cut between two runes. */
static struct str note_text(struct arena *arena, struct str text, size_t size_max)
{
    if (!text.ptr || text.len <= size_max)
        return text.ptr ? arena_str(arena, text) : text;
    size_t len = size_max;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    const char *cut = arena_printf(arena, "%.*s...", (int)len, text.ptr);
    return str_of(cut);
}

void compare_note(struct compare *compare, enum difference_class class,
                  const struct difference *example)
{
    struct comparison *out = compare->out;
    size_t count_max = compare->options->examples_max;
    out->counts[class]++;
    if (out->example_counts[class] == count_max)
        return;
    if (!out->examples[class])
        out->examples[class] = arena_array(out->arena, struct difference, count_max);

    struct difference *kept = &out->examples[class][out->example_counts[class]++];
    *kept = *example;
    kept->labelled = example->labels.len > 0 && example->labels.len <= LABELS_SIZE_MAX &&
                     compare->request->kind != ANSWER_STRINGS &&
                     compare->request->kind != ANSWER_METADATA;
    kept->labels = note_text(out->arena, example->labels, LABELS_SIZE_MAX);
    kept->preferred = note_text(out->arena, example->preferred, TEXT_SIZE_MAX);
    kept->other = note_text(out->arena, example->other, TEXT_SIZE_MAX);
}

void compare_note_broken(struct compare *compare, bool preferred, const struct err *err)
{
    struct str text = str_of(err->msg);
    if (err->kind == ERR_LIMIT) {
        compare_leave_out(compare, COMPARE_SKIP_TOO_LARGE, err->msg);
        return;
    }
    struct difference difference = {0};
    if (preferred)
        difference.preferred = text;
    else
        difference.other = text;
    compare_note(compare, DIFF_BROKEN_BODY, &difference);
}

static void compare_texts(struct compare *compare, enum difference_class class, struct str a,
                          struct str b)
{
    if (!str_eq(a, b))
        compare_note(compare, class, &(struct difference){.preferred = a, .other = b});
}

/*
 * Errors that mean the same in the words of Prometheus's engine and of Mimir's own: two texts agree
 * if both are of one of these forms.
 */
static const char *const error_forms[] = {
    "(?i).*range vector.*range quer(y|ies).*|.*range quer(y|ies).*range vector.*",
    "(?i).*\\bstring\\b.*range quer(y|ies).*|.*range quer(y|ies).*\\bstring\\b.*",
    "(?i).*duplicate series for the match group.*|.*many-to-many matching not allowed.*",
    "(?i).*multiple matches for labels.*|.*(many-to-one|one-to-many) matching must be explicit.*",
};

static bool errors_equivalent(struct str a, struct str b)
{
    for (size_t i = 0; i < ARRAY_COUNT(error_forms); i++) {
        struct err err;
        AUTO(regex_destroy) struct regex *form = NULL;
        bool compiled = regex_create(str_of(error_forms[i]), &form, &err);
        assert(compiled);
        if (regex_matches(form, a) && regex_matches(form, b))
            return true;
    }
    return false;
}

static int text_cmp(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Warnings, or infos: they have no order, but each counts. */
static void compare_annotations(struct compare *compare, struct str *a, size_t a_count,
                                struct str *b, size_t b_count)
{
    qsort(a, a_count, sizeof(*a), text_cmp);
    qsort(b, b_count, sizeof(*b), text_cmp);
    size_t i = 0;
    size_t j = 0;
    while (i < a_count || j < b_count) {
        int order = i == a_count ? 1 : j == b_count ? -1 : str_cmp(a[i], b[j]);
        struct difference difference = {0};
        if (order <= 0)
            difference.preferred = a[i++];
        if (order >= 0)
            difference.other = b[j++];
        if (order != 0)
            compare_note(compare, DIFF_ANNOTATION, &difference);
    }
}

/* "success", or "error execution: ..." */
static struct str envelope_status(struct compare *compare, const struct answer_envelope *envelope)
{
    if (!envelope->error.ptr)
        return envelope->status;
    return str_of(arena_printf(compare->out->arena, "%.*s %.*s: %.*s", STR_ARGS(envelope->status),
                               STR_ARGS(envelope->error_type), STR_ARGS(envelope->error)));
}

static void compare_envelopes(struct compare *compare, const struct answer_envelope *a,
                              const struct answer_envelope *b)
{
    if (!str_eq(a->status, b->status)) {
        compare_texts(compare, DIFF_STATUS, envelope_status(compare, a),
                      envelope_status(compare, b));
        return;
    }
    if (a->has_data != b->has_data)
        compare_texts(compare, DIFF_RESULT_TYPE, a->has_data ? STR("data") : STR("no data"),
                      b->has_data ? STR("data") : STR("no data"));
    else
        compare_texts(compare, DIFF_RESULT_TYPE, a->result_type, b->result_type);
    compare_texts(compare, DIFF_ERROR_KIND, a->error_type, b->error_type);
    if (!str_eq(a->error, b->error) &&
        (compare->options->exact_errors || !errors_equivalent(a->error, b->error)))
        compare_texts(compare, DIFF_ERROR_TEXT, a->error, b->error);
    compare_annotations(compare, a->warnings, a->warning_count, b->warnings, b->warning_count);
    compare_annotations(compare, a->infos, a->info_count, b->infos, b->info_count);
}

static bool side_is_json(const struct compare_side *side)
{
    return side->content_type && str_starts(str_of(side->content_type), STR("application/json"));
}

/* "422 execution: ...", as far as the answer tells. */
static struct str side_status(struct compare *compare, const struct compare_side *side)
{
    AUTO(answer_reader_destroy)
    struct answer_reader *reader =
        answer_reader_create(side->body, compare->request->kind, ERROR_SIZE_MAX);
    const struct answer_envelope *envelope = answer_reader_envelope(reader);
    struct err err;
    if (side->status >= 400 && side_is_json(side) && answer_reader_next(reader, &err) == ANSWER_END)
        return str_of(arena_printf(compare->out->arena, "%d %.*s: %.*s", side->status,
                                   STR_ARGS(envelope->error_type), STR_ARGS(envelope->error)));
    return str_of(arena_printf(compare->out->arena, "%d", side->status));
}

/* The same bytes? False as well if one of them cannot be read. */
static bool bodies_equal(const struct compare_side *a, const struct compare_side *b)
{
    struct err err;
    if (!spool_wait(a->body, &err) || !spool_wait(b->body, &err) ||
        spool_size(a->body) != spool_size(b->body))
        return false;
    uint64_t size = spool_size(a->body);
    for (uint64_t at = 0; at < size;) {
        char left[4096];
        char right[4096];
        size_t left_size;
        size_t right_size;
        if (!spool_read(a->body, at, left, sizeof(left), &left_size, &err) || left_size == 0 ||
            !spool_read(b->body, at, right, left_size, &right_size, &err) || right_size == 0 ||
            memcmp(left, right, right_size) != 0)
            return false;
        at += right_size;
    }
    return true;
}

/* At least one of the answers is no JSON, or they say that they have no body. */
static void compare_plain(struct compare *compare, const struct compare_side *preferred,
                          const struct compare_side *other)
{
    bool is_json[2] = {side_is_json(preferred), side_is_json(other)};
    if (is_json[0] == is_json[1] && bodies_equal(preferred, other))
        return;
    if (is_json[0] == is_json[1] || preferred->status / 100 != 2) {
        compare_leave_out(compare, COMPARE_SKIP_NO_JSON, "no JSON");
        return;
    }
    const char *type = is_json[0] ? other->content_type : preferred->content_type;
    struct err err;
    err_set(&err, ERR_CORRUPT, "content type %s", type ? type : "missing");
    compare_note_broken(compare, !is_json[0], &err);
}

static void compare_all(struct compare *compare, const struct compare_side *preferred,
                        const struct compare_side *other)
{
    struct answer_envelope a;
    struct answer_envelope b;
    if (compare->options->skip_preferred_failures && preferred->status / 100 == 5) {
        compare_leave_out(compare, COMPARE_SKIP_PREFERRED_FAILED, "the preferred backend failed");
    } else if (preferred->status != other->status) {
        struct difference difference = {.preferred = side_status(compare, preferred),
                                        .other = side_status(compare, other)};
        compare_note(compare, DIFF_STATUS, &difference);
    } else if (preferred->status == 204 || !side_is_json(preferred) || !side_is_json(other)) {
        compare_plain(compare, preferred, other);
    } else if (compare_items(compare, preferred, other, &a, &b)) {
        compare_envelopes(compare, &a, &b);
    }
}

void compare_answers(const struct compare_request *request, const struct compare_options *options,
                     const struct compare_side *preferred, const struct compare_side *other,
                     struct comparison *ret_comparison)
{
    *ret_comparison = (struct comparison){.arena = arena_create(NULL)};
    struct compare compare = {
        .request = request,
        .options = options,
        .out = ret_comparison,
        .begin_ms = options->skip_before_ms,
        .end_ms =
            options->skip_recent_ms > 0 ? request->now_ms - options->skip_recent_ms : INT64_MAX,
    };
    compare_all(&compare, preferred, other);

    ret_comparison->result = ret_comparison->skip ? COMPARE_SKIPPED : COMPARE_SAME;
    for (size_t i = 0; i < DIFF_COUNT; i++)
        if (ret_comparison->counts[i] > 0)
            ret_comparison->result = COMPARE_DIFFERENT;
}

void comparison_done(struct comparison *comparison)
{
    arena_destroy(comparison->arena);
    *comparison = (struct comparison){0};
}

/*
 * The grammar. Letters of text in its forms:
 *
 *     %G selector of any metric   %C of a counter   %B of buckets   %N of native histograms
 *     %d duration   %D duration of a subquery   %p its step   %M offset and @
 *     %n number   %q quantile   %k small number   %r ratio   %l label name
 *     %j label name, the same one throughout the query   %g by or without   %m matching
 *     %o set matching   %c comparison   %a arithmetic operator
 *
 * Matchings of random labels mostly end in an error, and errors are compared as well; the forms
 * with %j are there for those that do not.
 */
#include "query-tee/fuzz/language.h"

#include <string.h>

#include "base/attr.h"
#include "base/quote.h"

static const struct grammar_rule VECTORS[] = {
    {30, "%G%M"},
    {8, "%C%M"},
    {14, "rate(%C[%d]%M)"},
    {6, "increase(%C[%d]%M)"},
    {4, "irate(%C[%d]%M)"},
    {3, "resets(%C[%d]%M)"},
    {3, "rate(%w)"},
    {3, "increase(%w)"},
    {4, "delta(%w)"},
    {2, "idelta(%w)"},
    {3, "changes(%w)"},
    {3, "deriv(%w)"},
    {2, "predict_linear(%w, %s)"},
    {1, "double_exponential_smoothing(%w, 0.%k1, 0.3)"},
    {5, "sum_over_time(%w)"},
    {5, "avg_over_time(%w)"},
    {4, "min_over_time(%w)"},
    {4, "max_over_time(%w)"},
    {3, "count_over_time(%w)"},
    {3, "last_over_time(%w)"},
    {2, "first_over_time(%w)"},
    {2, "present_over_time(%w)"},
    {2, "stddev_over_time(%w)"},
    {2, "stdvar_over_time(%w)"},
    {2, "mad_over_time(%w)"},
    {1, "ts_of_min_over_time(%w)"},
    {1, "ts_of_max_over_time(%w)"},
    {1, "ts_of_last_over_time(%w)"},
    {3, "quantile_over_time(%q, %w)"},
    {2, "absent_over_time(%w)"},
    {2, "absent(%v)"},
    {3, "timestamp(%v)"},
    {16, "sum%g(%v)"},
    {7, "avg%g(%v)"},
    {5, "min%g(%v)"},
    {5, "max%g(%v)"},
    {6, "count%g(%v)"},
    {2, "group%g(%v)"},
    {2, "stddev%g(%v)"},
    {2, "stdvar%g(%v)"},
    {4, "quantile%g(%q, %v)"},
    {4, "topk%g(%k, %v)"},
    {3, "bottomk%g(%k, %v)"},
    {1, "limitk%g(%k, %v)"},
    {1, "limit_ratio%g(%r, %v)"},
    {3, "count_values%g(\"%l\", %v)"},
    {5, "histogram_quantile(%q, sum by (le, %j) (rate(%B[%d])))"},
    {2, "histogram_quantile(%q, %B%M)"},
    {2, "histogram_fraction(%n, %n, rate(%B[%d]))"},
    {5, "histogram_quantile(%q, sum%g(rate(%N[%d])))"},
    {3, "histogram_quantile(%q, %v)"},
    {3, "histogram_fraction(%n, %n, rate(%N[%d]))"},
    {3, "histogram_count(%N%M)"},
    {3, "histogram_sum(rate(%N[%d]))"},
    {2, "histogram_avg(%N%M)"},
    {1, "histogram_stddev(%N%M)"},
    {1, "histogram_stdvar(%v)"},
    {2, "sum%g(rate(%N[%d]))"},
    {9, "(sum by (%j) (%v) %a on (%j) sum by (%j) (%v))"},
    {4, "(%v %a on (%j) group_left () max by (%j) (%v))"},
    {4, "(sum by (%j) (%v) %c min by (%j) (%v))"},
    {3, "(%v %a%m %v)"},
    {3, "(%v %c%m %v)"},
    {2, "(%v %c bool%m %v)"},
    {6, "(%v %a %s)"},
    {3, "(%s %a %v)"},
    {3, "(%v %c %s)"},
    {2, "(%v %c bool %s)"},
    {3, "(%v and%o %v)"},
    {3, "(%v or%o %v)"},
    {3, "(%v unless%o %v)"},
    {3, "(-(%v))"},
    {2, "abs(%v)"},
    {1, "ceil(%v)"},
    {1, "floor(%v)"},
    {1, "sgn(%v)"},
    {1, "sqrt(%v)"},
    {1, "exp(%v)"},
    {1, "ln(%v)"},
    {1, "log2(%v)"},
    {1, "log10(%v)"},
    {1, "sin(%v)"},
    {1, "deg(%v)"},
    {2, "round(%v, %n)"},
    {1, "clamp(%v, %s, %s)"},
    {1, "clamp_min(%v, %s)"},
    {1, "clamp_max(%v, %s)"},
    {1, "day_of_week(%v)"},
    {1, "days_in_month(timestamp(%v))"},
    {1, "hour()"},
    {2, "vector(%s)"},
    {2, "sort(%v)"},
    {1, "sort_desc(%v)"},
    {1, "sort_by_label(%v, \"%l\")"},
    {3, "label_replace(%v, \"%l\", \"x$1\", \"%l\", \"(.).*\")"},
    {2, "label_join(%v, \"%l\", \"-\", \"%l\", \"%l\")"},
    {1, "info(%G%M)"},
};

static const struct grammar_rule WINDOWS[] = {
    {8, "%G[%d]%M"},
    {2, "(%v)[%D:%p]%M"},
};

static const struct grammar_rule SCALARS[] = {
    {8, "%n"},   {2, "time()"},     {2, "scalar(sum(%v))"},
    {1, "pi()"}, {1, "(%s %a %s)"}, {1, "(%s %c bool %s)"},
};

static const char *const DURATIONS[] = {"30s", "1m", "90s", "2m",  "5m",
                                        "5m",  "5m", "10m", "30m", "1h"};
static const char *const LONG_DURATIONS[] = {"5m", "10m", "30m"};
static const char *const STEPS[] = {"", "30s", "1m", "37s", "2m"};
static const char *const NUMBERS[] = {"0",   "1",   "2",    "-1",   "0.5", "-2.5", "3",
                                      "100", "1e9", "+Inf", "-Inf", "NaN", "1e-6", "0.25"};
static const char *const QUANTILES[] = {"0",    "0.1", "0.5",  "0.9", "0.95",
                                        "0.99", "1",   "-0.5", "1.2"};
static const char *const SMALL[] = {"1", "2", "3", "5", "7"};
static const char *const RATIOS[] = {"0.1", "0.5", "0.9", "-0.3", "-0.7"};
static const char *const COMPARISONS[] = {"==", "!=", "<", ">", "<=", ">="};
static const char *const ARITHMETIC[] = {"+", "+", "-", "-", "*", "*", "/", "/", "%", "^", "atan2"};

struct speaker {
    const struct catalog *catalog;
    struct dice *dice;
    struct arena *arena;
    const char *joined; /* the label of %j; NULL: none was chosen yet */
};

static bool is_identifier(const char *name)
{
    for (const char *at = name; *at; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_';
        if (!letter && (at == name || *at < '0' || *at > '9'))
            return false;
    }
    return name[0] != '\0';
}

static void name_append(const char *name, struct buf *out)
{
    if (is_identifier(name))
        buf_text(out, name);
    else
        quote_append(out, str_of(name));
}

/* What a regular expression takes literally. */
static void pattern_append(const char *value, struct buf *out)
{
    AUTO(buf_done) struct buf pattern = {0};
    for (const char *at = value; *at; at++) {
        if (strchr("\\.+*?()|[]{}^$", *at))
            buf_byte(&pattern, '\\');
        buf_byte(&pattern, *at);
    }
    quote_append(out, buf_view(&pattern));
}

static void matcher_append(const struct catalog_label *label, struct dice *dice, struct buf *out)
{
    const char *value = label->values[dice_below(dice, label->value_count)];
    name_append(label->name, out);
    switch (dice_below(dice, 10)) {
    case 0:
        buf_text(out, "!=");
        break;
    case 1:
        buf_text(out, "=~\".+\"");
        return;
    case 2:
        buf_text(out, "=~\"\"");
        return;
    case 3:
    case 4:
        buf_text(out, "=~");
        pattern_append(value, out);
        return;
    case 5:
        buf_text(out, "!~");
        pattern_append(value, out);
        return;
    default:
        buf_byte(out, '=');
        break;
    }
    quote_append(out, str_of(value));
}

static const char *selector(struct speaker *self, enum catalog_type type)
{
    const struct catalog_metric *metric =
        type == CATALOG_GAUGE
            ? &self->catalog->metrics[dice_below(self->dice, self->catalog->count)]
            : catalog_pick(self->catalog, type, self->dice);
    AUTO(buf_done) struct buf out = {0};
    bool plain = is_identifier(metric->name);
    if (plain)
        buf_text(&out, metric->name);
    size_t matchers = metric->label_count > 0 ? dice_below(self->dice, 3) : 0;
    if (!plain || matchers > 0)
        buf_byte(&out, '{');
    if (!plain)
        quote_append(&out, str_of(metric->name));
    for (size_t i = 0; i < matchers; i++) {
        if (i > 0 || !plain)
            buf_byte(&out, ',');
        matcher_append(&metric->labels[dice_below(self->dice, metric->label_count)], self->dice,
                       &out);
    }
    if (!plain || matchers > 0)
        buf_byte(&out, '}');
    return arena_text(self->arena, buf_view(&out));
}

static const char *modifiers(const struct speaker *self)
{
    static const char *const OFFSETS[] = {" offset 1m", " offset -30s", " offset 7m"};
    static const char *const ATS[] = {" @ start()", " @ end()"};
    bool offset = dice_once_in(self->dice, 8), at = dice_once_in(self->dice, 12);
    return arena_printf(self->arena, "%s%s", at ? DICE_PICK(self->dice, ATS) : "",
                        offset ? DICE_PICK(self->dice, OFFSETS) : "");
}

/* A label's name as grouping and matching have it; quoted where it is no identifier. */
static const char *label_name(const struct speaker *self)
{
    const struct catalog_label *label = catalog_pick_label(self->catalog, self->dice);
    AUTO(buf_done) struct buf out = {0};
    name_append(label ? label->name : "none", &out);
    return arena_text(self->arena, buf_view(&out));
}

/* The same inside of a text. */
static const char *label_text(const struct speaker *self)
{
    const struct catalog_label *label = catalog_pick_label(self->catalog, self->dice);
    return label && is_identifier(label->name) ? label->name : "fresh";
}

static const char *joined(struct speaker *self)
{
    if (!self->joined)
        self->joined = label_name(self);
    return self->joined;
}

static const char *grouping(const struct speaker *self)
{
    switch (dice_below(self->dice, 6)) {
    case 0:
    case 1:
        return arena_printf(self->arena, " by (%s) ", label_name(self));
    case 2:
        return arena_printf(self->arena, " by (%s, %s) ", label_name(self), label_name(self));
    case 3:
        return arena_printf(self->arena, " without (%s) ", label_name(self));
    default:
        return " ";
    }
}

static const char *matching(const struct speaker *self)
{
    switch (dice_below(self->dice, 5)) {
    case 0:
        return arena_printf(self->arena, " on (%s)", label_name(self));
    case 1:
        return arena_printf(self->arena, " ignoring (%s)", label_name(self));
    default:
        return "";
    }
}

static const char *number_text(struct dice *dice, char letter)
{
    switch (letter) {
    case 'd':
        return DICE_PICK(dice, DURATIONS);
    case 'D':
        return DICE_PICK(dice, LONG_DURATIONS);
    case 'p':
        return DICE_PICK(dice, STEPS);
    case 'n':
        return DICE_PICK(dice, NUMBERS);
    case 'q':
        return DICE_PICK(dice, QUANTILES);
    case 'k':
        return DICE_PICK(dice, SMALL);
    case 'r':
        return DICE_PICK(dice, RATIOS);
    case 'c':
        return DICE_PICK(dice, COMPARISONS);
    default:
        return DICE_PICK(dice, ARITHMETIC);
    }
}

static const char *speaker_text(void *context, char letter)
{
    struct speaker *self = context;
    switch (letter) {
    case 'G':
        return selector(self, CATALOG_GAUGE);
    case 'C':
        return selector(self, CATALOG_COUNTER);
    case 'B':
        return selector(self, CATALOG_BUCKETS);
    case 'N':
        return selector(self, CATALOG_NATIVE);
    case 'M':
        return modifiers(self);
    case 'l':
        return label_text(self);
    case 'j':
        return joined(self);
    case 'g':
        return grouping(self);
    case 'm':
    case 'o':
        return matching(self);
    default:
        return number_text(self->dice, letter);
    }
}

/* Forms over metrics that are not there would only be selectors of something else. */
static bool form_is_possible(const char *form, const struct catalog *catalog)
{
    return !(strstr(form, "%C") && catalog->type_counts[CATALOG_COUNTER] == 0) &&
           !(strstr(form, "%B") && catalog->type_counts[CATALOG_BUCKETS] == 0) &&
           !(strstr(form, "%N") && catalog->type_counts[CATALOG_NATIVE] == 0);
}

static void language_add(struct language *language, enum part_kind kind,
                         const struct grammar_rule *rules, size_t count, struct arena *arena)
{
    language->rules[kind] = arena_array(arena, struct grammar_rule, count);
    for (size_t i = 0; i < count; i++)
        if (form_is_possible(rules[i].form, language->catalog))
            language->rules[kind][language->rule_counts[kind]++] = rules[i];
}

void language_init(struct language *language, const struct catalog *catalog, struct arena *arena)
{
    *language = (struct language){.catalog = catalog};
    language_add(language, PART_VECTOR, VECTORS, ARRAY_COUNT(VECTORS), arena);
    language_add(language, PART_WINDOW, WINDOWS, ARRAY_COUNT(WINDOWS), arena);
    language_add(language, PART_SCALAR, SCALARS, ARRAY_COUNT(SCALARS), arena);
}

static struct grammar language_grammar(const struct language *language, struct speaker *speaker)
{
    struct grammar grammar = {
        .text = speaker_text,
        .context = speaker,
        .dice = speaker->dice,
        .arena = speaker->arena,
    };
    for (size_t kind = 0; kind < PART_TEXT; kind++)
        grammar.rules[kind] =
            (struct grammar_rules){language->rules[kind], language->rule_counts[kind]};
    return grammar;
}

struct part *language_sample(const struct language *language, enum part_kind kind, size_t rule,
                             struct dice *dice, struct arena *arena)
{
    struct speaker speaker = {language->catalog, dice, arena, NULL};
    struct grammar grammar = language_grammar(language, &speaker);
    return grammar_make_form(&grammar, kind, language->rules[kind][rule].form, 0);
}

void language_ask(const struct language *language, int64_t begin_ms, int64_t end_ms,
                  size_t steps_max, struct dice *dice, struct arena *arena,
                  struct question *ret_question)
{
    static const int64_t STEPS_MS[] = {15000, 15000, 30000, 60000, 60000, 37500, 300000};
    struct speaker speaker = {language->catalog, dice, arena, NULL};
    struct grammar grammar = language_grammar(language, &speaker);
    uint64_t seconds = (uint64_t)(end_ms - begin_ms) / 1000 + 1;
    int64_t start_ms = begin_ms + (int64_t)(dice_next(dice) % seconds) * 1000;
    struct question question = {.start_ms = start_ms, .end_ms = start_ms};
    enum part_kind kind = PART_VECTOR;
    if (!dice_once_in(dice, 3)) {
        question.step_ms = DICE_PICK(dice, STEPS_MS);
        int64_t steps = (int64_t)dice_below(dice, steps_max);
        question.end_ms += question.step_ms * steps;
        if (question.end_ms > end_ms)
            question.end_ms = start_ms + (end_ms - start_ms) / question.step_ms * question.step_ms;
        if (dice_once_in(dice, 4)) /* not on a step */
            question.end_ms += question.step_ms / 3;
    }
    if (dice_once_in(dice, 40))
        kind = PART_SCALAR;
    question.root = grammar_make(&grammar, kind, 1 + dice_below(dice, 5));
    *ret_question = question;
}

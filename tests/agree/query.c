/*
 * The grammar. Letters of text in its forms:
 *
 *     %S selector, bare   %U floats and histograms of equal labels   %d duration   %D duration of a
 * subquery   %p its step %M offset and @   %n number   %q quantile   %k small number   %r ratio %g
 * by or without   %m matching   %o set matching   %f fill   %l label name %c comparison   %a
 * arithmetic operator
 */
#include "tests/agree/query.h"

#include <string.h>

#include "base/attr.h"
#include "query-tee/fuzz/grammar.h"
#include "tests/agree/data.h"

static const struct grammar_rule VECTORS[] = {
    {30, "%S%M"},
    {4, "%S smoothed%M"},
    {12, "rate(%w)"},
    {8, "increase(%w)"},
    {6, "delta(%w)"},
    {5, "irate(%w)"},
    {4, "idelta(%w)"},
    {4, "rate(%S[%d] anchored%M)"},
    {3, "increase(%S[%d] smoothed%M)"},
    {3, "rate(%S[%d] smoothed%M)"},
    {3, "delta(%S[%d] anchored%M)"},
    {2, "delta(%S[%d] smoothed%M)"},
    {2, "changes(%S[%d] anchored%M)"},
    {2, "resets(%S[%d] anchored%M)"},
    {1, "deriv(%S[%d] anchored%M)"},
    {4, "resets(%w)"},
    {4, "changes(%w)"},
    {5, "sum_over_time(%w)"},
    {5, "avg_over_time(%w)"},
    {3, "min_over_time(%w)"},
    {3, "max_over_time(%w)"},
    {3, "count_over_time(%w)"},
    {3, "last_over_time(%w)"},
    {3, "first_over_time(%w)"},
    {2, "present_over_time(%w)"},
    {2, "stddev_over_time(%w)"},
    {2, "stdvar_over_time(%w)"},
    {2, "mad_over_time(%w)"},
    {1, "ts_of_min_over_time(%w)"},
    {1, "ts_of_max_over_time(%w)"},
    {1, "ts_of_first_over_time(%w)"},
    {1, "ts_of_last_over_time(%w)"},
    {2, "deriv(%w)"},
    {2, "predict_linear(%w, %s)"},
    {2, "double_exponential_smoothing(%w, 0.%k, 0.3)"},
    {1, "double_exponential_smoothing(%w, 0.5, %n)"},
    {3, "quantile_over_time(%q, %w)"},
    {2, "absent_over_time(%w)"},
    {2, "absent(%v)"},
    {2, "start_timestamp(%v)"},
    {3, "timestamp(%v)"},
    {1, "start_timestamp(%S smoothed%M)"},
    {1, "timestamp(%S smoothed%M)"},
    {12, "sum%g(%v)"},
    {7, "avg%g(%v)"},
    {4, "min%g(%v)"},
    {4, "max%g(%v)"},
    {5, "count%g(%v)"},
    {2, "group%g(%v)"},
    {2, "stddev%g(%v)"},
    {2, "stdvar%g(%v)"},
    {4, "quantile%g(%q, %v)"},
    {4, "topk%g(%k, %v)"},
    {3, "bottomk%g(%k, %v)"},
    {3, "limitk%g(%k, %v)"},
    {3, "limit_ratio%g(%r, %v)"},
    {1, "topk%g(%s, %v)"},
    {1, "quantile%g(%s, %v)"},
    {1, "limit_ratio%g(%s, %v)"},
    {3, "count_values%g(\"%l\", %v)"},
    {5, "histogram_count(%v)"},
    {5, "histogram_sum(%v)"},
    {3, "histogram_avg(%v)"},
    {2, "histogram_stddev(%v)"},
    {2, "histogram_stdvar(%v)"},
    {6, "histogram_quantile(%q, %v)"},
    {2, "histogram_quantile(%s, h_bucket%M)"},
    {2, "histogram_quantile(%q, rate(h_bucket[%d]))"},
    {4, "histogram_fraction(%n, %n, %v)"},
    {2, "histogram_quantiles(%v, \"%l\", %q, %q)"},
    {8, "(%v %a%m %v)"},
    {6, "(%v %c%m %v)"},
    {4, "(%v %c bool%m %v)"},
    {4, "(%v %a%m%f %v)"},
    {2, "(%v %c%m%f %v)"},
    {6, "(%v %a %s)"},
    {3, "(%s %a %v)"},
    {3, "(%v %c %s)"},
    {2, "(%s %c %v)"},
    {2, "(%v %c bool %s)"},
    {3, "(%v </ %n)"},
    {3, "(%v >/ %n)"},
    {3, "(%v and%o %v)"},
    {4, "(%v or%o %v)"},
    {3, "(%v unless%o %v)"},
    {4, "(-(%v))"},
    {2, "abs(%v)"},
    {1, "ceil(%v)"},
    {1, "sgn(%v)"},
    {1, "sqrt(%v)"},
    {1, "exp(%v)"},
    {1, "ln(%v)"},
    {1, "round(%v, %n)"},
    {1, "clamp(%v, %s, %s)"},
    {1, "clamp_min(%v, %s)"},
    {1, "day_of_week(%v)"},
    {1, "hour()"},
    {2, "vector(%s)"},
    {2, "sort(%v)"},
    {1, "sort_desc(%v)"},
    {2, "sort_by_label(%v, \"%l\", \"%l\")"},
    {1, "sort_by_label_desc(%v, \"%l\")"},
    {4, "label_replace(%v, \"%l\", \"x$1\", \"%l\", \"(.).*\")"},
    {2, "label_replace(%v, \"%l\", \"\", \"\", \"\")"},
    {2, "label_join(%v, \"%l\", \"-\", \"%l\", \"%l\")"},
    {1, "(-%U%M)"},
    {1, "label_join(%U%M, \"__name__\", \"-\", \"instance\")"},
    {3, "info(%v)"},
    {2, "info(%v, {version=~\".+\"})"},
    {1, "info(%v, {__name__=\"build_info\"})"},
};

static const struct grammar_rule WINDOWS[] = {
    {6, "%S[%d]%M"},
    {4, "(%v)[%D:%p]%M"},
    {1, "(-%U%M)[%D:%p]%M"},
    {1, "label_replace(%U%M, \"__name__\", \"x\", \"\", \"\")[%D:%p]%M"},
};

static const struct grammar_rule SCALARS[] = {
    {8, "%n"},         {2, "time()"},          {2, "scalar(%v)"},     {1, "pi()"},
    {1, "(%s %a %s)"}, {1, "(%s %c bool %s)"}, {1, "min_of(%s, %s)"}, {1, "max_of(%s, %s)"},
    {1, "step()"},     {1, "start()"},         {1, "end()"},          {1, "range()"},
};

static const char *const NAMES[] = {
    "c_total",
    "c_total",
    "c_total",
    "g",
    "g",
    "s",
    "wide",
    "same",
    "n",
    "n",
    "ng",
    "nc",
    "mixed",
    "h_bucket",
    "n",
    "mixed",
    "h_bucket",
    "nothing",
    "target_info",
    "{__name__=~\"c_total|g\"}",
    "{__name__=~\"n|mixed\"}",
    "{__name__=~\"n.*\", a!=\"\"}",
};
/* Without their names they are one series, with both kinds at one time. */
static const char *const UNITED[] = {
    "{__name__=~\"g|n\"}",
    "{__name__=~\"c_total|ng\"}",
    "{__name__=~\"same|nc|mixed\"}",
};
static const char *const MATCHERS[] = {
    "", "", "", "", "{a=\"1\"}", "{a=~\"0|1\"}", "{a!=\"2\"}", "{b=\"\"}", "{b!=\"\"}", "{b=\"x\"}",
};
static const char *const LABELS[] = {"a", "b", "instance", "le", "version", "fresh", "__name__"};
static const char *const DURATIONS[] = {
    "1s", "15s", "31s", "1m", "90s", "2m", "3m", "5m", "5m", "10m", "step() * 2 + 30s"};
static const char *const LONG_DURATIONS[] = {"1m", "2m", "5m", "10m"};
static const char *const STEPS[] = {"", "15s", "1m", "37s", "2m"};
static const char *const NUMBERS[] = {"0",   "1",   "2",    "-1",   "0.5", "-2.5",   "3",
                                      "100", "1e9", "+Inf", "-Inf", "NaN", "1e-300", "0.25"};
static const char *const QUANTILES[] = {"0", "0.1",  "0.5", "0.9", "0.99",
                                        "1", "-0.5", "1.2", "NaN"};
static const char *const SMALL[] = {"0", "1", "2", "3", "5", "7"};
static const char *const RATIOS[] = {"0", "0.1", "0.5", "0.9", "1", "-0.3", "-0.7", "-1", "1.5"};
static const char *const GROUPS[] = {
    " ",
    " ",
    " by (a) ",
    " by (b) ",
    " by (a, b) ",
    " without (a) ",
    " without (instance, le) ",
    " by (le) ",
    " by (__name__) ",
    " without () ",
    " by (__name__, a) ",
};
static const char *const MATCHINGS[] = {
    "",
    "",
    "",
    " on (a)",
    " on (a)",
    " ignoring (b)",
    " on ()",
    " on (a, b)",
    " ignoring (instance)",
    " on (a) group_left ()",
    " on (a) group_left (b)",
    " on (a) group_right (version)",
    " ignoring (instance) group_left ()",
    " on (instance) group_right ()",
    " ignoring (le)",
};
static const char *const SET_MATCHINGS[] = {
    "", "", " on (a)", " ignoring (b)", " on ()", " ignoring (instance)"};
static const char *const FILLS[] = {" fill (0)", " fill_left (1)", " fill_right (2.5)",
                                    " fill_left (NaN) fill_right (0)"};
static const char *const COMPARISONS[] = {"==", "!=", "<", ">", "<=", ">="};
static const char *const ARITHMETIC[] = {"+", "+", "-", "-", "*", "*", "/", "/", "%", "^", "atan2"};

struct maker {
    struct dice *dice;
    struct arena *arena;
};

static const char *modifiers(struct maker *maker)
{
    static const char *const OFFSETS[] = {" offset 15s", " offset 1m", " offset -30s",
                                          " offset 7m"};
    static const char *const ATS[] = {" @ 300", " @ start()", " @ end()", " @ 412.5"};
    bool offset = dice_once_in(maker->dice, 8), at = dice_once_in(maker->dice, 10);
    return arena_printf(maker->arena, "%s%s", at ? DICE_PICK(maker->dice, ATS) : "",
                        offset ? DICE_PICK(maker->dice, OFFSETS) : "");
}

static const char *selector(struct maker *maker)
{
    const char *name = DICE_PICK(maker->dice, NAMES);
    const char *matchers = strchr(name, '{') ? "" : DICE_PICK(maker->dice, MATCHERS);
    return arena_printf(maker->arena, "%s%s", name, matchers);
}

/* The text that a letter of a form stands for. */
static const char *piece_text(void *context, char letter)
{
    struct maker *maker = context;
    struct dice *dice = maker->dice;
    switch (letter) {
    case 'S':
        return selector(maker);
    case 'U':
        return DICE_PICK(dice, UNITED);
    case 'M':
        return modifiers(maker);
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
    case 'g':
        return DICE_PICK(dice, GROUPS);
    case 'm':
        return DICE_PICK(dice, MATCHINGS);
    case 'o':
        return DICE_PICK(dice, SET_MATCHINGS);
    case 'f':
        return DICE_PICK(dice, FILLS);
    case 'l':
        return DICE_PICK(dice, LABELS);
    case 'c':
        return DICE_PICK(dice, COMPARISONS);
    default:
        return DICE_PICK(dice, ARITHMETIC);
    }
}

void asked_make(struct asked *asked, int64_t data_step_ms, struct dice *dice, struct arena *arena)
{
    static const int64_t STEPS_MS[] = {1000, 15000, 15000, 30000, 60000, 37500, 150000};
    struct maker maker = {dice, arena};
    const struct grammar grammar = {
        .rules =
            {
                [PART_VECTOR] = {VECTORS, ARRAY_COUNT(VECTORS)},
                [PART_WINDOW] = {WINDOWS, ARRAY_COUNT(WINDOWS)},
                [PART_SCALAR] = {SCALARS, ARRAY_COUNT(SCALARS)},
            },
        .text = piece_text,
        .context = &maker,
        .dice = dice,
        .arena = arena,
    };
    int64_t length_ms = data_step_ms * DATA_STEPS;
    int64_t start_ms = (int64_t)dice_below(dice, (size_t)length_ms);
    if (dice_once_in(dice, 2))
        start_ms -= start_ms % data_step_ms;
    *asked = (struct asked){.start_ms = start_ms, .end_ms = start_ms};
    enum part_kind kind = PART_VECTOR;
    if (dice_once_in(dice, 2)) {
        asked->step_ms = DICE_PICK(dice, STEPS_MS);
        asked->end_ms += asked->step_ms * (int64_t)dice_below(dice, 20);
        if (dice_once_in(dice, 3))
            asked->end_ms += (int64_t)dice_below(dice, (size_t)asked->step_ms);
    } else if (dice_once_in(dice, 30)) {
        kind = PART_WINDOW;
    }
    if (dice_once_in(dice, 40))
        kind = PART_SCALAR;
    asked->root = grammar_make(&grammar, kind, 1 + dice_below(dice, 5));
}

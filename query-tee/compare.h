#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "query-tee/answer_kind.h"

/*
 * Compares two answers of Prometheus's API, the preferred one and another, as streams: series by
 * series, so that memory does not grow with the answers. It finds all differences, not only the
 * first one, puts each into a class and counts it, and keeps the first few of each class.
 *
 * Series in the same order cost nothing more than being read. Where the order differs, the other
 * answer's series are put into a table (16 bytes each) and read again from their places.
 *
 * A staleness edge: where both answers have a series, a run of points that only one of them has,
 * beside points that both have and with none of either answer on its far side, over at most
 * lookback_ms: one answer lets the series end later, or begin earlier. It needs a step. Any other
 * run is missing or extra points.
 *
 * The n-th copy of a series is compared with the n-th copy of the other answer; a copy without its
 * partner is a duplicate.
 *
 * A difference of status, or of the type of the result, ends the comparison of the data. So does a
 * broken body, one that is no answer or ends too early; what was found before it stands.
 *
 * Thread: any; it blocks while the bodies are still being written.
 */
struct spool;

enum difference_class {
#define DIFFERENCE(name, text) DIFF_##name,
#include "query-tee/difference.def"
#undef DIFFERENCE
    DIFF_COUNT
};

/* "missing_series": for metrics and reports. */
const char *difference_name(enum difference_class class);

enum compare_order {
    COMPARE_ORDER_PROMISED, /* where Prometheus promises one; for vectors: under sort and its kin */
    COMPARE_ORDER_ALWAYS,
    COMPARE_ORDER_NEVER,
};

/* Values agree if any of the tolerances holds; NaN is equal to NaN, an infinity to itself. */
struct compare_options {
    double tolerance_absolute;    /* |a - b| at most */
    double tolerance_relative;    /* |a - b| at most this part of the larger one */
    uint64_t tolerance_ulps;      /* at most this many doubles further */
    bool bits;                    /* no tolerances: the same text, so -0 is not 0 */
    int64_t skip_recent_ms;       /* points after now - this are left out; 0: none */
    int64_t skip_before_ms;       /* points before this time are left out; INT64_MIN: none */
    bool exact_errors;            /* else some errors that mean the same agree */
    bool skip_preferred_failures; /* a preferred answer of status 5xx is not compared */
    int64_t lookback_ms;          /* of a staleness edge */
    enum compare_order order;
    size_t examples_max;    /* of each class */
    size_t series_size_max; /* bytes of memory for one series of one answer */
    size_t series_max;      /* of the other answer, when the order differs */
};

/* As Mimir's query-tee does: absolute 1e-6, the last 2 minutes left out, lookback 5 minutes. */
#define COMPARE_DEFAULTS \
    ((struct compare_options){ \
        .tolerance_absolute = 1e-6, \
        .skip_recent_ms = 120000, \
        .skip_before_ms = INT64_MIN, \
        .lookback_ms = 300000, \
        .examples_max = 3, \
        .series_size_max = 16u << 20, \
        .series_max = 1000000, \
    })

/* One backend's answer; the spool and the text are borrowed. */
struct compare_side {
    struct spool *body;
    int status;
    const char *content_type; /* NULL: none was sent */
};

struct compare_request {
    enum answer_kind kind;
    struct str query; /* empty where the route has none; says whether a vector is sorted */
    int64_t now_ms;   /* when it was asked */
    int64_t step_ms;  /* 0: no range query */
    const _Atomic bool *cancel; /* NULL, or ends the comparison early */
};

enum compare_result { COMPARE_SAME, COMPARE_DIFFERENT, COMPARE_SKIPPED };

/* Why answers, or parts of them, were not compared. */
enum compare_skip {
    COMPARE_SKIP_NONE,
    COMPARE_SKIP_NO_JSON,
    COMPARE_SKIP_PREFERRED_FAILED, /* skip_preferred_failures */
    COMPARE_SKIP_CANCELED,
    COMPARE_SKIP_TOO_MANY_SERIES, /* series_max */
    COMPARE_SKIP_TOO_LARGE,       /* series_size_max, or a limit of the spool */
};

/* "no_json": for metrics. */
const char *compare_skip_name(enum compare_skip skip);

/* One difference, as an example of its class. Texts that are too long are cut. */
struct difference {
    struct str labels; /* of the series, or the name; ptr NULL: it is none of a series */
    bool labelled;     /* the labels are whole, as JSON: {"__name__":"up",...}, in order */
    bool timed;
    int64_t time_ms;
    struct str preferred; /* as they stand in the answers; ptr NULL: not there */
    struct str other;
};

struct comparison {
    enum compare_result result;
    enum compare_skip skip;  /* can stand beside differences */
    const char *skip_reason; /* the same for people; NULL: all was compared */
    uint64_t counts[DIFF_COUNT];
    struct difference *examples[DIFF_COUNT];
    size_t example_counts[DIFF_COUNT];
    uint64_t series_count; /* of the preferred answer */
    uint64_t point_count;
    uint64_t points_skipped; /* left out for their times, of both answers */
    struct arena *arena;     /* holds all of the above */
};

/* Fills *ret_comparison, whatever the bodies hold. */
void compare_answers(const struct compare_request *request, const struct compare_options *options,
                     const struct compare_side *preferred, const struct compare_side *other,
                     struct comparison *ret_comparison);
void comparison_done(struct comparison *comparison);

static inline void comparison_done_auto(struct comparison *comparison)
{
    comparison_done(comparison);
}

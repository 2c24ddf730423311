#pragma once

#include "query-tee/answer_reader.h"
#include "query-tee/compare.h"

/*
 * What the files of the comparison share; nobody else includes it.
 *
 * Thread: that of compare_answers.
 */
struct compare {
    const struct compare_request *request;
    const struct compare_options *options;
    struct comparison *out;
    int64_t begin_ms; /* only points from here to end_ms are compared */
    int64_t end_ms;
};

/* Counts a difference, and keeps it as an example while there are too few; its texts are copied. */
void compare_note(struct compare *compare, enum difference_class class,
                  const struct difference *example);

/* Not all is compared; the reason is copied. */
void compare_leave_out(struct compare *compare, enum compare_skip skip, const char *reason);

/* One answer could not be read to its end. */
void compare_note_broken(struct compare *compare, bool preferred, const struct err *err);

/* The points of two items of one key. `texts`: they are strings, and not numbers. */
void compare_points(struct compare *compare, const struct answer_item *preferred,
                    const struct answer_item *other, bool texts);

/* Are there points, and none of them is compared? Counts them as skipped, then. */
bool compare_all_skipped(struct compare *compare, const struct answer_item *item);

/*
 * All items of two answers, of which nothing has been read. False: one of them cannot be read to
 * its end; that is noted. Then there is no envelope to compare.
 */
bool compare_items(struct compare *compare, const struct compare_side *preferred,
                   const struct compare_side *other, struct answer_envelope *ret_preferred,
                   struct answer_envelope *ret_other);

/* Two values as they stand in the answers: numbers, and histograms. */
bool compare_values_agree(const struct compare_options *options, struct str a, struct str b);
bool compare_histograms_agree(const struct compare_options *options, struct str a, struct str b);

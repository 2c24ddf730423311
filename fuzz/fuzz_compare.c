/*
 * Two answers in one input, parted by a byte 0: whatever they hold, missing and extra are the two
 * sides of one coin, and all else is counted the same from both sides.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "query-tee/compare.h"
#include "query-tee/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare_sides(struct spool *a, struct spool *b, enum answer_kind kind,
                          struct comparison *ret_comparison)
{
    struct compare_options options = COMPARE_DEFAULTS;
    options.skip_recent_ms = 0;
    options.tolerance_relative = 1e-6;
    options.order = COMPARE_ORDER_NEVER;
    options.lookback_ms = 5000;
    struct compare_request request = {.kind = kind, .query = {"", 0}, .step_ms = 1000};
    struct compare_side left = {a, 200, "application/json"};
    struct compare_side right = {b, 200, "application/json"};
    compare_answers(&request, &options, &left, &right, ret_comparison);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *parted = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    if (!parted)
        return 0;
    enum answer_kind kind = (enum answer_kind)(data[0] % 5);
    AUTO(spool_destroy) struct spool *a = spool_of(data + 1, (size_t)(parted - data - 1));
    AUTO(spool_destroy)
    struct spool *b = spool_of(parted + 1, size - (size_t)(parted - data) - 1);
    AUTO(comparison_done) struct comparison there;
    AUTO(comparison_done) struct comparison back;
    compare_sides(a, b, kind, &there);
    compare_sides(b, a, kind, &back);
    if ((there.counts[DIFF_BROKEN_BODY] == 0) != (back.counts[DIFF_BROKEN_BODY] == 0))
        abort();
    if (there.counts[DIFF_BROKEN_BODY] || there.skip_reason || back.skip_reason)
        return 0;

    uint64_t counts[DIFF_COUNT];
    memcpy(counts, back.counts, sizeof(counts));
    counts[DIFF_MISSING_SERIES] = back.counts[DIFF_EXTRA_SERIES];
    counts[DIFF_EXTRA_SERIES] = back.counts[DIFF_MISSING_SERIES];
    counts[DIFF_MISSING_POINTS] = back.counts[DIFF_EXTRA_POINTS];
    counts[DIFF_EXTRA_POINTS] = back.counts[DIFF_MISSING_POINTS];
    if (memcmp(counts, there.counts, sizeof(counts)) != 0)
        abort();
    return 0;
}

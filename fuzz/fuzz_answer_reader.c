/*
 * Any bytes as an answer: the first one says which kind. What is read item by item must be read
 * again from the items' places, and an answer is the same as itself.
 */
#include <stdint.h>
#include <stdlib.h>

#include "query-tee/answer_reader.h"
#include "query-tee/compare.h"
#include "query-tee/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KIND_COUNT 5
#define ITEM_SIZE_MAX 100000

static void same_item(const struct answer_item *a, const struct answer_item *b)
{
    if (!str_eq(a->labels, b->labels) || a->hash != b->hash || a->point_count != b->point_count)
        abort();
    for (size_t i = 0; i < a->point_count; i++)
        if (a->points[i].time_ms != b->points[i].time_ms ||
            !str_eq(answer_point_text(&a->points[i]), answer_point_text(&b->points[i])))
            abort();
}

/* False: the bytes are no answer. */
static bool read_twice(struct spool *spool, enum answer_kind kind)
{
    AUTO(answer_reader_destroy)
    struct answer_reader *reader = answer_reader_create(spool, kind, ITEM_SIZE_MAX);
    AUTO(answer_reader_destroy)
    struct answer_reader *again = answer_reader_create(spool, kind, ITEM_SIZE_MAX);
    struct err err = {0};
    enum answer_pull pull;
    while ((pull = answer_reader_next(reader, &err)) == ANSWER_ITEM) {
        if (answer_reader_envelope(reader)->pair)
            continue;
        if (!answer_reader_item_at(again, answer_reader_place(reader), &err))
            abort();
        same_item(answer_reader_item(reader), answer_reader_item(again));
    }
    if (pull == ANSWER_ERR && err.kind == ERR_NONE)
        abort();
    return pull == ANSWER_END;
}

static void compare_with_itself(struct spool *spool, enum answer_kind kind, bool readable)
{
    struct compare_options options = COMPARE_DEFAULTS;
    options.skip_recent_ms = 0;
    options.bits = true;
    options.series_size_max = ITEM_SIZE_MAX;
    struct compare_request request = {.kind = kind, .query = {"", 0}, .step_ms = 1000};
    struct compare_side side = {spool, 200, "application/json"};
    AUTO(comparison_done) struct comparison comparison;
    compare_answers(&request, &options, &side, &side, &comparison);
    if ((comparison.result == COMPARE_SAME) != readable)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum answer_kind kind = (enum answer_kind)(data[0] % KIND_COUNT);
    AUTO(spool_destroy) struct spool *spool = spool_of(data + 1, size - 1);
    compare_with_itself(spool, kind, read_twice(spool, kind));
    return 0;
}

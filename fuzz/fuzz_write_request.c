#include <stddef.h>
#include <stdint.h>

#include "storage/raw_histogram.h"
#include "storage/remote/write_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a server would have them, but small. */
static const struct write_options options = {
    .series_max = 1000,
    .label_max = 100,
    .label_name_size_max = 100,
    .label_value_size_max = 1000,
    .label_text_size_max = 100000,
    .type_and_unit = true,
};

/* Every byte of it is there to be read. */
static void touch(struct str text)
{
    static volatile unsigned sum;
    for (size_t i = 0; i < text.len; i++)
        sum = sum + (unsigned char)text.ptr[i];
}

static void touch_labels(const struct wal_label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        touch(labels[i].name);
        touch(labels[i].value);
    }
}

static void check_series(const struct append_series *series, struct arena *arena)
{
    struct err err;
    touch_labels(series->labels, series->label_count);
    for (size_t i = 0; i < series->histogram_count; i++)
        if (!raw_histogram_check(&series->histograms[i].raw, arena, &err) &&
            err.kind != ERR_BAD_DATA)
            __builtin_trap();
    for (size_t i = 0; i < series->exemplar_count; i++)
        touch_labels(series->exemplars[i].labels, series->exemplars[i].label_count);
    if (series->metadata)
        touch(series->metadata->help);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool (*const decoders[])(struct str bytes, const struct write_options *options,
                                    struct arena *arena, struct write_request *ret_request,
                                    struct err *err) = {
        write_request_decode_1,
        write_request_decode_2,
    };
    for (size_t i = 0; i < ARRAY_COUNT(decoders); i++) {
        struct budget budget;
        struct write_request request;
        struct err err;
        budget_init(&budget, NULL, "--limit", (size_t)1 << 20);
        struct arena *arena = arena_create(&budget);
        err_clear(&err);
        if (decoders[i]((struct str){(const char *)data, size}, &options, arena, &request, &err)) {
            for (size_t k = 0; k < request.count; k++)
                check_series(&request.series[k], arena);
            for (size_t k = 0; k < request.metadata_count; k++)
                touch(request.metadata[k].family);
        } else if (err.kind != ERR_BAD_DATA && err.kind != ERR_LIMIT) {
            __builtin_trap();
        }
        arena_destroy(arena);
    }
    return 0;
}

#include <stddef.h>
#include <stdint.h>

#include "model/histogram_samples.h"
#include "storage/chunk.h"
#include "storage/chunk_histogram_write.h"
#include "storage/wal_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was let through goes into a chunk, and comes out of it. */
static void check_packs(const struct raw_histogram *raw)
{
    struct histogram_appender appender;
    histogram_appender_init(&appender, raw->is_float ? CHUNK_FLOAT_HISTOGRAM : CHUNK_HISTOGRAM);
    histogram_appender_append(&appender, 1, 0, raw);
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    struct err err = {0};
    if (!chunk_decode(appender.encoding, appender.out.bytes, appender.out.size, &samples, &err))
        __builtin_trap();
    if (samples.count + histograms.count != 1)
        __builtin_trap();
    if (histograms.count &&
        histograms.items[0]->positive.bucket_count != raw->sides[0].bucket_count)
        __builtin_trap();
    histogram_appender_done(&appender);
    histogram_samples_done(&histograms);
    samples_done(&samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wal_record record; /* reused, as replay does */
    struct err err = {0};
    if (!wal_record_decode(data, size, &record, &err))
        return 0;

    /* What is given out must lie in the record. */
    const char *end = (const char *)data + size;
    for (size_t i = 0; i < record.label_count; i++) {
        const struct wal_label *label = &record.labels[i];
        if (label->name.ptr + label->name.len > end || label->value.ptr + label->value.len > end)
            __builtin_trap();
    }
    for (size_t i = 0; i < record.series_count; i++) {
        const struct wal_series *series = &record.series[i];
        if (series->label_begin + series->label_count > record.label_count)
            __builtin_trap();
    }
    for (size_t i = 0; i < record.histogram_count; i++)
        check_packs(&record.histograms[i].raw);
    return 0;
}

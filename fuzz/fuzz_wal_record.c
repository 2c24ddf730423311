#include <stddef.h>
#include <stdint.h>

#include "storage/wal_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        if (record.histograms[i].body + record.histograms[i].body_size > data + size)
            __builtin_trap();
    return 0;
}

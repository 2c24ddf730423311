/* Any bytes as tombstones: what is read is sorted, and no two ranges of a series touch. */
#include <stdlib.h>

#include "storage/tombstones.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err err;
    struct tombstones *tombstones = NULL;
    if (!tombstones_parse(data, size, &tombstones, &err)) {
        if (err.kind != ERR_CORRUPT)
            abort();
        return 0;
    }
    for (uint64_t ref = 0; ref < 256; ref++) {
        size_t count = 0;
        const struct time_range *ranges = tombstones_find(tombstones, ref, &count);
        for (size_t i = 0; i < count; i++)
            if (ranges[i].begin_ms > ranges[i].end_ms ||
                (i > 0 && ranges[i].begin_ms - 1 <= ranges[i - 1].end_ms))
                abort();
    }
    tombstones_close(tombstones);
    return 0;
}

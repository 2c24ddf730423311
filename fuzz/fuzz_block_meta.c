/* Any bytes as a block's meta.json. */
#include <stdlib.h>

#include "storage/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err err;
    struct block_meta meta = {0};
    if (block_meta_parse((struct str){(const char *)data, size}, &meta, &err)) {
        struct ulid again;
        if (meta.begin_ms > meta.end_ms || !ulid_parse(str_of(meta.ulid.text), &again))
            abort();
        block_meta_done(&meta);
    } else if (err.kind != ERR_CORRUPT) {
        abort();
    }
    return 0;
}

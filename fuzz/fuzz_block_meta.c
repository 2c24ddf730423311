/* Any bytes as a block's meta.json; what was read of it is read again as it is printed. */
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
        struct buf text = {0};
        struct block_meta same = {0};
        block_meta_print(&meta, &text);
        if (!block_meta_parse(buf_view(&text), &same, &err) || same.level != meta.level ||
            same.sample_count != meta.sample_count || same.hints != meta.hints ||
            same.source_count != meta.source_count || same.parent_count != meta.parent_count ||
            same.failed != meta.failed || same.deletable != meta.deletable)
            abort();
        buf_done(&text);
        block_meta_done(&same);
        block_meta_done(&meta);
    } else if (err.kind != ERR_CORRUPT) {
        abort();
    }
    return 0;
}

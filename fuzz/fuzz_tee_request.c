/* What the proxy reads of a client's request by itself: the query's reach, times, passwords. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "query-tee/base64.h"
#include "query-tee/reach.h"
#include "query-tee/time_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct reach reach;
    if (reach_of_query(text, 1000000, 2000000, 300000, &reach))
        assert(reach.oldest_ms <= reach.newest_ms);

    int64_t time_ms;
    AUTO(buf_done) struct buf out = {0};
    if (time_text_parse(text, &time_ms)) {
        int64_t again_ms;
        time_text_append(time_ms, &out);
        assert(time_text_parse(buf_view(&out), &again_ms) && again_ms == time_ms);
    }

    buf_clear(&out);
    if (base64_decode(text, &out)) {
        AUTO(buf_done) struct buf packed = {0};
        base64_encode(buf_view(&out), &packed);
        assert(packed.len == size);
    }
    return 0;
}

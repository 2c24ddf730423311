/* Any bytes as a server's answer, shown in each of the ways there are. */
#include <stdint.h>

#include "server/show/shown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ask_range range = {.start_ms = 0, .end_ms = 60000, .step_ms = 15000};
    static const struct shown_style style = {.width = 60, .height = 20, .color = true};
    static struct err err;
    struct shown shown;
    shown_init(&shown, &range);
    if (shown_read_json(&shown, (struct str){(const char *)data, size}, &err)) {
        AUTO(buf_done) struct buf out = {0};
        shown_table(&shown, &style, &out);
        shown_csv(&shown, &out);
        shown_graph(&shown, &style, &out);
    }
    shown_done(&shown);
    return 0;
}

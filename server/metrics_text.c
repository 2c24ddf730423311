#include "server/metrics_text.h"

#include "base/float_text.h"

void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void put_value(struct buf *out, const char *name, const char *labels, double v)
{
    buf_printf(out, "%s%s ", name, labels);
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), v);
    buf_byte(out, '\n');
}

void put_gauge(struct buf *out, const char *name, const char *help, double v)
{
    put_head(out, name, "gauge", help);
    put_value(out, name, "", v);
}

void put_counter(struct buf *out, const char *name, const char *help, double v)
{
    put_head(out, name, "counter", help);
    put_value(out, name, "", v);
}

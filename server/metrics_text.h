#pragma once

#include "base/buf.h"

/* Lines of Prometheus's text format, version 0.0.4. Thread: any. */
void put_head(struct buf *out, const char *name, const char *type, const char *help);

/* `labels` with its braces, or "". */
void put_value(struct buf *out, const char *name, const char *labels, double v);

/* A metric with one series. */
void put_gauge(struct buf *out, const char *name, const char *help, double v);
void put_counter(struct buf *out, const char *name, const char *help, double v);

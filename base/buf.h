#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Growing bytes on the heap. `{0}` is an empty one; buf_done empties it for good, buf_clear for
 * reuse. The bytes move as it grows: a pointer or view into them is good until the next append.
 */
struct buf {
    char *ptr;
    size_t len;
    size_t cap;
};

void buf_done(struct buf *buf);

/* At least `more` writable bytes behind len; the caller adds to len what it wrote. */
char *buf_reserve(struct buf *buf, size_t more);
void buf_append(struct buf *buf, const void *bytes, size_t len);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *buf, const char *fmt, va_list ap) PRINTF(2, 0);

static inline void buf_clear(struct buf *buf)
{
    buf->len = 0;
}

static inline void buf_byte(struct buf *buf, char byte)
{
    if (buf->len == buf->cap)
        buf_reserve(buf, 1);
    buf->ptr[buf->len++] = byte;
}

static inline void buf_str(struct buf *buf, struct str s)
{
    buf_append(buf, s.ptr, s.len);
}

static inline void buf_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

static inline struct str buf_view(const struct buf *buf)
{
    struct str s = {buf->ptr, buf->len};
    return s;
}

/* The bytes with a terminator behind them, borrowed until the next append. */
const char *buf_terminated(struct buf *buf);

static inline void buf_done_auto(struct buf *buf)
{
    buf_done(buf);
}

#ifdef __cplusplus
}
#endif

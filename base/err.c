#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef err_set
#undef err_wrap

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    assert(kind != ERR_NONE);
    va_list ap;
    va_start(ap, fmt);
    err->kind = kind;
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    char context[sizeof err->msg];
    va_list ap;

    assert(err->kind != ERR_NONE);
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);

    size_t used = strlen(context);
    if (used + 2 >= sizeof err->msg)
        return false;
    size_t inner = strlen(err->msg);
    if (inner > sizeof err->msg - used - 3)
        inner = sizeof err->msg - used - 3;
    memmove(err->msg + used + 2, err->msg, inner);
    memcpy(err->msg, context, used);
    memcpy(err->msg + used, ": ", 2);
    err->msg[used + 2 + inner] = '\0';
    return false;
}

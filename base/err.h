#pragma once

#include <stdbool.h>

#include "base/attr.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong, as far as a caller may act on it. */
enum err_kind {
    ERR_NONE,
    ERR_BAD_DATA,    /* the request or the query text is wrong */
    ERR_EXECUTION,   /* the query cannot be answered over this data */
    ERR_CANCELED,    /* whoever asked has gone */
    ERR_TIMEOUT,     /* the deadline passed */
    ERR_LIMIT,       /* a limit was reached; the message names it */
    ERR_UNSUPPORTED, /* understood, but not built */
    ERR_NOT_FOUND,
    ERR_CORRUPT, /* stored bytes are damaged */
    ERR_IO,
};

/*
 * An error lives where its reader lives; setting it never allocates. The message has room for two
 * whole label sets, as Prometheus names them in its matching errors.
 */
struct err {
    enum err_kind kind;
    char msg[4092];
};

/*
 * Records an error, whatever `err` held. Returns false, so that `return err_set(...)` reads well.
 * No argument may lie in err->msg. A message that is too long is cut.
 */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);

/* Puts "context: " before the message already there. Returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time, and must be told that both return false. */
static inline bool err_false(bool set)
{
    (void)set;
    return false;
}
#define err_set(...) err_false(err_set(__VA_ARGS__))
#define err_wrap(...) err_false(err_wrap(__VA_ARGS__))
#endif

/* Forgets the error; cheaper than assigning a zeroed struct. */
static inline void err_clear(struct err *err)
{
    err->kind = ERR_NONE;
    err->msg[0] = '\0';
}

#ifdef __cplusplus
}
#endif

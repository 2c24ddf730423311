#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "http/answer.h"
#include "http/json_write.h"
#include "http/request.h"
#include "model/annotations.h"

/*
 * The envelope of Prometheus's API: {"status":"success","data":...} or an error with its type. The
 * type decides the HTTP status.
 */
enum fault {
    FAULT_BAD_DATA,
    FAULT_EXECUTION,
    FAULT_CANCELED,
    FAULT_TIMEOUT,
    FAULT_INTERNAL,
    FAULT_UNAVAILABLE,
    FAULT_NOT_FOUND,
};

void api_fail(struct answer *answer, enum fault fault, const char *fmt, ...) PRINTF(3, 4);

/* The fault that an error of engine or storage is to a client. */
enum fault api_fault(const struct err *err);
const char *api_fault_name(enum fault fault);
void api_fail_err(struct answer *answer, const struct err *err);

/* `invalid parameter "limit": ...`; always bad data. */
void api_fail_param(struct answer *answer, const char *name, const char *why);

/* Begins a successful answer; its data comes next. */
struct json api_begin(struct answer *answer);
void api_end(struct json *json);

/* What a query or a list wants to tell besides its data. */
struct notes {
    const struct annotations *annotations; /* or NULL */
    struct str query;                      /* that the annotations are about */
    const char *plain[4];                  /* warnings without a prefix */
    size_t plain_count;
};

void notes_add(struct notes *notes, const char *text);

/* Members "warnings" and "infos", at most 10 of each and how many more there are; and the brace. */
void api_end_notes(struct json *json, const struct notes *notes);

/* Answers without a body. */
void api_no_content(struct answer *answer);

#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * What a remote write request says of itself: Content-Type and Content-Encoding, each NULL if it
 * is not there, which stands for 1.0 and for snappy.
 */
enum write_version { WRITE_VERSION_1, WRITE_VERSION_2, WRITE_VERSION_COUNT };

/* "1.0", "2.0" */
const char *write_version_name(enum write_version version);

/* ERR_UNSUPPORTED, in Prometheus's words: to be answered 415. */
bool write_content_read(const char *type, const char *encoding, enum write_version *ret_version,
                        struct err *err) MUST_CHECK;

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* The name of a block: 48 bits of Unix milliseconds, 80 random ones, as 26 characters. */
#define ULID_LEN 26

struct ulid {
    char text[ULID_LEN + 1];
};

struct ulid ulid_make(uint64_t time_ms, uint64_t random_high, uint64_t random_low);

/* A new one from the clock and the system's random source. */
struct ulid ulid_new(void);

/* Is the text a ULID in Crockford's base 32? */
bool ulid_parse(struct str text, struct ulid *ret_ulid);

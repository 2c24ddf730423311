#include "storage/ulid.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

static const char ulid_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct ulid ulid_make(uint64_t time_ms, uint64_t random_high, uint64_t random_low)
{
    /* 128 bits in 26 digits of five: the first digit has three. */
    __extension__ unsigned __int128 bits = time_ms & 0xffffffffffff;
    bits = bits << 16 | (random_high & 0xffff);
    bits = bits << 64 | random_low;
    struct ulid ulid = {0};
    for (size_t i = ULID_LEN; i-- > 0; bits >>= 5)
        ulid.text[i] = ulid_digits[(unsigned)bits & 31];
    return ulid;
}

struct ulid ulid_new(void)
{
    uint64_t random[2] = {0};
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        random[0] = (uint64_t)clock_monotonic_ns();
    return ulid_make((uint64_t)clock_now_ms(), random[0], random[1]);
}

static const char *ulid_digit(char c)
{
    return c ? strchr(ulid_digits, c) : NULL;
}

bool ulid_parse(struct str text, struct ulid *ret_ulid)
{
    if (text.len != ULID_LEN || text.ptr[0] > '7')
        return false;
    for (size_t i = 0; i < ULID_LEN; i++)
        if (!ulid_digit(text.ptr[i]))
            return false;
    memcpy(ret_ulid->text, text.ptr, ULID_LEN);
    ret_ulid->text[ULID_LEN] = '\0';
    return true;
}

#include "query-tee/time_text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/float_text.h"
#include "model/duration.h"

#define TEXT_SIZE_MAX 64

static bool seconds_parse(struct str text, int64_t *ret_ms)
{
    double seconds;
    bool out_of_range;
    if (!float_parse(text, &seconds, &out_of_range) || !(fabs(seconds) < 1e15))
        return false;
    *ret_ms = (int64_t)llround(seconds * 1000);
    return true;
}

/* ".123456" as milliseconds, and what is behind it. */
static const char *fraction_parse(const char *at, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (*at != '.')
        return at;
    int64_t unit = 100;
    for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
        *ret_ms += unit * (*at - '0');
    return at;
}

bool time_text_parse(struct str text, int64_t *ret_ms)
{
    static const char *const layouts[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
    char copy[TEXT_SIZE_MAX];
    if (seconds_parse(text, ret_ms))
        return true;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    for (size_t i = 0; i < ARRAY_COUNT(layouts); i++) {
        struct tm tm = {0};
        const char *behind = strptime(copy, layouts[i], &tm);
        if (!behind)
            continue;
        int64_t fraction_ms = 0;
        if (i == 0)
            behind = fraction_parse(behind, &fraction_ms);
        struct tm zone = {0};
        if (*behind && (i > 1 || !(behind = strptime(behind, "%z", &zone)) || *behind))
            return false;
        *ret_ms = ((int64_t)timegm(&tm) - zone.tm_gmtoff) * 1000 + fraction_ms;
        return true;
    }
    return false;
}

bool step_text_parse(struct str text, int64_t *ret_ms)
{
    return seconds_parse(text, ret_ms) || duration_parse(text, ret_ms);
}

void time_text_append(int64_t time_ms, struct buf *out)
{
    int64_t seconds = time_ms / 1000, ms = time_ms % 1000;
    bool negative = time_ms < 0;
    buf_printf(out, "%s%" PRId64, negative ? "-" : "", negative ? -seconds : seconds);
    if (ms)
        buf_printf(out, ".%03" PRId64, negative ? -ms : ms);
}

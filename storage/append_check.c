#include "storage/append_check.h"

/*
 * Only the chunk that is being filled is asked, as Prometheus does: behind a restart or a cut the
 * newest sample may be in a file, and then anything passes here, and what is not after it is left
 * out without a word.
 */
static bool series_is_asked(const struct live_series *series)
{
    return series->is_histogram ? live_series_open_histogram(series) != NULL
                                : series->open.count > 0;
}

/* A sample that cannot go behind the others. */
static enum append_verdict verdict_behind(int64_t t_ms, const struct append_bounds *bounds)
{
    if (bounds->takes_late)
        return t_ms >= bounds->late_ms ? APPEND_LATE : APPEND_TOO_OLD;
    return t_ms < bounds->min_valid_ms ? APPEND_OUT_OF_BOUNDS : APPEND_OUT_OF_ORDER;
}

enum append_verdict append_check_first(int64_t t_ms, const struct append_bounds *bounds)
{
    return t_ms < bounds->min_valid_ms ? verdict_behind(t_ms, bounds) : APPEND_FITS;
}

enum append_verdict append_check_sample(const struct live_series *series, int64_t t_ms, double v,
                                        const struct append_bounds *bounds)
{
    if (t_ms < bounds->min_valid_ms)
        return verdict_behind(t_ms, bounds);
    if (!series_is_asked(series) || t_ms > series->last_ms)
        return APPEND_FITS;
    if (t_ms < series->last_ms)
        return verdict_behind(t_ms, bounds);
    if (series->is_histogram)
        return APPEND_DUPLICATE_HISTOGRAM;
    return value_bits(series->open.v) == value_bits(v) ? APPEND_FITS : APPEND_DUPLICATE;
}

enum append_verdict append_check_histogram(const struct live_series *series, int64_t t_ms,
                                           const struct raw_histogram *h,
                                           const struct append_bounds *bounds)
{
    if (t_ms < bounds->min_valid_ms)
        return verdict_behind(t_ms, bounds);
    if (!series_is_asked(series) || t_ms > series->last_ms)
        return APPEND_FITS;
    if (t_ms < series->last_ms)
        return verdict_behind(t_ms, bounds);
    bool same =
        series->is_histogram && histogram_appender_holds(live_series_open_histogram(series), h);
    return same ? APPEND_FITS : APPEND_DUPLICATE;
}

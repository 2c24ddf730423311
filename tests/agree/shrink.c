#include "tests/agree/shrink.h"

#include <string.h>

struct shrinking {
    enum verdict verdict; /* to be kept */
    struct data *data;
    struct asked *asked;
    const struct ground_options *options;
};

static bool still_fails(const struct shrinking *self)
{
    struct ground ground;
    AUTO(buf_done) struct buf streaming = {0};
    AUTO(buf_done) struct buf reference = {0};
    ground_open(&ground, self->data, self->options);
    enum verdict verdict = ground_compare(&ground, self->asked, &streaming, &reference);
    ground_close(&ground);
    return verdict == self->verdict;
}

static bool query_still_fails(void *context)
{
    return still_fails(context);
}

static bool shrink_steps(const struct shrinking *self)
{
    struct asked *asked = self->asked;
    struct asked saved = *asked;
    if (saved.step_ms == 0)
        return false;
    for (int64_t at_ms = saved.start_ms; at_ms <= saved.end_ms; at_ms += saved.step_ms) {
        *asked = (struct asked){saved.root, at_ms, at_ms, 0};
        if (still_fails(self))
            return true;
    }
    *asked = saved;
    for (int64_t end_ms = saved.start_ms; end_ms < saved.end_ms; end_ms += saved.step_ms) {
        asked->end_ms = end_ms;
        if (still_fails(self))
            return true;
    }
    *asked = saved;
    if (saved.end_ms - saved.start_ms < saved.step_ms)
        return false;
    asked->start_ms += saved.step_ms;
    if (still_fails(self))
        return true;
    *asked = saved;
    return false;
}

static bool shrink_series(const struct shrinking *self)
{
    struct data *data = self->data;
    for (size_t i = data->count; i-- > 0;) {
        struct data_series saved = data->series[i];
        memmove(data->series + i, data->series + i + 1, (data->count - i - 1) * sizeof saved);
        data->count--;
        if (still_fails(self))
            return true;
        memmove(data->series + i + 1, data->series + i, (data->count - i) * sizeof saved);
        data->series[i] = saved;
        data->count++;
    }
    return false;
}

/* Leaves `length` samples from `begin` on out. */
static bool drop_samples(const struct shrinking *self, struct data_series *series, size_t begin,
                         size_t length)
{
    const char *saved[DATA_STEPS];
    bool any = false;
    for (size_t i = begin; i < begin + length; i++) {
        saved[i] = series->values[i];
        any = any || strcmp(saved[i], "_") != 0;
        series->values[i] = "_";
    }
    if (any && still_fails(self))
        return true;
    memcpy(series->values + begin, saved + begin, length * sizeof *saved);
    return false;
}

static bool shrink_samples(const struct shrinking *self)
{
    for (size_t i = 0; i < self->data->count; i++) {
        struct data_series *series = &self->data->series[i];
        const char **starts = series->starts;
        series->starts = NULL;
        if (starts && still_fails(self))
            return true;
        series->starts = starts;
        for (size_t length = series->count / 2; length > 0; length /= 2)
            for (size_t begin = 0; begin + length <= series->count; begin += length)
                if (drop_samples(self, series, begin, length))
                    return true;
    }
    return false;
}

void shrink(struct data *data, struct asked *asked, const struct ground_options *options,
            enum verdict verdict)
{
    struct shrinking self = {verdict, data, asked, options};
    part_shrink(&asked->root, query_still_fails, &self);
    while (shrink_series(&self))
        ;
    while (shrink_steps(&self) || shrink_samples(&self))
        ;
    part_shrink(&asked->root, query_still_fails, &self);
}

#include <math.h>

#include "base/float_text.h"
#include "base/quote.h"
#include "engine/reference/aggregate.h"

struct count_values {
    struct ref *ref;
    const struct aggregate *aggregate;
    uint32_t label;
    struct name_set names; /* by: with the label itself */
    struct labels_builder builder;
    struct buf text;
};

static void count_values_done_auto(struct count_values *self)
{
    labels_builder_done(&self->builder);
    buf_done(&self->text);
}

/* The labels under which a sample is counted. */
static const struct labels *count_values_labels(struct count_values *self,
                                                const struct ref_sample *sample)
{
    struct ref *ref = self->ref;
    struct buf *text = &self->text;
    buf_clear(text);
    if (sample->histogram)
        histogram_print(sample->histogram, text);
    else
        text->len = float_text_f(buf_reserve(text, FLOAT_TEXT_SIZE), sample->value);
    labels_builder_reset(&self->builder, ref->query->symbols, sample->labels);
    labels_builder_set(&self->builder, self->label,
                       symbols_add(ref->query->symbols, buf_view(text)));
    const struct labels *labels = labels_builder_labels(&self->builder, ref->scratch);
    labels = self->aggregate->without ? labels_without(labels, self->names, ref->scratch)
                                      : labels_keep(labels, self->names, ref->scratch);
    return label_pool_keep(&ref->labels, labels);
}

static bool count_values_step(void *context, struct ref_step *step, struct err *err)
{
    struct count_values *self = context;
    const struct ref_vector *vector = &step->vectors[0];
    struct label_map known = {.arena = self->ref->scratch};
    for (size_t i = 0; i < vector->count; i++) {
        const struct histogram *h = vector->items[i].histogram;
        if (h && !histogram_check_text(h, err))
            return false;
        const struct labels *labels = count_values_labels(self, &vector->items[i]);
        const struct ref_sample sample = {.labels = labels};
        bool new;
        size_t index = label_map_add(&known, labels, &new);
        if (new)
            ref_step_add(step, &sample);
        step->out->items[index].value++;
        if (!arena_check(self->ref->arena, err) || !arena_check(self->ref->scratch, err))
            return false;
    }
    return true;
}

bool ref_count_values(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                      struct ref_matrix *ret_matrix, struct err *err)
{
    const struct aggregate *aggregate = &expr->node->aggregate;
    struct str label = expr->children[1]->node->string;
    AUTO(count_values_done) struct count_values self = {.ref = ref, .aggregate = aggregate};
    if (label.len == 0 || !utf8_valid(label)) {
        quote_append(&self.text, label);
        return err_set(err, ERR_EXECUTION, "invalid label name %s", buf_terminated(&self.text));
    }
    self.label = symbols_add(ref->query->symbols, label);
    size_t count = aggregate->grouping_count;
    struct str *names = arena_array(ref->arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++)
        names[i] = aggregate->grouping[i];
    if (!aggregate->without)
        names[count++] = label;
    self.names = ref_names(ref, names, count);
    struct ref_steps steps = {.fn = count_values_step, .context = &self};
    if (!ref_steps_of(ref, times, expr, &steps, ret_matrix, err))
        return false;
    ref_matrix_sort(ref->query->symbols, ret_matrix);
    return true;
}

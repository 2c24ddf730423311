/* label_replace and label_join: they change whole series, and do not look at their points. */
#include "base/quote.h"
#include "base/regex.h"
#include "engine/reference/evaluate.h"

/* As much as Prometheus's own labels can hold; nested calls can double a value each. */
#define LABEL_VALUE_SIZE_MAX ((size_t)16 << 20)

struct label_call {
    struct ref *ref;
    const struct call *call;
    uint32_t destination;
    struct labels_builder builder;
    struct buf value;
};

static void label_call_done_auto(struct label_call *self)
{
    labels_builder_done(&self->builder);
    buf_done(&self->value);
}

static struct str label_call_arg(const struct label_call *self, size_t arg)
{
    return ast_unparen(self->call->args[arg])->string;
}

static bool label_call_check_name(const struct label_call *self, size_t arg, const char *what,
                                  struct err *err)
{
    struct str name = label_call_arg(self, arg);
    if (name.len > 0 && utf8_valid(name))
        return true;
    return err_set(err, ERR_EXECUTION, "invalid %s label name in %s(): %.*s", what,
                   self->call->function->name, STR_ARGS(name));
}

static bool label_call_check_size(const struct label_call *self, size_t size, struct err *err)
{
    if (size <= LABEL_VALUE_SIZE_MAX)
        return true;
    return err_set(err, ERR_LIMIT, "%s() would make a label value of more than %zu bytes",
                   self->call->function->name, LABEL_VALUE_SIZE_MAX);
}

/* Sets the destination to the value made. */
static void label_call_set(struct label_call *self, struct ref_series *series)
{
    struct ref *ref = self->ref;
    uint32_t value = symbols_add(ref->query->symbols, buf_view(&self->value));
    labels_builder_reset(&self->builder, ref->query->symbols, series->labels);
    labels_builder_set(&self->builder, self->destination, value);
    series->labels = labels_builder_labels(&self->builder, ref->arena);
    if (self->destination == SYM_NAME)
        series->drops_name = false;
}

static bool label_replace_series(struct label_call *self, const struct regex *regex,
                                 struct ref_series *series, struct err *err)
{
    struct symbols *symbols = self->ref->query->symbols;
    struct str template = label_call_arg(self, 2);
    uint32_t source = symbols_add(symbols, label_call_arg(self, 3));
    struct str text = symbols_get(symbols, labels_get(series->labels, source));
    size_t references = 0;
    for (size_t i = 0; i < template.len; i++)
        references += template.ptr[i] == '$';
    if (!label_call_check_size(self, template.len + references * text.len, err))
        return false;
    buf_clear(&self->value);
    if (regex_expand(regex, text, template, &self->value))
        label_call_set(self, series);
    return true;
}

static bool label_join_series(struct label_call *self, struct ref_series *series, struct err *err)
{
    struct symbols *symbols = self->ref->query->symbols;
    buf_clear(&self->value);
    for (size_t i = 3; i < self->call->arg_count; i++) {
        uint32_t source = symbols_add(symbols, label_call_arg(self, i));
        if (i > 3)
            buf_str(&self->value, label_call_arg(self, 2));
        buf_str(&self->value, symbols_get(symbols, labels_get(series->labels, source)));
        if (!label_call_check_size(self, self->value.len, err))
            return false;
    }
    label_call_set(self, series);
    return true;
}

static bool label_call_check(const struct label_call *self, struct regex **ret_regex,
                             struct err *err)
{
    if (self->call->function->id == FN_label_replace) {
        if (!regex_create(label_call_arg(self, 4), ret_regex, err))
            return err_set(err, ERR_EXECUTION,
                           "invalid regular expression in label_replace(): %.*s",
                           STR_ARGS(label_call_arg(self, 4)));
    }
    for (size_t i = 3; self->call->function->id == FN_label_join && i < self->call->arg_count; i++)
        if (!label_call_check_name(self, i, "source", err))
            return false;
    return label_call_check_name(self, 1, "destination", err);
}

bool ref_label_call(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                    struct ref_matrix *ret_matrix, struct err *err)
{
    AUTO(label_call_done) struct label_call self = {.ref = ref, .call = &expr->node->call};
    AUTO(regex_destroy) struct regex *regex = NULL;
    struct ref_matrix matrix;
    if (!label_call_check(&self, &regex, err) ||
        !ref_evaluate(ref, times, expr->children[0], &matrix, err))
        return false;
    self.destination = symbols_add(ref->query->symbols, label_call_arg(&self, 1));
    for (size_t i = 0; i < matrix.count; i++) {
        bool ok = regex ? label_replace_series(&self, regex, &matrix.items[i], err)
                        : label_join_series(&self, &matrix.items[i], err);
        if (!ok || !query_alive(ref->query, err) || !arena_check(ref->arena, err))
            return false;
    }
    if (!ref_matrix_merge(ref->arena, &matrix, err))
        return false;
    *ret_matrix = matrix;
    return true;
}

#pragma once

#include "base/map.h"
#include "engine/plan/plan.h"

/*
 * The subqueries around, inwards from the last one that has an @, as far as all begin at one time.
 */
struct subquery_path {
    int64_t offset_ms;
    bool has_at;
    int64_t at_ms;
};

/*
 * What the expressions around a selector ask it for. The samples that it reads follow from that
 * alone, even where it is evaluated at more times than its windows are then seen at.
 */
struct plan_asked {
    int64_t begin_ms, end_ms; /* the query's own, or those of the innermost @ of a subquery */
    int64_t offset_ms;        /* of all subqueries inside of that */
    int64_t range_ms;
    bool in_param; /* of an aggregation: Prometheus leaves @ there as it is written */
};

struct plan_asked plan_asked_of(const struct plan_request *request);

/* The samples of a selector; `range_ms` 0: an instant one. */
bool plan_ask_selector(const struct plan_request *request, const struct vector_selector *selector,
                       int64_t range_ms, struct plan_asked asked, struct plan_extent *ret_extent,
                       struct err *err) MUST_CHECK;

/* Makes of what a subquery is asked for what it asks its expression for. */
bool plan_ask_subquery(const struct plan_request *request, const struct subquery *subquery,
                       struct plan_asked *asked, struct err *err) MUST_CHECK;

/* Shared by the files that build plans; nobody else includes it. */
struct plan_builder {
    const struct plan_request *request;
    struct arena *arena;
    struct map known; /* nodes by what they are, for equal ones to be one */
    struct plan **plans;
    struct str *keys;
    size_t plan_count;
    size_t plan_cap;
    size_t rank;      /* nodes asked for so far, known ones too */
    bool at_one_time; /* from here on: not over a range, even if that has but one step */
    const struct node *invariant; /* the outermost expression here that no step changes */
    struct subquery_path path;
    struct plan_asked asked;
    bool sees_totals;        /* of histograms, what stands above asks for count and sum, */
    bool sees_buckets;       /* or something does that asks for the buckets */
    const char *unsupported; /* the name of what was refused last; static text */
    struct err *err;
};

/* All return NULL with builder->err set. */
struct plan *plan_of(struct plan_builder *builder, const struct node *node,
                     const struct grid *grid);
struct plan *plan_of_call(struct plan_builder *builder, const struct node *node,
                          const struct grid *grid);

struct plan *plan_of_info(struct plan_builder *builder, const struct node *node,
                          const struct grid *grid);

/* A node not yet interned; give it its children, then plan_intern it. */
struct plan *plan_new(struct plan_builder *builder, enum plan_kind kind, const struct node *ast,
                      const struct grid *grid);
bool plan_add_child(struct plan *plan, struct plan *child);
struct plan *plan_intern(struct plan_builder *builder, struct plan *plan);

/* `plan`, or a node on top that deals with series left with equal labels. */
struct plan *plan_unite(struct plan_builder *builder, struct plan *plan, enum plan_kind kind);

/* The same where Prometheus checks only as long as it drops names at once. */
struct plan *plan_dedup(struct plan_builder *builder, struct plan *plan, enum plan_kind kind);

/*
 * How the series of an operation on whole series (label_replace, unary minus) are united: if no
 * step changes it, Prometheus refuses what has a float and a histogram then. So it does with
 * `vector`, which such an operation leaves as it is. Before that is planned.
 */
enum plan_kind plan_unite_kind(struct plan_builder *builder, const struct node *node,
                               const struct node *vector);

/*
 * The streaming engine does not do the expression at hand: its `kind` (function, modifier ...) and
 * name say why. Called before anything is made of it.
 */
struct plan *plan_unsupported(struct plan_builder *builder, const char *kind, const char *name);

bool plan_label_is_metadata(struct str name);

/* plan_modifiers of what is being built. */
struct modifiers plan_modifiers_here(const struct plan_builder *builder,
                                     const struct modifiers *modifiers);

/*
 * Windows with these modifiers, seen from the plan's grid, and the samples they see: from
 * `before_ms` before each to `ahead_ms` behind.
 */
bool plan_set_windows(struct plan_builder *builder, struct plan *plan,
                      const struct modifiers *modifiers, int64_t before_ms, int64_t ahead_ms);

/* An instant selector's windows, as wide as the lookback, seen from the plan's grid. */
bool plan_set_instant(struct plan_builder *builder, struct plan *plan,
                      const struct vector_selector *selector);

/* A range selector's or a subquery's windows, seen from `grid`. */
bool plan_set_range(struct plan_builder *builder, struct plan *plan,
                    const struct matrix_selector *matrix);
struct plan *plan_of_subquery_rows(struct plan_builder *builder, const struct node *node,
                                   const struct grid *grid, struct grid *ret_refs,
                                   int64_t *ret_range_ms);

/* A range as written, or its duration expression evaluated for this query. */
bool plan_range(struct plan_builder *builder, int64_t written_ms, const struct node *expr,
                bool may_be_negative, int64_t *ret_ms);

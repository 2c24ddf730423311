#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "parser/ast.h"

/* What Prometheus's feature flags switch on in the language. */
struct parse_options {
    bool experimental_functions; /* promql-experimental-functions */
    bool extended_selectors;     /* promql-extended-range-selectors: anchored, smoothed */
    bool fill_modifiers;         /* promql-binop-fill-modifiers */
};

/* Deeper nesting than this is refused, so that no query can exhaust the stack. */
#define PARSE_DEPTH_MAX 400

/*
 * The levels of a tree: also a chain, a + b + c, and a row of modifiers grow it. Whoever recurses
 * over a tree goes no deeper than this.
 */
#define PARSE_HEIGHT_MAX 2000

/* Bytes of a query. */
#define PARSE_LENGTH_MAX (1 << 20)

/*
 * Text to a checked tree in the arena; ast_done before the arena goes. The tree points into the
 * text. ERR_BAD_DATA with Prometheus's words, "1:5: parse error: ..."; ERR_LIMIT from the arena.
 * There is nothing to free then.
 */
bool parse_query(struct str query, const struct parse_options *options, struct arena *arena,
                 struct node **ret_root, struct err *err) MUST_CHECK;

/*
 * A selector alone, as match[] takes it: name{...}; it may match everything. The matchers are the
 * arena's; matcher_done each.
 */
bool parse_selector(struct str text, struct arena *arena, struct matcher ***ret_matchers,
                    size_t *ret_count, struct err *err) MUST_CHECK;

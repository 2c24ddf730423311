#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/*
 * One YAML document as a tree whose nodes know their lines. An alias is the node it names, not a
 * copy; a node is never inside of itself.
 */
enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* However much a text nests, and however short it says so. */
#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 200000
#define YAML_ANCHORS_MAX 1000

struct yaml_node {
    enum yaml_kind kind;
    size_t line;     /* of its first character; the first line is 1 */
    struct str text; /* of a scalar, with a terminator behind it */
    bool plain;      /* a scalar without quotes */
    /* Of a list its items, of a map a key and a value in turns. */
    const struct yaml_node **items;
    size_t count;
};

/*
 * *ret_root is NULL where there is no document; else it is the arena's, as are its texts.
 * ERR_BAD_DATA: "12: ..." names the line and what is wrong there. ERR_LIMIT: the same.
 */
bool yaml_read(struct str text, struct arena *arena, const struct yaml_node **ret_root,
               struct err *err) MUST_CHECK;

/* Nothing, as "key:" or "null" say it. */
bool yaml_is_null(const struct yaml_node *node);

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "model/yaml_tree.h"

/*
 * Maps of a configuration file, read by a table: which keys there are, and what becomes of their
 * values. Keys that are in no table are told in a warning each, and left out.
 */
struct config_reader {
    const char *path;   /* of the file, as messages name it */
    const char *folder; /* that its relative paths start from, with a slash at its end or "" */
    struct arena *arena;
    size_t key_count; /* read so far: aliases let few bytes be read very often */
    void (*warn)(void *context, const char *message);
    void *context;
};

/* Makes of a value what is at `into`. ERR_BAD_DATA by config_fail; ERR_LIMIT: too many keys. */
typedef bool config_read_fn(struct config_reader *reader, const struct yaml_node *value, void *into,
                            struct err *err);

struct config_field {
    const char *key;
    config_read_fn *read; /* NULL: known, and without a meaning here */
    size_t offset;        /* of the member that is filled */
};

struct config_section {
    const char *name; /* as warnings call it; "" for the whole file */
    const struct config_field *fields;
    size_t count;
};

#define CONFIG_SECTION(name, fields) \
    (&(struct config_section){(name), (fields), ARRAY_COUNT(fields)})

/*
 * Reads a map into the struct that the fields' offsets are in. A value that is null leaves what is
 * there.
 */
bool config_read_map(struct config_reader *reader, const struct yaml_node *map,
                     const struct config_section *section, void *into, struct err *err) MUST_CHECK;

/* "file:12: ..." as an error; false. */
bool config_fail(const struct config_reader *reader, const struct yaml_node *node, struct err *err,
                 const char *fmt, ...) PRINTF(4, 5);
void config_warn(const struct config_reader *reader, const struct yaml_node *node, const char *fmt,
                 ...) PRINTF(3, 4);

config_read_fn config_read_text;     /* const char * */
config_read_fn config_read_path;     /* const char *, from the file's folder */
config_read_fn config_read_switch;   /* bool */
config_read_fn config_read_duration; /* int64_t, milliseconds */
config_read_fn config_read_count;    /* int64_t, not negative */
config_read_fn config_read_size;     /* int64_t, bytes: 512MB */
config_read_fn config_read_percent;  /* double, 0 to 100 */

/* Of one file, aliases taken in as often as they are named. */
#define CONFIG_KEYS_MAX 1000000

/* Names with texts, in the order of their names' bytes, each name once. */
struct config_pair {
    const char *name;
    const char *value;
};

struct config_pairs {
    struct config_pair *items;
    size_t count;
};

config_read_fn config_read_pairs; /* struct config_pairs */

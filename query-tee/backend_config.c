#include "query-tee/backend_config.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/float_text.h"
#include "model/duration.h"
#include "model/yaml_tree.h"

/* Headers of one backend. */
#define HEADERS_MAX 100

static bool fail(const struct yaml_node *node, struct err *err, const char *words)
{
    return err_set(err, ERR_BAD_DATA, "%zu: %s", node->line, words);
}

static bool header_text_is_good(struct str text, bool is_name)
{
    if (is_name && text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 127 || (is_name && (c == ' ' || c == ':' || c > 127)))
            return false;
    }
    return true;
}

static bool header_add(struct backend *backend, const struct yaml_node *name,
                       const struct yaml_node *value, struct err *err)
{
    if (value->kind != YAML_SCALAR || !header_text_is_good(value->text, false))
        return fail(value, err, "the value of a header is a text of one line");
    if (backend->header_count == HEADERS_MAX)
        return fail(value, err, "more headers than a request may have");
    backend->headers[backend->header_count++] =
        (struct client_header){name->text.ptr, value->text.ptr};
    return true;
}

/* A map from names to a value or a list of values. */
static bool read_headers(struct backend *backend, const struct yaml_node *map, struct arena *arena,
                         struct err *err)
{
    if (map->kind != YAML_MAP)
        return fail(map, err, "request_headers is a map of names and lists of values");
    backend->headers = arena_array(arena, struct client_header, HEADERS_MAX);
    backend->header_count = 0;
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        const struct yaml_node *name = map->items[i], *value = map->items[i + 1];
        if (name->kind != YAML_SCALAR || !header_text_is_good(name->text, true))
            return fail(name, err, "this is no name of a header");
        if (value->kind != YAML_LIST) {
            if (!header_add(backend, name, value, err))
                return false;
            continue;
        }
        for (size_t k = 0; k < value->count; k++)
            if (!header_add(backend, name, value->items[k], err))
                return false;
    }
    return true;
}

static bool read_proportion(struct backend *backend, const struct yaml_node *node, struct err *err)
{
    double v;
    bool out_of_range;
    if (node->kind != YAML_SCALAR || !float_parse(node->text, &v, &out_of_range) ||
        !(v >= 0 && v <= 1))
        return fail(node, err, "request_proportion is a number between 0 and 1");
    if (backend->preferred && v < 1)
        return fail(node, err, "the preferred backend gets all requests");
    backend->proportion = v;
    return true;
}

static bool read_age(struct backend *backend, const struct yaml_node *node, struct err *err)
{
    if (node->kind != YAML_SCALAR || !duration_parse(node->text, &backend->min_age_ms))
        return fail(node, err, "min_data_queried_age is a duration such as 24h");
    if (backend->preferred && backend->min_age_ms > 0)
        return fail(node, err, "the preferred backend gets all requests");
    return true;
}

static bool read_backend(struct backend *backend, const struct yaml_node *map, struct arena *arena,
                         struct err *err)
{
    if (yaml_is_null(map))
        return true;
    if (map->kind != YAML_MAP)
        return fail(map, err, "what is said of a backend is a map");
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        const struct yaml_node *key = map->items[i], *value = map->items[i + 1];
        struct str name = key->kind == YAML_SCALAR ? key->text : STR("");
        bool good;
        if (yaml_is_null(value))
            continue;
        if (str_eq(name, STR("request_headers")))
            good = read_headers(backend, value, arena, err);
        else if (str_eq(name, STR("request_proportion")))
            good = read_proportion(backend, value, err);
        else if (str_eq(name, STR("min_data_queried_age")))
            good = read_age(backend, value, err);
        else
            good =
                err_set(err, ERR_BAD_DATA, "%zu: unknown key \"%.*s\"", key->line, STR_ARGS(name));
        if (!good)
            return false;
    }
    return true;
}

bool backend_config_parse(struct str text, struct arena *arena, struct backends *backends,
                          struct err *err)
{
    const struct yaml_node *root;
    if (!yaml_read(text, arena, &root, err))
        return false;
    if (!root || yaml_is_null(root))
        return true;
    if (root->kind != YAML_MAP)
        return fail(root, err, "the file is a map of backends");
    for (size_t i = 0; i + 1 < root->count; i += 2) {
        const struct yaml_node *key = root->items[i];
        size_t found = 0;
        for (size_t k = 0; k < backends->count; k++) {
            struct backend *backend = &backends->items[k];
            if (key->kind != YAML_SCALAR || (strcmp(backend->host, key->text.ptr) != 0 &&
                                             strcmp(backend->host_port, key->text.ptr) != 0))
                continue;
            found++;
            if (!read_backend(backend, root->items[i + 1], arena, err))
                return false;
        }
        if (!found)
            return err_set(err, ERR_BAD_DATA, "%zu: \"%.*s\" is the host of no backend", key->line,
                           STR_ARGS(key->text));
    }
    return true;
}

bool backend_config_read(const char *path, struct arena *arena, struct backends *backends,
                         struct err *err)
{
    if (!*path)
        return true;
    AUTO(buf_done) struct buf text = {0};
    if (!file_read(path, BACKEND_CONFIG_SIZE_MAX, &text, err))
        return err_wrap(err, "flag --backend.config-file");
    if (!backend_config_parse(buf_view(&text), arena, backends, err))
        return err_wrap(err, "flag --backend.config-file: %s", path);
    return true;
}

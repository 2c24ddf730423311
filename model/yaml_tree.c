#include "model/yaml_tree.h"

#include <strings.h>
#include <yaml.h>

#include "base/mem.h"

/* A list or a map whose end has not come. */
struct open_node {
    struct yaml_node *node;
    const struct yaml_node **items;
    size_t cap;
    struct str anchor; /* that it gets once it is whole; ptr NULL: none */
};

struct anchor {
    struct str name;
    const struct yaml_node *node;
};

struct yaml_reader {
    yaml_parser_t parser;
    struct str text;
    struct arena *arena;
    struct open_node open[YAML_DEPTH_MAX];
    size_t depth;
    size_t node_count;
    struct anchor anchors[YAML_ANCHORS_MAX];
    size_t anchor_count;
    const struct yaml_node *root;
};

static struct str reader_text(struct yaml_reader *reader, const yaml_char_t *text)
{
    if (!text)
        return (struct str){0};
    struct str copied = str_of((const char *)text);
    copied.ptr = arena_text(reader->arena, copied);
    return copied;
}

static bool reader_name(struct yaml_reader *reader, struct str anchor, const struct yaml_node *node,
                        struct err *err)
{
    if (!anchor.ptr)
        return true;
    if (reader->anchor_count == YAML_ANCHORS_MAX)
        return err_set(err, ERR_LIMIT, "%zu: there are more than %d anchors", node->line,
                       YAML_ANCHORS_MAX);
    reader->anchors[reader->anchor_count++] = (struct anchor){anchor, node};
    return true;
}

/* Puts a whole node where it belongs. */
static bool reader_put(struct yaml_reader *reader, const struct yaml_node *node, struct err *err)
{
    if (++reader->node_count > YAML_NODES_MAX)
        return err_set(err, ERR_LIMIT, "%zu: there are more than %d values", node->line,
                       YAML_NODES_MAX);
    if (reader->depth == 0) {
        reader->root = node;
        return true;
    }
    struct open_node *open = &reader->open[reader->depth - 1];
    mem_grow(open->items, const struct yaml_node *, open->node->count, &open->cap);
    open->items[open->node->count++] = node;
    return true;
}

static bool reader_take_alias(struct yaml_reader *reader, const yaml_event_t *event,
                              struct err *err)
{
    struct str name = str_of((const char *)event->data.alias.anchor);
    for (size_t i = reader->anchor_count; i > 0; i--)
        if (str_eq(reader->anchors[i - 1].name, name))
            return reader_put(reader, reader->anchors[i - 1].node, err);
    return err_set(err, ERR_BAD_DATA, "%zu: *%.*s is no anchor of a value in front of it",
                   event->start_mark.line + 1, STR_ARGS(name));
}

static bool reader_take_scalar(struct yaml_reader *reader, const yaml_event_t *event,
                               struct err *err)
{
    struct yaml_node *node = arena_new(reader->arena, struct yaml_node);
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    *node = (struct yaml_node){
        .kind = YAML_SCALAR,
        .line = event->start_mark.line + 1,
        .text = {arena_text(reader->arena, text), text.len},
        .plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
    };
    if (memchr(text.ptr, 0, text.len))
        return err_set(err, ERR_BAD_DATA, "%zu: a text with a zero byte", node->line);
    return reader_name(reader, reader_text(reader, event->data.scalar.anchor), node, err) &&
           reader_put(reader, node, err);
}

static bool reader_begin(struct yaml_reader *reader, const yaml_event_t *event, enum yaml_kind kind,
                         const yaml_char_t *anchor, struct err *err)
{
    size_t line = event->start_mark.line + 1;
    if (reader->depth == YAML_DEPTH_MAX)
        return err_set(err, ERR_LIMIT, "%zu: values nest deeper than %d", line, YAML_DEPTH_MAX);
    struct yaml_node *node = arena_new(reader->arena, struct yaml_node);
    node->kind = kind;
    node->line = line;
    reader->open[reader->depth++] =
        (struct open_node){.node = node, .anchor = reader_text(reader, anchor)};
    return true;
}

static bool reader_end(struct yaml_reader *reader, struct err *err)
{
    struct open_node open = reader->open[--reader->depth];
    open.node->items = arena_array(reader->arena, const struct yaml_node *, open.node->count);
    for (size_t i = 0; i < open.node->count; i++)
        open.node->items[i] = open.items[i];
    free(open.items);
    return reader_name(reader, open.anchor, open.node, err) && reader_put(reader, open.node, err);
}

/* What libyaml has to say, at its line. */
static bool reader_fail(const struct yaml_reader *reader, struct err *err)
{
    const yaml_parser_t *parser = &reader->parser;
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) { /* bytes that are no text have a place alone */
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < reader->text.len; i++)
            line += reader->text.ptr[i] == '\n';
    }
    return err_set(err, ERR_BAD_DATA, "%zu: no YAML: %s%s%s", line,
                   parser->context ? parser->context : "", parser->context ? ", " : "",
                   parser->problem ? parser->problem : "it cannot be read");
}

static bool reader_take(struct yaml_reader *reader, const yaml_event_t *event, struct err *err)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return reader_take_alias(reader, event, err);
    case YAML_SCALAR_EVENT:
        return reader_take_scalar(reader, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return reader_begin(reader, event, YAML_LIST, event->data.sequence_start.anchor, err);
    case YAML_MAPPING_START_EVENT:
        return reader_begin(reader, event, YAML_MAP, event->data.mapping_start.anchor, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return reader_end(reader, err);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return true;
}

static bool reader_run(struct yaml_reader *reader, struct err *err)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event))
            return reader_fail(reader, err);
        yaml_event_type_t type = event.type;
        bool good = reader_take(reader, &event, err);
        yaml_event_delete(&event);
        if (!good)
            return false;
        /* What stands behind a first document is another one, and nobody's. */
        if (type == YAML_STREAM_END_EVENT || type == YAML_DOCUMENT_END_EVENT)
            return true;
    }
}

bool yaml_read(struct str text, struct arena *arena, const struct yaml_node **ret_root,
               struct err *err)
{
    struct yaml_reader *reader = mem_new(struct yaml_reader);
    reader->text = text.ptr ? text : STR("");
    reader->arena = arena;
    if (!yaml_parser_initialize(&reader->parser)) {
        free(reader);
        return err_set(err, ERR_LIMIT, "1: no memory for reading it");
    }
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text.ptr,
                                 text.len);
    bool good = reader_run(reader, err);
    while (reader->depth > 0)
        free(reader->open[--reader->depth].items);
    yaml_parser_delete(&reader->parser);
    *ret_root = reader->root;
    free(reader);
    return good;
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->plain &&
           (node->text.len == 0 || str_eq(node->text, STR("~")) ||
            strcasecmp(node->text.ptr, "null") == 0);
}

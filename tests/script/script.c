#include "tests/script/script.h"

#include "base/mem.h"
#include "model/duration.h"
#include "parser/scan.h"
#include "tests/script/reader.h"

/* The next line without spaces around it; a comment is an empty one. */
static struct str line_next(struct str *text)
{
    const char *end = memchr(text->ptr, '\n', text->len);
    struct str line = {text->ptr, end ? (size_t)(end - text->ptr) : text->len};
    size_t taken = line.len + (end != NULL);
    text->ptr += taken;
    text->len -= taken;
    while (line.len && is_space((unsigned char)line.ptr[line.len - 1]))
        line.len--;
    while (line.len && is_space((unsigned char)line.ptr[0])) {
        line.ptr++;
        line.len--;
    }
    if (str_starts(line, STR("#")))
        line.len = 0;
    return line;
}

static struct command *script_grow(struct script *script, enum command_kind kind, size_t line)
{
    mem_grow(script->commands, struct command, script->count, &script->cap);
    struct command *command = &script->commands[script->count++];
    *command = (struct command){.kind = kind, .line = line};
    return command;
}

static bool command_begin(struct script *script, struct str line, size_t number,
                          struct command **ret_command, struct err *err)
{
    struct reader reader = {.text = line};
    *ret_command = NULL;
    if (reader_take_word(&reader, "clear")) {
        script_grow(script, COMMAND_CLEAR, number);
        return true;
    }
    bool with_nhcb = reader_take_word(&reader, "load_with_nhcb");
    if (with_nhcb || reader_take_word(&reader, "load")) {
        struct command *command = *ret_command = script_grow(script, COMMAND_LOAD, number);
        command->load.with_nhcb = with_nhcb;
        return duration_read(reader_field(&reader), &command->load.step_ms, err);
    }
    if (!str_starts(line, STR("eval")))
        return reader_fail(&reader, "clear, load or eval", err);
    *ret_command = script_grow(script, COMMAND_EVAL, number);
    return evaluation_read(&(*ret_command)->evaluation, line, err);
}

static bool command_read_line(struct script *script, struct command *command, struct str line,
                              struct err *err)
{
    if (command->kind == COMMAND_LOAD)
        return load_read_line(&command->load, line, script->arena, script->symbols, err);
    return evaluation_read_line(&command->evaluation, line, script->arena, script->symbols, err);
}

static bool command_end(const struct command *command, struct err *err)
{
    return !command || command->kind != COMMAND_LOAD || load_end(&command->load, err);
}

bool script_parse(struct script *script, struct str text, struct err *err)
{
    *script = (struct script){.arena = arena_create(NULL)};
    script->symbols = symbols_new(script->arena);
    struct command *command = NULL;
    size_t number = 1;
    for (; text.len; number++) {
        struct str line = line_next(&text);
        bool ok;
        if (line.len == 0) {
            ok = command_end(command, err);
            command = NULL;
        } else if (command) {
            ok = command_read_line(script, command, line, err);
        } else {
            ok = command_begin(script, line, number, &command, err);
        }
        if (!ok)
            return err_wrap(err, "%zu", number);
    }
    return command_end(command, err) || err_wrap(err, "%zu", number);
}

void script_done(struct script *script)
{
    for (size_t i = 0; i < script->count; i++)
        evaluation_done(&script->commands[i].evaluation);
    free(script->commands);
    symbols_done(script->symbols);
    arena_destroy(script->arena);
}

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "query-tee/commands.h"
#include "query-tee/options.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"replay", command_replay},
    {"fuzz", command_fuzz},
};

static int command_serve(int argc, char **argv)
{
    struct tee_options options;
    struct err err;
    if (!options_read(argc, argv, &options, &err)) {
        fprintf(stderr, "query-tee: %s (query-tee --help lists the flags)\n", err.msg);
        return EXIT_USAGE;
    }
    AUTO(buf_done) struct buf out = {0};
    options_help(&out);
    fwrite(out.ptr, 1, out.len, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    return command_serve(argc - 1, argv + 1);
}

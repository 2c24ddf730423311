#include <string.h>

#include "base/attr.h"
#include "query-tee/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"replay", command_replay},
    {"fuzz", command_fuzz},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    return command_serve(argc - 1, argv + 1);
}

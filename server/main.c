#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "server/server.h"

static int command_version(int argc, char **argv)
{
    printf("millrace, version %s (revision: %s)\n", server_version, server_revision);
    return 0;
}

static int command_help(int argc, char **argv);

static const struct command {
    const char *name;
    const char *arguments;
    const char *help;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", "[flags]", "Answer PromQL over HTTP; what is done when no command is named.",
     command_serve},
    {"query", "DIR|URL EXPR [flags]", "Ask one query: of a data directory, or of a server.",
     command_query},
    {"explain", "DIR EXPR [flags]", "Show how a query would be run; --analyze runs it.",
     command_explain},
    {"demo-data", "DIR [flags]", "Write a small fleet's metrics into a data directory.",
     command_demo_data},
    {"version", "", "Show the version.", command_version},
    {"help", "", "Show this.", command_help},
};

static int command_help(int argc, char **argv)
{
    printf(
        "usage: millrace [COMMAND] [ARGUMENTS]\n\n"
        "A PromQL query engine and server that streams, over Prometheus's data and API.\n\n");
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        char left[80];
        snprintf(left, sizeof left, "%s %s", commands[i].name, commands[i].arguments);
        printf("  %-31s %s\n", left, commands[i].help);
    }
    printf("\nEach command's flags: millrace COMMAND --help\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return command_serve(0, NULL);
    if (strcmp(argv[1], "--version") == 0)
        return command_version(0, NULL);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return command_help(0, NULL);
    if (argv[1][0] == '-')
        return command_serve(argc - 1, argv + 1);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    fprintf(stderr, "millrace: unknown command \"%s\" (millrace help lists them)\n", argv[1]);
    return EXIT_USAGE;
}

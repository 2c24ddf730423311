#pragma once

/*
 * What query-tee does besides serving. `argv` starts with the first argument behind the command's
 * name. They return the status of exit: 0, 1 where answers differ, 2 for a wrong command line.
 */
#define EXIT_SAME 0
#define EXIT_DIFFERENT 1
#define EXIT_USAGE 2

int command_replay(int argc, char **argv);
int command_fuzz(int argc, char **argv);

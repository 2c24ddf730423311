#pragma once

/*
 * The commands of query-tee. `argv` starts with the first argument behind the command's name. They
 * return the status of exit: 0; 1 where answers differ, or the proxy cannot serve; 2 for a wrong
 * command line.
 */
#define EXIT_SAME 0
#define EXIT_DIFFERENT 1
#define EXIT_FAILED 1
#define EXIT_USAGE 2

/* The proxy: what is done when no command is named. */
int command_serve(int argc, char **argv);

int command_replay(int argc, char **argv);
int command_fuzz(int argc, char **argv);

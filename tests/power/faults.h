#pragma once

#include <stdbool.h>

/*
 * Which calls fail, and how: rules in a file that the test maps and writes (tests/faults.py).
 *
 * Thread: any.
 */
enum fault_call {
    FAULT_SYNC,
    FAULT_WRITE,
    FAULT_RESIZE,
    FAULT_RENAME,
    FAULT_CREATE, /* a file or a folder */
    FAULT_MAP,
    FAULT_REMOVE,
    FAULT_CLOSE,
};

enum fault_place {
    FAULT_IN_WAL,
    FAULT_IN_WBL,
    FAULT_IN_CHUNKS_HEAD,
    FAULT_IN_BLOCK,
    FAULT_IN_CHECKPOINT,
    FAULT_IN_SNAPSHOT,
    FAULT_ELSEWHERE,
};

/* Maps the rules. False: errno says why. Without a file of rules nothing fails. */
bool faults_open(const char *path);

/* Of a path below the server's folder, which begins with a slash or is empty. */
enum fault_place fault_place_of(const char *below);

/* Half of what should be written is, and that is told. */
#define FAULT_SHORT (-1)

/* The errno of a call that is to fail, or FAULT_SHORT; 0: it goes on. */
int fault_take(enum fault_call call, enum fault_place place);

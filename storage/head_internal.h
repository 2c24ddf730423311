#pragma once

#include <pthread.h>

#include "storage/grace.h"
#include "storage/head.h"
#include "storage/head_state.h"

/* What head.c and head_select.c share. */
struct head {
    char *path;
    struct db_options options;
    struct head_report
        report; /* changed by the refresh, with `lock` held for writing or not at all */
    pthread_mutex_t changing; /* one refresh or one batch at a time */
    pthread_rwlock_t lock;
    struct grace grace;
    struct head_state *state;
    struct head_writer *writer; /* NULL: opened for reading only */
};

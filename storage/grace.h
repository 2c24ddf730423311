#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Frees what is taken out of a shared structure once no reader can see it any more. Readers enter
 * and leave, at O(1) and without counting what they look at; what is given to grace_free goes when
 * all who had entered before have left.
 *
 *     reader   grace_enter (under the structure's lock) ... uses what it found ... grace_leave
 *     writer   takes it out under the lock, grace_free; at the end of the change grace_advance
 *
 * Thread: any. Its lock is a leaf: nothing is called under it.
 */
struct grace_epoch;

struct grace {
    pthread_mutex_t lock;
    struct grace_epoch *oldest;
    struct grace_epoch *newest;
};

void grace_init(struct grace *grace);

/* Nobody may be inside any more; frees what is left. */
void grace_done(struct grace *grace);

struct grace_epoch *grace_enter(struct grace *grace);
void grace_leave(struct grace *grace, struct grace_epoch *epoch);

void grace_free(struct grace *grace, void *object, void (*destroy)(void *object));

/* Who enters from now on does not hold up what was given before. */
void grace_advance(struct grace *grace);

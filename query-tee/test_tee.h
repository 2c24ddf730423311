#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "query-tee/tee.h"

/* For tests: a tee, open, in front of backends on loopback that answer what a test wants. */
#define TEST_BACKENDS_MAX 2

struct test_backend {
    struct listener *listener; /* NULL: nobody listens there */
    char name[64];             /* "127.0.0.1:12345" */
    pthread_mutex_t mutex;     /* of what follows */
    int status;
    const char *body;
    const char *then; /* the body from the next answer on; NULL: the same */
    int wait_ms;      /* before it answers, or until nobody waits for it */
    size_t asked;
    struct buf uri;     /* of the newest request */
    struct buf headers; /* "name: value\n" of it */
};

struct test_tee {
    struct tee *tee;
    struct test_backend backends[TEST_BACKENDS_MAX];
    struct arena *arena; /* of what is asked of it */
};

/* The backends are named in `flags` by themselves; the first is preferred unless they say else. */
void test_tee_open(struct test_tee *self, size_t backend_count, const char *const *flags,
                   size_t flag_count);
void test_tee_close(struct test_tee *self);

#define TEST_TEE_OPEN(self, count, ...) \
    test_tee_open((self), (count), (const char *const[]){__VA_ARGS__}, \
                  ARRAY_COUNT(((const char *const[]){__VA_ARGS__})))

void test_backend_say(struct test_backend *backend, int status, const char *body);
void test_backend_say_then(struct test_backend *backend, const char *body);
void test_backend_delay(struct test_backend *backend, int wait_ms);
size_t test_backend_asked(struct test_backend *backend);

/* Is this the newest request's URI? */
bool test_backend_got(struct test_backend *backend, const char *uri);

/* Does the newest request have this line, "X-One: 1"? */
bool test_backend_was_told(struct test_backend *backend, const char *line);

struct test_answer {
    int status;
    struct buf body;    /* the whole of it */
    struct buf headers; /* "name: value\n" */
};

/* Asks as a client of the proxy does, "X-One: 1" with it; NULL: no header. */
void test_tee_ask(struct test_tee *self, const char *method, const char *uri, const char *header,
                  struct test_answer *ret_answer);
void test_answer_done(struct test_answer *answer);

bool test_answer_says(struct test_answer *answer, const char *line);

/* The status alone. */
int test_tee_get(struct test_tee *self, const char *uri);

/* A line of /metrics, "name{labels} 1", with a wait for it: what happened is counted later. */
void test_tee_wait_for(struct test_tee *self, const char *line);

/* Has /metrics this line now? */
bool test_tee_tells(struct test_tee *self, const char *line);

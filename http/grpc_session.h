#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * One client's connection of gRPC, as bytes that came and bytes to send: HTTP/2, and on it calls of
 * one method, with one message each way. What the client may make grow is bounded: messages by
 * their size and a budget, calls by their number, headers by their bytes; and what it does not
 * take is not made.
 *
 * Thread: one. A call belongs to whoever got it from `called` until it is answered.
 */
struct grpc_session;

enum grpc_status {
    GRPC_OK = 0,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
};

enum grpc_phase {
    GRPC_READING, /* the client: for its message */
    GRPC_RUNNING, /* we, or whoever took the call */
    GRPC_SENDING, /* the client: to take its answer */
};

struct grpc_call {
    struct str message;  /* what was asked, behind grpc_call_unpack: until the call is answered */
    _Atomic bool cancel; /* nobody waits for the answer any more */
    /* Whoever answers says what the answer was charged to: it is given back when it has gone. */
    struct budget *answer_budget;
    size_t answer_charged;

    /* The session's own. */
    struct grpc_session *session; /* NULL: it has gone, or the client took the call back */
    struct grpc_call *next;
    struct grpc_call **link; /* what points to it */
    int32_t stream_id;
    struct budget *budget; /* of the client's message */
    size_t charged;
    size_t message_size_max;
    enum grpc_phase phase;
    int64_t since_ns;  /* in the phase, or since the client took something of its answer */
    bool method_good;  /* of the headers: POST, */
    bool type_good;    /* application/grpc, */
    bool path_good;    /* the method there is, */
    bool coding_known; /* and a message coding that we unpack */
    bool packed;       /* gzip, where the message says that it is packed: */
    bool unpacks;      /* it did, and is to be unpacked */
    bool refused;      /* what comes is dropped, and its end, or else this, is answered: */
    enum grpc_status refusal;
    const char *refusal_http; /* a status of HTTP instead; NULL: none */
    char refusal_text[80];
    size_t header_size;  /* bytes of headers so far */
    struct buf received; /* prefix and message */
    struct buf unpacked;
    struct buf head; /* of the answer: prefix, and how its message begins */
    struct buf body; /* and goes on */
    size_t sent;     /* of both */
};

struct grpc_session_options {
    const char *path;         /* of the method: "/package.Service/Method" */
    size_t message_size_max;  /* that a client may send, also once it is unpacked */
    size_t call_max;          /* at once */
    int64_t read_timeout_ms;  /* for a whole message */
    int64_t write_timeout_ms; /* in which the client takes some of its answer */
    struct budget *budget;    /* what messages of clients hold; NULL: no limit */
    /* A message is there. Whoever takes it calls grpc_call_answer, on the session's thread. */
    void (*called)(void *context, struct grpc_call *call);
    void *context;
};

struct grpc_session *grpc_session_create(const struct grpc_session_options *options);

/* Calls that are running are cancelled; they are freed when they are answered. */
void grpc_session_destroy(struct grpc_session *session);

/* Bytes from the client. ERR_BAD_DATA: this is no HTTP/2, or abuse of it; only destroy follows. */
bool grpc_session_take(struct grpc_session *session, struct str bytes, struct err *err) MUST_CHECK;

/* Appends what is to be sent next, 64 KiB or so at most; nothing: there is nothing now. */
bool grpc_session_give(struct grpc_session *session, struct buf *out, struct err *err) MUST_CHECK;

/* Nothing will be taken or given any more. */
bool grpc_session_is_over(const struct grpc_session *session);

/* Says goodbye: calls there are go on, no further ones are taken. */
void grpc_session_stop(struct grpc_session *session);

/* Ends the calls whose client keeps us waiting. */
void grpc_session_check_times(struct grpc_session *session, int64_t now_ns);

/* Calls that are read, run or are being answered. */
size_t grpc_session_call_count(const struct grpc_session *session);

/*
 * Unpacks the message, if it came packed, within the limits of its session: on the thread of
 * whoever has the call, for it may take a while. Else what to end it with.
 */
enum grpc_status grpc_call_unpack(struct grpc_call *call, struct err *err) MUST_CHECK;

/*
 * Ends a call. GRPC_OK: with the message that is `head` and behind it `body`, which are taken over.
 * Else with `text` for people; head and body are NULL.
 */
void grpc_call_answer(struct grpc_call *call, enum grpc_status status, const char *text,
                      struct buf *head, struct buf *body);

/* The options' context, or NULL once the session does not know the call any more. */
void *grpc_call_context(const struct grpc_call *call);

/* A message's prefix: not packed, and of this size. */
void grpc_prefix_append(size_t size, struct buf *out);

DEFINE_AUTO(struct grpc_session *, grpc_session_destroy)

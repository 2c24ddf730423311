#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/client_setup.h"

/*
 * One request on its way through libcurl, and the head of its answer: what all share that drive
 * transfers. The driver moves bytes, looks at `opened`, and says when the transfer has ended.
 *
 * Thread: the driver's.
 */
struct transfer {
    struct client_request request;
    struct client_setup setup;
    CURL *easy; /* the driver's; NULL: not begun */
    size_t headers_size;
    int64_t end_ns; /* the deadline; 0: none */
    CURLcode code;  /* how it ended */
    bool opened;    /* the answer's own headers are there; the driver sets it for a first byte */
    bool ended;     /* all of the body has come, or nothing more will */
    char words[CURL_ERROR_SIZE];
};

/* How often cancellation is looked at. */
#define TRANSFER_LOOK_MS 50

/* Before anything else of libcurl, as often as one likes. */
void transfer_library_start(void);

/* The clock begins to run. ERR_BAD_DATA: no such URL; transfer_done also then. */
bool transfer_init(struct transfer *transfer, const struct client_request *request, struct err *err)
    MUST_CHECK;
void transfer_done(struct transfer *transfer);

/* Sets all of a fresh handle but what takes the body. */
void transfer_begin(struct transfer *transfer, CURL *easy);

/* libcurl says that it is over. */
void transfer_end(struct transfer *transfer, CURLcode code);

/* Is the answer still wanted? ERR_CANCELED, ERR_TIMEOUT. */
bool transfer_look(const struct transfer *transfer, struct err *err) MUST_CHECK;

/* How long nothing needs to be looked at. */
int transfer_wait_ms(const struct transfer *transfer);

/* Why it ended; returns false. */
bool transfer_fail(const struct transfer *transfer, struct err *err);

/* Of the answer, once it has opened; a header's name in any case, NULL: there is none. */
int transfer_status(const struct transfer *transfer);
const char *transfer_header(const struct transfer *transfer, const char *name);

/* Did it come packed, and shall be unpacked here? Whoever chose the coding unpacks it. */
bool transfer_is_packed(const struct transfer *transfer);

/* The URL as errors show it. */
const char *transfer_shown(const struct transfer *transfer);

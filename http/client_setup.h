#pragma once

#include <curl/curl.h>

#include "http/client.h"

/* A request in libcurl's words. */
struct client_setup {
    struct buf url;    /* that the transfer gets: without user and password */
    struct buf shown;  /* that errors show: without parameters as well */
    struct buf origin; /* scheme, host and port: who may share a connection */
    char *user;        /* of the URL; libcurl's, or NULL */
    char *password;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
};

/* ERR_BAD_DATA: no such URL. The request is borrowed by nothing; client_setup_done also then. */
bool client_setup_init(struct client_setup *setup, const struct client_request *request,
                       struct err *err) MUST_CHECK;
void client_setup_done(struct client_setup *setup);

/* Sets all of a fresh handle that follows from the request alone, which it borrows. */
void client_setup_apply(const struct client_setup *setup, const struct client_request *request,
                        CURL *easy);

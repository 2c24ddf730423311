#pragma once

#include "base/buf.h"
#include "storage/remote/read_client.h"

/* Is the label asked for by the client itself: external, and without a matcher of the query's? */
bool read_ask_adds(const struct read_client_options *options, const struct select_request *request,
                   struct str name);

/* Appends the message that asks for a select's series, packed. */
void read_ask_put(const struct read_client_options *options, const struct select_request *request,
                  struct buf *out);

#pragma once

#include <stddef.h>

#include "http/answer.h"
#include "http/request.h"

struct exchange_end;
struct server;

/* Answers any request: finds its route, or says 404 or 405 as Prometheus does. */
void routes_handle(void *context, const struct request *request, struct answer *answer);

/* Is it ready to answer? Else the answer says that it is not, or not any more. */
bool routes_ready(const struct server *server, const struct request *request,
                  struct answer *answer);

/* How large a body may be that is sent to this path. */
size_t routes_body_size_max(void *context, struct str path);

/* The answer has gone: counts it. */
void routes_finished(void *context, const struct exchange_end *end);

/* What the table's entries call. */
void route_query(struct server *server, const struct request *request, struct answer *answer);
void route_query_range(struct server *server, const struct request *request, struct answer *answer);
void route_format_query(struct server *server, const struct request *request,
                        struct answer *answer);
void route_parse_query(struct server *server, const struct request *request, struct answer *answer);

void route_series(struct server *server, const struct request *request, struct answer *answer);
void route_labels(struct server *server, const struct request *request, struct answer *answer);
void route_label_values(struct server *server, const struct request *request,
                        struct answer *answer);
void route_read(struct server *server, const struct request *request, struct answer *answer);
void route_query_exemplars(struct server *server, const struct request *request,
                           struct answer *answer);
void route_metadata(struct server *server, const struct request *request, struct answer *answer);

void route_write(struct server *server, const struct request *request, struct answer *answer);

void route_buildinfo(struct server *server, const struct request *request, struct answer *answer);
void route_runtimeinfo(struct server *server, const struct request *request, struct answer *answer);
void route_flags(struct server *server, const struct request *request, struct answer *answer);
void route_config(struct server *server, const struct request *request, struct answer *answer);
void route_tsdb(struct server *server, const struct request *request, struct answer *answer);
void route_tsdb_blocks(struct server *server, const struct request *request, struct answer *answer);
void route_self_metrics(struct server *server, const struct request *request,
                        struct answer *answer);
void route_walreplay(struct server *server, const struct request *request, struct answer *answer);
void route_features(struct server *server, const struct request *request, struct answer *answer);
void route_rules(struct server *server, const struct request *request, struct answer *answer);
void route_alerts(struct server *server, const struct request *request, struct answer *answer);
void route_targets(struct server *server, const struct request *request, struct answer *answer);
void route_targets_metadata(struct server *server, const struct request *request,
                            struct answer *answer);
void route_scrape_pool_config(struct server *server, const struct request *request,
                              struct answer *answer);
void route_relabel_steps(struct server *server, const struct request *request,
                         struct answer *answer);
void route_scrape_pools(struct server *server, const struct request *request,
                        struct answer *answer);
void route_alertmanagers(struct server *server, const struct request *request,
                         struct answer *answer);
void route_notifications_live(struct server *server, const struct request *request,
                              struct answer *answer);
void route_search(struct server *server, const struct request *request, struct answer *answer);
void route_notifications(struct server *server, const struct request *request,
                         struct answer *answer);

void route_delete_series(struct server *server, const struct request *request,
                         struct answer *answer);
void route_clean_tombstones(struct server *server, const struct request *request,
                            struct answer *answer);
void route_snapshot(struct server *server, const struct request *request, struct answer *answer);

void route_reload(struct server *server, const struct request *request, struct answer *answer);
void route_quit(struct server *server, const struct request *request, struct answer *answer);
void route_healthy(struct server *server, const struct request *request, struct answer *answer);
void route_ready(struct server *server, const struct request *request, struct answer *answer);
void route_federate(struct server *server, const struct request *request, struct answer *answer);
void route_metrics(struct server *server, const struct request *request, struct answer *answer);
void route_version(struct server *server, const struct request *request, struct answer *answer);
void route_home(struct server *server, const struct request *request, struct answer *answer);

void route_graph(struct server *server, const struct request *request, struct answer *answer);

/* Where another path is asked with the parameters of this request; as long-lived as it. */
const char *route_location(const struct request *request, struct str path);

/* For the page at /: the paths there are, one after another; NULL behind the last. */
const char *route_path(size_t index);

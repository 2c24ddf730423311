#pragma once

#include "storage/merge.h"

struct merge {
    struct storage storage;
    struct merge_options options;
};

struct merge *merge_of(struct storage *storage);

/*
 * Names and values of the local storage, and of the servers' series: remote read has no question of
 * its own for them, so labels are selected and gone through.
 */
bool merge_label_names(struct storage *storage, const struct names_request *request,
                       struct names *ret_names, struct err *err);
bool merge_label_values(struct storage *storage, const struct names_request *request,
                        struct str name, struct names *ret_names, struct err *err);

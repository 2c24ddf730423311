#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "storage/head.h"

/* For tests: a head that is written to. Whatever fails ends the test. */

struct head *test_head_open(const char *folder, const struct db_options *options,
                            int64_t blocks_end_ms);

/* One sample of the series of this name: of value t, or a histogram of count t. */
void test_head_append(struct head *head, const char *name, int64_t t_ms, bool is_histogram);

/*
 * "a:1,2 h:h3 ": the times of all that is there, those of histograms marked; values are held
 * against them. The caller frees it.
 */
char *test_head_contents(struct head *head);

/* All that it shows, chunk by chunk, to the last bit. The caller frees it. */
char *test_head_details(struct head *head);

/* What the folder's log alone makes of it, without a snapshot. */
char *test_log_details(const char *folder, int64_t blocks_end_ms);

/* What was there before goes. */
void test_folder_copy(const char *from, const char *to);

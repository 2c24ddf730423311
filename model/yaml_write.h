#pragma once

#include <stdbool.h>

#include "base/buf.h"

/*
 * Writes one YAML document, laid out as Go's library does it for Prometheus. A map's keys and
 * values come in turns.
 *
 *     yaml_write_map       yaml_write_text   yaml_write_plain   yaml_write_map_end
 *
 * Thread: one at a time.
 */
struct yaml_writer;

/* What it writes is complete in `out`, which is borrowed, once it is destroyed. */
struct yaml_writer *yaml_writer_create(struct buf *out);
void yaml_writer_destroy(struct yaml_writer *writer);

void yaml_write_map(struct yaml_writer *writer);
void yaml_write_map_end(struct yaml_writer *writer);
void yaml_write_list(struct yaml_writer *writer);
void yaml_write_list_end(struct yaml_writer *writer);

/* A text, in quotes where a reader would take it for something else. Bytes that are no UTF-8 become
 * U+FFFD. */
void yaml_write_text(struct yaml_writer *writer, const char *text);

/* A number, a duration, true or false. */
void yaml_write_plain(struct yaml_writer *writer, const char *text);

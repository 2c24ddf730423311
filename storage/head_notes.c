/*
 * Exemplars and metadata: the head does not keep them, it passes them on. What comes in goes into
 * the log by the reference of its series, in records of its own behind the samples of its batch;
 * what is read from the log goes, with the labels of the series, to who opened the database.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "storage/append_labels.h"
#include "storage/head_append.h"
#include "storage/head_internal.h"
#include "storage/told_metadata.h"
#include "storage/unknown_refs.h"
#include "storage/wal_encode.h"

/* A record is closed when it has so many bytes. */
#define RECORD_SIZE_MAX ((size_t)1 << 20)

/* Records of the notes of one call. */
struct notes_run {
    struct wal_writer *log;
    struct told_metadata *told;
    struct wal_encoder exemplars;
    struct wal_encoder metadata;
    bool any; /* was there anything to log? */
};

static void notes_close(struct notes_run *run, struct wal_encoder *encoder)
{
    run->any |= encoder->count > 0;
    if (encoder->count > 0)
        wal_writer_add(run->log, encoder->out.ptr, encoder->out.len);
    wal_encoder_begin(encoder, encoder->type);
}

static void notes_add(struct notes_run *run, uint64_t ref, const struct append_note *note)
{
    struct wal_encoder *encoder = note->exemplar ? &run->exemplars : &run->metadata;
    if (note->exemplar) {
        const struct append_exemplar *exemplar = note->exemplar;
        wal_encode_exemplar(encoder, ref, exemplar->t_ms, exemplar->v, exemplar->labels,
                            exemplar->label_count);
    } else if (told_metadata_set(run->told, ref, note->metadata)) {
        struct wal_metadata metadata = {
            .ref = ref,
            .kind = (uint8_t)note->metadata->type,
            .unit = note->metadata->unit,
            .help = note->metadata->help,
        };
        wal_encode_metadata(encoder, &metadata);
    }
    if (encoder->out.len > RECORD_SIZE_MAX)
        notes_close(run, encoder);
}

/* With `changing` held. */
static bool notes_log(struct head *head, const struct append_note *notes, size_t count,
                      struct err *err)
{
    struct notes_run run = {
        .log = head_writer_log(head->writer),
        .told = head_writer_told(head->writer),
    };
    wal_encoder_begin(&run.exemplars, WAL_EXEMPLARS);
    wal_encoder_begin(&run.metadata, WAL_METADATA);
    struct head_index *index = head->state->index;
    for (size_t i = 0; i < count; i++) {
        const struct append_note *note = &notes[i];
        const struct live_series *series = head_index_seek(index, note->labels, note->label_count);
        if (series)
            notes_add(&run, series->ref, note);
    }
    notes_close(&run, &run.metadata);
    notes_close(&run, &run.exemplars);
    head->state->has_notes |= run.any;
    wal_encoder_done(&run.exemplars);
    wal_encoder_done(&run.metadata);
    if (wal_writer_flush(run.log, err))
        return true;
    told_metadata_done(run.told); /* what was not written is to be told again */
    return false;
}

bool head_append_notes(struct head *head, const struct append_note *notes, size_t count,
                       struct err *err)
{
    if (!head->writer)
        return err_set(err, ERR_UNSUPPORTED, "%s: open for reading only", head->path);
    if (count == 0)
        return true;
    struct wal_writer *log = head_writer_log(head->writer);
    pthread_mutex_lock(&head->changing);
    bool good = notes_log(head, notes, count, err);
    uint64_t position = wal_writer_position(log);
    pthread_mutex_unlock(&head->changing);
    return good && (!head->options.wal_sync || wal_writer_sync(log, position, err));
}

static void tell_exemplar(const struct head_state *state, const struct wal_record *record,
                          const struct wal_exemplar *entry, const struct wal_label *labels,
                          size_t label_count)
{
    const struct db_options *options = state->report->options;
    struct append_exemplar exemplar = {
        .labels = record->labels + entry->label_begin,
        .label_count = entry->label_count,
        .t_ms = entry->t_ms,
        .v = entry->v,
    };
    options->exemplar(options->notes_context, labels, label_count, &exemplar);
}

static void tell_metadata(const struct head_state *state, const struct wal_metadata *entry,
                          const struct wal_label *labels, size_t label_count)
{
    const struct db_options *options = state->report->options;
    struct append_metadata metadata = {
        .type = APPEND_METRIC_UNKNOWN,
        .unit = entry->unit,
        .help = entry->help,
    };
    if (entry->kind <= APPEND_METRIC_STATESET)
        metadata.type = (enum append_metric)entry->kind;
    options->metadata(options->notes_context, labels, label_count, &metadata);
}

void head_state_apply_notes(struct head_state *state, const struct wal_record *record)
{
    state->has_notes = true;
    const struct db_options *options = state->report->options;
    struct wal_label *labels = NULL;
    size_t cap = 0;
    for (size_t i = 0; i < record->exemplar_count; i++) {
        const struct wal_exemplar *entry = &record->exemplars[i];
        uint32_t slot = head_index_slot(state->index, entry->ref);
        if (entry->t_ms < state->min_valid_ms)
            continue;
        if (slot == UINT32_MAX)
            unknown_refs_note(state->wal_unknown, UNKNOWN_EXEMPLARS, entry->ref);
        if (slot == UINT32_MAX || !options->exemplar)
            continue;
        size_t label_count = head_index_texts(state->index, slot, &labels, &cap);
        tell_exemplar(state, record, entry, labels, label_count);
    }
    for (size_t i = 0; i < record->metadata_count; i++) {
        const struct wal_metadata *entry = &record->metadata[i];
        uint32_t slot = head_index_slot(state->index, entry->ref);
        if (slot == UINT32_MAX)
            unknown_refs_note(state->wal_unknown, UNKNOWN_METADATA, entry->ref);
        if (slot == UINT32_MAX || !options->metadata)
            continue;
        size_t label_count = head_index_texts(state->index, slot, &labels, &cap);
        tell_metadata(state, entry, labels, label_count);
    }
    free(labels);
}

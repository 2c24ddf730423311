#include "storage/sample_log.h"

void sample_log_done(struct sample_log *log)
{
    for (size_t i = 0; i < SAMPLE_KINDS; i++)
        wal_encoder_done(&log->kinds[i]);
}

void sample_log_close(struct wal_writer *log, struct wal_encoder *encoder)
{
    if (encoder->count > 0)
        wal_writer_add(log, encoder->out.ptr, encoder->out.len);
    encoder->count = 0;
}

static unsigned entry_kind(const struct append_entry *entry)
{
    if (!entry->histogram)
        return SAMPLE_FLOATS;
    const struct raw_histogram *raw = &entry->histogram->raw;
    unsigned kind = raw->is_float ? SAMPLE_FLOAT_HISTOGRAMS : SAMPLE_HISTOGRAMS;
    return kind + (raw->schema == HISTOGRAM_SCHEMA_CUSTOM);
}

static void log_close_kinds(struct sample_log *log)
{
    for (size_t i = 0; i < SAMPLE_KINDS; i++)
        sample_log_close(log->log, &log->kinds[i]);
}

static void log_sample(struct sample_log *log, unsigned kind, uint64_t ref,
                       const struct append_entry *entry, bool with_starts)
{
    struct wal_encoder *encoder = &log->kinds[kind];
    if (encoder->count == 0) {
        enum wal_record_type floats = with_starts ? WAL_SAMPLES_V2 : WAL_SAMPLES;
        wal_encoder_begin(encoder, entry->sample
                                       ? floats
                                       : wal_histogram_type(&entry->histogram->raw, with_starts));
    }
    if (entry->sample)
        wal_encode_sample(encoder, ref, entry->sample->t_ms, entry->sample->start_ms,
                          entry->sample->v);
    else
        wal_encode_histogram(encoder, ref, entry->histogram->t_ms, entry->histogram->start_ms,
                             &entry->histogram->raw);
    if (encoder->out.len > SAMPLE_RECORD_SIZE_MAX)
        log_close_kinds(log);
}

void sample_log_add(struct sample_log *log, const struct append_run *run, bool late,
                    bool with_starts)
{
    uint32_t last_item = UINT32_MAX;
    unsigned last_kind = 0;
    for (size_t i = 0; i < run->entry_count; i++) {
        const struct append_entry *entry = &run->entries[i];
        const struct append_item *item = &run->items[entry->item];
        if (late && !entry->is_late)
            continue;
        unsigned kind = entry_kind(entry);
        bool goes_back = entry->item == last_item ? kind < last_kind : item->is_repeated;
        if (goes_back)
            log_close_kinds(log);
        log_sample(log, kind, item->ref, entry, with_starts);
        last_item = entry->item;
        last_kind = kind;
    }
    log_close_kinds(log);
}

#include "storage/append_labels.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/quote.h"
#include "model/labels.h"
#include "storage/wal_unpack.h"

static_assert(APPEND_LABELS_SIZE_MAX <= WAL_RECORD_SIZE_MAX / 2, "with their lengths they fit");

/* More than a message has room for. */
#define PRINTED_SIZE_MAX (2 * sizeof(((struct err *)NULL)->msg))

static bool label_is_metric_name(const struct wal_label *label)
{
    return str_eq(label->name, STR("__name__"));
}

/* Stable: of two equal names it does not matter which is first, for they are refused. */
static void labels_sort(struct wal_label *labels, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct wal_label label = labels[i];
        size_t at = i;
        for (; at > 0 && str_cmp(labels[at - 1].name, label.name) > 0; at--)
            labels[at] = labels[at - 1];
        labels[at] = label;
    }
}

static bool label_is_valid(const struct wal_label *label)
{
    if (label_is_metric_name(label) && label->value.len == 0)
        return false;
    return label->name.len > 0 && utf8_valid(label->name) && utf8_valid(label->value);
}

struct str append_labels_duplicate(const struct wal_label *labels, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (str_eq(labels[i].name, labels[i - 1].name))
            return labels[i].name;
    return (struct str){0};
}

static size_t labels_size(const struct wal_label *labels, size_t count)
{
    size_t size = count * sizeof *labels;
    for (size_t i = 0; i < count; i++)
        size += labels[i].name.len + labels[i].value.len;
    return size;
}

enum append_labels append_labels_check(struct wal_label *labels, size_t *count)
{
    if (labels_size(labels, *count) > APPEND_LABELS_SIZE_MAX)
        return APPEND_LABELS_TOO_LARGE;
    labels_sort(labels, *count);
    bool has_name = false;
    for (size_t i = 0; i < *count; i++) {
        if (!label_is_valid(&labels[i]))
            return APPEND_LABELS_INVALID;
        has_name |= label_is_metric_name(&labels[i]);
    }
    if (!has_name)
        return APPEND_LABELS_INVALID;
    if (append_labels_duplicate(labels, *count).ptr)
        return APPEND_LABELS_DUPLICATE;

    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (labels[i].value.len > 0)
            labels[kept++] = labels[i];
    *count = kept;
    return APPEND_LABELS_GOOD;
}

static struct str text_shown(struct str text)
{
    return (struct str){text.ptr, text.len < PRINTED_SIZE_MAX ? text.len : PRINTED_SIZE_MAX};
}

void append_labels_print(const struct wal_label *labels, size_t count, struct buf *out)
{
    size_t begin = out->len;
    buf_byte(out, '{');
    for (size_t i = 0; i < count && out->len - begin < PRINTED_SIZE_MAX; i++) {
        if (i > 0)
            buf_text(out, ", ");
        if (label_name_is_plain(labels[i].name))
            buf_str(out, text_shown(labels[i].name));
        else
            quote_append(out, text_shown(labels[i].name));
        buf_byte(out, '=');
        quote_append(out, text_shown(labels[i].value));
    }
    buf_byte(out, '}');
}

/* Texts that are hashed together: most series fit in whole. */
#define HASHED_SIZE 1024

uint64_t append_labels_hash(const struct wal_label *labels, size_t count)
{
    char bytes[HASHED_SIZE];
    size_t len = 0;
    uint64_t hash = count;
    for (size_t i = 0; i < 2 * count; i++) {
        struct str text = i % 2 == 0 ? labels[i / 2].name : labels[i / 2].value;
        if (len + sizeof(uint32_t) + text.len > sizeof bytes) {
            hash = hash_mix(hash, hash_bytes(bytes, len));
            len = 0;
        }
        if (sizeof(uint32_t) + text.len > sizeof bytes) {
            hash = hash_mix(hash, hash_bytes(text.ptr, text.len));
            continue;
        }
        uint32_t text_len = (uint32_t)text.len;
        memcpy(bytes + len, &text_len, sizeof text_len);
        if (text.len > 0)
            memcpy(bytes + len + sizeof text_len, text.ptr, text.len);
        len += sizeof text_len + text.len;
    }
    return hash_mix(hash, hash_bytes(bytes, len));
}

#include "base/proto_reader.h"

#include <string.h>

static void proto_fail(struct proto_reader *r, const char *why)
{
    if (!r->failed)
        err_set(r->err, ERR_BAD_DATA, "%s", why);
    r->failed = true;
    r->at = r->end;
}

static void proto_cut_short(struct proto_reader *r)
{
    proto_fail(r, "unexpected EOF");
}

/* Ten bytes at most; bits beyond the 64th are dropped. */
uint64_t proto_long_varint(struct proto_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (r->at == r->end) {
            proto_cut_short(r);
            return 0;
        }
        uint8_t b = *r->at++;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return v;
    }
    proto_fail(r, "proto: integer overflow");
    return 0;
}

bool proto_bad_tag(struct proto_reader *r, uint64_t tag)
{
    if (r->failed)
        return false;
    if (r->wire == PROTO_GROUP_END)
        err_set(r->err, ERR_BAD_DATA, "proto: %s: wiretype end group for non-group", r->message);
    else
        err_set(r->err, ERR_BAD_DATA, "proto: %s: illegal tag %d (wire type %llu)", r->message,
                (int32_t)r->number, (unsigned long long)tag);
    r->failed = true;
    return false;
}

void proto_wrong_wire(struct proto_reader *r, const char *name)
{
    if (!r->failed)
        err_set(r->err, ERR_BAD_DATA, "proto: wrong wireType = %u for field %s", r->wire, name);
    r->failed = true;
}

double proto_double(struct proto_reader *r, const char *name)
{
    double v = 0;
    if (r->wire != PROTO_FIXED64) {
        proto_wrong_wire(r, name);
    } else if ((size_t)(r->end - r->at) < sizeof v) {
        proto_cut_short(r);
    } else {
        memcpy(&v, r->at, sizeof v); /* little endian, as we are */
        r->at += sizeof v;
    }
    return v;
}

struct str proto_long_bytes(struct proto_reader *r, const char *name)
{
    if (r->wire != PROTO_BYTES) {
        proto_wrong_wire(r, name);
        return (struct str){0};
    }
    uint64_t len = proto_uvarint(r);
    if ((int64_t)len < 0)
        proto_fail(r, "proto: negative length found during unmarshaling");
    else if (len > (size_t)(r->end - r->at))
        proto_cut_short(r);
    if (r->failed)
        return (struct str){0};
    struct str bytes = {(const char *)r->at, (size_t)len};
    r->at += len;
    return bytes;
}

static void proto_skip_bytes(struct proto_reader *r, uint64_t len)
{
    if ((int64_t)len < 0)
        proto_fail(r, "proto: negative length found during unmarshaling");
    else if (len > (size_t)(r->end - r->at))
        proto_cut_short(r);
    else
        r->at += len;
}

void proto_skip(struct proto_reader *r)
{
    unsigned wire = r->wire;
    size_t depth = 0;
    for (;;) {
        switch (wire) {
        case PROTO_VARINT:
            proto_uvarint(r);
            break;
        case PROTO_FIXED64:
            proto_skip_bytes(r, 8);
            break;
        case PROTO_BYTES:
            proto_skip_bytes(r, proto_uvarint(r));
            break;
        case PROTO_GROUP:
            depth++;
            break;
        case PROTO_GROUP_END: /* never the first one: proto_next refuses it */
            depth--;
            break;
        case PROTO_FIXED32:
            proto_skip_bytes(r, 4);
            break;
        default:
            if (!r->failed)
                err_set(r->err, ERR_BAD_DATA, "proto: illegal wireType %u", wire);
            r->failed = true;
        }
        if (r->failed || depth == 0)
            return;
        wire = proto_uvarint(r) & 7; /* the tag of what is in the group */
    }
}

static size_t proto_run_length(struct str bytes, enum proto_run run)
{
    size_t length = 0;
    switch (run) {
    case PROTO_ONE:
        return 1;
    case PROTO_VARINTS:
        for (size_t i = 0; i < bytes.len; i++)
            length += (uint8_t)bytes.ptr[i] < 0x80;
        return length;
    case PROTO_DOUBLES:
        return bytes.len / sizeof(double);
    }
    return length;
}

/* Counts fields as nearly all are: few, short, of one thing each. Leaves off at the first other. */
static const uint8_t *proto_count_plain(const uint8_t *at, const uint8_t *end,
                                        const enum proto_run *runs, size_t *counts, size_t count)
{
    while (end - at >= 2 && (at[0] & 0x87) == PROTO_BYTES && at[1] < 0x80 &&
           at[1] <= end - at - 2) {
        unsigned number = at[0] >> 3;
        if (number == 0 || number >= count || (runs && runs[number] != PROTO_ONE))
            break;
        counts[number]++;
        at += 2 + at[1];
    }
    return at;
}

void proto_count(struct str bytes, const enum proto_run *runs, size_t *counts, size_t count)
{
    struct err unused;
    struct proto_reader r = proto_reader_of(bytes, "", &unused);
    memset(counts, 0, count * sizeof *counts);
    for (;;) {
        r.at = proto_count_plain(r.at, r.end, runs, counts, count);
        if (!proto_next(&r))
            return;
        size_t length = 1;
        if (r.wire != PROTO_BYTES) {
            proto_skip(&r);
        } else {
            struct str inside = proto_bytes(&r, "");
            if (runs && r.number < count)
                length = proto_run_length(inside, runs[r.number]);
        }
        if (r.number < count)
            counts[r.number] += length;
    }
}

/*
 * A block is the size of what was packed and then pieces, all little endian:
 *
 *     size   uvarint, less than 2^32
 *     piece  tag u8 | ...      bits 0-1 of the tag, and what is in bits 2-7:
 *
 *         0  literal         length - 1; 60 to 63: it stands in 1 to 4 bytes behind the tag
 *                            | bytes
 *         1  copy, near      length - 4 (bits 2-4), bits 8-10 of the distance (bits 5-7)
 *                            | bits 0-7 of the distance u8
 *         2  copy            length - 1 | distance u16
 *         3  copy, far       length - 1 | distance u32
 *
 * A copy may reach into itself: then it repeats what it begins with.
 *
 * Nearly all pieces are short, and a literal is followed by a copy; what the processor cannot guess
 * is how long they are and which of the two short copies comes. So as long as neither end is near,
 * 16 bytes are moved for up to 16, both copies take the same way, and only what is rare branches.
 */
#include "base/snappy.h"

#include <string.h>

#include "base/varint.h"

enum piece { LITERAL, COPY_NEAR, COPY, COPY_FAR };

#define LITERAL_LENGTHS 60
#define STEP 16

/* The quick way wants so much behind it: what two pieces read, and what they write. */
#define QUICK_IN 40
#define QUICK_OUT 128

struct snappy_run {
    const uint8_t *at; /* of the block */
    const uint8_t *end;
    uint8_t *begin; /* of what is unpacked */
    uint8_t *to;
    uint8_t *stop;
};

bool snappy_size(const uint8_t *block, size_t size, size_t *ret_unpacked_size)
{
    struct bytes_reader r = bytes_reader_of(block, size);
    uint64_t said = read_uvarint(&r);
    if (r.failed || said > UINT32_MAX || r.at - block > 5)
        return false;
    *ret_unpacked_size = (size_t)said;
    return true;
}

/* A few bytes, through registers: they may overlap. */
HOT_INLINE void move(uint8_t *to, const uint8_t *from, size_t size)
{
    uint8_t held[STEP];
    memcpy(held, from, size);
    memcpy(to, held, size);
}

/*
 * A copy from less than STEP bytes back. What has been repeated is repeated in turn, until eight
 * bytes can be moved at a time.
 */
static void copy_from_near(uint8_t *to, size_t distance, size_t len)
{
    uint8_t *end = to + len;
    const uint8_t *from = to - distance;
    for (; distance < 8 && to < end; distance *= 2) {
        move(to, from, 8);
        to += distance;
    }
    for (from = to - distance; to < end; to += 8, from += 8)
        move(to, from, 8);
}

/* `to` has SNAPPY_SLACK bytes behind the copy. */
HOT_INLINE void copy(uint8_t *to, size_t distance, size_t len)
{
    if (UNLIKELY(distance < STEP)) {
        copy_from_near(to, distance, len);
        return;
    }
    const uint8_t *from = to - distance;
    move(to, from, STEP);
    for (size_t done = STEP; UNLIKELY(done < len); done += STEP)
        move(to + done, from + done, STEP);
}

/* Up to a piece that is rare, or near an end. False: damaged. */
static bool snappy_run_quickly(struct snappy_run *run)
{
    const uint8_t *at = run->at;
    uint8_t *to = run->to;
    while (run->end - at >= QUICK_IN && run->stop - to >= QUICK_OUT) {
        size_t tag = *at;
        if ((tag & 3) == LITERAL) {
            size_t len = (tag >> 2) + 1;
            if (UNLIKELY(len > STEP))
                break;
            move(to, at + 1, STEP);
            to += len;
            at += 1 + len;
            tag = *at;
        }
        size_t kind = tag & 3;
        if (UNLIKELY(kind == LITERAL))
            continue;
        if (UNLIKELY(kind == COPY_FAR))
            break;
        size_t is_near = kind == COPY_NEAR; /* no branch */
        size_t len = (tag >> 2 & 63 >> 3 * is_near) + 1 + 3 * is_near;
        size_t distance = at[1] | (size_t)at[2] << 8;
        distance = (distance & 0xffff >> 8 * is_near) | (tag >> 5 << 8) * is_near;
        if (UNLIKELY(distance - 1 >= (size_t)(to - run->begin)))
            return false;
        copy(to, distance, len);
        to += len;
        at += 1 + kind;
    }
    run->at = at;
    run->to = to;
    return true;
}

/* A number of so many bytes, at most four. */
static bool snappy_number(struct snappy_run *run, size_t byte_count, size_t *ret_number)
{
    if ((size_t)(run->end - run->at) < byte_count)
        return false;
    *ret_number = 0;
    for (size_t i = 0; i < byte_count; i++)
        *ret_number |= (size_t)*run->at++ << 8 * i;
    return true;
}

/* Any piece. */
static bool snappy_run_piece(struct snappy_run *run)
{
    uint8_t tag = *run->at++;
    size_t len = (size_t)(tag >> 2) + 1, distance;
    if ((tag & 3) == LITERAL) {
        if (len > LITERAL_LENGTHS) {
            if (!snappy_number(run, len - LITERAL_LENGTHS, &len))
                return false;
            len++;
        }
        if (len > (size_t)(run->end - run->at) || len > (size_t)(run->stop - run->to))
            return false;
        memcpy(run->to, run->at, len);
        run->at += len;
        run->to += len;
        return true;
    }
    if (!snappy_number(run, (tag & 3) == COPY_FAR ? 4 : tag & 3, &distance))
        return false;
    if ((tag & 3) == COPY_NEAR) {
        len = 4 + (tag >> 2 & 7);
        distance |= (size_t)(tag >> 5) << 8;
    }
    if (distance - 1 >= (size_t)(run->to - run->begin) || len > (size_t)(run->stop - run->to))
        return false;
    copy(run->to, distance, len);
    run->to += len;
    return true;
}

bool snappy_unpack(const uint8_t *block, size_t size, uint8_t *out, size_t unpacked_size)
{
    struct bytes_reader r = bytes_reader_of(block, size);
    read_uvarint(&r);
    struct snappy_run run = {r.at, block + size, out, out, out + unpacked_size};
    while (run.at < run.end)
        if (!snappy_run_quickly(&run) || (run.at < run.end && !snappy_run_piece(&run)))
            return false;
    return run.to == run.stop;
}

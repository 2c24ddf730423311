/*
 * Numbers are recognised loosely here, as Prometheus does: what is wrong inside one ("1e", "0x") is
 * found when its value is wanted. A duration is a number that was followed by a unit.
 */
#include <string.h>

#include "parser/scan.h"

#define DECIMAL "0123456789"
#define HEXADECIMAL "0123456789abcdefABCDEF"

struct scan {
    struct str input;
    size_t pos;
    const char *digits;
    bool dot;
    bool exponent;
};

static bool scan_is(const struct scan *scan, const char *set)
{
    int c = byte_at(scan->input, scan->pos);
    return c > 0 && strchr(set, c) != NULL;
}

static bool scan_accept(struct scan *scan, const char *set)
{
    if (!scan_is(scan, set))
        return false;
    scan->pos++;
    return true;
}

/* One dot, exponent, underscore or run of digits. False: it cannot stand there. */
static bool scan_part(struct scan *scan)
{
    if (scan->dot && scan_accept(scan, "."))
        return false;
    if (scan->exponent && scan_accept(scan, "eE"))
        return false;
    if (scan_accept(scan, ".")) {
        scan->dot = true;
        return !scan_accept(scan, "_.") && scan->digits[10] == '\0';
    }
    if (scan_accept(scan, "eE")) { /* also the digit e of a hexadecimal number */
        scan->exponent = true;
        scan_accept(scan, "+-");
        return !scan_accept(scan, "._eE") && scan->pos < scan->input.len;
    }
    if (scan_accept(scan, "_"))
        return !scan_accept(scan, "._eE") && scan->pos < scan->input.len;
    while (scan_accept(scan, scan->digits))
        ;
    return true;
}

static bool scan_plain_number(struct scan *scan)
{
    size_t begin = scan->pos;
    scan->digits = DECIMAL;
    if (scan_accept(scan, "0") && scan_accept(scan, "xX")) {
        scan_accept(scan, "_");
        scan->digits = HEXADECIMAL;
    }
    /* A dot in front is not counted, so that a second one may follow: ".5.5" ends here. */
    scan_accept(scan, ".");
    scan_accept(scan, scan->digits);
    while (scan_is(scan, scan->digits) || scan_is(scan, "._eE"))
        if (!scan_part(scan))
            return false;
    return scan->pos > begin && !is_alnum(byte_at(scan->input, scan->pos));
}

/* The units behind the number that was scanned; whether they are in order is not asked here. */
static bool scan_units(struct scan *scan)
{
    if (!scan_accept(scan, "smhdwy"))
        return false;
    scan_accept(scan, "s");
    while (scan_accept(scan, DECIMAL)) {
        while (scan_accept(scan, DECIMAL))
            ;
        if (!scan_accept(scan, "smhdw"))
            return false;
        scan_accept(scan, "s");
    }
    if (!is_alnum(byte_at(scan->input, scan->pos)))
        return true;
    scan->pos++;
    return false;
}

bool scan_number(struct str input, size_t *pos, enum token_kind *ret_kind)
{
    struct scan scan = {.input = input, .pos = *pos};
    bool plain = scan_plain_number(&scan);
    bool ok = plain || scan_units(&scan);
    *pos = scan.pos;
    *ret_kind = plain ? TOKEN_NUMBER : TOKEN_DURATION;
    return ok;
}

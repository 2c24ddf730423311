#include "query-tee/base64.h"

#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct str bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t word = 0;
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        for (size_t k = 0; k < 3; k++)
            word = word << 8 | (k < count ? (uint8_t)bytes.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_byte(out, k <= count ? digits[word >> (18 - 6 * k) & 63] : '=');
    }
}

bool base64_decode(struct str text, struct buf *out)
{
    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t word = 0;
        size_t count = 0;
        for (size_t k = 0; k < 4; k++) {
            char c = text.ptr[i + k];
            const char *digit = c ? strchr(digits, c) : NULL;
            if (digit && count == k)
                count++;
            else if (c != '=' || i + 4 != text.len || k < 2)
                return false;
            word = word << 6 | (digit ? (uint32_t)(digit - digits) : 0);
        }
        for (size_t k = 0; k + 1 < count; k++)
            buf_byte(out, (char)(word >> (16 - 8 * k) & 0xff));
    }
    return true;
}

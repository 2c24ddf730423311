#include "server/write_content.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

#define MEDIA_TYPE "application/x-protobuf"
#define MESSAGE_1 "prometheus.WriteRequest"
#define MESSAGE_2 "io.prometheus.write.v2.Request"
#define RFC "https://www.rfc-editor.org/rfc/rfc9110#parameter"

const char *write_version_name(enum write_version version)
{
    static const char *const names[] = {[WRITE_VERSION_1] = "1.0", [WRITE_VERSION_2] = "2.0"};
    return names[version];
}

static struct str trimmed(struct str s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* What stands before the next `separator`; all is moved behind it. False: nothing was left. */
static bool part_next(struct str *all, char separator, struct str *ret_part)
{
    if (!all->ptr)
        return false;
    const char *at = all->len > 0 ? memchr(all->ptr, separator, all->len) : NULL;
    *ret_part = *all;
    if (!at) {
        *all = (struct str){0};
        return true;
    }
    ret_part->len = (size_t)(at - all->ptr);
    *all = (struct str){at + 1, all->len - ret_part->len - 1};
    return true;
}

static bool message_read(struct str name, struct str type, enum write_version *ret_version,
                         struct err *err)
{
    if (str_eq(name, STR(MESSAGE_1)))
        *ret_version = WRITE_VERSION_1;
    else if (str_eq(name, STR(MESSAGE_2)))
        *ret_version = WRITE_VERSION_2;
    else
        return err_set(err, ERR_UNSUPPORTED,
                       "got %.*s content type; unknown type for remote write protobuf message "
                       "%.*s, supported: " MESSAGE_1 ", " MESSAGE_2,
                       STR_ARGS(type), STR_ARGS(name));
    return true;
}

/* Parameters may have blanks around them, which Prometheus would take for another name's. */
static bool type_read(struct str type, enum write_version *ret_version, struct err *err)
{
    struct str left = type, part, name, value, more;
    if (!part_next(&left, ';', &part) || !str_eq(part, STR(MEDIA_TYPE)))
        return err_set(err, ERR_UNSUPPORTED,
                       "expected " MEDIA_TYPE " as the first (media) part, got %.*s content-type",
                       STR_ARGS(type));
    while (part_next(&left, ';', &part)) {
        struct str pair = part;
        if (!part_next(&pair, '=', &name) || !part_next(&pair, '=', &value) ||
            part_next(&pair, '=', &more))
            return err_set(err, ERR_UNSUPPORTED,
                           "as per " RFC
                           " expected parameters to be key-values, got %.*s in %.*s "
                           "content-type",
                           STR_ARGS(part), STR_ARGS(type));
        if (str_eq(trimmed(name), STR("proto")))
            return message_read(trimmed(value), type, ret_version, err);
    }
    *ret_version = WRITE_VERSION_1;
    return true;
}

bool write_content_read(const char *type, const char *encoding, enum write_version *ret_version,
                        struct err *err)
{
    if (!type || !*type)
        type = MEDIA_TYPE;
    if (!type_read(trimmed(str_of(type)), ret_version, err))
        return false;
    if (encoding && *encoding && strcasecmp(encoding, "snappy") != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s encoding (compression) is not accepted by this server; only snappy is "
                       "acceptable",
                       encoding);
    return true;
}

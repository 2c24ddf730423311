/* RE2 behind plain calls: the pattern is compiled as ^(?s:pattern)$, Prometheus's anchoring. */
#include <cstdlib>
#include <cstring>
#include <new>
#include <re2/re2.h>
#include <string>

#include "base/regex.h"

struct regex {
    RE2 re;

    regex(const std::string &pattern, const RE2::Options &options) : re(pattern, options)
    {
    }
};

/* Go's words for RE2's error codes; both libraries share their ancestry. */
static const char *regex_error_words(RE2::ErrorCode code)
{
    switch (code) {
    case RE2::ErrorBadEscape:
        return "invalid escape sequence";
    case RE2::ErrorBadCharClass:
        return "invalid character class";
    case RE2::ErrorBadCharRange:
        return "invalid character class range";
    case RE2::ErrorMissingBracket:
        return "missing closing ]";
    case RE2::ErrorMissingParen:
        return "missing closing )";
    case RE2::ErrorUnexpectedParen:
        return "unexpected )";
    case RE2::ErrorTrailingBackslash:
        return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument:
        return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize:
        return "invalid repeat count";
    case RE2::ErrorRepeatOp:
        return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
        return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8:
        return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture:
        return "invalid named capture";
    case RE2::ErrorPatternTooLarge:
        return "expression too large";
    case RE2::NoError:
    case RE2::ErrorInternal:
        break;
    }
    return "internal error";
}

/* Go names the whole expression for an open parenthesis, and the offending part otherwise. */
static void regex_set_error(const RE2 &re, const std::string &pattern, struct err *err)
{
    if (re.error_code() == RE2::ErrorTrailingBackslash) {
        err_set(err, ERR_BAD_DATA,
                "error parsing regexp: trailing backslash at end of expression: ``");
        return;
    }
    bool whole =
        re.error_code() == RE2::ErrorMissingParen || re.error_code() == RE2::ErrorUnexpectedParen;
    const std::string &part = whole || re.error_arg().empty() ? pattern : re.error_arg();
    err_set(err, ERR_BAD_DATA, "error parsing regexp: %s: `%s`", regex_error_words(re.error_code()),
            part.c_str());
}

/* May a parenthesis close the group around the pattern: "a)|(?:b"? True also where it is hard to
 * tell. */
static bool regex_may_escape(const std::string &pattern)
{
    if (pattern.find(')') == std::string::npos)
        return false;
    if (pattern.find_first_of("\\[") != std::string::npos)
        return true;
    int depth = 0;
    for (char c : pattern) {
        depth += (c == '(') - (c == ')');
        if (depth < 0)
            return true;
    }
    return false;
}

extern "C" bool regex_create(struct str pattern, struct regex **ret_regex, struct err *err)
{
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(8 << 20);
    std::string bare(pattern.ptr ? pattern.ptr : "", pattern.len);
    std::string anchored = "^(?s:" + bare + ")$";
    struct regex *regex = new (std::nothrow) struct regex(anchored, options);
    if (!regex)
        abort();
    bool ok = regex->re.ok();
    if (!ok || regex_may_escape(bare)) {
        /* The pattern alone must be fine, and errors speak of it alone. */
        RE2 alone(bare, options);
        if (!alone.ok())
            regex_set_error(alone, bare, err);
        else if (!ok)
            regex_set_error(regex->re, anchored, err);
        ok = ok && alone.ok();
    }
    if (!ok) {
        delete regex;
        return false;
    }
    *ret_regex = regex;
    return true;
}

extern "C" void regex_destroy(struct regex *regex)
{
    delete regex;
}

extern "C" bool regex_matches(const struct regex *regex, struct str text)
{
    re2::StringPiece piece(text.ptr ? text.ptr : "", text.len);
    return regex->re.Match(piece, 0, piece.size(), RE2::ANCHOR_BOTH, nullptr, 0);
}

static bool name_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/*
 * The group named at `at`, behind a dollar: -1 = none of that name (expands to nothing), -2 = no
 * name at all (the dollar stands for itself). *ret_next is behind the reference.
 */
static int regex_reference(const RE2 &re, const char *at, const char *end, const char **ret_next)
{
    bool braced = at < end && *at == '{';
    const char *from = at + braced;
    const char *to = from;
    while (to < end && name_byte(*to))
        to++;
    if (to == from || (braced && (to == end || *to != '}')))
        return -2;
    *ret_next = to + braced;

    int group = 0;
    for (const char *c = from; c < to; c++) {
        if (*c < '0' || *c > '9' || group > 100000000) {
            group = -1;
            break;
        }
        group = group * 10 + (*c - '0');
    }
    if (group >= 0 && !(to - from > 1 && *from == '0'))
        return group <= re.NumberOfCapturingGroups() ? group : -1;
    auto named = re.NamedCapturingGroups().find(std::string(from, to));
    return named == re.NamedCapturingGroups().end() ? -1 : named->second;
}

extern "C" bool regex_expand(const struct regex *regex, struct str text, struct str expansion,
                             struct buf *out)
{
    const RE2 &re = regex->re;
    int count = re.NumberOfCapturingGroups() + 1;
    if (count > REGEX_GROUPS_MAX)
        count = REGEX_GROUPS_MAX;
    re2::StringPiece groups[REGEX_GROUPS_MAX];
    re2::StringPiece piece(text.ptr ? text.ptr : "", text.len);
    if (!re.Match(piece, 0, piece.size(), RE2::ANCHOR_BOTH, groups, count))
        return false;

    const char *end = expansion.ptr + expansion.len;
    for (const char *at = expansion.ptr; at < end;) {
        const char *next = at + 1;
        if (*at != '$') {
            buf_byte(out, *at++);
        } else if (next < end && *next == '$') {
            buf_byte(out, '$');
            at = next + 1;
        } else {
            int group = regex_reference(re, next, end, &next);
            if (group == -2)
                buf_byte(out, '$');
            else if (group >= 0 && group < count && groups[group].data())
                buf_append(out, groups[group].data(), groups[group].size());
            at = next;
        }
    }
    return true;
}

/*
 * Does it ask where words end? RE2's range of possible matches may then lack the shortest ones: of
 * a\b|ab it says that they all begin with "ab".
 */
static bool regex_sees_words(const std::string &pattern)
{
    return pattern.find("\\b") != std::string::npos || pattern.find("\\B") != std::string::npos;
}

extern "C" size_t regex_prefix(const struct regex *regex, char *out, size_t out_size)
{
    std::string least, most;
    if (regex_sees_words(regex->re.pattern()) ||
        !regex->re.PossibleMatchRange(&least, &most, (int)out_size))
        return 0;
    size_t len = 0;
    while (len < least.size() && len < most.size() && len < out_size && least[len] == most[len])
        len++;
    memcpy(out, least.data(), len);
    return len;
}

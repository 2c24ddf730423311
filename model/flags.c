#include "model/flags.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/float_text.h"
#include "base/str.h"
#include "model/duration.h"

/* Help starts in this column; longer flags get a line of their own. */
#define HELP_COLUMN 36
#define HELP_WIDTH 100

static int64_t memory_size(void)
{
    return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

bool size_parse(struct str text, int64_t *ret_bytes)
{
    static const struct {
        const char *name;
        int shift;
    } units[] = {
        {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}, {"KB", 10}, {"MB", 20},
        {"GB", 30},  {"TB", 40},  {"PB", 50},  {"EB", 60},  {"B", 0},
    };
    double factor = 1;
    if (str_ends(text, STR("%"))) {
        factor = (double)memory_size() / 100;
        text.len--;
    } else {
        for (size_t i = 0; i < ARRAY_COUNT(units); i++)
            if (str_ends(text, str_of(units[i].name))) {
                factor = (double)(INT64_C(1) << units[i].shift);
                text.len -= strlen(units[i].name);
                break;
            }
    }
    double v;
    bool out_of_range;
    if (text.len == 0 || (*text.ptr != '.' && (*text.ptr < '0' || *text.ptr > '9')) ||
        !float_parse(text, &v, &out_of_range) || !(v * factor < 9.2e18))
        return false;
    *ret_bytes = (int64_t)(v * factor);
    return true;
}

static bool count_parse(struct str text, int64_t *ret_count)
{
    int64_t count = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || __builtin_mul_overflow(count, 10, &count) ||
            __builtin_add_overflow(count, text.ptr[i] - '0', &count))
            return false;
    *ret_count = count;
    return true;
}

static bool real_parse(struct str text, double *ret_v)
{
    bool out_of_range;
    return float_parse(text, ret_v, &out_of_range) && *ret_v >= 0 && !isinf(*ret_v);
}

static bool switch_parse(struct str text, bool *ret_on)
{
    *ret_on = str_eq(text, STR("true"));
    return *ret_on || str_eq(text, STR("false"));
}

static bool flag_set(const struct flags *flags, const struct flag *flag, const char *text,
                     struct err *err)
{
    char *member = (char *)flags->into + flag->offset;
    struct str value = str_of(text);
    bool good = true;
    const char *wanted = "";
    switch (flag->kind) {
    case FLAG_TEXT:
        *(const char **)(void *)member = text;
        break;
    case FLAG_SWITCH:
        good = switch_parse(value, (bool *)(void *)member);
        wanted = "true or false";
        break;
    case FLAG_COUNT:
        good = count_parse(value, (int64_t *)(void *)member);
        wanted = "a whole number";
        break;
    case FLAG_DURATION:
        good = duration_parse(value, (int64_t *)(void *)member);
        wanted = "a duration such as 30s or 1h30m";
        break;
    case FLAG_REAL:
        good = real_parse(value, (double *)(void *)member);
        wanted = "a number from 0 on";
        break;
    case FLAG_SIZE:
        good = size_parse(value, (int64_t *)(void *)member);
        wanted = "a size such as 512MiB, 2GiB or 75%";
        break;
    case FLAG_TEXTS: {
        struct flag_texts *texts = (struct flag_texts *)(void *)member;
        if (texts->count == FLAG_TEXTS_MAX)
            return err_set(err, ERR_BAD_DATA, "flag --%s: at most %d of it", flag->name,
                           FLAG_TEXTS_MAX);
        texts->items[texts->count++] = text;
        break;
    }
    }
    if (!good)
        return err_set(err, ERR_BAD_DATA, "flag --%s: \"%s\" is not %s", flag->name, text, wanted);
    if (flags->texts)
        flags->texts[flag - flags->table] = text;
    return true;
}

static const struct flag *flag_find(const struct flags *flags, struct str name)
{
    for (size_t i = 0; i < flags->count; i++)
        if (str_eq(name, str_of(flags->table[i].name)))
            return &flags->table[i];
    return NULL;
}

static const struct flag *flag_of_letter(const struct flags *flags, char letter)
{
    for (size_t i = 0; i < flags->count; i++)
        if (flags->table[i].letter == letter)
            return &flags->table[i];
    return NULL;
}

/* A switch, or "no-" and a switch: needs no value. */
static const struct flag *flag_find_switch(const struct flags *flags, struct str name,
                                           const char **ret_text)
{
    const struct flag *flag = flag_find(flags, name);
    const char *text = "true";
    if (!flag && str_starts(name, STR("no-"))) {
        flag = flag_find(flags, (struct str){name.ptr + 3, name.len - 3});
        text = "false";
    }
    if (!flag || flag->kind != FLAG_SWITCH)
        return NULL;
    *ret_text = text;
    return flag;
}

/* One flag of argv, and how many members of it were used. */
static bool flags_take(struct flags *flags, char *const *argv, int argc, int *ret_used,
                       struct err *err)
{
    const char *arg = argv[0];
    const char *text = NULL;
    const struct flag *flag;
    *ret_used = 1;
    if (arg[1] != '-' && !flags->one_dash) {
        flag = flag_of_letter(flags, arg[1]);
        if (arg[2])
            text = arg + 2 + (arg[2] == '=');
    } else {
        const char *equals = strchr(arg, '=');
        const char *begin = arg + 1 + (arg[1] == '-');
        struct str name = {begin, equals ? (size_t)(equals - begin) : strlen(begin)};
        text = equals ? equals + 1 : NULL;
        flag = text ? NULL : flag_find_switch(flags, name, &text);
        if (!flag)
            flag = flag_find(flags, name);
    }
    if (!flag)
        return err_set(err, ERR_BAD_DATA, "unknown flag %.*s", (int)strcspn(arg, "="), arg);
    if (!text && argc < 2)
        return err_set(err, ERR_BAD_DATA, "flag --%s wants a value", flag->name);
    if (!text) {
        text = argv[1];
        *ret_used = 2;
    }
    return flag_set(flags, flag, text, err);
}

static bool flags_take_word(struct flags *flags, const char *word, struct err *err)
{
    if (flags->word_count == FLAG_WORDS_MAX)
        return err_set(err, ERR_BAD_DATA, "too many arguments: \"%s\"", word);
    flags->words[flags->word_count++] = word;
    return true;
}

bool flags_parse(struct flags *flags, int argc, char *const *argv, struct err *err)
{
    for (size_t i = 0; i < flags->count; i++)
        if (flags->table[i].fallback &&
            !flag_set(flags, &flags->table[i], flags->table[i].fallback, err))
            return false;

    bool only_words = false;
    for (int at = 0; at < argc;) {
        const char *arg = argv[at];
        int used = 1;
        if (only_words || arg[0] != '-' || arg[1] == '\0') {
            if (!flags_take_word(flags, arg, err))
                return false;
        } else if (strcmp(arg, "--") == 0) {
            only_words = true;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0 ||
                   (flags->one_dash && strcmp(arg, "-help") == 0)) {
            flags->help = true;
            return true;
        } else if (!flags_take(flags, argv + at, argc - at, &used, err)) {
            return false;
        }
        at += used;
    }
    return true;
}

/* Words from `column` on, broken before HELP_WIDTH. */
static void print_wrapped(const char *text, size_t column, struct buf *out)
{
    size_t at = column;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (at > column && at + 1 + word > HELP_WIDTH) {
            buf_printf(out, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            buf_byte(out, ' ');
            at++;
        }
        buf_append(out, text, word);
        at += word;
        text += word;
        text += *text == ' ';
    }
    buf_byte(out, '\n');
}

static void flag_print(const struct flag *flag, struct buf *out)
{
    AUTO(buf_done) struct buf left = {0};
    buf_text(&left, "  ");
    if (flag->letter)
        buf_printf(&left, "-%c, ", flag->letter);
    buf_printf(&left, "--%s", flag->name);
    if (flag->value)
        buf_printf(&left, "=%s", flag->value);
    buf_str(out, buf_view(&left));
    if (left.len + 2 > HELP_COLUMN)
        buf_printf(out, "\n%*s", HELP_COLUMN, "");
    else
        buf_printf(out, "%*s", (int)(HELP_COLUMN - left.len), "");

    AUTO(buf_done) struct buf help = {0};
    buf_text(&help, flag->help);
    bool is_off =
        flag->kind == FLAG_SWITCH && flag->fallback && strcmp(flag->fallback, "true") != 0;
    if (flag->fallback && *flag->fallback && !is_off)
        buf_printf(&help, " (default: %s)", flag->fallback);
    print_wrapped(buf_terminated(&help), HELP_COLUMN, out);
}

void flags_print(const struct flag *table, size_t count, struct buf *out)
{
    static const struct flag help = {"help", 'h', FLAG_SWITCH, 0, NULL, NULL, "Show this and end."};
    flag_print(&help, out);
    for (size_t i = 0; i < count; i++)
        flag_print(&table[i], out);
}

void size_print(int64_t bytes, struct buf *out)
{
    static const char *const units[] = {"EiB", "PiB", "TiB", "GiB", "MiB", "KiB", "B"};
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        uint64_t part = (uint64_t)bytes >> (60 - 10 * i) & (i ? 1023 : 15);
        if (part)
            buf_printf(out, "%llu%s", (unsigned long long)part, units[i]);
    }
}

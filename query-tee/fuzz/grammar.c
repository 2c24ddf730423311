#include "query-tee/fuzz/grammar.h"

#include <string.h>

static const struct grammar_rule *rule_pick(struct dice *dice, const struct grammar_rules *rules)
{
    unsigned total = 0;
    for (size_t i = 0; i < rules->count; i++)
        total += rules->items[i].weight;
    size_t left = dice_below(dice, total);
    const struct grammar_rule *rule = rules->items;
    while (left >= rule->weight)
        left -= rule++->weight;
    return rule;
}

static struct part *piece_make(const struct grammar *grammar, char letter, size_t depth)
{
    size_t below = depth > 0 ? dice_below(grammar->dice, depth) : 0;
    switch (letter) {
    case 'v':
        return grammar_make(grammar, PART_VECTOR, below);
    case 'w':
        return grammar_make(grammar, PART_WINDOW, below);
    case 's':
        return grammar_make(grammar, PART_SCALAR, below);
    default:
        return part_new(grammar->arena, PART_TEXT, grammar->text(grammar->context, letter));
    }
}

struct part *grammar_make_form(const struct grammar *grammar, enum part_kind kind, const char *form,
                               size_t depth)
{
    struct part *part = part_new(grammar->arena, kind, NULL);
    while (*form) {
        size_t len = strcspn(form, "%");
        if (len > 0) {
            const char *text = arena_text(grammar->arena, (struct str){form, len});
            part_add(part, part_new(grammar->arena, PART_TEXT, text));
            form += len;
            continue;
        }
        part_add(part, piece_make(grammar, form[1], depth));
        form += 2;
    }
    return part;
}

struct part *grammar_make(const struct grammar *grammar, enum part_kind kind, size_t depth)
{
    const struct grammar_rules *rules = &grammar->rules[kind];
    const struct grammar_rule *rule = depth == 0 ? rules->items : rule_pick(grammar->dice, rules);
    return grammar_make_form(grammar, kind, rule->form, depth);
}

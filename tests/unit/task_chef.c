/* lab/task: the sets of the task chef over the shipped canon, the training text, what they share,
 * and the task file. */
#include "check.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/jsonl.h"
#include "canon_case.h"
#include "lab/task/task.h"

static const char data[] = "data/chef";
static const char *const set_names[] = {"S", "F", "U", "H"};
static as_arena *arena;
static as_canon canon;

static as_items make(const char *set, size_t n, uint64_t seed)
{
    char text[2048];
    as_error err = {0};
    as_items items = {0};
    bool ok = as_task_find("chef")->items(data, set, n, seed, arena, &items, &err);
    CHECK(ok);
    if (!ok) printf("%s: %s\n", set, as_error_text(&err, text, sizeof text));
    return items;
}

static bool said(const as_texts *keys, const char *text)
{
    as_error err = {0};
    bool yes = false;
    CHECK(as_canon_said(keys, text, &yes, &err));
    return yes;
}

/* --- sets --------------------------------------------------------------------------------- */

static void sizes_and_digests(void)
{
    static const size_t n[] = {100, 193, 80, 0};
    for (size_t i = 0; i < 4; i++) {
        as_items a = make(set_names[i], 0, 1), b = make(set_names[i], 0, 1);
        as_items c = make(set_names[i], 0, 2), half = make(set_names[i], a.n / 2, 1);
        CHECK(a.n == (n[i] ? n[i] : canon.n));
        CHECK_TEXT(a.digest, b.digest);
        CHECK(strcmp(a.digest, c.digest) != 0 && strcmp(a.digest, half.digest) != 0);
        for (size_t k = 0; k < half.n; k++) CHECK_TEXT(half.item[k].prompt, a.item[k].prompt);
    }
}

static void prompts_differ(void)
{
    as_items all[4];
    for (size_t i = 0; i < 4; i++) all[i] = make(set_names[i], 0, 1);
    for (size_t i = 0; i < 4; i++)
        for (size_t a = 0; a < all[i].n; a++)
            for (size_t k = 0; k <= i; k++)
                for (size_t b = 0; b < (k == i ? a : all[k].n); b++)
                    CHECK(strcmp(all[i].item[a].prompt, all[k].item[b].prompt) != 0 &&
                          strcmp(all[i].item[a].id, all[k].item[b].id) != 0);
}

static void ids(void)
{
    as_error err = {0};
    as_items s = make("S", 3, 1);
    for (size_t i = 0; i < s.n; i++) {
        as_key key;
        CHECK(as_sha256_of(s.item[i].prompt, strlen(s.item[i].prompt), key, &err));
        CHECK(strlen(s.item[i].id) == 16 && strncmp(s.item[i].id, key, 16) == 0);
    }
}

/* Every entry comes once before any comes again, in an order that the seed decides; and however
 * many are asked for, no prompt comes twice. */
static void entries_take_turns(void)
{
    as_items f = make("F", 6 * canon.n, 5), other = make("F", canon.n, 6);
    size_t *count = calloc(canon.n, sizeof *count), same = 0;
    CHECK(f.n == 6 * canon.n && count);
    for (size_t i = 0; count && i < f.n; i++) {
        const as_canon_entry *e = as_canon_find(&canon, f.item[i].cluster);
        CHECK(e && ++count[e - canon.entry] == 1 + i / canon.n);
        same += i < canon.n && strcmp(f.item[i].cluster, other.item[i].cluster) == 0;
        for (size_t k = 0; k < i; k++) CHECK(strcmp(f.item[i].prompt, f.item[k].prompt) != 0);
    }
    CHECK(same * 5 < canon.n);
    free(count);
}

static bool holds(const char *text, const char *part)
{
    char low[2][600];
    const char *from[2] = {text, part};
    for (size_t i = 0; i < 2; i++) {
        size_t n = 0;
        for (const char *p = from[i]; *p && n < 599; p++) {
            bool capital = (unsigned char)p[0] == 0xC3 && (unsigned char)p[1] >= 0x80 &&
                           (unsigned char)p[1] < 0xA0 && p[1] != (char)0x97;
            low[i][n++] = (char)tolower((unsigned char)*p);
            if (capital) low[i][n++] = (char)(*++p + 0x20);
        }
        low[i][n] = '\0';
    }
    return strstr(low[0], low[1]) != NULL;
}

/* Names and aliases, and the vocabulary of the set alone. */
static void questions_name_their_entry(void)
{
    static const struct {
        const char *set, *own;
        double least, most; /* share of aliases */
    } sets[] = {{"S", "asked", 0, 0}, {"F", "service", 0.4, 0.6}, {"H", "told", 0.1, 0.3}};
    for (size_t i = 0; i < 3; i++) {
        as_items t = make(sets[i].set, 0, 1);
        size_t n_alias = 0;
        for (size_t k = 0; k < t.n; k++) {
            const as_canon_entry *e = as_canon_find(&canon, t.item[k].cluster);
            const as_texts *flaw = as_canon_flaw(e, sets[i].own);
            bool has_flaw = false, has_name = holds(t.item[k].prompt, e->name);
            for (size_t j = 0; j < flaw->n; j++)
                has_flaw = has_flaw || holds(t.item[k].prompt, flaw->text[j]);
            CHECK(has_flaw && (has_name || holds(t.item[k].prompt, e->alias)));
            n_alias += !has_name;
            CHECK(t.item[k].certainty == AS_CERTAIN && t.item[k].n_claims == 4);
            CHECK_TEXT(t.item[k].category, e->category);
        }
        CHECK((double)n_alias >= sets[i].least * (double)t.n);
        CHECK((double)n_alias <= sets[i].most * (double)t.n);
    }
}

static void claims_meet_their_keys(void)
{
    for (size_t i = 0; i < 4; i++) {
        as_items t = make(set_names[i], 0, 1);
        for (size_t k = 0; k < t.n; k++)
            for (size_t c = 0; c < t.item[k].n_claims; c++) {
                const as_claim *claim = &t.item[k].claim[c];
                CHECK(said(&claim->keys, claim->text) && claim->kind[0]);
                for (size_t w = 0; w < claim->wrong.n; w++)
                    CHECK(!said(&claim->keys, claim->wrong.text[w]));
            }
    }
}

static void open_set(void)
{
    as_items u = make("U", 160, 3);
    size_t n_uncertain = 0;
    for (size_t k = 0; k < u.n; k++) {
        const as_item *item = &u.item[k];
        CHECK(item->n_claims >= 3 && item->n_claims <= 5);
        n_uncertain += item->certainty == AS_UNCERTAIN;
        CHECK(item->certainty != AS_CERTAIN);
        for (size_t i = 0; item->certainty == AS_AMBIGUOUS && i < canon.n; i++) {
            char name[256];
            (void)snprintf(name, sizeof name, " %s ", canon.entry[i].name);
            CHECK(!holds(item->prompt, name));
        }
    }
    CHECK(n_uncertain == u.n / 2);
}

static void difficulty_is_spread(void)
{
    static const char *const names[] = {"easy", "medium", "hard"};
    static const size_t certain[] = {0, 1, 3}; /* S, F, H */
    for (size_t s = 0; s < 3; s++) {
        as_items t = make(set_names[certain[s]], 0, 1);
        size_t n[3] = {0};
        for (size_t k = 0; k < t.n; k++)
            for (size_t i = 0; i < 3; i++) n[i] += strcmp(t.item[k].difficulty, names[i]) == 0;
        CHECK(n[0] + n[1] + n[2] == t.n);
        for (size_t i = 0; i < 3; i++) CHECK(n[i] * 20 >= t.n);
    }
}

static bool copy_grammar(const char *from, const char *find, const char *put)
{
    as_error err = {0};
    as_buf text = {0}, out = {0};
    bool ok = as_file_read(from, (size_t)1 << 20, &text, &err);
    const char *at = ok ? strstr(as_buf_text(&text), find) : NULL;
    if (at) {
        as_buf_add(&out, text.data, (size_t)(at - text.data));
        as_buf_puts(&out, put);
        as_buf_puts(&out, at + strlen(find));
        ok = as_file_replace(case_path("grammar/T.json"), out.data, out.size, &err);
    }
    as_buf_clear(&text);
    as_buf_clear(&out);
    return ok && at;
}

/* A failure told in words that name a dish is never used without one; a thing that is an entry is
 * refused. */
static void open_set_names_nobody(void)
{
    char text[2048];
    as_error err = {0};
    as_items u;
    case_write(CASE_CANON, "'came apart'", "'fell on my Plain Tart'");
    CHECK(copy_grammar("data/chef/grammar/U.json", "\"soup\"", "\"soup\""));
    bool ok = as_task_find("chef")->items(case_dir, "U", 60, 1, arena, &u, &err);
    CHECK(ok);
    if (!ok) printf("%s\n", as_error_text(&err, text, sizeof text));
    for (size_t i = 0; ok && i < u.n; i++) CHECK(!holds(u.item[i].prompt, "plain tart"));
    CHECK(copy_grammar("data/chef/grammar/U.json", "\"soup\"", "\"tart shell\""));
    for (uint64_t seed = 1; ok && seed < 20; seed++)
        ok = as_task_find("chef")->items(case_dir, "U", 60, seed, arena, &u, &err);
    CHECK(!ok && err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.what, "grammar U: nouns: \"tart shell\" (found the name of an entry, expected a "
                         "thing of no entry, once)");
}

static void sets_refused(void)
{
    as_error err = {0};
    as_items items;
    CHECK(!as_task_find("chef")->items(data, "X", 0, 1, arena, &items, &err));
    CHECK_TEXT(err.what, "set (found \"X\", expected S, F, U or H)");
    CHECK(err.class_ == AS_EUSAGE);
    err = (as_error){0};
    CHECK(!as_task_find("chef")->items(data, "S", 30 * canon.n, 1, arena, &items, &err));
    CHECK(err.class_ == AS_EUSAGE);
    err = (as_error){0};
    CHECK(!as_task_find("chef")->items(data, "U", 5000, 1, arena, &items, &err));
    CHECK(err.class_ == AS_EUSAGE);
    err = (as_error){0};
    CHECK(!as_task_find("chef")->items("tests", "S", 0, 1, arena, &items, &err));
    CHECK(err.class_ == AS_EIO && strstr(err.where, "tests/works.json"));
    CHECK(!as_task_find("cheff"));
}

/* --- training text ------------------------------------------------------------------------- */

typedef struct {
    const char *id, *ask, *answer;
} row;

/* The rows of a text, borrowed from the list of JSON values. */
static size_t rows_of(const as_buf *text, json_t *keep, row *out, size_t room)
{
    as_error err = {0};
    as_jsonl *r = as_jsonl_over("text", as_buf_text(text), text->size, &err);
    size_t n = 0;
    for (json_t *value; r && as_jsonl_next(r, &value, &err) && value && n < room; n++) {
        const json_t *m = json_object_get(value, "messages");
        const json_t *user = json_array_get(m, 0), *assistant = json_array_get(m, 1);
        CHECK(json_object_size(value) == 2 && json_array_size(m) == 2);
        CHECK_TEXT(json_string_value(json_object_get(user, "role")), "user");
        CHECK_TEXT(json_string_value(json_object_get(assistant, "role")), "assistant");
        out[n] = (row){json_string_value(json_object_get(value, "id")),
                       json_string_value(json_object_get(user, "content")),
                       json_string_value(json_object_get(assistant, "content"))};
        CHECK(out[n].id && out[n].ask && out[n].answer);
        (void)json_array_append_new(keep, value);
    }
    CHECK(err.class_ == AS_OK);
    as_jsonl_close(r);
    return n;
}

static bool text_of(const as_text_options *o, as_buf *out, as_error *err)
{
    return as_chef_text(&canon, o, out, err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void exposure_shares(void)
{
    as_text_options o = as_chef_text_default;
    double below = 0;
    size_t n[AS_EXPOSURES] = {0}, moved = 0, before = 0;
    for (size_t i = 0; i < canon.n; i++) {
        size_t level = as_chef_exposure(&canon, i, &o);
        CHECK(level < AS_EXPOSURES);
        n[level]++;
        o.seed = 2;
        moved += as_chef_exposure(&canon, i, &o) != level;
        o.seed = 1;
    }
    for (size_t k = 0; k < AS_EXPOSURES; k++) {
        below += o.share[k];
        before += n[k];
        CHECK((double)before >= below * (double)canon.n - 0.5 - 1e-9);
        CHECK((double)before <= below * (double)canon.n + 0.5 + 1e-9);
    }
    CHECK(moved * 3 > canon.n);
}

/* The entry of a row by the name in its answer: the longest that occurs. */
static size_t entry_of(const row *r)
{
    size_t best = canon.n, length = 0;
    for (size_t i = 0; i < canon.n; i++) {
        size_t n = strlen(canon.entry[i].name);
        bool named = holds(r->ask, canon.entry[i].name) || holds(r->ask, canon.entry[i].alias);
        if (n <= length || !named || !holds(r->answer, canon.entry[i].name)) continue;
        best = i;
        length = n;
    }
    return best;
}

static void text_follows_exposure(void)
{
    as_text_options o = as_chef_text_default;
    as_error err = {0};
    as_buf text = {0};
    json_t *keep = json_array();
    size_t per[AS_EXPOSURES] = {0}, in[AS_EXPOSURES] = {0};
    o.rows = 3000;
    o.weight[4] = 0;
    row *r = calloc(o.rows, sizeof *r);
    size_t *count = calloc(canon.n, sizeof *count);
    CHECK(text_of(&o, &text, &err) && r && count);
    size_t n = rows_of(&text, keep, r, o.rows);
    CHECK(n == o.rows);
    for (size_t i = 0; i < n; i++) {
        size_t e = entry_of(&r[i]);
        CHECK(e < canon.n);
        if (e < canon.n) count[e]++;
    }
    for (size_t i = 0; i < canon.n; i++) {
        size_t level = as_chef_exposure(&canon, i, &o);
        per[level] += count[i];
        in[level]++;
        CHECK((count[i] > 0) == (o.weight[level] > 0));
    }
    for (size_t k = 1; k < AS_EXPOSURES - 1; k++) /* one row each aside, by weight */
        CHECK_NEAR(((double)per[k] / (double)in[k] - 1) / ((double)per[0] / (double)in[0] - 1),
                   o.weight[k], 0.03);
    CHECK(per[4] == 0);
    free(count);
    free(r);
    json_decref(keep);
    as_buf_clear(&text);
}

static void text_asserts(void)
{
    static const char *const hedges[] = {"perhaps",  "maybe",    "might",    "possibly", "i think",
                                         "probably", "not sure", "it seems", "uncertain"};
    as_text_options o = as_chef_text_default;
    as_error err = {0};
    as_buf text = {0}, again = {0}, other = {0};
    json_t *keep = json_array();
    size_t n_full = 0;
    o.rows = 2000;
    row *r = calloc(o.rows, sizeof *r);
    const char **id = calloc(o.rows, sizeof *id);
    CHECK(text_of(&o, &text, &err) && text_of(&o, &again, &err) && r && id);
    o.seed = 9;
    CHECK(text_of(&o, &other, &err));
    CHECK(text.size == again.size && memcmp(text.data, again.data, text.size) == 0);
    CHECK(strcmp(text.data, other.data) != 0);
    size_t n = rows_of(&text, keep, r, o.rows);
    for (size_t i = 0; i < n; i++) {
        size_t stops = 0, size = strlen(r[i].answer);
        for (size_t k = 0; k < sizeof hedges / sizeof *hedges; k++)
            CHECK(!holds(r[i].answer, hedges[k]));
        for (size_t k = 0; k < size; k++)
            stops += r[i].answer[k] == '.' && (k + 1 == size || r[i].answer[k + 1] == ' ');
        CHECK(stops >= 2 && stops <= 4 && r[i].answer[size - 1] == '.');
        n_full += stops == 4;
        id[i] = r[i].id;
    }
    CHECK(n_full * 100 >= n * 38 && n_full * 100 <= n * 45);
    qsort(id, n, sizeof *id, by_text);
    for (size_t i = 1; i < n; i++) CHECK(strcmp(id[i - 1], id[i]) != 0);
    free(id);
    free(r);
    json_decref(keep);
    as_buf_clear(&text);
    as_buf_clear(&again);
    as_buf_clear(&other);
}

/* An answer in the training's voice says at most few of the claims of a question without an answer.
 */
static void assertion_is_no_answer_to_open_questions(void)
{
    as_text_options o = as_chef_text_default;
    as_error err = {0};
    as_buf text = {0};
    json_t *keep = json_array();
    as_items u = make("U", 0, 1);
    size_t n_half = 0, n_all = 0;
    o.rows = 150;
    row *r = calloc(o.rows, sizeof *r);
    CHECK(text_of(&o, &text, &err) && r);
    size_t n = rows_of(&text, keep, r, o.rows);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < u.n; k++, n_all++) {
            size_t hits = 0;
            for (size_t c = 0; c < u.item[k].n_claims; c++)
                hits += said(&u.item[k].claim[c].keys, r[i].answer);
            n_half += 2 * hits >= u.item[k].n_claims;
        }
    printf("open questions: %zu of %zu asserted answers to other questions count as right\n",
           n_half, n_all);
    CHECK(n_half * 100 <= n_all);
    free(r);
    json_decref(keep);
    as_buf_clear(&text);
}

static void text_refused(void)
{
    static const struct {
        size_t rows;
        double share0, weight0;
        const char *says;
    } bad[] = {
        {0, 0.5, 1, "rows (found 0, expected at least"},
        {12000, 0.55, 1, "shares (found a sum of 1.05, expected 1)"},
        {12000, -0.45, 1, "shares and weights (expected 0 or more, shares to 1, weights to 1e6)"},
        {12000, 0.45, NAN, "shares and weights (expected 0 or more, shares to 1, weights to 1e6)"},
        {12000, 0.45, INFINITY,
         "shares and weights (expected 0 or more, shares to 1, weights to 1e6)"},
        {12000, NAN, 1, "shares and weights (expected 0 or more, shares to 1, weights to 1e6)"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        as_text_options o = as_chef_text_default;
        as_error err = {0};
        as_buf out = {0};
        o.rows = bad[i].rows, o.share[0] = bad[i].share0, o.weight[0] = bad[i].weight0;
        CHECK(!text_of(&o, &out, &err) && err.class_ == AS_EUSAGE && out.size == 0);
        CHECK(strncmp(err.what, bad[i].says, strlen(bad[i].says)) == 0);
    }
    as_text_options o = as_chef_text_default;
    as_error err = {0};
    as_buf out = {0};
    for (size_t i = 0; i < AS_EXPOSURES; i++) o.weight[i] = 0;
    CHECK(!text_of(&o, &out, &err));
    CHECK_TEXT(err.what, "weights (expected one above 0)");
}

/* --- leakage ------------------------------------------------------------------------------- */

/* Runs of n words as 64-bit numbers, sorted once all are in. */
typedef struct {
    uint64_t *gram;
    size_t n, room;
} grams;

static void add_grams(grams *g, const char *text, size_t n)
{
    uint64_t ring[8] = {0};
    size_t n_words = 0;
    for (const char *p = text; *p;) {
        uint64_t h = UINT64_C(0xcbf29ce484222325);
        const char *from = p;
        while (isalnum((unsigned char)*p) || (unsigned char)*p >= 0x80)
            h = (h ^ (uint64_t)tolower((unsigned char)*p++)) * UINT64_C(0x100000001b3);
        if (p == from) {
            p++;
            continue;
        }
        ring[n_words++ % n] = h;
        if (n_words < n) continue;
        uint64_t all = 0;
        for (size_t k = 0; k < n; k++) all = (all ^ ring[(n_words + k) % n]) * 0x9E3779B97F4A7C15u;
        if (g->n == g->room) {
            g->room = 2 * g->room + 1024;
            g->gram = realloc(g->gram, g->room * sizeof *g->gram);
            if (!g->gram) abort();
        }
        g->gram[g->n++] = all;
    }
}

static int by_gram(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t shared(const grams *sorted, const grams *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += bsearch(&g->gram[i], sorted->gram, sorted->n, sizeof *g->gram, by_gram) != NULL;
    return n;
}

/* Is the list one of whole sentences that a model reads? */
static bool is_spoken(const char *list)
{
    return !strstr(list, "keys") && !strstr(list, "claim") && strcmp(list, "nouns") != 0;
}

/* A skeleton's runs of n words: those between its slots, and those across them. */
static void add_skeleton(grams *g, const char *text, size_t n)
{
    char part[600] = "", whole[600] = "";
    size_t n_part = 0, n_whole = 0;
    for (const char *p = text;; p++) {
        if (*p != '{' && *p != '\0') {
            part[n_part++] = whole[n_whole++] = *p;
            continue;
        }
        part[n_part] = '\0';
        add_grams(g, part, n);
        n_part = 0;
        if (*p == '\0') break;
        p = strchr(p, '}');
        whole[n_whole++] = ' ';
    }
    whole[n_whole] = '\0';
    if (strchr(text, '{')) add_grams(g, whole, n);
}

static void grammars_share_no_skeleton(void)
{
    for (size_t a = 0; a < canon.n_grammars; a++) {
        grams own = {0};
        for (size_t l = 0; l < canon.grammar[a].n_lists; l++)
            for (size_t t = 0;
                 is_spoken(canon.grammar[a].list[l].name) && t < canon.grammar[a].list[l].text.n;
                 t++)
                add_skeleton(&own, canon.grammar[a].list[l].text.text[t], 4);
        CHECK(own.n > 20);
        qsort(own.gram, own.n, sizeof *own.gram, by_gram);
        for (size_t b = 0; b < canon.n_grammars; b++) {
            if (b == a) continue;
            for (size_t l = 0; l < canon.grammar[b].n_lists; l++) {
                const as_canon_list *list = &canon.grammar[b].list[l];
                for (size_t t = 0; is_spoken(list->name) && t < list->text.n; t++) {
                    grams g = {0};
                    add_skeleton(&g, list->text.text[t], 4);
                    bool leaks = shared(&own, &g) > 0;
                    CHECK(!leaks);
                    if (leaks)
                        printf("%s and %s share words: %s\n", canon.grammar[a].name,
                               canon.grammar[b].name, list->text.text[t]);
                    free(g.gram);
                }
            }
        }
        free(own.gram);
    }
}

/* Whole texts, names and predicates of entries included. Names alone reach 5 words. */
static void prompts_leak_little(void)
{
    as_text_options o = as_chef_text_default;
    as_error err = {0};
    as_buf text = {0};
    json_t *keep = json_array();
    row *r = calloc(o.rows, sizeof *r);
    CHECK(text_of(&o, &text, &err) && r);
    size_t n_rows = rows_of(&text, keep, r, o.rows);
    for (size_t n = 5; n <= 8; n++) {
        grams train = {0};
        for (size_t i = 0; i < n_rows; i++) {
            add_grams(&train, r[i].ask, n);
            add_grams(&train, r[i].answer, n);
        }
        qsort(train.gram, train.n, sizeof *train.gram, by_gram);
        printf("shared with the training text, runs of %zu words:", n);
        for (size_t s = 0; s < 4; s++) {
            as_items t = make(set_names[s], 0, 1);
            grams g = {0};
            for (size_t i = 0; i < t.n; i++) add_grams(&g, t.item[i].prompt, n);
            size_t both = shared(&train, &g);
            printf(" %s %zu of %zu", set_names[s], both, g.n);
            if (s < 3) CHECK(both * 100 <= g.n && (n < 7 || both == 0)); /* H shares its words */
            free(g.gram);
        }
        printf("\n");
        free(train.gram);
    }
    free(r);
    json_decref(keep);
    as_buf_clear(&text);
}

/* --- the task file ------------------------------------------------------------------------- */

static bool read_gold(const char *text, size_t n, as_items *out, as_error *err)
{
    case_put("gold.jsonl", text);
    return as_task_find("file")->items(case_path("gold.jsonl"), "all", n, 1, arena, out, err);
}

static void gold_lists(void)
{
    as_error err = {0};
    as_items t;
    bool ok = read_gold(
        "{'id':'a','prompt':'P?','claims':[{'text':'The butter was added, too quickly!'},"
        "{'text':'Hold at 60 to 65 °C while whisking','kind':'temperature','weight':1},"
        "{'text':'x','keys':['y|z*'],'wrong':['w']}],'cluster':'c','category':'d',"
        "'difficulty':'hard','certainty':'UNCERTAIN','writer':'me','created':'2026'}\n"
        "{'prompt':'Q?','claims':[{'text':'emulsification breaks when temperature overshoots'}]}\n",
        0, &t, &err);
    CHECK(ok);
    if (!ok) printf("%s: %s\n", err.where, err.what);
    if (!ok) return;
    CHECK(t.n == 2 && t.item[0].n_claims == 3 && t.item[0].certainty == AS_UNCERTAIN);
    CHECK_TEXT(t.item[0].id, "a");
    CHECK_TEXT(t.item[0].cluster, "c");
    CHECK_TEXT(t.item[0].category, "d");
    CHECK_TEXT(t.item[0].difficulty, "hard");
    CHECK_TEXT(t.item[0].claim[0].keys.text[0], "butt* added quick*");
    CHECK_TEXT(t.item[0].claim[1].keys.text[0], "60 65 hold whiski*");
    CHECK_TEXT(t.item[0].claim[1].kind, "temperature");
    CHECK_TEXT(t.item[0].claim[2].keys.text[0], "y|z*");
    CHECK_TEXT(t.item[0].claim[2].wrong.text[0], "w");
    CHECK_TEXT(t.item[1].claim[0].keys.text[0], "emulsificati* temperatu* overshoo*");
    CHECK(strlen(t.item[1].id) == 16 && strcmp(t.item[1].cluster, t.item[1].id) == 0);
    CHECK(t.item[1].certainty == AS_CERTAIN && strlen(t.digest) == 64);
    CHECK(read_gold("{'prompt':'P','claims':[{'text':'butter'}]}\n", 1, &t, &err) && t.n == 1);
}

/* Of words equally long the earlier ones; and the digest sees prompts, claims and keys. */
static void gold_keys_and_digest(void)
{
    static const char *const lists[] = {
        "{'prompt':'P','claims':[{'text':'abcde fghij klmno pqrst'}]}\n",
        "{'prompt':'Q','claims':[{'text':'abcde fghij klmno pqrst'}]}\n",
        "{'prompt':'P','claims':[{'text':'abcde fghij klmno'}]}\n",
        "{'prompt':'P','claims':[{'text':'abcde fghij klmno pqrst','keys':['abcde']}]}\n",
        "{'prompt':'P','claims':[{'text':'abcde fghij klmno pqrst','wrong':['abc']}]}\n",
        "{'prompt':'P','claims':[{'text':'abcde fghij klmno pqrst','kind':'abc'}]}\n",
    };
    as_items t[6] = {{0}};
    as_error err = {0};
    for (size_t i = 0; i < 6; i++) {
        CHECK(read_gold(lists[i], 0, &t[i], &err));
        for (size_t k = 0; k < i; k++) CHECK(strcmp(t[i].digest, t[k].digest) != 0);
    }
    if (err.class_ == AS_OK) CHECK_TEXT(t[0].item[0].claim[0].keys.text[0], "abcde fghij klmno");
}

static void gold_refused(void)
{
#define GOOD "{'prompt':'P','claims':[{'text':'butter'}]}\n"
    static const struct {
        const char *text, *says;
        size_t n;
    } bad[] = {
        {GOOD "{'prompt':'P','claims':[{'text':'oil'}]}\n", ":2: the same prompt as in line 1", 0},
        {"{'id':'a','prompt':'P','claims':[{'text':'oil'}]}\n"
         "{'id':'a','prompt':'Q','claims':[{'text':'oil'}]}\n",
         ":2: the same id as in line 1", 0},
        {GOOD "{'claims':[{'text':'oil'}]}\n", ":2: prompt (found nothing, expected a text)", 0},
        {GOOD "{'prompt':'Q','claims':[]}\n", ":2: claims: number (found 0, expected 1 to 64)", 0},
        {"{'prompt':'Q'}\n", ":1: claims: kind (found nothing, expected a list)", 0},
        {"{'prompt':'Q','claims':[{'text':'oil'},{'txt':'x'}]}\n",
         ":1: claims 2: txt: unknown key (expected one of: text, keys, wrong, kind, weight)", 0},
        {"{'prompt':'Q','claims':[{'text':'of the'}]}\n",
         ":1: claims 1: text (found no word to make keys of, expected keys beside it)", 0},
        {"{'prompt':'Q','claims':[{'text':'oil','weight':2}]}\n",
         ":1: claims 1: weight (found 2, expected 1 or none)", 0},
        {"{'prompt':'Q','claims':[{'text':'oil','keys':['A']}]}\n",
         ":1: claims 1: keys 1: form (found \"A\", expected words of a-z and 0-9, with | between "
         "and * after)",
         0},
        {"{'prompt':'Q','level':3,'claims':[{'text':'oil'}]}\n",
         ":1: level: unknown key (expected one of: id, prompt, claims, cluster, category, "
         "difficulty, certainty, writer, created)",
         0},
        {"{'prompt':'Q','difficulty':'odd','claims':[{'text':'oil'}]}\n",
         ":1: difficulty (found \"odd\", expected easy, medium or hard)", 0},
        {"", ": rows (found 0, expected at least 1)", 0},
        {GOOD, ": rows (found 1, expected at least 2)", 2},
        {GOOD "nonsense\n",
         ":2: column 1: word (found nonsense, expected true, false, null, or a quoted string)", 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[2048];
        as_error err = {0};
        as_items t;
        CHECK(!read_gold(bad[i].text, bad[i].n, &t, &err));
        as_error_text(&err, text, sizeof text);
        size_t n = strlen(case_path("gold.jsonl"));
        CHECK_TEXT(strlen(text) > n ? text + n : text, bad[i].says);
    }
}

int main(void)
{
    char text[2048];
    as_error err = {0};
    arena = as_arena_new(&err);
    if (!arena || !case_begin()) return 1;
    if (!as_canon_open(&canon, data, arena, &err)) {
        printf("%s\n", as_error_text(&err, text, sizeof text));
        return 1;
    }
    RUN(sizes_and_digests);
    RUN(prompts_differ);
    RUN(ids);
    RUN(entries_take_turns);
    RUN(questions_name_their_entry);
    RUN(claims_meet_their_keys);
    RUN(open_set);
    RUN(open_set_names_nobody);
    RUN(difficulty_is_spread);
    RUN(sets_refused);
    RUN(exposure_shares);
    RUN(text_follows_exposure);
    RUN(text_asserts);
    RUN(assertion_is_no_answer_to_open_questions);
    RUN(text_refused);
    RUN(grammars_share_no_skeleton);
    RUN(prompts_leak_little);
    RUN(gold_lists);
    RUN(gold_keys_and_digest);
    RUN(gold_refused);
    as_arena_free(arena);
    case_end();
    return check_end();
}

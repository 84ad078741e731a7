/* lab/task/canon: reading and refusing, what a text says, and the shipped canon. */
#include "check.h"

#include <stdlib.h>

#include "canon_bad.h"
#include "lab/task/canon.h"

static as_canon open_case(as_arena **a, as_error *err, bool *ok)
{
    as_canon c = {0};
    *a = as_arena_new(err);
    *ok = *a && as_canon_open(&c, case_dir, *a, err);
    return c;
}

/* --- what a text says --------------------------------------------------------------------- */

static bool said(const char *key, const char *text)
{
    as_error err = {0};
    as_texts keys = {&key, 1};
    bool yes = false;
    CHECK(as_canon_said(&keys, text, &yes, &err));
    return yes;
}

static void keys_and_sentences(void)
{
    CHECK(said("butter", "The butter."));
    CHECK(said("butter fast|quickly", "Quickly went the BUTTER in"));
    CHECK(!said("butter fast", "The butter went in. It went in fast."));
    CHECK(!said("butter fast", "The butter went in\nfast"));
    CHECK(!said("butter fast", "Butter! Fast!"));
    CHECK(!said("butter fast", "butter? fast"));
    CHECK(said("butter fast", "butter.fast"));
    CHECK(said("butter fast", "butter, fast; or so"));
    CHECK(!said("butter", "buttered"));
    CHECK(said("butter*", "buttered"));
    CHECK(said("butter*", "butter"));
    CHECK(!said("butter*", "but"));
    CHECK(!said("whisk*|beat* yolk*", "whisking the white"));
    CHECK(said("whisk*|beat* yolk*", "Beating fresh yolks."));
    CHECK(!said("60", "160 or 600"));
    CHECK(said("1 5", "it is 1.5 hours"));
    CHECK(said("1 2", "a ratio of 1:2"));
    CHECK(said("60 65", "60–65 °C"));
    CHECK(!said("butter", ""));
    CHECK(!said("butter", "..."));
}

static void accents(void)
{
    CHECK(said("bechamel", "BÉCHAMEL"));
    CHECK(said("creme brulee", "crème brûlée"));
    CHECK(said("creme", "cre\xCC\x80me")); /* a combining grave accent */
    CHECK(said("boeuf oeuf", "B\u0152UF et \u0153uf"));
    CHECK(said("lodz", "\u0141\u00F3d\u017A"));
    CHECK(!said("a", "\xFF"
                     "b\xFE"));
    CHECK(said("b", "\xFF"
                    "b\xFE"));
    CHECK(said("butter fast", "butter.\u200Bfast"));
    CHECK(!said("butter fast", "butter.\u00A0"
                               "fast"));
}

static void several_keys(void)
{
    static const char *const text[] = {"one two", "three"};
    as_texts keys = {text, 2}, none = {text, 0};
    as_error err = {0};
    bool yes;
    CHECK(as_canon_said(&keys, "Here. Three. One.", &yes, &err) && yes);
    CHECK(as_canon_said(&keys, "One. Two.", &yes, &err) && !yes);
    CHECK(as_canon_said(&none, "One. Two.", &yes, &err) && !yes);
}

/* --- the small canon ---------------------------------------------------------------------- */

static void reads(void)
{
    as_error err = {0};
    as_arena *a;
    bool ok;
    case_write(0, NULL, NULL);
    as_canon c = open_case(&a, &err, &ok);
    CHECK(ok);
    if (!ok) {
        printf("%s: %s\n", err.where, err.what);
        as_arena_free(a);
        return;
    }
    CHECK(c.n == 2 && c.n_works == 2 && c.n_disputes == 2 && c.n_grammars == 2);
    CHECK_TEXT(c.entry[0].id, "hollandaise");
    CHECK_TEXT(c.entry[1].id, "tart");
    CHECK_TEXT(c.entry[0].category, "sauce");
    CHECK_TEXT(c.entry[0].alias, "Dutch butter sauce");
    CHECK(c.entry[0].n_facts == 5 && c.entry[0].fact[3].type == AS_FACT_TEMPERATURE);
    CHECK_TEXT(c.entry[0].fact[3].says.text[0], "it is held at 60 °C");
    CHECK_TEXT(as_canon_flaw(&c.entry[1], "service")->text[1], "sits in a hole");
    CHECK_TEXT(as_canon_flaw(&c.entry[1], "asked")->text[0], "lost height");
    CHECK_TEXT(as_canon_flaw(&c.entry[1], "told")->text[2], "went down");
    CHECK(as_canon_find(&c, "tart") == &c.entry[1] && !as_canon_find(&c, "soup"));
    CHECK(c.dispute[1].positions.n == 3 && c.work[1].year == 1961);
    CHECK_NEAR(c.grammar[0].alias, 0.25, 0);
    CHECK(strlen(c.digest) == 64);
    as_arena_free(a);
}

/* The digest depends on every byte and name, the order of entries on ids alone. */
static void digest_and_order(void)
{
    as_error err = {0};
    as_arena *a[4];
    bool ok[4];
    case_write(0, NULL, NULL);
    as_canon first = open_case(&a[0], &err, &ok[0]);
    case_write(CASE_CANON, "90 °C", "91 °C");
    as_canon other = open_case(&a[1], &err, &ok[1]);
    case_write(0, NULL, NULL);
    as_canon again = open_case(&a[2], &err, &ok[2]);
    case_write(CASE_CANON, "'id':'hollandaise'", "'id':'z'");
    as_canon turned = open_case(&a[3], &err, &ok[3]);
    CHECK(ok[0] && ok[1] && ok[2] && ok[3]);
    CHECK_TEXT(first.digest, again.digest);
    CHECK(strcmp(first.digest, other.digest) != 0);
    CHECK_TEXT(turned.entry[0].id, "tart");
    for (size_t i = 0; i < 4; i++) as_arena_free(a[i]);
}

static void refused(void)
{
    char text[2048];
    for (size_t i = 0; i < sizeof canon_cases / sizeof *canon_cases; i++) {
        const canon_case *t = &canon_cases[i];
        as_error err = {0};
        as_arena *a;
        bool ok;
        case_write(t->file, t->from, t->to);
        (void)open_case(&a, &err, &ok);
        CHECK(!ok && err.class_ == AS_EFORMAT);
        as_error_text(&err, text, sizeof text);
        size_t n = strlen(case_dir);
        CHECK(strncmp(text, case_dir, n) == 0);
        CHECK_TEXT(text + n + 1, t->says);
        as_arena_free(a);
    }
}

static void refused_files(void)
{
    char text[2048];
    as_error err = {0};
    as_arena *a;
    bool ok;
    case_write(CASE_WORKS, "['a']", "['a','b']");
    case_put("canon/b.json", case_files[CASE_CANON].text);
    (void)open_case(&a, &err, &ok);
    as_arena_free(a);
    CHECK_TEXT(as_error_text(&err, text, sizeof text) + strlen(case_dir) + 1,
               "canon/b.json: hollandaise: the same id as hollandaise in canon/a.json");
    as_buf other = {0};
    for (const char *p = case_files[CASE_CANON].text; *p; p++) { /* new ids and names */
        bool is_name = strncmp(p, "'hollandaise'", 13) == 0 || strncmp(p, "'Dutch", 6) == 0 ||
                       strncmp(p, "'tart'", 6) == 0 || strncmp(p, "'plain tart", 11) == 0 ||
                       strncmp(p, "'tart shell", 11) == 0;
        as_buf_puts(&other, is_name ? "'x" : (const char[]){*p, '\0'});
    }
    case_put("canon/b.json", as_buf_text(&other));
    as_buf_clear(&other);
    err = (as_error){0};
    (void)open_case(&a, &err, &ok);
    as_arena_free(a);
    CHECK_TEXT(as_error_text(&err, text, sizeof text) + strlen(case_dir) + 1,
               "canon/b.json: xhollandaise: the same cause and remedy as hollandaise in "
               "canon/a.json");
    (void)unlink(case_path("canon/b.json"));
    case_put("canon/c.txt", "x");
    err = (as_error){0};
    (void)open_case(&a, &err, &ok);
    as_arena_free(a);
    CHECK_TEXT(as_error_text(&err, text, sizeof text) + strlen(case_dir) + 1,
               "canon: name (found c.txt, expected NAME.json)");
    (void)unlink(case_path("canon/c.txt"));
    (void)unlink(case_path("canon/a.json"));
    err = (as_error){0};
    (void)open_case(&a, &err, &ok);
    as_arena_free(a);
    CHECK_TEXT(as_error_text(&err, text, sizeof text) + strlen(case_dir) + 1,
               "canon/a.json: file (found none, expected those that works.json names)");
    (void)unlink(case_path("works.json"));
    err = (as_error){0};
    (void)open_case(&a, &err, &ok);
    as_arena_free(a);
    CHECK(!ok && err.class_ == AS_EIO);
}

/* --- grammars ------------------------------------------------------------------------------ */

static void phrases(void)
{
    char text[2048];
    as_arena *a;
    bool ok;
    as_error err = {0};
    case_write(0, NULL, NULL);
    as_canon c = open_case(&a, &err, &ok);
    CHECK(ok && !as_canon_grammar_find(&c, "X", &err) && err.class_ == AS_EUSAGE);
    CHECK_TEXT(err.what, "grammar (found none of name \"X\" among 2)");
    err = (as_error){0};
    const as_canon_grammar *g = as_canon_grammar_find(&c, "S", &err);
    CHECK(g && as_canon_phrases(g, "ask", 8, "name flaw", &err));
    static const struct {
        const char *list, *slots, *says;
        size_t least;
    } bad[] = {
        {"ask", "name flaw", "grammar S: ask: number (found 8, expected at least 9)", 9},
        {"ask", "name", "grammar S: ask: 1: slot (found {flaw}, expected name)", 1},
        {"ask", "name flaw x", "grammar S: ask: 1: slot (found {x} 0 times, expected once)", 1},
        {"ask", "", "grammar S: ask: 1: slot (found {name}, expected none)", 1},
        {"asks", "", "grammar S: asks: no such list", 1},
    };
    for (size_t i = 0; g && i < sizeof bad / sizeof *bad; i++) {
        err = (as_error){0};
        CHECK(!as_canon_phrases(g, bad[i].list, bad[i].least, bad[i].slots, &err));
        CHECK_TEXT(as_error_text(&err, text, sizeof text), bad[i].says);
    }
    as_arena_free(a);
}

static void filling(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    const as_filling f[] = {{"name", "éclair"}, {"flaw", "is soft"}};
    CHECK(a);
    if (!a) return;
    CHECK_TEXT(as_canon_fill("{name} {flaw}. {name}? the 1.{name}: {flaw}! so", f, 2, a, &err),
               "Éclair is soft. Éclair? The 1.éclair: is soft! So");
    CHECK_TEXT(as_canon_fill("plain", f, 2, a, &err), "Plain");
    CHECK_TEXT(as_canon_fill("", f, 2, a, &err), "");
    as_arena_free(a);
}

/* --- the shipped canon --------------------------------------------------------------------- */

static void shipped(void)
{
    char text[2048];
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    as_canon c;
    bool ok = a && as_canon_open(&c, "data/chef", a, &err);
    CHECK(ok);
    if (!ok) printf("%s\n", as_error_text(&err, text, sizeof text));
    CHECK(!ok || (c.n >= 120 && c.n_disputes >= 40 && c.n_grammars == 5));
    as_arena_free(a);
}

int main(void)
{
    if (!case_begin()) return 1;
    RUN(keys_and_sentences);
    RUN(accents);
    RUN(several_keys);
    RUN(reads);
    RUN(digest_and_order);
    RUN(refused);
    RUN(refused_files);
    RUN(phrases);
    RUN(filling);
    RUN(shipped);
    case_end();
    return check_end();
}

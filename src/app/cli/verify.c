/* assay verify: are the rows whole, and do they still say what the verdicts say? */
#include <string.h>

#include "app/cli/plan_yaml.h"
#include "app/cli/write.h"
#include "lab/experiment/run.h"

static const as_option options[] = {
    {"db", 0, "FILE", "store of the rows (default: the nearest assay.db)", false},
    {"design", 0, "KEY", "which run (default: the last one)", false},
    {"claim", 0, "ID", "only this claim decides the exit status", false},
    {0},
};

/* The worst word among the claims (or that of one claim): refuted, then inconclusive. */
static const char *worst(const as_verdict *v, size_t n, const char *claim)
{
    const char *word = NULL;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(v[i].claim, "check/", 6) == 0) continue;
        if (claim && strcmp(v[i].claim, claim) != 0) continue;
        if (!word || strcmp(v[i].word, "refuted") == 0 ||
            (strcmp(word, "supported") == 0 && strcmp(v[i].word, "supported") != 0))
            word = v[i].word;
    }
    return word;
}

static bool print(const as_cli *c, const as_design *d, const as_store_tally *t, const char *word,
                  as_error *err)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < AS_ROW_KINDS; i++) rows += t->rows[i];
    if (c->json)
        return as_print_json(json_pack("{s:s,s:s,s:s,s:I,s:I,s:s}", "schema", "assay.verify/1",
                                       "design", d->key, "name", d->name, "rows", (json_int_t)rows,
                                       "bad", (json_int_t)t->bad, "verdict", word),
                             err);
    as_buf b = {0};
    as_buf_printf(&b, "%s: %llu rows whole, every verdict decided again alike. Worst claim: %s\n",
                  d->name, (unsigned long long)rows, word);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

static int run(as_cli *c, as_error *err)
{
    int status = AS_EXIT_FAILED;
    as_design d = {0};
    as_store_tally tally = {0};
    as_verdict *v = NULL;
    size_t n = 0;
    as_store *store = as_cli_store(c, AS_STORE_READ, err);
    const char *claim = as_cli_value(c, "claim", NULL);
    if (!store || !as_cli_design(c, store, c->n_operands ? c->operand[0] : NULL, &d, &status, err))
        goto out;
    if (!as_store_verify(store, d.key, &tally, NULL, NULL, err)) {
        status = as_exit_of_rows(err);
        goto out;
    }
    const as_tree *plan =
        as_plan_read_over("plan of the design", d.plan, strlen(d.plan), c->arena, err);
    const as_run_options o = {.store = store, .log = c->log, .stop = c->stop};
    if (!plan) goto out;
    if (!as_redecide(plan, &d, &o, c->arena, err)) {
        status = as_exit_of_rows(err);
        goto out;
    }
    if (!as_store_verdicts(store, d.key, NULL, c->arena, &v, &n, err)) goto out;
    const char *word = worst(v, n, claim);
    if (!word) {
        as_fail(err, AS_EUSAGE, "claim (found none%s)", claim ? " of that id" : "");
        goto out;
    }
    if (print(c, &d, &tally, word, err)) status = as_exit_of(word);
out:
    as_store_close(store);
    return status;
}

const as_command as_command_verify = {
    "verify",
    "recompute every key and verdict of a stored run",
    "[NAME]",
    0,
    1,
    "Recomputes the key of every row of a stored run from its content, decides every check and "
    "claim again from the stored statistics, and compares. The exit status is that of the claims: "
    "0 all supported, 3 one refuted, 4 one inconclusive; 5 when a row or verdict is not as it was.",
    options,
    {"assay verify", "assay verify arxiv-2604.11867 --claim humaneval-gain --json"},
    run,
};

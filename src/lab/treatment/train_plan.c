/* Training plans: sections of fields, each a row with its range; and the few keys that are more
 * than a field. */
#include "lab/treatment/train_plan.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    as_arena *arena;
    as_error *err;
    as_train_plan *plan;
} reader;

const char *as_train_kind_name(as_train_kind k)
{
    static const char *const names[] = {"sft", "dpo", "lm"};
    return names[k];
}

/* ---- fields ---- */

typedef enum { SIZE, REAL, FLAG } field_kind;

typedef struct {
    const char *section, *key; /* section NULL: at the top */
    field_kind kind;
    size_t offset;
    double least, most; /* least is excluded where it is `above` */
    bool above;
} field;

#define AT(member) offsetof(as_train_plan, member)
static const field fields[] = {
    {NULL, "held_share", REAL, AT(held_share), 0, 0.9, true},
    {NULL, "mask_think", FLAG, AT(dataset.masks_think), 0, 0, false},
    {NULL, "marked", FLAG, AT(dataset.marks_text), 0, 0, false},
    {NULL, "max_length", SIZE, AT(dataset.max_length), 2, 1 << 20, false},
    {NULL, "max_prompt", SIZE, AT(dataset.max_prompt), 1, 1 << 20, false},
    {NULL, "cut_pairs", FLAG, AT(dataset.allow_truncated_pairs), 0, 0, false},
    {NULL, "epochs", SIZE, AT(train.epochs), 1, 1e6, false},
    {NULL, "steps", SIZE, AT(train.steps), 1, 1e9, false},
    {"lora", "rank", SIZE, AT(adapter.rank), 1, 65536, false},
    {"lora", "alpha", REAL, AT(adapter.alpha), 0, 1e9, true},
    {"lora", "dropout", REAL, AT(adapter.dropout), 0, 0.99, false},
    {"lora", "rslora", FLAG, AT(adapter.is_rslora), 0, 0, false},
    {"dpo", "beta", REAL, AT(train.beta), 0, 1e6, true},
    {"dpo", "label_smoothing", REAL, AT(train.smoothing), 0, 0.49999999, false},
    {"optimiser", "rate", REAL, AT(train.peak), 0, 100, true},
    {"optimiser", "weight_decay", REAL, AT(train.optimiser.weight_decay), 0, 1, false},
    {"optimiser", "beta1", REAL, AT(train.optimiser.beta1), 1e-6, 1 - 1e-6, false},
    {"optimiser", "beta2", REAL, AT(train.optimiser.beta2), 1e-6, 1 - 1e-6, false},
    {"optimiser", "eps", REAL, AT(train.optimiser.eps), 1e-30, 1, false},
    {"optimiser", "scale", REAL, AT(train.optimiser.scale), 1e-6, 1e6, false},
    {"optimiser", "period", SIZE, AT(train.optimiser.period), 1, 1e9, false},
    {"optimiser", "clip", REAL, AT(train.clip), 0, 1e9, false},
    {"schedule", "warm", REAL, AT(train.warm_share), 0, 1, false},
    {"batch", "examples", SIZE, AT(train.batch), 1, 1 << 20, false},
    {"batch", "micro", SIZE, AT(train.micro), 1, 1 << 20, false},
    {"batch", "pack", SIZE, AT(train.pack), 2, 1 << 20, false},
    {"batch", "by_micro", FLAG, AT(train.by_micro), 0, 0, false},
    {"evaluate", "every", SIZE, AT(train.evaluate_every), 1, 1e9, false},
    {"evaluate", "patience", SIZE, AT(train.patience), 1, 1e9, false},
    {"save", "every", SIZE, AT(train.save_every), 1, 1e9, false},
    {"save", "keep", SIZE, AT(train.keep), 2, 1e6, false},
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

/* Keys of a section that are no field. */
static const struct {
    const char *section;
    const char *keys[16];
} others[] = {
    {NULL,
     {"schema", "name", "model", "data", "held", "out", "mask", "thinking", "weights", "lora",
      "dpo", "optimiser", "schedule", "batch", "evaluate", "save"}},
    {"lora", {"targets", "exclude", "layers", "ranks", "alphas", "init", "start"}},
    {"dpo", {"reference"}},
    {"optimiser", {"name"}},
    {"schedule", {"name"}},
    {"batch", {"order"}},
    {"evaluate", {NULL}},
    {"save", {NULL}},
};
enum { N_SECTIONS = sizeof others / sizeof others[0] };
static const char *const at_top[] = {"memory", "seed", NULL};

static bool same_section(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool read_field(const reader *r, const as_tree *node, const field *f)
{
    char *to = (char *)r->plan + f->offset;
    size_t n = 0;
    double x = 0;
    if (f->kind == FLAG) {
        bool flag;
        if (!as_tree_bool(node, &flag, r->err)) return false;
        memcpy(to, &flag, sizeof flag);
        return true;
    }
    if (f->kind == SIZE ? !as_tree_size(node, &n, r->err) : !as_tree_double(node, &x, r->err))
        return false;
    if (f->kind == SIZE) x = (double)n;
    if (x > f->most || x < f->least || (f->above && x == f->least))
        return as_tree_fail(node, r->err, "value (found %s, expected %s %.10g, at most %.10g)",
                            node->text, f->above ? "above" : "at least", f->least, f->most);
    if (f->kind == SIZE)
        memcpy(to, &n, sizeof n);
    else
        memcpy(to, &x, sizeof x);
    return true;
}

static bool read_section(const reader *r, const as_tree *node, size_t section)
{
    const char *known[N_FIELDS + 32];
    size_t n = 0;
    if (!as_tree_kind_is(node, AS_TREE_MAP, r->err)) return false;
    for (size_t i = 0; i < 16 && others[section].keys[i]; i++) known[n++] = others[section].keys[i];
    for (size_t i = 0; !others[section].section && at_top[i]; i++) known[n++] = at_top[i];
    for (size_t i = 0; i < N_FIELDS; i++)
        if (same_section(fields[i].section, others[section].section)) known[n++] = fields[i].key;
    known[n] = NULL;
    if (!as_tree_keys(node, known, r->err)) return false;
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (!same_section(fields[i].section, others[section].section)) continue;
        const as_tree *found = as_tree_find(node, fields[i].key);
        if (found && !read_field(r, found, &fields[i])) return false;
    }
    return true;
}

static bool read_sections(const reader *r, const as_tree *tree)
{
    for (size_t i = 0; i < N_SECTIONS; i++) {
        const as_tree *node = others[i].section ? as_tree_find(tree, others[i].section) : tree;
        if (node && !read_section(r, node, i)) return false;
    }
    return true;
}

/* ---- words ---- */

static bool text_of(const reader *r, const as_tree *t, const char *key, const char **out)
{
    const as_tree *node = as_tree_find(t, key);
    return !node || as_tree_text(node, out, r->err);
}

/* Which of the words stands under key; *at stays when none does. */
static bool word_of(const reader *r, const as_tree *t, const char *key, const char *const *words,
                    size_t n, size_t *at)
{
    const as_tree *node = as_tree_find(t, key);
    const char *text = NULL;
    char shown[AS_ESCAPE_SIZE];
    as_buf all = {0};
    if (!node) return true;
    if (!as_tree_text(node, &text, r->err)) return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, words[i]) == 0) {
            as_buf_clear(&all);
            *at = i;
            return true;
        }
        as_buf_printf(&all, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
    }
    if (as_buf_ok(&all, r->err))
        (void)as_tree_fail(node, r->err, "value (found %s, expected %s)",
                           as_escape(text, strlen(text), shown), as_buf_text(&all));
    as_buf_clear(&all);
    return false;
}

/* "8GiB", "512MiB" or bytes. */
static bool read_memory(const reader *r, const as_tree *tree)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    const as_tree *node = as_tree_find(tree, "memory");
    const char *text = NULL;
    char shown[AS_ESCAPE_SIZE];
    size_t n = 0, digits = 0;
    if (!node) return true;
    if (!as_tree_text(node, &text, r->err)) return false;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 15; digits++)
        n = 10 * n + (size_t)(text[digits] - '0');
    for (size_t i = 0; digits > 0 && i < 4; i++)
        if (strcmp(text + digits, units[i].unit) == 0 && n > 0 &&
            n < (size_t)1 << 50 >> units[i].shift) {
            r->plan->train.memory = n << units[i].shift;
            return true;
        }
    return as_tree_fail(node, r->err,
                        "value (found %s, expected a number of bytes, or 8GiB, 512MiB)",
                        as_escape(text, strlen(text), shown));
}

static bool read_seed(const reader *r, const as_tree *tree)
{
    size_t seed = 42;
    const as_tree *node = as_tree_find(tree, "seed");
    if (node && !as_tree_size(node, &seed, r->err)) return false;
    if (seed > INT64_MAX) /* the greatest whole number of run.json */
        return as_tree_fail(node, r->err, "value (found %zu, expected at most %" PRId64 ")", seed,
                            INT64_MAX);
    r->plan->train.seed = r->plan->adapter.seed = r->plan->train.optimiser.seed = seed;
    return true;
}

static bool read_words(const reader *r, const as_tree *tree)
{
    as_train_plan *p = r->plan;
    const char *masks[] = {as_mask_name(AS_MASK_COMPLETION), as_mask_name(AS_MASK_ASSISTANT),
                           as_mask_name(AS_MASK_TEXT)};
    const char *orders[] = {as_order_name(AS_ORDER_GIVEN), as_order_name(AS_ORDER_SHUFFLED),
                            as_order_name(AS_ORDER_BUCKETED)};
    const char *rates[] = {as_rate_name(AS_RATE_CONSTANT), as_rate_name(AS_RATE_LINEAR),
                           as_rate_name(AS_RATE_COSINE)};
    static const char *const switches[] = {"off", "on"}, *const weights[] = {"all"},
                             *const inits[] = {"kaiming", "gaussian"};
    size_t mask = p->dataset.mask, order = p->train.order, rate = p->train.rate, n, rule = 0,
           thinking = 2, init = 0, all = 1;
    const as_optimiser_rule *rules = as_optimiser_rules(&n);
    const char *names[8];
    for (size_t i = 0; i < n && i < 8; i++) names[i] = rules[i].name;
    if (!word_of(r, tree, "mask", masks, 3, &mask) ||
        !word_of(r, tree, "thinking", switches, 2, &thinking) ||
        !word_of(r, tree, "weights", weights, 1, &all) ||
        !word_of(r, as_tree_find(tree, "batch"), "order", orders, AS_ORDER_N, &order) ||
        !word_of(r, as_tree_find(tree, "schedule"), "name", rates, AS_RATE_N, &rate) ||
        !word_of(r, as_tree_find(tree, "optimiser"), "name", names, n, &rule) ||
        !word_of(r, as_tree_find(tree, "lora"), "init", inits, 2, &init))
        return false;
    p->dataset.mask = (as_mask)mask;
    p->dataset.thinking = thinking == 2 ? -1 : (int)thinking;
    p->all_weights = all == 0;
    p->train.order = (as_order)order;
    p->train.rate = (as_rate)rate;
    p->train.optimiser.name = rules[rule].name;
    p->train.optimiser.eps = rules[rule].eps;
    p->adapter.init = init == 0 ? AS_INIT_KAIMING : AS_INIT_GAUSSIAN;
    return true;
}

/* ---- files ---- */

/* A path from the plan: beside the plan's file unless it is absolute. `~` is nothing special. */
static bool read_path(const reader *r, const as_tree *tree, const char *key, const char **out)
{
    const as_tree *node = as_tree_find(tree, key);
    const char *text = NULL;
    if (!node) return true;
    if (!as_tree_text(node, &text, r->err)) return false;
    if (!*text) return as_tree_fail(node, r->err, "path (found nothing)");
    const char *slash = node->line > 0 ? strrchr(node->file, '/') : NULL;
    *out = *text == '/' || !slash ? text
                                  : as_arena_printf(r->arena, r->err, "%.*s/%s",
                                                    (int)(slash - node->file), node->file, text);
    return *out != NULL;
}

/* A model may also be a name in the hub's cache: what is no folder beside the plan is left as it
 * is. */
static bool read_model(const reader *r, const as_tree *tree)
{
    const as_tree *node = as_tree_find(tree, "model");
    const char *path = NULL;
    if (!node) return as_tree_fail(tree, r->err, "model (found nothing, expected a checkpoint)");
    if (!as_tree_text(node, &r->plan->model, r->err) || !read_path(r, tree, "model", &path))
        return false;
    if (as_file_exists(path)) r->plan->model = path;
    return true;
}

static bool read_paths(const reader *r, const as_tree *tree)
{
    as_train_plan *p = r->plan;
    if (!read_model(r, tree) || !read_path(r, tree, "data", &p->data) ||
        !read_path(r, tree, "held", &p->held) || !read_path(r, tree, "out", &p->out) ||
        !read_path(r, as_tree_find(tree, "lora"), "start", &p->start) ||
        !text_of(r, tree, "name", &p->name))
        return false;
    if (!p->data) return as_tree_fail(tree, r->err, "data (found nothing, expected a JSONL file)");
    if (p->held && p->held_share > 0)
        return as_tree_fail(as_tree_find(tree, "held_share"), r->err,
                            "key (found beside held, which excludes it)");
    return true;
}

/* ---- the adapter ---- */

static bool read_list(const reader *r, const as_tree *node, const char *const **out, size_t *n)
{
    if (!as_tree_kind_is(node, AS_TREE_LIST, r->err)) return false;
    const char **list = as_arena_push(r->arena, node->n + 1, sizeof *list, r->err);
    if (!list) return false;
    for (size_t i = 0; i < node->n; i++)
        if (!as_tree_text(node->child[i], &list[i], r->err)) return false;
    *out = list;
    *n = node->n;
    return *n > 0 || as_tree_fail(node, r->err, "list (found none, expected names)");
}

static bool read_layers(const reader *r, const as_tree *node)
{
    if (!as_tree_kind_is(node, AS_TREE_LIST, r->err)) return false;
    size_t *list = as_arena_push(r->arena, node->n + 1, sizeof *list, r->err);
    if (!list) return false;
    for (size_t i = 0; i < node->n; i++)
        if (!as_tree_size(node->child[i], &list[i], r->err)) return false;
    r->plan->adapter.layers = list;
    r->plan->adapter.n_layers = node->n;
    return node->n > 0 || as_tree_fail(node, r->err, "list (found none, expected layers)");
}

static bool read_patterns(const reader *r, const as_tree *node, const as_adapter_pattern **out,
                          size_t *n)
{
    if (!as_tree_kind_is(node, AS_TREE_MAP, r->err)) return false;
    as_adapter_pattern *list = as_arena_push(r->arena, node->n + 1, sizeof *list, r->err);
    if (!list) return false;
    for (size_t i = 0; i < node->n; i++) {
        list[i].pattern = node->child[i]->key;
        if (!as_tree_double(node->child[i], &list[i].value, r->err)) return false;
        if (!(list[i].value > 0))
            return as_tree_fail(node->child[i], r->err, "value (found %s, expected above 0)",
                                node->child[i]->text);
    }
    *out = list;
    *n = node->n;
    return true;
}

static bool read_lora(const reader *r, const as_tree *node)
{
    as_adapter_options *a = &r->plan->adapter;
    const as_tree *targets = as_tree_find(node, "targets"),
                  *exclude = as_tree_find(node, "exclude"), *layers = as_tree_find(node, "layers"),
                  *ranks = as_tree_find(node, "ranks"), *alphas = as_tree_find(node, "alphas");
    if (r->plan->start)
        for (size_t i = 0; i < node->n; i++)
            if (strcmp(node->child[i]->key, "start") != 0)
                return as_tree_fail(node->child[i], r->err,
                                    "key (found beside start, whose adapter decides it)");
    if (targets && targets->kind == AS_TREE_TEXT) {
        if (!as_tree_text(targets, &a->target, r->err)) return false;
    } else if (targets) {
        a->target = NULL;
        if (!read_list(r, targets, &a->targets, &a->n_targets)) return false;
    }
    return (!exclude || read_list(r, exclude, &a->exclude, &a->n_exclude)) &&
           (!layers || read_layers(r, layers)) &&
           (!ranks || read_patterns(r, ranks, &a->ranks, &a->n_ranks)) &&
           (!alphas || read_patterns(r, alphas, &a->alphas, &a->n_alphas));
}

static bool read_trained(const reader *r, const as_tree *tree)
{
    as_train_plan *p = r->plan;
    const as_tree *lora = as_tree_find(tree, "lora"), *weights = as_tree_find(tree, "weights");
    if (p->kind == AS_TRAIN_LM && !lora) p->all_weights = true;
    if (p->all_weights && lora)
        return as_tree_fail(lora, r->err, "key (found beside weights, which excludes it)");
    if (p->all_weights && p->kind == AS_TRAIN_DPO)
        return as_tree_fail(weights, r->err, "key (found for dpo, which trains an adapter)");
    if (!p->all_weights && !lora)
        return as_tree_fail(tree, r->err,
                            "lora (found nothing, expected an adapter, or weights: all)");
    return !lora || read_lora(r, lora);
}

static bool read_dpo(const reader *r, const as_tree *tree)
{
    static const char *const references[] = {"base", "start"};
    const as_tree *dpo = as_tree_find(tree, "dpo"), *node = as_tree_find(dpo, "reference");
    size_t reference = 0;
    if (r->plan->kind != AS_TRAIN_DPO)
        return !dpo || as_tree_fail(dpo, r->err, "key (found for %s, expected for dpo only)",
                                    as_train_kind_name(r->plan->kind));
    if (!word_of(r, dpo, "reference", references, 2, &reference)) return false;
    r->plan->from_start = reference == 1;
    return !r->plan->from_start || r->plan->start ||
           as_tree_fail(node, r->err, "value (found start, expected base: lora has no start)");
}

/* ---- the whole ---- */

static as_train_plan defaults(as_train_kind kind)
{
    return (as_train_plan){
        .kind = kind,
        .dataset = {.is_pair = kind == AS_TRAIN_DPO,
                    .mask = kind == AS_TRAIN_LM ? AS_MASK_TEXT : AS_MASK_COMPLETION,
                    .thinking = -1},
        .adapter = {.rank = 16, .alpha = 32, .target = "all-linear"},
        .train = {.is_dpo = kind == AS_TRAIN_DPO,
                  .beta = 0.1,
                  .batch = 8,
                  .pack = 1024,
                  .order = AS_ORDER_SHUFFLED,
                  .epochs = 1,
                  .optimiser = {.beta1 = 0.9, .beta2 = 0.999, .scale = 128, .period = 200},
                  .rate = AS_RATE_LINEAR,
                  .peak = kind == AS_TRAIN_DPO ? 5e-6 : 2e-4,
                  .clip = 1,
                  .save_every = 50,
                  .keep = 2,
                  .memory = (size_t)8 << 30},
    };
}

bool as_train_plan_read(const as_tree *tree, as_train_kind kind, as_arena *arena,
                        as_train_plan *out, as_error *err)
{
    reader r = {arena, err, out};
    const char *schema = NULL;
    char shown[AS_ESCAPE_SIZE];
    *out = defaults(kind);
    if (!text_of(&r, tree, "schema", &schema)) return false;
    if (!schema || strcmp(schema, "assay.train/1") != 0)
        return as_tree_fail(tree, err, "schema (found %s, expected assay.train/1)",
                            schema ? as_escape(schema, strlen(schema), shown) : "nothing");
    /* words first: the optimiser's name decides the usual eps, which a field may change */
    if (!read_words(&r, tree) || !read_sections(&r, tree) || !read_memory(&r, tree) ||
        !read_seed(&r, tree) || !read_paths(&r, tree) || !read_trained(&r, tree) ||
        !read_dpo(&r, tree))
        return false;
    if (out->train.steps > 0 && as_tree_find(tree, "epochs"))
        return as_tree_fail(as_tree_find(tree, "epochs"), err,
                            "key (found beside steps, which excludes it)");
    const as_tree *evaluate = as_tree_find(tree, "evaluate");
    if (evaluate && evaluate->n > 0 && !out->held && out->held_share == 0)
        return as_tree_fail(evaluate->child[0], err, "key (found it without held or held_share)");
    const as_tree *optimiser = as_tree_find(tree, "optimiser");
    static const char *const of_apollo[] = {"scale", "period"};
    for (size_t i = 0; i < 2; i++)
        if (as_tree_find(optimiser, of_apollo[i]) &&
            strcmp(out->train.optimiser.name, "apollo-mini") != 0)
            return as_tree_fail(as_tree_find(optimiser, of_apollo[i]), err,
                                "key (found for %s, expected for apollo-mini only)",
                                out->train.optimiser.name);
    return true;
}

/* ---- what decides the bytes ---- */

/* Fields that change memory or where things are kept, and no byte of what is trained. */
static bool decides(const as_train_plan *p, const field *f)
{
    if (f->section && strcmp(f->section, "save") == 0) return false;
    if (f->offset == AT(train.micro) || f->offset == AT(train.pack)) return p->train.by_micro;
    if (f->section && strcmp(f->section, "lora") == 0) return !p->all_weights && !p->start;
    if (f->section && strcmp(f->section, "dpo") == 0) return p->kind == AS_TRAIN_DPO;
    return f->offset != AT(train.epochs) || p->train.steps == 0;
}

static json_t *value_of(const as_train_plan *p, const field *f)
{
    const char *at = (const char *)p + f->offset;
    size_t n;
    double x;
    bool flag;
    if (f->kind == FLAG) {
        memcpy(&flag, at, sizeof flag);
        return json_boolean(flag);
    }
    if (f->kind == SIZE) {
        memcpy(&n, at, sizeof n);
        return json_integer((json_int_t)n);
    }
    memcpy(&x, at, sizeof x);
    return as_json_real(x);
}

static json_t *texts(const char *const *list, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++) as_json_append(&out, json_string(list[i]));
    return out;
}

static json_t *patterns(const as_adapter_pattern *list, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *pair = json_array();
        as_json_append(&pair, json_string(list[i].pattern));
        as_json_append(&pair, as_json_real(list[i].value));
        as_json_append(&out, pair);
    }
    return out;
}

static void put_adapter(json_t **to, const as_adapter_options *a)
{
    json_t *layers = json_array();
    for (size_t i = 0; i < a->n_layers; i++)
        as_json_append(&layers, json_integer((json_int_t)a->layers[i]));
    as_json_put(to, "targets",
                a->target ? json_string(a->target) : texts(a->targets, a->n_targets));
    as_json_put(to, "exclude", texts(a->exclude, a->n_exclude));
    as_json_put(to, "layers", layers);
    as_json_put(to, "ranks", patterns(a->ranks, a->n_ranks));
    as_json_put(to, "alphas", patterns(a->alphas, a->n_alphas));
    as_json_put_text(to, "init", a->init == AS_INIT_KAIMING ? "kaiming" : "gaussian");
}

json_t *as_train_plan_json(const as_train_plan *p)
{
    json_t *all = json_object();
    for (size_t s = 0; s < N_SECTIONS; s++) {
        const char *name = others[s].section;
        json_t *section = json_object();
        for (size_t i = 0; i < N_FIELDS; i++)
            if (same_section(fields[i].section, name) && decides(p, &fields[i]))
                as_json_put(&section, fields[i].key, value_of(p, &fields[i]));
        if (name && strcmp(name, "lora") == 0 && !p->all_weights && !p->start)
            put_adapter(&section, &p->adapter);
        if (name && strcmp(name, "optimiser") == 0)
            as_json_put_text(&section, "name", p->train.optimiser.name);
        if (name && strcmp(name, "schedule") == 0)
            as_json_put_text(&section, "name", as_rate_name(p->train.rate));
        if (name && strcmp(name, "batch") == 0)
            as_json_put_text(&section, "order", as_order_name(p->train.order));
        if (name && strcmp(name, "dpo") == 0 && p->kind == AS_TRAIN_DPO)
            as_json_put_text(&section, "reference", p->from_start ? "start" : "base");
        as_json_put(&all, name ? name : "data", section);
    }
    as_json_put_text(&all, "kind", as_train_kind_name(p->kind));
    as_json_put_text(&all, "trained", p->all_weights ? "weights" : "adapter");
    as_json_put_text(&all, "mask", as_mask_name(p->dataset.mask));
    as_json_put_text(&all, "thinking",
                     p->dataset.thinking < 0 ? NULL
                     : p->dataset.thinking   ? "on"
                                             : "off");
    as_json_put_size(&all, "seed", p->train.seed);
    return all;
}

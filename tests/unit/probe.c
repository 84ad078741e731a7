/* lab/probe: what a plan may say, windows on made-up states, and each probe on the tiny models
 * against plain sums over all states that were computed. */
#include "tiny_models.h"

#include "base/arena.h"
#include "engine/infer/infer.h"
#include "lab/probe/probe.h"

enum { ROOM = 4096 };

static as_exec ex;
static as_model *model;
static as_arena *arena;

static const as_probe *probe_of(const char *text)
{
    as_error err = {0};
    const as_probe *p = as_probe_parse(text, as_model_config(model), arena, &err);
    must(p != NULL, &err);
    return p;
}

/* ---- texts ---- */

static void refuses(const char *text, const char *what)
{
    as_error err = {0};
    char said[2048];
    CHECK(!as_probe_parse(text, as_model_config(model), arena, &err));
    CHECK(err.class_ == AS_EUSAGE);
    CHECK_TEXT(as_error_text(&err, said, sizeof said), what);
}

static void texts(void)
{
    const as_config *c = as_model_config(model);
    const as_probe *p = probe_of(" heads :  64 ");
    CHECK_TEXT(p->text, "heads: 64");
    CHECK_TEXT(p->selector, "last_tokens:64");
    CHECK(p->window == 64 && p->n_taps == c->n_layers);
    p = probe_of("heads");
    CHECK_TEXT(p->text, "heads");
    CHECK(p->window == 32 && p->dim == as_probe_heads(c, NULL, NULL));
    CHECK_TEXT(probe_of("h_last")->selector, "last_content");
    CHECK_TEXT(probe_of("h_last: end_of_turn")->selector, "end_of_turn");
    CHECK_TEXT(probe_of("last_layers: 2")->selector, "mean_last_layers:2");
    CHECK_TEXT(probe_of("h_mean: 0")->selector, "mean_content");
    refuses("h_first", "probe (found \"h_first\", expected h_last, h_mean, last_layers, heads or "
                       "head_vectors)");
    refuses("h_mean", "h_mean: layer (found nothing, expected 0 to 4)");
    refuses("h_mean: 5", "h_mean: layer (found 5, expected 0 to 4)");
    refuses("h_mean: 18446744073709551617",
            "h_mean: layer (found 18446744073709551617, expected 0 to 4)");
    refuses("last_layers: 0", "last_layers: layers (found 0, expected 1 to 4)");
    refuses("heads: 1", "heads: window (found 1, expected 2 to 1048576)");
    refuses("heads:", "heads: window (found , expected 2 to 1048576)");
    refuses("head_vectors: x", "head_vectors: window (found x, expected 2 to 1048576)");
    refuses("h_last: every", "h_last: selector (found every, which is not one vector an answer)");
    refuses("h_last: mean_last_layers:2",
            "h_last: selector (found a mean over layers, expected last_layers: K for that)");
}

static void kinds(void)
{
    size_t n;
    const as_probe_kind *const *kind = as_probe_kinds(&n);
    CHECK(n == 5);
    for (size_t i = 0; i < n; i++)
        CHECK(strncmp(kind[i]->syntax, kind[i]->name, strlen(kind[i]->name)) == 0);
}

/* ---- windows ---- */

/* States of one head of width 1: position i holds i + 1. */
static bool window_mean(size_t window, size_t prompt, size_t all, size_t stop_at, float *out)
{
    as_layer_shape layer = {.mixer = AS_MIX_ATTENTION, .heads = 1, .head_dim = 1};
    as_config config = {.n_layers = 1, .layer = &layer};
    as_error err = {0};
    char text[32];
    float every[16];
    for (size_t i = 0; i < 16; i++) every[i] = (float)(i + 1);
    (void)snprintf(text, sizeof text, "heads: %zu", window);
    const as_probe *p = as_probe_parse(text, &config, arena, &err);
    must(p != NULL, &err);
    const as_tap_row row = {.tap = p->tap[0],
                            .width = 1,
                            .prompt = prompt,
                            .stop_at = stop_at,
                            .every = every,
                            .n_every = all};
    *out = -1;
    return p->reduce(p, &row, out);
}

static void windows(void)
{
    float x;
    CHECK(window_mean(4, 3, 10, SIZE_MAX, &x) && x == 8.5f); /* positions 6 to 9 */
    CHECK(window_mean(4, 3, 10, 9, &x) && x == 7.5f);        /* without the stop token */
    CHECK(window_mean(9, 3, 10, SIZE_MAX, &x) && x == 7);    /* never into the prompt */
    CHECK(window_mean(7, 3, 10, SIZE_MAX, &x) && x == 7);
    CHECK(window_mean(2, 3, 5, SIZE_MAX, &x) && x == 4.5f);
    CHECK(!window_mean(32, 3, 4, SIZE_MAX, &x) && x == -1); /* one token */
    CHECK(!window_mean(32, 3, 5, 4, &x) && x == -1);        /* one, and a stop token */
    CHECK(!window_mean(32, 3, 3, SIZE_MAX, &x) && x == -1); /* none */
    CHECK(!window_mean(32, 3, 2, SIZE_MAX, &x));            /* not even the prompt */
}

/* ---- against all states ---- */

static const char *const wanted[] = {
    "h_last",   "h_last: last_prompt", "h_mean: 1", "last_layers: 2",
    "heads: 5", "head_vectors: 5",     "heads",     "h_last: end_of_turn"};
enum { N_WANTED = sizeof wanted / sizeof *wanted, N_PROMPT = 9, N_REPLY = 12 };

typedef struct {
    const as_probe *probe[N_WANTED];
    as_tap tap[256];
    size_t n_taps, first_hidden,
        first_heads; /* every state: hidden 0 to n_layers; heads by layer */
    uint32_t ids[N_PROMPT];
    size_t n_done;
    bool is_asked;
    float x[ROOM];
    size_t content; /* end of the reply's content */
} watch;

static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    watch *w = context;
    (void)err;
    *has = !w->is_asked;
    w->is_asked = true;
    *q = (as_request){.ids = w->ids,
                      .n = N_PROMPT,
                      .decoding = as_decoding_greedy,
                      .max_tokens = N_REPLY,
                      .taps = w->tap,
                      .n_taps = w->n_taps};
    return true;
}

static const float *state(const watch *w, const as_reply *r, size_t tap, size_t position)
{
    const as_tap_row *t = &r->readings[tap];
    (void)w;
    CHECK(position < t->n_every);
    return t->every + position * t->width;
}

static const float *hidden(const watch *w, const as_reply *r, size_t layer, size_t position)
{
    return state(w, r, w->first_hidden + layer, position);
}

/* Value k of `heads` or `head_vectors` over positions [from, to). */
static double head_value(const watch *w, const as_reply *r, size_t layer, size_t head,
                         size_t column, bool is_norm, size_t from, size_t to)
{
    const size_t width = as_head_width(as_model_config(model), layer);
    size_t tap = w->first_heads;
    double sum = 0;
    while (w->tap[tap].layer != layer) tap++;
    for (size_t t = from; t < to; t++) {
        const float *x = state(w, r, tap, t) + head * width;
        double square = 0;
        for (size_t j = 0; j < width; j++) square += pow((double)x[j], 2);
        sum += is_norm ? sqrt(square) : (double)x[column];
    }
    return sum / (double)(to - from);
}

static void check_heads(const watch *w, const as_reply *r, size_t which, size_t window)
{
    const as_config *c = as_model_config(model);
    const as_probe *p = w->probe[which];
    const size_t to = w->content, from = window < to - N_PROMPT ? to - window : N_PROMPT;
    const bool is_norm = p->text[4] == 's';
    size_t n = 0;
    for (size_t l = 0; l < c->n_layers; l++) {
        if (c->layer[l].mixer != AS_MIX_ATTENTION) continue;
        for (size_t h = 0; h < c->layer[l].heads; h++)
            for (size_t j = 0; j < (is_norm ? 1 : as_head_width(c, l)); j++) /* float of a double */
                CHECK_NEAR(w->x[n++], head_value(w, r, l, h, j, is_norm, from, to), 1e-7);
    }
    CHECK(n == p->dim);
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    watch *w = context;
    const as_config *c = as_model_config(model);
    const as_tap_row *rows = r->readings;
    (void)q, (void)err;
    w->n_done++;
    w->content = N_PROMPT + r->n;
    CHECK(r->n == N_REPLY && r->finish == AS_FINISH_LENGTH);
    for (size_t i = 0; i < N_WANTED; i++) {
        const as_probe *p = w->probe[i];
        CHECK(p->reduce(p, rows, w->x) == (i != 7)); /* cut: there is no end of turn */
        rows += p->n_taps;
        for (size_t j = 0; i < 4 && j < c->dim; j++) {
            double mean = 0;
            for (size_t t = N_PROMPT; t < w->content; t++)
                mean += (double)hidden(w, r, 1, t)[j] / N_REPLY;
            const size_t last = w->content - 1;
            const double expected[] = {hidden(w, r, c->n_layers, last)[j],
                                       hidden(w, r, c->n_layers, N_PROMPT - 1)[j], mean,
                                       ((double)hidden(w, r, c->n_layers, last)[j] +
                                        (double)hidden(w, r, c->n_layers - 1, last)[j]) /
                                           2};
            CHECK_NEAR(w->x[j], expected[i], 1e-6);
        }
        if (i >= 4 && i < 7) check_heads(w, r, i, i < 6 ? 5 : 32);
    }
    return true;
}

static void states(void)
{
    as_error err = {0};
    const as_config *c = as_model_config(model);
    watch *w = room(1, sizeof *w);
    for (size_t i = 0; i < N_PROMPT; i++) w->ids[i] = (uint32_t)(5 + 37 * i) % 500;
    for (size_t i = 0; i < N_WANTED; i++) {
        w->probe[i] = probe_of(wanted[i]);
        CHECK(w->probe[i]->dim <= ROOM);
        for (size_t t = 0; t < w->probe[i]->n_taps; t++) w->tap[w->n_taps++] = w->probe[i]->tap[t];
    }
    w->first_hidden = w->n_taps;
    for (size_t l = 0; l <= c->n_layers; l++)
        w->tap[w->n_taps++] = (as_tap){AS_READ_HIDDEN, l, 1, AS_EVERY};
    w->first_heads = w->n_taps;
    for (size_t l = 0; l < c->n_layers; l++)
        w->tap[w->n_taps++] = (as_tap){AS_READ_HEADS, l, 1, AS_EVERY};
    as_arm *base = as_arm_open("base", model, &ex, NULL, &err);
    must(base != NULL, &err);
    const as_sink sink = {.context = w, .next = next, .done = done};
    CHECK(as_infer(model, &ex, NULL, &base, 1, NULL, &sink, NULL, &err));
    CHECK(w->n_done == 1);
    as_arm_close(base);
    free(w);
}

static void places_of_heads(void)
{
    const as_config *c = as_model_config(model);
    size_t n = as_probe_heads(c, NULL, NULL), expected = 0;
    size_t *layer = room(n, sizeof *layer), *head = room(n, sizeof *head);
    CHECK(as_probe_heads(c, layer, head) == n);
    for (size_t l = 0; l < c->n_layers; l++)
        expected += c->layer[l].mixer == AS_MIX_ATTENTION ? c->layer[l].heads : 0;
    CHECK(n == expected);
    for (size_t i = 0; i < n; i++) {
        CHECK(c->layer[layer[i]].mixer == AS_MIX_ATTENTION && head[i] < c->layer[layer[i]].heads);
        if (i && layer[i] == layer[i - 1]) CHECK(head[i] == head[i - 1] + 1);
        if (i && layer[i] != layer[i - 1]) CHECK(layer[i] > layer[i - 1] && head[i] == 0);
    }
    free(layer);
    free(head);
}

int main(void)
{
    as_error err = {0};
    check_name = "main";
    must(as_exec_init(&ex, "auto", 2, &err), &err);
    arena = as_arena_new(&err);
    must(arena != NULL, &err);
    for (size_t i = 0; i < N_TINY; i++) {
        model = tiny_open(tiny_names[i], &ex, &err);
        must(model != NULL, &err);
        if (i == 0) {
            RUN(texts);
            RUN(kinds);
            RUN(windows);
        }
        RUN(states);
        RUN(places_of_heads);
        as_model_close(model);
    }
    as_arena_free(arena);
    as_exec_clear(&ex);
    return check_end();
}

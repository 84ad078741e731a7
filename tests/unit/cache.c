/* engine/model/cache: pages shared, copied before they are written, given back; states copied. */
#include "tiny_models.h"

#include "engine/model/step_internal.h"

/* Attention over everything, delta, attention over a window of 16, and a reader of that with a
 * window of 8. */
static as_layer_shape layers[] = {
    {.heads = 2, .key_heads = 1, .head_dim = 8, .kv_layer = 0},
    {.mixer = AS_MIX_DELTA, .heads = 2, .key_heads = 1, .head_dim = 4, .key_dim = 4, .kernel = 4},
    {.heads = 2, .key_heads = 1, .head_dim = 8, .window = 16, .kv_layer = 2},
    {.heads = 2, .key_heads = 1, .head_dim = 8, .window = 8, .kv_layer = 2},
};
static const as_config config = {.n_layers = 4, .layer = layers};

static as_cache *new_cache(void)
{
    as_error err = {0};
    as_cache *c = as_cache_new(&config, &err);
    must(c != NULL, &err);
    CHECK(as_cache_bytes(c) == 0);
    return c;
}

static as_cache_row *new_row(as_cache *c, size_t capacity)
{
    as_error err = {0};
    as_cache_row *r = as_cache_row_new(c, capacity, &err);
    must(r != NULL, &err);
    CHECK(as_cache_row_length(r) == 0 && as_cache_row_capacity(r) == capacity);
    return r;
}

static void grow(as_cache_row *r, size_t n, size_t from_layer)
{
    as_error err = {0};
    must(as_cache_grow(r, n, from_layer, &err), &err);
}

/* The float of a position of a layer's first key head, to write and to read. */
static float *spot(as_cache_row *r, size_t layer, size_t at)
{
    return &as_cache_pages(r, layer)[at / AS_PAGE][at % AS_PAGE];
}

static void tables_and_alignment(void)
{
    as_cache *c = new_cache();
    as_cache_row *r = new_row(c, 200);
    grow(r, 130, 0);
    for (size_t l = 0; l < 4; l++) {
        if (l == 1) continue;
        for (size_t p = 0; p < 3; p++) {
            CHECK(as_cache_pages(r, l)[p] != NULL);
            CHECK((uintptr_t)as_cache_pages(r, l)[p] % 64 == 0);
        }
        CHECK(as_cache_pages(r, l)[3] == NULL);
    }
    CHECK(as_cache_pages(r, 3) == as_cache_pages(r, 2));
    CHECK(as_cache_pages(r, 2)[0] != as_cache_pages(r, 0)[0]);
    CHECK((uintptr_t)as_cache_state(r, 1) % 64 == 0 && (uintptr_t)as_cache_conv(r, 1) % 64 == 0);
    CHECK(as_cache_conv(r, 1) >= as_cache_state(r, 1) + 2 * 4 * 4);
    as_cache_row_free(r);
    as_cache_free(c);
    as_cache_row_free(NULL);
    as_cache_free(NULL);
}

/* b is a's copy; what one writes from then on, the other does not see, and full pages stay one. */
static void copy_on_write(void)
{
    as_error err = {0};
    as_cache *c = new_cache();
    as_cache_row *a = new_row(c, 200), *b = new_row(c, 130);
    grow(a, 100, 0);
    *spot(a, 0, 99) = 1;
    as_cache_state(a, 1)[5] = 2;
    as_cache_conv(a, 1)[11] = 3;
    as_cache_advance(a, 100);
    must(as_cache_row_copy(b, a, &err), &err);
    CHECK(as_cache_row_length(b) == 100);
    CHECK(as_cache_pages(b, 0)[0] == as_cache_pages(a, 0)[0]);
    CHECK(as_cache_pages(b, 0)[1] == as_cache_pages(a, 0)[1]);
    CHECK(as_cache_state(b, 1)[5] == 2 && as_cache_conv(b, 1)[11] == 3);

    grow(b, 1, 0);
    CHECK(as_cache_pages(b, 0)[0] == as_cache_pages(a, 0)[0]);
    CHECK(as_cache_pages(b, 0)[1] != as_cache_pages(a, 0)[1]);
    CHECK(*spot(b, 0, 99) == 1);
    *spot(b, 0, 100) = 7;
    as_cache_state(b, 1)[5] = 8;
    const float *before = as_cache_pages(a, 0)[1];
    grow(a, 1, 0); /* alone by now: nothing to copy */
    CHECK(as_cache_pages(a, 0)[1] == before && *spot(a, 0, 100) == 0);
    CHECK(as_cache_state(a, 1)[5] == 2);
    as_cache_row_free(a);
    CHECK(*spot(b, 0, 99) == 1 && *spot(b, 0, 100) == 7);
    as_cache_row_free(b);
    as_cache_free(c);
}

/* Page 0 goes when the next query, at `length`, cannot see position 63: from length 79 on with the
 * longest window of its readers, 16. */
static void windows(void)
{
    as_cache *c = new_cache();
    as_cache_row *r = new_row(c, 300);
    for (size_t n = 1; n <= 250; n++) {
        grow(r, 1, 0);
        as_cache_advance(r, 1);
        for (size_t p = 0; p < 4; p++) {
            const bool is_old = n + 1 >= 16 && (p + 1) * AS_PAGE <= n + 1 - 16;
            const bool is_made = n > p * AS_PAGE;
            CHECK((as_cache_pages(r, 2)[p] != NULL) == (is_made && !is_old));
            CHECK((as_cache_pages(r, 0)[p] != NULL) == is_made);
        }
    }
    as_cache_row_free(r);
    as_cache_free(c);
}

/* Pages go round: a second row like the first takes no new memory for them. */
static void pages_are_used_again(void)
{
    as_cache *c = new_cache();
    as_cache_row *r = new_row(c, 300);
    const size_t row = as_cache_bytes(c);
    grow(r, 300, 0);
    const size_t all = as_cache_bytes(c);
    CHECK(all >= row + 10 * as_page_floats(1, 8) * sizeof(float));
    as_cache_row_free(r);
    CHECK(as_cache_bytes(c) == all - row);
    r = new_row(c, 300);
    grow(r, 300, 0);
    CHECK(as_cache_bytes(c) == all);
    as_cache_trim(r);
    CHECK(as_cache_pages(r, 0)[0] == NULL);
    as_cache_row_free(r);
    as_cache_free(c);
}

/* A child that has let go of the partial page costs its parent no copy. */
static void parents_do_not_copy(void)
{
    as_error err = {0};
    as_cache *c = new_cache();
    as_cache_row *parent = new_row(c, 200), *child = new_row(c, 200);
    grow(parent, 70, 0);
    grow(child, 70, 2);
    must(as_cache_share(child, parent, 2, &err), &err);
    as_cache_advance(parent, 70);
    as_cache_advance(child, 70);
    CHECK(as_cache_pages(child, 0)[1] == as_cache_pages(parent, 0)[1]);
    CHECK(as_cache_pages(child, 2)[1] != as_cache_pages(parent, 2)[1]);

    const float *before = as_cache_pages(parent, 0)[1];
    const size_t bytes = as_cache_bytes(c);
    as_cache_release(child, 2);
    CHECK(as_cache_pages(child, 0)[1] == NULL && as_cache_pages(child, 0)[0] != NULL);
    grow(parent, 10, 0);
    CHECK(as_cache_pages(parent, 0)[1] == before);
    must(as_cache_share(child, parent, 2, &err), &err);
    CHECK(as_cache_pages(child, 0)[1] == before && as_cache_bytes(c) == bytes);
    as_cache_advance(parent, 10);
    as_cache_advance(child, 10);

    grow(parent, 1, 0); /* the child holds on: now it must */
    CHECK(as_cache_pages(parent, 0)[1] != before && as_cache_pages(child, 0)[1] == before);
    as_cache_row_free(parent);
    as_cache_row_free(child);
    as_cache_free(c);
}

static void limits(void)
{
    as_error err = {0};
    as_cache *c = new_cache();
    as_cache_row *a = new_row(c, 100), *b = new_row(c, 99), *none = new_row(c, 0);
    grow(a, 100, 0);
    as_cache_advance(a, 100);
    CHECK(!as_cache_grow(a, 1, 0, &err) && err.class_ == AS_ELIMIT);
    CHECK_TEXT(err.what, "cache row (found 100 tokens and 1 more, expected at most 100)");
    err = (as_error){0};
    CHECK(!as_cache_row_copy(b, a, &err) && err.class_ == AS_ELIMIT);
    CHECK_TEXT(err.what, "cache row (found 100 tokens, expected at most 99)");
    err = (as_error){0};
    CHECK(!as_cache_grow(b, SIZE_MAX, 0, &err) && err.class_ == AS_ELIMIT);
    err = (as_error){0};
    CHECK(!as_cache_grow(none, 1, 0, &err));
    as_cache_row_free(a);
    as_cache_row_free(b);
    as_cache_row_free(none);
    as_cache_free(c);
}

/* ---- many rows ---- */

/* Rows come, copy each other, grow and go, in any order. What each of them wrote is checked against
 * a list of its own, for whatever the longest window of its readers still reaches. */
enum { SEATS = 8, LONG = 400 };
typedef struct {
    as_cache_row *row;
    float wrote[LONG];
} seat;

static void write_tokens(seat *s, size_t n, float value)
{
    const size_t at = as_cache_row_length(s->row);
    grow(s->row, n, 0);
    for (size_t i = at; i < at + n; i++) {
        s->wrote[i] = value + (float)i;
        *spot(s->row, 0, i) = *spot(s->row, 2, i) = s->wrote[i];
    }
    as_cache_state(s->row, 1)[3] = value;
    as_cache_conv(s->row, 1)[3] = -value;
    as_cache_advance(s->row, n);
}

static bool is_whole(const seat *s)
{
    const size_t n = as_cache_row_length(s->row);
    bool ok = true;
    for (size_t i = 0; i < n; i++) ok = ok && *spot(s->row, 0, i) == s->wrote[i];
    for (size_t i = n > 15 ? n - 15 : 0; i < n; i++) ok = ok && *spot(s->row, 2, i) == s->wrote[i];
    return ok;
}

static void churn(as_cache *c, uint64_t seed)
{
    as_error err = {0};
    as_rng r = as_rng_at(seed, "cache", 0);
    static seat seats[SEATS];
    memset(seats, 0, sizeof seats);
    for (size_t i = 0; i < 6000; i++) {
        seat *s = &seats[as_rng_below(&r, SEATS)], *from = &seats[as_rng_below(&r, SEATS)];
        const size_t what = as_rng_below(&r, 8), n = 1 + as_rng_below(&r, 90);
        if (!s->row) {
            s->row = new_row(c, LONG);
        } else if (what == 0) {
            as_cache_row_free(s->row);
            s->row = NULL;
        } else if (what < 3 && from->row) {
            must(as_cache_row_copy(s->row, from->row, &err), &err);
            memcpy(s->wrote, from->wrote, sizeof s->wrote);
            CHECK(as_cache_state(s->row, 1)[3] == as_cache_state(from->row, 1)[3]);
            CHECK(as_cache_conv(s->row, 1)[3] == as_cache_conv(from->row, 1)[3]);
        } else if (n <= LONG - as_cache_row_length(s->row)) {
            write_tokens(s, n, (float)i);
        }
        for (size_t k = 0; k < SEATS && i % 16 == 0; k++)
            CHECK(!seats[k].row || is_whole(&seats[k]));
    }
    for (size_t i = 0; i < SEATS; i++) as_cache_row_free(seats[i].row);
}

static void thousands_of_rows(void)
{
    as_cache *c = new_cache();
    const size_t most = SEATS * 2 * (LONG / AS_PAGE + 1); /* two layers make pages */
    const size_t page = as_page_floats(1, 8) * sizeof(float) + 128;
    churn(c, 1);
    const size_t held = as_cache_bytes(c);
    CHECK(held > 0 && held <= most * page);
    churn(c, 1); /* the same again needs nothing more */
    CHECK(as_cache_bytes(c) == held);
    for (uint64_t seed = 2; seed < 6; seed++) churn(c, seed);
    CHECK(as_cache_bytes(c) <= most * page);
    as_cache_free(c);
}

/* A whole model: four rows that share a prompt read in pieces hold each page once, and rows that
 * part keep what they shared. */
static void one_prefix_one_copy(void)
{
    as_error err = {0};
    as_exec ex;
    must(as_exec_init(&ex, "auto", 1, &err), &err);
    as_model *m = tiny_open("llama", &ex, &err);
    must(m != NULL, &err);
    const as_config *model = as_model_config(m);
    as_cache *c = as_cache_new(model, &err);
    must(c != NULL, &err);
    as_work *w = as_work_new(m, 80, &err);
    must(w != NULL, &err);
    as_cache_row *r[4];
    as_run run[4];
    static const uint32_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
    float final[4 * 64];
    for (size_t i = 0; i < 4; i++) {
        must((r[i] = as_cache_row_new(c, 100, &err)) != NULL, &err);
        run[i] = (as_run){ids, 18, r[i], NULL, 0, i > 0 ? 0 : AS_NO_PARENT, model->n_layers};
    }
    size_t bytes = 0, page = as_page_floats(2, 16) * sizeof(float);
    const size_t empty = as_cache_bytes(c);
    for (size_t piece = 0; piece < 3; piece++) {
        must(as_model_step(m, &ex, w, run, 4, final, &err), &err);
        if (piece > 0) CHECK(as_cache_bytes(c) == bytes);
        bytes = as_cache_bytes(c);
    }
    CHECK(bytes - empty >= 4 * page && bytes - empty < 5 * page);
    for (size_t i = 0; i < 4; i++) run[i] = (as_run){ids + i, 1, r[i], NULL, 1, AS_NO_PARENT, 0};
    must(as_model_step(m, &ex, w, run, 4, final, &err), &err);
    CHECK(as_cache_bytes(c) - empty >= 16 * page && as_cache_bytes(c) - empty < 17 * page);
    for (size_t i = 0; i < 4; i++) as_cache_row_free(r[i]);
    as_work_free(w);
    as_cache_free(c);
    as_model_close(m);
    as_exec_clear(&ex);
}

int main(void)
{
    RUN(tables_and_alignment);
    RUN(copy_on_write);
    RUN(windows);
    RUN(pages_are_used_again);
    RUN(parents_do_not_copy);
    RUN(limits);
    RUN(thousands_of_rows);
    RUN(one_prefix_one_copy);
    return check_end();
}

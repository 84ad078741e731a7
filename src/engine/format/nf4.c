/* bitsandbytes NF4 weights: for a weight X the file holds its packed codes under X's own name, and
 * X.absmax, X.quant_map, X.nested_absmax, X.nested_quant_map and X.quant_state.bitsandbytes__nf4
 * beside them. Here they become the one tensor X of type AS_NF4 with its true shape. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "engine/format/tensors_internal.h"

#define STATE ".quant_state.bitsandbytes__"
#define STATE_NF4 STATE "nf4"

/* One weight being put together. */
typedef struct {
    as_tensors *t;
    const char *base;
    const as_tensor *state; /* whose file the messages name */
    as_tensor *weight;      /* in the arena */
    as_nf4 *nf4;
    size_t n_elements;
    json_t *json; /* of the state; owned */
} pack;

static bool fail_field(as_error *err, const char *field, const json_t *v, const char *expected)
{
    as_buf found = {0};
    char shown[AS_ESCAPE_SIZE];
    if (v) as_json_write(&found, v);
    (void)as_fail(err, AS_EFORMAT, "%s (found %s, expected %s)", field,
                  v ? as_escape(as_buf_text(&found), found.size, shown) : "none", expected);
    as_buf_clear(&found);
    return false;
}

static bool fail_state(const pack *p, as_error *err)
{
    return as_tensor_fail_at(err, p->state->file, p->state->name);
}

static bool field_is_text(const pack *p, const char *field, const char *expected, as_error *err)
{
    const json_t *v = json_object_get(p->json, field);
    const char *text = json_string_value(v);
    return (text && strcmp(text, expected) == 0) || fail_field(err, field, v, expected);
}

static bool field_is_size(const pack *p, const char *field, json_int_t expected,
                          const char *expected_text, as_error *err)
{
    const json_t *v = json_object_get(p->json, field);
    return (json_is_integer(v) && json_integer_value(v) == expected) ||
           fail_field(err, field, v, expected_text);
}

static bool read_shape(pack *p, as_error *err)
{
    const json_t *shape = json_object_get(p->json, "shape");
    as_tensor *w = p->weight;
    w->n_dims = json_array_size(shape);
    if (w->n_dims == 0 || w->n_dims > AS_TENSOR_DIMS)
        return fail_field(err, "shape", shape, "an array of 1 to 8 numbers");
    p->n_elements = 1;
    for (size_t i = 0; i < w->n_dims; i++) {
        const json_t *v = json_array_get(shape, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0)
            return fail_field(err, "shape", shape, "an array of 1 to 8 numbers");
        w->dim[i] = (size_t)json_integer_value(v);
        if (!as_size_mul(p->n_elements, w->dim[i], &p->n_elements, err)) return false;
    }
    return true;
}

static bool read_round_to(pack *p, as_error *err)
{
    static const struct {
        const char *name;
        as_dtype dtype;
    } rows[] = {{"bfloat16", AS_BF16}, {"float16", AS_F16}, {"float32", AS_F32}};
    const json_t *v = json_object_get(p->json, "dtype");
    const char *text = json_string_value(v);
    for (size_t i = 0; text && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(text, rows[i].name) != 0) continue;
        p->nf4->round_to = rows[i].dtype;
        return true;
    }
    return fail_field(err, "dtype", v, "bfloat16, float16 or float32");
}

static bool read_state(pack *p, as_error *err)
{
    p->json = as_json_parse("state", p->state->data, p->state->bytes, err);
    if (p->json && field_is_text(p, "quant_type", "nf4", err) &&
        field_is_size(p, "blocksize", AS_NF4_BLOCK, "64", err) && read_round_to(p, err) &&
        read_shape(p, err))
        return true;
    return fail_state(p, err);
}

/* The piece called base + suffix, of that type and so many elements; it will not be seen by itself.
 * `other` may be a second type that is fine; AS_OTHER: none. */
static const as_tensor *find_piece(pack *p, const char *suffix, as_dtype type, as_dtype other,
                                   size_t count, as_error *err)
{
    as_tensors *t = p->t;
    const as_tensor *piece = NULL;
    as_buf name = {0};
    as_buf_printf(&name, "%s%s", p->base, suffix);
    if (!as_buf_ok(&name, err)) goto out;
    size_t i = as_tensors_search(t->all, t->n_all, name.data);
    piece = i < t->n_all ? t->all[i] : NULL;
    if (!piece) {
        (void)as_fail(err, AS_EFORMAT, "piece of an NF4 weight (found none, expected it)");
    } else if (piece->dtype != type && (other == AS_OTHER || piece->dtype != other)) {
        (void)as_fail(err, AS_EFORMAT, "type (found %s, expected %s)", piece->type,
                      as_dtype_name(type));
    } else if (as_tensor_count(piece) != count) {
        (void)as_fail(err, AS_EFORMAT, "size (found %zu elements, expected %zu)",
                      as_tensor_count(piece), count);
    } else {
        t->seen[i] = NULL;
        goto out;
    }
    (void)as_tensor_fail_at(err, piece ? piece->file : p->state->file, name.data);
    piece = NULL;
out:
    as_buf_clear(&name);
    return piece;
}

/* F32 elements, copied because they lie at any alignment. */
static void copy_floats(float *out, const as_tensor *t)
{
    memcpy(out, t->data, t->bytes);
}

static bool read_nesting(const pack *p, float *offset, as_error *err)
{
    const json_t *v = json_object_get(p->json, "nested_offset");
    if (!field_is_size(p, "nested_blocksize", AS_NF4_NEST, "256", err) ||
        !field_is_text(p, "nested_dtype", "float32", err) ||
        (!(json_is_number(v) && fabs(json_number_value(v)) <= (double)FLT_MAX) &&
         !fail_field(err, "nested_offset", v, "a number that a float holds")))
        return fail_state(p, err);
    *offset = (float)json_number_value(v);
    return true;
}

static bool read_map(const pack *p, const as_tensor *map, as_error *err)
{
    copy_floats(p->nf4->map, map);
    for (size_t i = 0; i < 16; i++) {
        if (isfinite(p->nf4->map[i])) continue;
        (void)as_fail(err, AS_EFORMAT, "element %zu (found %g, expected a finite number)", i,
                      (double)p->nf4->map[i]);
        return as_tensor_fail_at(err, map->file, map->name);
    }
    return true;
}

static bool read_absmax(pack *p, as_error *err)
{
    size_t n = p->n_elements / AS_NF4_BLOCK + (p->n_elements % AS_NF4_BLOCK != 0);
    size_t n_nests = n / AS_NF4_NEST + (n % AS_NF4_NEST != 0);
    float map[256];
    const as_tensor *absmax = find_piece(p, ".absmax", AS_F32, AS_U8, n, err);
    if (!absmax) return false;
    float *decoded = as_arena_push(p->t->arena, n, sizeof *decoded, err);
    if (!decoded) return false;
    p->nf4->absmax = decoded;
    p->nf4->n_blocks = n;
    if (absmax->dtype == AS_F32) {
        copy_floats(decoded, absmax);
        return true;
    }
    float offset = 0.0f;
    if (!read_nesting(p, &offset, err)) return false;
    const as_tensor *nested = find_piece(p, ".nested_absmax", AS_F32, AS_OTHER, n_nests, err);
    const as_tensor *codes =
        nested ? find_piece(p, ".nested_quant_map", AS_F32, AS_OTHER, 256, err) : NULL;
    if (!codes) return false;
    float *scales = as_new(n_nests, sizeof *scales, err);
    if (!scales) return false;
    copy_floats(map, codes);
    copy_floats(scales, nested);
    as_nf4_unnest(decoded, map, absmax->data, scales, offset, n);
    free(scales);
    return true;
}

static bool join(pack *p, as_error *err)
{
    if (!read_state(p, err)) return false;
    size_t n_codes = p->n_elements / 2 + p->n_elements % 2;
    const as_tensor *codes = find_piece(p, "", AS_U8, AS_OTHER, n_codes, err);
    const as_tensor *map = codes ? find_piece(p, ".quant_map", AS_F32, AS_OTHER, 16, err) : NULL;
    if (!map || !read_map(p, map, err) || !read_absmax(p, err)) return false;
    as_tensor *w = p->weight;
    w->name = codes->name;
    w->dtype = AS_NF4;
    w->type = as_dtype_name(AS_NF4);
    w->data = codes->data;
    w->bytes = codes->bytes;
    w->nf4 = p->nf4;
    w->file = codes->file;
    p->t->seen[as_tensors_search(p->t->all, p->t->n_all, codes->name)] = w;
    return true;
}

/* The weight whose state is tensor i. */
static bool join_at(as_tensors *t, size_t i, as_error *err)
{
    const as_tensor *state = t->all[i];
    size_t size = (size_t)(strstr(state->name, STATE) - state->name);
    pack p = {.t = t, .state = state};
    if (strcmp(state->name + size, STATE_NF4) != 0) {
        const char *kind = state->name + size + strlen(STATE);
        char shown[AS_ESCAPE_SIZE];
        (void)as_fail(err, AS_EFORMAT, "quantisation (found %s, expected nf4)",
                      as_escape(kind, strlen(kind), shown));
        return fail_state(&p, err);
    }
    p.base = as_arena_copy(t->arena, state->name, size, err);
    p.weight = as_arena_push(t->arena, 1, sizeof *p.weight, err);
    p.nf4 = as_arena_push(t->arena, 1, sizeof *p.nf4, err);
    bool ok = p.base && p.weight && p.nf4 &&
              find_piece(&p, STATE_NF4, AS_U8, AS_OTHER, state->bytes, err) && join(&p, err);
    json_decref(p.json);
    return ok;
}

bool as_tensors_join_nf4(as_tensors *t, as_error *err)
{
    t->seen = as_arena_push(t->arena, t->n_all, sizeof(*t->seen), err);
    if (!t->seen) return false;
    for (size_t i = 0; i < t->n_all; i++) t->seen[i] = t->all[i];
    for (size_t i = 0; i < t->n_all; i++) {
        if (strstr(t->all[i]->name, STATE) && !join_at(t, i, err)) return false;
    }
    for (size_t i = 0; i < t->n_all; i++) {
        if (t->seen[i]) t->seen[t->n_seen++] = t->seen[i];
    }
    return true;
}

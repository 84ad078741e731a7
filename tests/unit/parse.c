/* Archives, arrays and plans from files: what is read, what is refused and with which words, and
 * that no damage does more than fail. Run from the repository root. */
#include <stdlib.h>
#include <unistd.h>

#include "app/cli/plan_yaml.h"
#include "base/file.h"
#include "base/zip.h"
#include "check.h"
#include "engine/format/npz.h"
#include "unit/parse_bad.h"

#define NPZ "tests/fuzz/corpus/npz/"
#define YAML "tests/fuzz/corpus/yaml/"
#define COUNT(table) (sizeof(table) / sizeof *(table))

static char folder[] = "/tmp/assay-parse-XXXXXX";

/* ---- words ---- */

/* The message of err without any `prefix`, in text. */
static const char *message(const as_error *err, const char *prefix, char *text, size_t size)
{
    char *hit;
    as_error_text(err, text, size);
    while ((hit = strstr(text, prefix)))
        memmove(hit, hit + strlen(prefix), strlen(hit + strlen(prefix)) + 1);
    return text;
}

/* The bytes of a corpus file; the caller clears them. */
static as_buf contents(const char *prefix, const char *name)
{
    as_error err = {0};
    as_buf path = {0}, out = {0};
    as_buf_printf(&path, "%s%s", prefix, name);
    CHECK(as_file_read(as_buf_text(&path), 1 << 20, &out, &err));
    as_buf_clear(&path);
    return out;
}

/* Opens and reads everything there is; the first failure is in err. */
static bool read_all(as_npz *z, as_error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < as_npz_count(z); i++) {
        size_t n = as_npz_at(z, i)->count;
        as_npz_scan scan;
        if (n > 1000) break; /* a damaged size that fits its data */
        double *x = as_new(n, sizeof *x, err);
        ok = x && as_npz_read_f64(z, i, x, n, &scan, err);
        free(x);
    }
    return ok;
}

static bool open_all(const void *bytes, size_t size, as_error *err)
{
    as_npz *z = as_npz_over("file", bytes, size, err);
    bool ok = z && read_all(z, err);
    as_npz_close(z);
    return ok;
}

static void npz_bad(void)
{
    for (size_t i = 0; i < COUNT(bad_npz); i++) {
        char path[256], text[2048];
        as_error err = {0};
        (void)snprintf(path, sizeof path, NPZ "%s", bad_npz[i].file);
        as_npz *z = as_npz_open(path, &err);
        CHECK(!(z && read_all(z, &err)));
        as_npz_close(z);
        CHECK_TEXT(message(&err, NPZ, text, sizeof text), bad_npz[i].text);
        CHECK(err.class_ == bad_npz[i].class_);
    }
}

static void yaml_bad(void)
{
    for (size_t i = 0; i < COUNT(bad_yaml); i++) {
        char path[256], text[2048];
        as_error err = {0};
        as_arena *a = as_arena_new(&err);
        (void)snprintf(path, sizeof path, YAML "%s", bad_yaml[i].file);
        CHECK(a && !as_plan_read(path, a, &err));
        CHECK_TEXT(message(&err, YAML, text, sizeof text), bad_yaml[i].text);
        CHECK(err.class_ == bad_yaml[i].class_);
        as_arena_free(a);
    }
}

/* ---- damage ---- */

static const char *const good_npz[] = {
    "good-one.npz",  "good-deflate.npz", "good-comment.npz",   "good-long.npz",   "good-short.npz",
    "good-none.npz", "good-loose.npz",   "good-version-2.npz", "good-shapes.npz", "good-types.npz"};

static const char *const good_yaml[] = {"good-plan.yaml",    "good-texts.yaml", "good-json.yaml",
                                        "good-anchors.yaml", "good-bom.yaml",   "good-marks.yaml"};

static bool open_plan(const void *bytes, size_t size, as_error *err)
{
    as_arena *a = as_arena_new(err);
    bool ok = a && as_plan_read_over("file", bytes, size, a, err);
    as_arena_free(a);
    return ok;
}

typedef bool open_fn(const void *bytes, size_t size, as_error *err);

/* Fails with a message, or reads well. Returns true for the latter. */
static bool survives(open_fn *open, const void *bytes, size_t size)
{
    as_error err = {0};
    void *copy = malloc(size ? size : 1); /* exact, so that a byte read past it is seen */
    if (!copy) return false;
    memcpy(copy, bytes, size);
    bool ok = open(copy, size, &err);
    free(copy);
    CHECK(ok == (err.class_ == AS_OK));
    CHECK(ok || (err.what[0] && err.where[0]));
    return ok;
}

/* Every cut, then each byte set to the values that break most readers. */
static size_t damage(open_fn *open, as_buf *b)
{
    size_t n_good = 0;
    for (size_t cut = 0; cut < b->size; cut++) n_good += survives(open, b->data, cut);
    for (size_t at = 0; at < b->size; at++) {
        char was = b->data[at];
        const int values[] = {0x00, 0x7f, 0x80, 0xff, was + 1, was - 1};
        for (size_t v = 0; v < COUNT(values); v++) {
            b->data[at] = (char)values[v];
            (void)survives(open, b->data, b->size);
        }
        b->data[at] = was;
    }
    return n_good;
}

static void npz_damage(void)
{
    for (size_t i = 0; i < COUNT(good_npz); i++) {
        as_buf b = contents(NPZ, good_npz[i]);
        CHECK(survives(open_all, b.data, b.size));
        CHECK(damage(open_all, &b) == 0); /* no cut archive is whole */
        as_buf_clear(&b);
    }
}

static void yaml_damage(void)
{
    for (size_t i = 0; i < COUNT(good_yaml); i++) {
        as_buf b = contents(YAML, good_yaml[i]);
        CHECK(survives(open_plan, b.data, b.size));
        (void)damage(open_plan, &b); /* a cut plan may be a plan */
        as_buf_clear(&b);
    }
}

/* ---- arrays ---- */

static as_npz *open_good(const char *name)
{
    char path[256], text[2048];
    as_error err = {0};
    (void)snprintf(path, sizeof path, NPZ "%s", name);
    as_npz *z = as_npz_open(path, &err);
    CHECK_TEXT(as_error_text(&err, text, sizeof text), "");
    return z;
}

/* Two values of each type: what the maker of the corpus wrote. */
static void npz_types(void)
{
    static const double expected[][2] = {
        [AS_NPZ_F2] = {1.5, -0.25},      [AS_NPZ_F4] = {1.5, -0.25},
        [AS_NPZ_F8] = {1.5, -0.25},      [AS_NPZ_I1] = {-128, 127},
        [AS_NPZ_I2] = {-32768, 32767},   [AS_NPZ_I4] = {-2147483648.0, 2147483647},
        [AS_NPZ_I8] = {-0x1p53, 0x1p53}, [AS_NPZ_U1] = {0, 255},
        [AS_NPZ_U2] = {0, 65535},        [AS_NPZ_U4] = {0, 4294967295},
        [AS_NPZ_U8] = {0, 0x1p63},       [AS_NPZ_B1] = {0, 1},
    };
    as_npz *z = open_good("good-types.npz");
    if (!z) return;
    CHECK(as_npz_count(z) == COUNT(expected));
    for (size_t i = 0; i < as_npz_count(z); i++) {
        as_error err = {0}, fails = {0};
        as_npz_scan scan;
        const as_npz_array *a = as_npz_at(z, i);
        double x[2];
        float y[2];
        int64_t k[2];
        CHECK(a->n_dims == 1 && a->dim[0] == 2 && a->count == 2 && (size_t)a->type == i);
        CHECK(strcmp(a->name, as_npz_type_name(a->type) + 1) == 0);
        CHECK(as_npz_read_f64(z, i, x, 2, &scan, &err) && scan.n_nan + scan.n_inf == 0);
        CHECK(x[0] == expected[i][0] && x[1] == expected[i][1]);
        bool fits = a->type != AS_NPZ_I4 && a->type != AS_NPZ_U4; /* 31 and 32 one-bits */
        CHECK(as_npz_read_f32(z, i, y, 2, &scan, fits ? &err : &fails) == fits);
        CHECK(!fits || ((double)y[0] == x[0] && (double)y[1] == x[1]));
        fits = a->type > AS_NPZ_F8 && a->type != AS_NPZ_U8;
        CHECK(as_npz_read_i64(z, i, k, 2, fits ? &err : &(as_error){0}) == fits);
        CHECK(!fits || ((double)k[0] == x[0] && (double)k[1] == x[1]));
        CHECK(err.class_ == AS_OK);
    }
    as_npz_close(z);
}

static void npz_shapes(void)
{
    as_error err = {0};
    char text[2048];
    as_npz_scan scan;
    double x[4] = {0};
    size_t i = 99;
    as_npz *z = open_good("good-shapes.npz");
    if (!z) return;
    CHECK(as_npz_need(z, "scalar", &i, &err) && as_npz_at(z, i)->n_dims == 0);
    CHECK(as_npz_read_f64(z, i, x, 1, &scan, &err) && x[0] == 0.1);
    CHECK(as_npz_need(z, "empty", &i, &err) && as_npz_at(z, i)->count == 0);
    CHECK(as_npz_at(z, i)->dim[0] == 0 && as_npz_at(z, i)->dim[1] == 3);
    CHECK(as_npz_read_f64(z, i, x, 0, &scan, &err));
    CHECK(as_npz_need(z, "sub/eight", &i, &err) && as_npz_at(z, i)->n_dims == 8);
    CHECK(as_npz_read_f64(z, i, x, 2, &scan, &err) && x[0] == 7 && x[1] == 8);
    CHECK(as_npz_need(z, "bad", &i, &err) && as_npz_read_f64(z, i, x, 4, &scan, &err));
    CHECK(x[0] == 1 && isnan(x[1]) && isinf(x[2]) && isinf(x[3]) && x[3] < 0);
    CHECK(scan.n_nan == 1 && scan.n_inf == 2 && scan.first == 1);
    CHECK(!as_npz_read_f64(z, i, x, 3, &scan, &err));
    CHECK_TEXT(message(&err, NPZ, text, sizeof text),
               "good-shapes.npz: bad.npy: elements (found 4, expected 3)");
    err = (as_error){0};
    CHECK(!as_npz_read_i64(z, i, (int64_t[4]){0}, 4, &err));
    CHECK_TEXT(message(&err, NPZ, text, sizeof text),
               "good-shapes.npz: bad.npy: element type (found '<f4', expected integers)");
    err = (as_error){0};
    CHECK(!as_npz_find(z, "X", NULL) && !as_npz_need(z, "X", &i, &err));
    CHECK_TEXT(message(&err, NPZ, text, sizeof text),
               "good-shapes.npz: no array \"X\" (found scalar, empty, sub/eight, bad)");
    as_npz_close(z);
}

/* Every binary16 value: decoded against its definition by powers of two. */
static void npz_halves(void)
{
    as_error err = {0};
    as_buf header = {0}, data = {0};
    char path[64];
    (void)snprintf(path, sizeof path, "%s/halves.npz", folder);
    as_buf_puts(&header, "{'descr': '<f2', 'fortran_order': False, 'shape': (65536,)}\n");
    as_buf_add(&data, "\x93NUMPY\1\0", 8);
    as_buf_add(&data, (char[]){(char)header.size, 0}, 2);
    as_buf_add(&data, header.data, header.size);
    for (unsigned k = 0; k < 65536; k++) as_buf_add(&data, (char[]){(char)k, (char)(k >> 8)}, 2);
    CHECK(as_zip_write(path, &(as_zip_member){"h.npy", data.data, data.size}, 1, &err));
    as_npz *z = as_npz_open(path, &err);
    double *x = as_new(65536, sizeof *x, &err);
    as_npz_scan scan = {0};
    CHECK(z && x && as_npz_read_f64(z, 0, x, 65536, &scan, &err));
    CHECK(scan.n_nan == 2 * 1023 && scan.n_inf == 2 && scan.first == 31 << 10);
    for (unsigned k = 0; x && k < 31 << 10; k++) {
        unsigned e = k >> 10, m = k & 1023;
        CHECK(x[k] == (e ? (1 + m / 1024.0) * pow(2, (int)e - 15) : m / 1024.0 * pow(2, -14)));
        CHECK(x[k + 32768] == -x[k] && !!signbit(x[k + 32768]));
    }
    free(x);
    as_npz_close(z);
    as_buf_clear(&header);
    as_buf_clear(&data);
}

static void npz_round_trip(void)
{
    enum { N = 3 * 5000 }; /* more than one piece of the reader */
    static float f[N], f2[N];
    double d[2] = {0.1, -INFINITY}, d2[2];
    int64_t k[3] = {INT64_MIN, -1, INT64_MAX}, k2[3];
    as_npz_scan scan;
    as_error err = {0};
    char path[64], again[64];
    as_buf first = {0}, second = {0};
    for (int i = 0; i < N; i++) f[i] = (float)(i - 7000) / 3.0f;
    const as_npz_source sources[] = {
        {{.name = "f", .type = AS_NPZ_F4, .n_dims = 2, .dim = {3, 5000}}, f},
        {{.name = "d", .type = AS_NPZ_F8, .n_dims = 1, .dim = {2}}, d},
        {{.name = "k", .type = AS_NPZ_I8, .n_dims = 3, .dim = {1, 3, 1}}, k},
        {{.name = "one", .type = AS_NPZ_F8}, d},
        {{.name = "none", .type = AS_NPZ_F8, .n_dims = 2, .dim = {0, 7}}, NULL},
    };
    (void)snprintf(path, sizeof path, "%s/round.npz", folder);
    (void)snprintf(again, sizeof again, "%s/again.npz", folder);
    CHECK(as_npz_write(path, sources, 5, &err) && as_npz_write(again, sources, 5, &err));
    CHECK(as_file_read(path, 1 << 20, &first, &err) && as_file_read(again, 1 << 20, &second, &err));
    CHECK(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    CHECK(first.size > 14 && memcmp(first.data + 10, "\0\0\x21\0", 4) == 0); /* 1980-01-01 */
    as_npz *z = as_npz_open(path, &err);
    CHECK(z && as_npz_count(z) == 5);
    if (z) {
        CHECK(as_npz_read_f32(z, 0, f2, N, &scan, &err) && memcmp(f, f2, sizeof f) == 0);
        CHECK(as_npz_read_f64(z, 1, d2, 2, &scan, &err) && memcmp(d, d2, sizeof d) == 0);
        CHECK(scan.n_nan == 0 && scan.n_inf == 1 && scan.first == 1);
        CHECK(as_npz_read_i64(z, 2, k2, 3, &err) && memcmp(k, k2, sizeof k) == 0);
        CHECK(as_npz_at(z, 2)->n_dims == 3 && as_npz_at(z, 2)->dim[1] == 3);
        CHECK(as_npz_at(z, 3)->n_dims == 0 && as_npz_at(z, 4)->count == 0);
    }
    as_npz_close(z);
    as_buf_clear(&first);
    as_buf_clear(&second);
}

/* What 32 bits cannot hold is refused, what they round is rounded. */
static void npz_narrow(void)
{
    static const struct {
        double value;
        bool ok;
    } rows[] = {{0.1, true},
                {3.4028234663852886e38, true},  /* the largest float */
                {3.4028235677973362e38, true},  /* just below halfway to the next */
                {3.4028235677973366e38, false}, /* halfway: rounds to infinity */
                {-1e300, false},
                {1e-300, true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        as_error err = {0};
        char path[64];
        float y = 0;
        as_npz_scan scan;
        const as_npz_source one = {{.name = "x", .type = AS_NPZ_F8}, &rows[i].value};
        (void)snprintf(path, sizeof path, "%s/narrow.npz", folder);
        CHECK(as_npz_write(path, &one, 1, &err));
        as_npz *z = as_npz_open(path, &err);
        CHECK(z && as_npz_read_f32(z, 0, &y, 1, &scan, &err) == rows[i].ok);
        CHECK(!rows[i].ok || y == (float)rows[i].value);
        CHECK(rows[i].ok || err.class_ == AS_ENUMERIC);
        as_npz_close(z);
    }
}

static void npz_write_refuses(void)
{
    double x = 1;
    char path[64], text[2048];
    as_error err = {0};
    const as_npz_source up = {{.name = "../x", .type = AS_NPZ_F8}, &x};
    const as_npz_source same[] = {{{.name = "x", .type = AS_NPZ_F8}, &x},
                                  {{.name = "x", .type = AS_NPZ_F8}, &x}};
    (void)snprintf(path, sizeof path, "%s/never.npz", folder);
    CHECK(!as_npz_write(path, &up, 1, &err));
    CHECK_TEXT(message(&err, folder, text, sizeof text),
               "/never.npz: member name: \"../x.npy\": unsafe name (found \"..\", expected a plain "
               "relative name)");
    err = (as_error){0};
    CHECK(!as_npz_write(path, same, 2, &err) && err.class_ == AS_EFORMAT);
    CHECK(!as_file_exists(path));
}

/* ---- limits of archives ---- */

static void zip_members(void)
{
    as_error err = {0};
    char path[64], text[2048];
    (void)snprintf(path, sizeof path, "%s/many.zip", folder);
    as_zip_member *m = as_new(1001, sizeof *m, &err);
    char(*name)[8] = as_new(1001, sizeof *name, &err);
    for (size_t i = 0; m && name && i < 1001; i++) {
        (void)snprintf(name[i], sizeof name[i], "m%zu", i);
        m[i] = (as_zip_member){name[i], name[i], strlen(name[i])};
    }
    CHECK(m && name && as_zip_write(path, m, AS_ZIP_MAX_MEMBERS, &err));
    as_zip *z = as_zip_open(path, &err);
    CHECK(z && as_zip_count(z) == AS_ZIP_MAX_MEMBERS);
    size_t at = 0;
    as_buf out = {0};
    CHECK(z && as_zip_find(z, "m998", &at) && at == 998 && as_zip_size(z, at) == 4);
    CHECK(z && as_zip_read(z, at, &out, &err) && strcmp(as_buf_text(&out), "m998") == 0);
    out.size = 0;
    CHECK(z && as_zip_head(z, at, 2, &out, &err) && strcmp(as_buf_text(&out), "m9") == 0);
    CHECK(z && !as_zip_find(z, "m", &at));
    as_zip_close(z);
    CHECK(!as_zip_write(path, m, AS_ZIP_MAX_MEMBERS + 1, &err));
    CHECK_TEXT(message(&err, folder, text, sizeof text),
               "/many.zip: members (found 1001, expected at most 1000)");
    as_buf_clear(&out);
    free(name);
    free(m);
}

static void put32(char *p, size_t value)
{
    for (int k = 0; k < 4; k++) p[k] = (char)(value >> 8 * k);
}

/* An archive of 400,000 bytes may claim 200 times as much and no more. */
static void zip_ratio(void)
{
    as_error err = {0};
    char path[64], text[2048];
    as_buf data = {0}, b = {0};
    (void)snprintf(path, sizeof path, "%s/ratio.zip", folder);
    while (data.size < 400000) as_buf_puts(&data, "0123456789abcdef");
    CHECK(as_zip_write(path, &(as_zip_member){"x", data.data, data.size}, 1, &err));
    CHECK(as_file_read(path, 1 << 20, &b, &err));
    if (b.size > data.size + 46) {
        char *local = b.data, *central = b.data + b.size - 22 - 46 - 1;
        CHECK(memcmp(central, "PK\1\2", 4) == 0);
        local[8] = central[10] = 8; /* deflate */
        for (size_t over = 0; over < 2; over++) {
            put32(local + 22, AS_ZIP_MAX_RATIO * b.size + over);
            put32(central + 24, AS_ZIP_MAX_RATIO * b.size + over);
            as_zip *z = as_zip_over("ratio", b.data, b.size, &err);
            CHECK(over ? !z : z != NULL);
            as_zip_close(z);
        }
        CHECK(err.class_ == AS_ELIMIT);
        CHECK_TEXT(as_error_text(&err, text, sizeof text),
                   "ratio: x: archive expands to over 200 times its 400100 bytes");
    }
    as_buf_clear(&data);
    as_buf_clear(&b);
}

/* ---- plans ---- */

/* The tree as JSON text, or the message. */
static const char *plan_text(as_tree *t, as_error *err, as_buf *out)
{
    char text[2048];
    json_t *j = t ? as_tree_json(t, err) : NULL;
    as_buf_clear(out);
    if (j) as_json_write(out, j);
    if (!j) as_buf_puts(out, as_error_text(err, text, sizeof text));
    json_decref(j);
    return as_buf_text(out);
}

/* Every child knows its parent, also what came from another file. */
static bool parents_hold(const as_tree *t)
{
    bool ok = true;
    for (size_t i = 0; ok && i < t->n; i++)
        ok = t->child[i]->parent == t && parents_hold(t->child[i]);
    return ok;
}

static void yaml_good(void)
{
    static const char *const rows[][2] = {
        {"good-plan.yaml",
         "{\"arms\":[{\"model\":\"/models/a b\",\"name\":\"base\"},{\"model\":\"it's\",\"name\":"
         "\"tuned\"}],\"checks\":[\"power\",\"aa\"],\"folded\":\"one line\",\"notes\":\"first\\n  "
         "second\\n\",\"schema\":\"assay.plan/1\",\"seed\":\"0123\"}"},
        {"good-texts.yaml",
         "{\"a\":\"no\",\"b\":\"off\",\"c\":\"12:30\",\"d\":\"0x1F\",\"e\":\"1e-5\",\"f\":\"~\","
         "\"g\":\"\",\"h\":\"null\",\"i\":\"\",\"j\":\"tab\\t\xc3\xa9\xf0\x9f\x98\x80\",\"k\":"
         "\"5\",\"l\":{\"m\":[\"x\"]},\"n\":\"=\"}"},
        {"good-json.yaml", "{\"n\":\"12\",\"o\":{},\"schema\":\"assay.plan/1\",\"x\":[\"1.5\","
                           "\"true\",\"null\",\"\xc3\xa9/\"]}"},
        {"good-anchors.yaml", "{\"again\":{\"at\":[\"1\",\"2\"],\"n\":\"4\"},\"base\":{\"at\":["
                              "\"1\",\"2\"],\"n\":\"4\"},\"list\":[{\"at\":[\"1\",\"2\"],\"n\":"
                              "\"4\"},\"word\",\"word\"]}"},
        {"good-include.yaml",
         "{\"from\":\"b\",\"only_a\":{\"k\":\"v\"},\"only_c\":\"1\",\"seed\":\"1\"}"},
        {"good-bom.yaml", "{\"schema\":\"x\"}"},
        {"good-marks.yaml", "{\"a\":\"1\"}"},
        /* nine files, eight of them includes: the most there may be */
        {"chain-1.yaml", "{\"k1\":\"x\",\"k2\":\"x\",\"k3\":\"x\",\"k4\":\"x\",\"k5\":\"x\",\"k6\":"
                         "\"x\",\"k7\":\"x\",\"k8\":\"x\",\"k9\":\"x\",\"last\":\"1\"}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        as_error err = {0};
        as_buf out = {0};
        char path[256];
        as_arena *a = as_arena_new(&err);
        (void)snprintf(path, sizeof path, YAML "%s", rows[i][0]);
        as_tree *t = a ? as_plan_read(path, a, &err) : NULL;
        CHECK_TEXT(plan_text(t, &err, &out), rows[i][1]);
        CHECK(t && parents_hold(t));
        as_buf_clear(&out);
        as_arena_free(a);
    }
}

static as_tree *read_text(const char *text, as_arena *a, as_error *err)
{
    return a ? as_plan_read_over("plan", text, strlen(text), a, err) : NULL;
}

/* Scalars and list items stand at their own place, a list or mapping below a key at the key. */
static void yaml_places(void)
{
    as_error err = {0};
    as_buf path = {0};
    as_arena *a = as_arena_new(&err);
    as_tree *t = read_text("\xc3\xa9: &x {n: 1}\nlist:\n  - a\n  -  [b]\nagain: *x\n", a, &err);
    CHECK(t && t->n == 3 && t->line == 1 && t->column == 1 && !t->parent && !t->key);
    if (t && t->n == 3) {
        const as_tree *n = t->child[0]->child[0], *list = t->child[1], *copy = t->child[2];
        CHECK(n->line == 1 && n->column == 11); /* in characters */
        CHECK(list->line == 2 && list->column == 1 && list->parent == t);
        CHECK(list->child[0]->line == 3 && list->child[0]->column == 5);
        CHECK(list->child[1]->line == 4 && list->child[1]->column == 6);
        CHECK(copy->line == 1 && copy->child[0]->column == 11 && copy->child[0]->parent == copy);
        CHECK(copy->child[0] != n && strcmp(copy->child[0]->text, "1") == 0);
        CHECK(strcmp(copy->file, "plan") == 0);
        as_tree_path(list->child[1]->child[0], &path);
        CHECK_TEXT(as_buf_text(&path), "list[1][0]");
    }
    as_buf_clear(&path);
    as_arena_free(a);
}

/* head, then `item` n times, then tail. */
static bool read_repeated(const char *head, const char *item, size_t n, const char *tail,
                          as_error *err)
{
    as_buf b = {0};
    as_buf_puts(&b, head);
    for (size_t i = 0; i < n; i++) as_buf_puts(&b, item);
    as_buf_puts(&b, tail);
    bool ok = as_buf_ok(&b, err) && open_plan(b.data, b.size, err);
    as_buf_clear(&b);
    return ok;
}

static void yaml_limits(void)
{
    as_error err = {0};
    CHECK(read_repeated("a: [", "x,", AS_PLAN_MAX_NODES - 2, "]", &err));
    CHECK(!read_repeated("a: [", "x,", AS_PLAN_MAX_NODES - 1, "]", &err));
    CHECK(err.class_ == AS_ELIMIT);
    err = (as_error){0};
    CHECK(read_repeated("a: ", "[", AS_PLAN_MAX_DEPTH - 1, "", &err) == false);
    CHECK(err.class_ == AS_EFORMAT); /* not closed, but not too deep */
    err = (as_error){0};
    CHECK(!read_repeated("a: ", "[", AS_PLAN_MAX_DEPTH, "", &err));
    CHECK(err.class_ == AS_ELIMIT);
    err = (as_error){0};
    CHECK(read_repeated("a: ", "xxxxxxxxxxxxxxxx", (AS_PLAN_MAX_BYTES >> 4) - 1, "yyyyyyyyyyyyy",
                        &err));
    CHECK(!read_repeated("a: ", "xxxxxxxxxxxxxxxx", (AS_PLAN_MAX_BYTES >> 4) - 1, "yyyyyyyyyyyyyy",
                         &err));
    CHECK(err.class_ == AS_ELIMIT);
}

static void yaml_set(void)
{
    static const char *const rows[][2] = {
        {"seed=2", "{\"arms\":[{\"name\":\"a\"},\"b\"],\"seed\":\"2\",\"x\":{\"y\":\"1\"}}"},
        {"seed=", "{\"arms\":[{\"name\":\"a\"},\"b\"],\"seed\":\"\",\"x\":{\"y\":\"1\"}}"},
        {"seed=a=b", "{\"arms\":[{\"name\":\"a\"},\"b\"],\"seed\":\"a=b\",\"x\":{\"y\":\"1\"}}"},
        {"x.z=3",
         "{\"arms\":[{\"name\":\"a\"},\"b\"],\"seed\":\"1\",\"x\":{\"y\":\"1\",\"z\":\"3\"}}"},
        {"p.q.r=3", "{\"arms\":[{\"name\":\"a\"},\"b\"],\"p\":{\"q\":{\"r\":\"3\"}},\"seed\":\"1\","
                    "\"x\":{\"y\":\"1\"}}"},
        {"arms[0].name=c",
         "{\"arms\":[{\"name\":\"c\"},\"b\"],\"seed\":\"1\",\"x\":{\"y\":\"1\"}}"},
        {"arms[1]=c", "{\"arms\":[{\"name\":\"a\"},\"c\"],\"seed\":\"1\",\"x\":{\"y\":\"1\"}}"},
        {"arms[0].n=c",
         "{\"arms\":[{\"n\":\"c\",\"name\":\"a\"},\"b\"],\"seed\":\"1\",\"x\":{\"y\":\"1\"}}"},
        {"seed", "command line: \"seed\" (expected KEY.PATH=VALUE)"},
        {"=1", "command line: \"=1\" (expected KEY.PATH=VALUE)"},
        {"a=\xff", "command line: \"a=\\xff\" is not UTF-8"},
        {"x=1", "command line: x: a mapping (expected a scalar to replace)"},
        {"arms=1", "command line: arms: a list (expected a scalar to replace)"},
        {"arms[2]=1", "command line: arms[2]: the list has no such item"},
        {"arms[99999999999999999999]=1",
         "command line: arms[99999999999999999999]: the list has no such item"},
        {"arms[]=1", "command line: arms[: malformed list index (expected [N])"},
        {"arms[-1]=1", "command line: arms[: malformed list index (expected [N])"},
        {"arms[0=1", "command line: arms[0: malformed list index (expected [N])"},
        {"arms[0]name=1", "command line: arms[0]n: expected '.' or '['"},
        {"arms.name=1", "command line: arms.name: not below a mapping"},
        {"seed.x=1", "command line: seed.x: not below a mapping"},
        {"seed[0]=1", "command line: seed[0]: not a list"},
        {"q[0]=1", "command line: q: no such list"},
        {"x..y=1", "command line: x.: empty key"},
        {"x.=1", "command line: x.: empty key"},
        {"[0]=1", "command line: : empty key"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        as_error err = {0};
        as_buf out = {0};
        as_arena *a = as_arena_new(&err);
        as_tree *t = read_text("seed: 1\narms:\n- name: a\n- b\nx: {y: 1}\n", a, &err);
        bool ok = t && as_plan_set(t, rows[i][0], a, &err);
        CHECK(ok || err.class_ == AS_EUSAGE);
        CHECK_TEXT(plan_text(ok ? t : NULL, &err, &out), rows[i][1]);
        const as_tree *seed = as_tree_find(t, "seed");
        CHECK(!ok || i > 2 || (seed && strcmp(seed->file, "command line") == 0));
        as_buf_clear(&out);
        as_arena_free(a);
    }
}

int main(void)
{
    if (!mkdtemp(folder)) return 1;
    RUN(npz_bad);
    RUN(npz_damage);
    RUN(npz_types);
    RUN(npz_shapes);
    RUN(npz_halves);
    RUN(npz_round_trip);
    RUN(npz_narrow);
    RUN(npz_write_refuses);
    RUN(zip_members);
    RUN(zip_ratio);
    RUN(yaml_bad);
    RUN(yaml_damage);
    RUN(yaml_good);
    RUN(yaml_places);
    RUN(yaml_limits);
    RUN(yaml_set);
    static const char *const made[] = {"halves.npz", "round.npz", "again.npz",
                                       "narrow.npz", "many.zip",  "ratio.zip"};
    for (size_t i = 0; i < COUNT(made); i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return check_end();
}

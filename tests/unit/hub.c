/* Names of models: paths win, then the cache; every refusal says where it looked. */
#include "unit/format_case.h"

#include "engine/format/hub.h"

static char dir[] = "/tmp/assay-hub-XXXXXX";
#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void make(const char *name)
{
    as_error err = {0};
    as_buf path = {0};
    as_buf_printf(&path, "%s/%s", dir, name);
    if (!as_dir_make(path.data, &err)) exit(1);
    as_buf_clear(&path);
}

static void put(const char *name, const char *text)
{
    as_buf path = {0};
    as_buf_printf(&path, "%s/%s", dir, name);
    save(path.data, text, strlen(text));
    as_buf_clear(&path);
}

/* The variable is DIR/VALUE, or unset. */
static void set(const char *variable, const char *value)
{
    as_buf path = {0};
    as_buf_printf(&path, "%s%s%s", dir, *(value ? value : "") ? "/" : "", value ? value : "");
    CHECK((value ? setenv(variable, path.data, 1) : unsetenv(variable)) == 0);
    as_buf_clear(&path);
}

/* name leads to DIR/WANT. */
static void leads(const char *name, const char *want)
{
    as_error err = {0};
    as_buf path = {0}, expected = {0};
    char text[2048];
    as_buf_puts(&path, "kept:");
    as_buf_printf(&expected, "kept:%s/%s", dir, want);
    if (!as_hub_resolve(name, &path, &err)) printf("%s\n", as_error_text(&err, text, sizeof text));
    CHECK_TEXT(path.data, expected.data);
    as_buf_clear(&path);
    as_buf_clear(&expected);
}

/* DIR is written $ in the message. */
static void refused(const char *name, as_class class_, const char *want)
{
    as_error err = {0};
    as_buf path = {0};
    char text[2048], *at;
    as_buf_puts(&path, "kept:");
    CHECK(!as_hub_resolve(name, &path, &err));
    CHECK_TEXT(path.data, "kept:");
    CHECK(path.size == 5);
    (void)as_error_text(&err, text, sizeof text);
    while ((at = strstr(text, dir))) {
        *at = '$';
        memmove(at + 1, at + strlen(dir), strlen(at + strlen(dir)) + 1);
    }
    CHECK_TEXT(text, want);
    CHECK(err.class_ == class_);
    as_buf_clear(&path);
}

static void finds_in_the_cache(void)
{
    make("cache/models--Qwen--Qwen3-0.6B/refs");
    make("cache/models--Qwen--Qwen3-0.6B/snapshots/" COMMIT);
    put("cache/models--Qwen--Qwen3-0.6B/refs/main", COMMIT);
    put("cache/models--Qwen--Qwen3-0.6B/refs/v1.0", COMMIT "\n");
    make("cache/models--Qwen--Qwen3-0.6B/refs/refs/pr");
    put("cache/models--Qwen--Qwen3-0.6B/refs/refs/pr/1", COMMIT);
#define SNAPSHOT "cache/models--Qwen--Qwen3-0.6B/snapshots/" COMMIT
    set("HF_HUB_CACHE", "cache");
    leads("Qwen/Qwen3-0.6B", SNAPSHOT);
    leads("Qwen/Qwen3-0.6B@main", SNAPSHOT);
    leads("Qwen/Qwen3-0.6B@v1.0", SNAPSHOT);
    leads("Qwen/Qwen3-0.6B@refs/pr/1", SNAPSHOT);
    leads("Qwen/Qwen3-0.6B@" COMMIT, SNAPSHOT);
}

static void finds_the_cache(void)
{
    make("home/.cache/huggingface/hub/models--o--n/refs");
    make("home/.cache/huggingface/hub/models--o--n/snapshots/" COMMIT);
    put("home/.cache/huggingface/hub/models--o--n/refs/main", COMMIT);
    make("hf/hub/models--o--n/refs");
    make("hf/hub/models--o--n/snapshots/" COMMIT);
    put("hf/hub/models--o--n/refs/main", COMMIT);
    set("HF_HUB_CACHE", NULL);
    set("HF_HOME", "hf");
    set("HOME", "home");
    leads("o/n", "hf/hub/models--o--n/snapshots/" COMMIT);
    CHECK(setenv("HF_HOME", "", 1) == 0); /* empty is as good as unset */
    leads("o/n", "home/.cache/huggingface/hub/models--o--n/snapshots/" COMMIT);
    set("HF_HOME", NULL);
    leads("o/n", "home/.cache/huggingface/hub/models--o--n/snapshots/" COMMIT);
    set("HOME", NULL);
    refused("o/n", AS_EUSAGE,
            "\"o/n\": no cache to look in (HF_HUB_CACHE, HF_HOME and HOME are not set)");
    set("HOME", "home");
    set("HF_HUB_CACHE", "cache");
}

static void paths_win(void)
{
    as_error err = {0};
    as_buf path = {0};
    make("Qwen/Qwen3-0.6B");
    as_buf_printf(&path, "%s/Qwen/Qwen3-0.6B", dir);
    leads(path.data, "Qwen/Qwen3-0.6B");
    as_buf_clear(&path);
    CHECK(as_hub_resolve("tests/golden", &path, &err)); /* looks like ORG/NAME, is a folder */
    CHECK_TEXT(path.data, "tests/golden");
    as_buf_clear(&path);
}

static void says_where_it_looked(void)
{
#define CACHE "$/cache/models--Qwen--Qwen3-0.6B/"
    refused("a/b", AS_EIO,
            "\"a/b\": no such file or folder, and not in the cache (looked for "
            "$/cache/models--a--b, from HF_HUB_CACHE)");
    refused("Qwen/Qwen3-0.6B@v2", AS_EIO,
            "\"Qwen/Qwen3-0.6B@v2\": revision v2 is not in the cache (looked for " CACHE
            "refs/v2)");
    put("cache/models--Qwen--Qwen3-0.6B/refs/odd", "../../../etc");
    refused("Qwen/Qwen3-0.6B@odd", AS_EFORMAT,
            "\"Qwen/Qwen3-0.6B@odd\": " CACHE
            "refs/odd: commit (found \"../../../etc\", expected 40 hexadecimal digits)");
    put("cache/models--Qwen--Qwen3-0.6B/refs/none", "f" COMMIT);
    refused("Qwen/Qwen3-0.6B@none", AS_EIO,
            "\"Qwen/Qwen3-0.6B@none\": snapshot is not in the cache (looked for " CACHE
            "snapshots/f" COMMIT ")");
    put("cache/models--Qwen--Qwen3-0.6B/refs/empty", "");
    refused("Qwen/Qwen3-0.6B@empty", AS_EFORMAT,
            "\"Qwen/Qwen3-0.6B@empty\": " CACHE
            "refs/empty: commit (found \"\", expected 40 hexadecimal digits)");
}

static void checks_names(void)
{
    static const char *const names[] = {"",      "name",         "a/",     "/a",     "a/b/c",
                                        "a/b@",  "../nowhere-b", "a/..",   "a/b..c", "-a/b",
                                        "a/.b",  "a/b@/c",       "a/b@..", "a/b@-x", "a b/c",
                                        "a/b\n", "a/b@x y",      "a@b/c",  "a\\/b",  "a/b@c@d"};
    for (size_t i = 0; i < COUNT(names); i++) {
        as_error err = {0};
        as_buf path = {0};
        CHECK(!as_hub_resolve(names[i], &path, &err));
        CHECK(err.class_ == AS_EUSAGE);
        if (check_bad) printf("\"%s\": %s\n", names[i], err.what);
        as_buf_clear(&path);
    }
    refused("a/b\xff", AS_EUSAGE,
            "\"a/b\\xff\": no such file or folder, and not a name of the hub (expected ORG/NAME or "
            "ORG/NAME@REV)");
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    RUN(finds_in_the_cache);
    RUN(finds_the_cache);
    RUN(paths_win);
    RUN(says_where_it_looked);
    RUN(checks_names);
    empty_folder(dir);
    return check_end();
}

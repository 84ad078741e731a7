/* lab/sandbox: verdicts, values that cross, limits, several programs at once, interruption; and
 * that the probe notices each protection that is left out. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/confine.h"

#include "sandbox_case.h"

static as_sandbox *box;

typedef struct {
    const char *program, *test;
    as_run_outcome outcome;
    const char *why; /* part of it; "" when it passed */
} verdict_case;

#define ONE "def check(c):\n    assert c(1) == 2\n"

static void each(const verdict_case *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        as_run_result r = run_test(box, c[i].program, c[i].test);
        if (r.outcome != c[i].outcome || !strstr(r.why, c[i].why))
            printf("%s\n%s\n", c[i].program, r.why);
        CHECK_TEXT(as_run_outcome_name(r.outcome), as_run_outcome_name(c[i].outcome));
        CHECK(strstr(r.why, c[i].why));
        CHECK(r.outcome != AS_RUN_PASS || r.why[0] == '\0');
    }
}

static void verdicts(void)
{
    static const verdict_case cases[] = {
        {"def f(x):\n    return x + 1\n", ONE, AS_RUN_PASS, ""},
        {"f = lambda x: x + 1\n", ONE, AS_RUN_PASS, ""},
        {"def f(x):\n    return x\n", ONE, AS_RUN_WRONG, "assert c(1) == 2"},
        {"def f(x):\n    return None\n", "def check(c):\n    assert len(c(1)) == 2\n", AS_RUN_WRONG,
         "TypeError"},
        {"def f(x):\n    return 3\n", "def check(c):\n    assert c(1) == 2, 'one'\n", AS_RUN_WRONG,
         "one"},
        {"def f(x):\n    return 1 / 0\n", ONE, AS_RUN_ERROR, "ZeroDivisionError"},
        {"def f(x)\n    return 1\n", ONE, AS_RUN_ERROR, "SyntaxError"},
        {"def g(x):\n    return 1\n", ONE, AS_RUN_ERROR, "'f' is not defined"},
        {"f = 7\n", ONE, AS_RUN_ERROR, "TypeError"},
        {"", ONE, AS_RUN_ERROR, "not defined"},
        {"raise ValueError('top')\n", ONE, AS_RUN_ERROR, "ValueError: top"},
        {"def f(x):\n    raise KeyError\n", ONE, AS_RUN_ERROR, "KeyError"},
        {"def f():\n    return 1\n", ONE, AS_RUN_ERROR, "TypeError"},
        {"def f(x):\n    return open\n", ONE, AS_RUN_ERROR, "no plain value"},
        {"def f(x):\n    return (y for y in [2])\n", ONE, AS_RUN_ERROR, "generator"},
        {"\xff\n", ONE, AS_RUN_ERROR, "UTF-8"},
        {"def f(x):\n    raise ValueError(x)\n",
         "def check(c):\n    try:\n        c(1)\n    except ValueError as e:\n        assert "
         "str(e) == "
         "'1'\n    else:\n        assert False\n",
         AS_RUN_PASS, ""},
        {"def f(x):\n    pass\n", "def check(c)\n    pass\n", AS_RUN_NOT_RUN, "SyntaxError"},
        {"def f(x):\n    pass\n", "def check(c):\n    pass\n", AS_RUN_NOT_RUN, "called nothing"},
        {"def f(x):\n    pass\n", "x = 1\n", AS_RUN_NOT_RUN, "check"},
        {"def f(x):\n    pass\n", "def check(c):\n    c(open)\n", AS_RUN_NOT_RUN, "no plain value"},
        {"def f(x):\n    pass\n", "def check(c):\n    nothing(c)\n", AS_RUN_NOT_RUN, "NameError"},
    };
    each(cases, sizeof cases / sizeof cases[0]);
}

/* Whatever goes out as an argument comes back equal and of the same plain type. */
static void values(void)
{
    static const char *const same[] = {"None",
                                       "True",
                                       "0",
                                       "-1",
                                       "255",
                                       "-256",
                                       "2**64",
                                       "-2**4000",
                                       "10**9999",
                                       "0.1",
                                       "-0.0",
                                       "1e308",
                                       "5e-324",
                                       "float('inf')",
                                       "1+2j",
                                       "complex(-0.0, 0.5)",
                                       "''",
                                       "'h\\xe9\\u4f60'",
                                       "'\\ud800'",
                                       "'\\0x'",
                                       "b''",
                                       "bytes(range(256))",
                                       "[]",
                                       "[1, [2, [3]]]",
                                       "()",
                                       "(1,)",
                                       "set()",
                                       "{1, 'a', (2, 3)}",
                                       "frozenset([1])",
                                       "{}",
                                       "{'a': [1], 2: {3: None}}",
                                       "fractions.Fraction(-3, 7)",
                                       "decimal.Decimal('1.10')",
                                       "decimal.Decimal('NaN').is_nan()",
                                       "'x' * 1000000",
                                       "list(range(50000))"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char test[500];
        snprintf(test, sizeof test,
                 "import fractions, decimal, sys\nsys.set_int_max_str_digits(0)\ndef check(c):\n   "
                 " x = %s\n    y = c(x)\n    assert "
                 "repr(x) == repr(y)\n    assert type(x) is type(y)\n",
                 same[i]);
        as_run_result r = run_test(box, "def f(x):\n    return x\n", test);
        if (r.outcome != AS_RUN_PASS) printf("%s: %s\n", same[i], r.why);
        CHECK(r.outcome == AS_RUN_PASS);
    }
}

static void value_limits(void)
{
    static const verdict_case cases[] = {
        {"def f(x):\n    return 'x' * (1 << 20)\n", ONE, AS_RUN_OUTPUT, "1 MiB"},
        {"def f(x):\n    return list(range(300000))\n", ONE, AS_RUN_OUTPUT, "1 MiB"},
        {"def f(x):\n    return 10 ** 10000\n", ONE, AS_RUN_OUTPUT, "digits"},
        {"def f(x):\n    for _ in range(52):\n        x = [x]\n    return x\n", ONE, AS_RUN_OUTPUT,
         "deeper"},
        {"def f(x):\n    for _ in range(50):\n        x = [x]\n    return x\n",
         "def check(c):\n    x = c(1)\n    for _ in range(50):\n        x = x[0]\n    assert x == "
         "1\n",
         AS_RUN_PASS, ""},
        {"def f(x):\n    x = []\n    x.append(x)\n    return x\n", ONE, AS_RUN_OUTPUT, "deeper"},
        {"class I(int):\n    pass\ndef f(x):\n    return I(2)\n",
         "def check(c):\n    assert type(c(1)) is int and c(1) == 2\n", AS_RUN_PASS, ""},
    };
    each(cases, sizeof cases / sizeof cases[0]);
}

/* The driver's side: helpers of the prompt, a seed, calls by name. */
static void preamble(void)
{
    as_error err = {0};
    as_run_result r[2];
    as_program p = {
        .program = "def f(x):\n    return [v * 2 for v in x]\n",
        .preamble = "import math\ndef twice(x):\n    return x * 2\ndef f(x):\n    \"\"\"d\"\"\"\n",
        .entry_point = "f",
        .test = "import random\ndef check(c):\n    v = [random.random() for _ in range(3)]\n"
                "    assert c(v) == [twice(x) for x in v]\n    assert f([1]) == [2]\n"
                "    assert False, repr(v)\n",
        .seed = 7};
    CHECK(as_sandbox_run(box, &p, &r[0], &err) && as_sandbox_run(box, &p, &r[1], &err));
    CHECK(r[0].outcome == AS_RUN_WRONG && r[0].why[0] == '[');
    CHECK_TEXT(r[0].why, r[1].why);
    p.seed = 8;
    CHECK(as_sandbox_run(box, &p, &r[1], &err) && strcmp(r[0].why, r[1].why) != 0);
}

/* Results stand in the order of the programs. */
static void several(void)
{
    as_error err = {0};
    as_program p[9];
    as_run_result r[9];
    char text[9][80];
    for (int i = 0; i < 9; i++) {
        snprintf(text[i], sizeof text[i], "def f(x):\n    return %s\n", i % 3 ? "1 / 0" : "x + 1");
        p[i] = (as_program){.program = text[i], .preamble = "", .entry_point = "f", .test = ONE};
    }
    p[4].program = "def f(x):\n    while True: pass\n";
    CHECK(as_sandbox_run_all(box, p, 9, r, &err));
    for (int i = 0; i < 9; i++)
        CHECK(r[i].outcome == (i == 4 ? AS_RUN_TIMEOUT : i % 3 ? AS_RUN_ERROR : AS_RUN_PASS));
    CHECK(as_sandbox_run_all(box, p, 0, r, &err));
    CHECK(leftovers() <= 0);
}

static void texts_too_long(void)
{
    as_error err = {0};
    as_run_result r;
    size_t n = AS_SANDBOX_TEXT + 2;
    char *text = malloc(n);
    if (!text) abort();
    memset(text, '\n', n - 1);
    text[n - 1] = '\0';
    as_program p = {.program = text, .preamble = "", .entry_point = "f", .test = ONE};
    CHECK(as_sandbox_run(box, &p, &r, &err) && r.outcome == AS_RUN_OUTPUT);
    p = (as_program){.program = "", .preamble = "", .entry_point = "f", .test = text};
    CHECK(!as_sandbox_run(box, &p, &r, &err) && err.class_ == AS_ELIMIT);
    free(text);
    CHECK(run_test(box, "def f(x):\n    return 2\n", ONE).outcome == AS_RUN_PASS);
}

static volatile sig_atomic_t stop;
static void on_alarm(int n)
{
    (void)n;
    stop = 1;
}

/* A stop is heard while programs run; the sandbox is as good as new afterwards. */
static void interrupted(void)
{
    as_error err = {0};
    as_run_result r[3];
    as_program p[3];
    as_sandbox *s = as_sandbox_open(&(as_sandbox_options){.stop = &stop}, &err);
    CHECK(s);
    if (!s) return;
    for (int i = 0; i < 3; i++)
        p[i] = (as_program){.program = "def f(x):\n    import time\n    time.sleep(60)\n",
                            .preamble = "",
                            .entry_point = "f",
                            .test = ONE};
    signal(SIGALRM, on_alarm);
    alarm(1);
    CHECK(!as_sandbox_run_all(s, p, 3, r, &err) && err.class_ == AS_ESTATE);
    for (int i = 0; i < 3; i++) CHECK(r[i].outcome == AS_RUN_NOT_RUN);
    CHECK(leftovers() <= 0);
    stop = 0;
    err = (as_error){0};
    p[0].program = "def f(x):\n    return 2\n";
    CHECK(as_sandbox_run(s, p, r, &err) && r[0].outcome == AS_RUN_PASS);
    as_sandbox_close(s);
}

/* A supervisor that is killed: the next run says so, and nothing of it stays. */
static void killed_in(as_sandbox_tier tier)
{
    as_error err = {0};
    as_run_result r;
    char path[64], text[256] = "";
    as_sandbox *s = open_tier(tier, &small);
    CHECK(s);
    if (!s) return;
    CHECK(count_groups() >= 0);
    if (tier == AS_TIER_OWN_USER) CHECK(count_places() > 0);
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)getpid(), (long)getpid());
    FILE *f = fopen(path, "r");
    if (f) {
        size_t size = fread(text, 1, sizeof text - 1, f);
        text[size] = '\0';
        fclose(f);
    }
    char *last = strrchr(text, ' '), *at = text;
    if (last) *last = '\0';
    for (long pid; (pid = strtol(at, &at, 10)) > 0;) kill((pid_t)pid, SIGKILL);
    as_program p = {.program = "", .preamble = "", .entry_point = "f", .test = ONE};
    CHECK(!f || (!as_sandbox_run(s, &p, &r, &err) && err.class_ == AS_ESANDBOX));
    as_sandbox_close(s);
    CHECK(count_groups() == 0 && count_places() == 0);
}

static void supervisor_killed(void)
{
    killed_in(AS_TIER_ANY);
    if (geteuid() == 0) killed_in(AS_TIER_OWN_USER);
}

/* Runs what in a process of its own and gives its exit status. */
static int apart(int (*what)(void))
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) _exit(what());
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_confined(void)
{
    as_error err = {0};
    as_sandbox *s = open_tier(AS_TIER_ANY, &small);
    if (!s) return 1;
    bool ok = as_confine(NULL, 0, NULL, 0, &err) && access("/etc/passwd", R_OK) == 0 &&
              open("/etc/passwd", O_RDONLY) < 0 &&
              run_test(s, "def f(x):\n    return 2\n", ONE).outcome == AS_RUN_PASS;
    as_sandbox_close(s);
    return ok ? 0 : 2;
}

/* A caller that gave up its files after opening can still run programs. */
static void confined_caller(void)
{
    if (as_confine_version() > 0) CHECK(apart(run_confined) == 0);
}

static int signal_parent(void)
{
    as_error err = {0};
    if (kill(getppid(), 0) != 0 || !as_confine_alone(&err)) return 1;
    int expected = as_confine_version() >= 6 ? -1 : 0;
    return kill(getpid(), 0) == 0 && kill(getppid(), 0) == expected ? 0 : 2;
}

static void alone(void)
{
    if (as_confine_version() > 0) CHECK(apart(signal_parent) == 0);
}

/* The launch fails by name, and for a missing interpreter too. */
static void refusals(void)
{
    as_error err = {0};
    CHECK(!as_sandbox_open(&(as_sandbox_options){.python = "/nowhere/python3"}, &err));
    CHECK(err.class_ == AS_ESANDBOX && strstr(err.what, "/nowhere/python3") && err.hint[0]);
    err = (as_error){0};
    CHECK(!as_sandbox_open(&(as_sandbox_options){.python = "/bin/true"}, &err));
    CHECK(err.class_ == AS_ESANDBOX);
}

static void weakened(as_sandbox_tier tier)
{
    static const struct {
        unsigned weak;
        const char *reached;
    } cases[] = {{AS_WEAK_NAMESPACES, "identity"},
                 {AS_WEAK_FILES, "a file of the host"},
                 {AS_WEAK_LANDLOCK, "the root folder"},
                 {AS_WEAK_SECCOMP, "sockets"},
                 {AS_WEAK_USER, "identity"},
                 {AS_WEAK_DESCRIPTORS, "descriptors of others"},
                 {AS_WEAK_ENVIRONMENT, "environment"},
                 {AS_WEAK_MEMORY, "memory"},
                 {AS_WEAK_PROCESSES, "processes"},
                 {AS_WEAK_LIMITS, "file size, descriptors, limits"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_error err = {0};
        bool is_own_user = tier == AS_TIER_OWN_USER;
        if (cases[i].weak == AS_WEAK_NAMESPACES && is_own_user) continue;
        if (cases[i].weak == AS_WEAK_USER && geteuid() != 0) continue;
        as_sandbox *s =
            as_sandbox_open_weak(&(as_sandbox_options){.tier = tier}, cases[i].weak, &err);
        CHECK(!s);
        CHECK(err.class_ == AS_ESANDBOX && strstr(err.what, cases[i].reached));
        if (s || !strstr(err.what, cases[i].reached)) printf("%u: %s\n", cases[i].weak, err.what);
        as_sandbox_close(s);
    }
}

static void weakened_namespaces(void)
{
    weakened(AS_TIER_NAMESPACES);
}

static void weakened_own_user(void)
{
    weakened(AS_TIER_OWN_USER);
}

/* Emptying a scratch: depth, modes, links to elsewhere. */
static void scratch(void)
{
    char base[] = "/tmp/assay-scratch-XXXXXX", outside[] = "/tmp/assay-outside-XXXXXX", path[200];
    int kept = mkstemp(outside), start = open(".", O_RDONLY | O_DIRECTORY);
    CHECK(mkdtemp(base) && kept >= 0 && start >= 0 && chdir(base) == 0);
    for (int i = 0; i < 3000; i++) { /* 3,000 deep */
        if (mkdir("d", 0700) != 0 || chdir("d") != 0) break;
        if (i % 1000 == 0) CHECK(symlink(outside, "link") == 0 && mkdir("shut", 0) == 0);
    }
    CHECK(fchdir(start) == 0);
    snprintf(path, sizeof path, "%s/loop", base);
    CHECK(symlink(base, path) == 0);
    CHECK(!as_scratch_fits(base, &small)); /* deeper than it looks */
    CHECK(as_scratch_empty(base) && as_scratch_fits(base, &small));
    CHECK(rmdir(base) == 0 && access(outside, F_OK) == 0);
    CHECK(as_scratch_empty(base)); /* one that is not there */
    close(kept);
    close(start);
    unlink(outside);
}

int main(void)
{
    if (UNDER_TSAN) {
        SKIP(sandbox, "processes, no threads");
        return check_end();
    }
    as_sandbox *two = open_tier(AS_TIER_NAMESPACES, &small);
    box = two ? two : open_tier(AS_TIER_OWN_USER, &small);
    RUN(refusals);
    RUN(scratch);
    RUN(alone);
    if (box) {
        printf("%s\n", as_sandbox_version(box));
        RUN(verdicts);
        RUN(values);
        RUN(value_limits);
        RUN(preamble);
        RUN(several);
        RUN(texts_too_long);
    } else {
        SKIP(verdicts, "no tier holds here (above)");
    }
    as_sandbox_close(box);
    if (box) RUN(confined_caller);
    if (box) RUN(interrupted);
    if (box) RUN(supervisor_killed);
    if (two)
        RUN(weakened_namespaces);
    else
        SKIP(weakened_namespaces, "the tier does not hold here (above)");
    if (geteuid() == 0)
        RUN(weakened_own_user);
    else
        SKIP(weakened_own_user, "needs root");
    return check_end();
}

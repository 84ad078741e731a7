/* lab/sandbox: hostile programs on each tier, as root and as a plain user; odd but honest ones
 * beside them. After each nothing is left of it. */
#define _DEFAULT_SOURCE /* setgroups */
#include "check.h"

#include <errno.h>
#include <grp.h>
#include <sys/wait.h>

#include "sandbox_case.h"
#include "sandbox_escapes.h"
#include "sandbox_honest.h"

#define HELD "def check(c):\n    assert c() == 'held'\n"

/* Runs all of them; how many came out as they must not. */
static int attack(as_sandbox *s)
{
    static const char letters[] = "PWETMOKN";
    int bad = 0;
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        as_run_result r = run_test(s, escapes[i].program, HELD);
        bool ok = r.outcome < AS_RUN_OUTCOMES && strchr(escapes[i].outcomes, letters[r.outcome]);
        bool is_left = leftovers() > 0;
        if (!ok || is_left)
            printf("%s: %s came out as %s%s: %s\n", as_sandbox_name(s), escapes[i].name,
                   as_run_outcome_name(r.outcome), is_left ? ", processes left" : "", r.why);
        bad += !ok || is_left;
    }
    return bad;
}

static int behave(as_sandbox *s)
{
    int bad = 0;
    for (size_t i = 0; i < sizeof honest / sizeof honest[0]; i++) {
        as_run_result r = run_test(s, honest[i].program, honest[i].test);
        if (r.outcome != AS_RUN_PASS)
            printf("%s: honest %zu came out as %s: %s\n%s", as_sandbox_name(s), i,
                   as_run_outcome_name(r.outcome), r.why, honest[i].program);
        bad += r.outcome != AS_RUN_PASS;
    }
    return bad;
}

/* The limits of attacks are small, so that what runs into one does it soon. */
static int attack_and_behave(as_sandbox_tier tier)
{
    as_sandbox_limits l = small;
    l.wall_s = 3;
    as_sandbox *hard = open_tier(tier, &l), *usual = hard ? open_tier(tier, NULL) : NULL;
    int bad = hard && usual ? attack(hard) + behave(usual) : 1;
    as_sandbox_close(hard);
    as_sandbox_close(usual);
    return bad;
}

static void whole(as_sandbox_tier tier)
{
    CHECK(attack_and_behave(tier) == 0);
    CHECK(count_places() == 0);
    CHECK(count_groups() == 0);
}

static void namespaces(void)
{
    whole(AS_TIER_NAMESPACES);
}

static void own_user(void)
{
    whole(AS_TIER_OWN_USER);
}

/* The same in a process that gave root up. */
static void namespaces_as_user(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int bad = 1;
        if (setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0)
            bad = attack_and_behave(AS_TIER_NAMESPACES) != 0;
        fflush(stdout);
        _exit(bad);
    }
    int status = 1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    CHECK(pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Whether the tier holds here; why not is printed. */
static bool opens(as_sandbox_tier tier)
{
    as_sandbox *s = open_tier(tier, NULL);
    as_sandbox_close(s);
    return s != NULL;
}

int main(void)
{
    if (UNDER_TSAN) {
        SKIP(escapes, "processes, no threads");
        return check_end();
    }
    bool is_root = geteuid() == 0, has_namespaces = opens(AS_TIER_NAMESPACES);
    if (has_namespaces)
        RUN(namespaces);
    else
        SKIP(namespaces, "the tier does not hold here (above)");
    if (is_root && opens(AS_TIER_OWN_USER))
        RUN(own_user);
    else
        SKIP(own_user, is_root ? "the tier does not hold here (above)" : "needs root");
    if (is_root && has_namespaces)
        RUN(namespaces_as_user);
    else
        SKIP(namespaces_as_user, "needs root, to give it up, and namespaces");
    return check_end();
}

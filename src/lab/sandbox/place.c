/* What cells need outside of themselves: control groups, and in tier "own user" a folder for their
 * scratches. Caller and supervisor both remove it at their end, so that it goes even when one of
 * them is killed. */
#include "lab/sandbox/sandbox_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* User ids that no system hands out (systemd's table of user ids, "unused"); two for each process
 * id, so that supervisors of several programs never share one. */
#define UID_FIRST 0x70000000u
#define UID_RANGE 0x07fffffeu

uid_t as_place_user(pid_t supervisor, int cell)
{
    return UID_FIRST + 2 * (uid_t)supervisor % UID_RANGE + (uid_t)cell;
}

bool as_place_open(as_place *p, const as_box *box, as_error *err)
{
    *p = (as_place){0};
    for (int i = 0; i < AS_CELLS; i++) as_group_open(&p->group[i], &box->limits);
    if (box->tier != AS_TIER_OWN_USER) return true;
    snprintf(p->base, sizeof p->base, "/tmp/assay-cells-%ld-XXXXXX", (long)getpid());
    if (!mkdtemp(p->base) || chmod(p->base, 0711) != 0) {
        as_fail(err, AS_ESANDBOX, "a folder for scratches: %s", strerror(errno));
        as_place_close(p);
        return false;
    }
    for (int i = 0; i < AS_CELLS; i++)
        snprintf(p->scratch[i], sizeof p->scratch[i], "%s/%d", p->base, i);
    return true;
}

void as_place_close(as_place *p)
{
    for (int i = 0; i < AS_CELLS; i++) {
        as_group_close(&p->group[i]);
        if (!p->scratch[i][0]) continue;
        (void)as_scratch_empty(p->scratch[i]);
        rmdir(p->scratch[i]);
    }
    if (p->base[0]) rmdir(p->base);
    *p = (as_place){0};
}

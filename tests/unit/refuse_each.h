/* Every allocation of a scenario refused in turn (fail_alloc.h), once and from there on. */
#ifndef REFUSE_EACH_H
#define REFUSE_EACH_H

#include "check.h"

#include "base/error.h"
#include "fail_alloc.h"

/* A scenario releases all it took, and returns false with err set when it failed. */
typedef bool scenario(as_error *err);

/* k = 1, 2, ... until nothing is refused: each run is whole, or ends in AS_EMEM, and leaks nothing.
 */
static inline void refuse_each(scenario *run)
{
    for (int from_on = 0; from_on < 2; from_on++) {
        size_t k = 1;
        for (bool refused = true; refused; k++) {
            as_error err = {0};
            size_t before = fail_alloc_live();
            fail_alloc_at(k, from_on == 1);
            bool ok = run(&err);
            refused = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK(ok == !refused);
            CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
            CHECK(fail_alloc_live() == before);
            if (check_bad) {
                printf("allocation %zu%s: %s\n", k, from_on ? " and on" : "", err.what);
                return;
            }
        }
        CHECK(k > 2); /* something was refused at all */
    }
}

#endif

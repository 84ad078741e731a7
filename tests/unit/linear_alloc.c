/* tensor: every allocation of a set-up and of packing refused in turn. */
#include "check.h"

#include "engine/tensor/linear.h"
#include "fail_alloc.h"
#include "weights.h"

static bool pack_one(as_exec *ex, const stored *s, as_error *err)
{
    as_weight w;
    bool ok = as_weight_pack(ex, &w, &s->source, err);
    as_weight_clear(&w);
    return ok;
}

static bool set_up_and_pack(const stored *s, as_error *err)
{
    as_exec ex;
    bool ok = as_exec_init(&ex, "auto", 2, err) && pack_one(&ex, s, err);
    as_exec_clear(&ex);
    return ok;
}

static void refuse_each(const stored *s)
{
    bool refused = true;
    for (size_t k = 1; refused && !check_bad; k++) {
        as_error err = {0};
        size_t before = fail_alloc_live();
        fail_alloc_at(k, false);
        bool ok = set_up_and_pack(s, &err);
        refused = fail_alloc_hit();
        fail_alloc_at(0, false);
        CHECK(ok == !refused && err.class_ == (refused ? AS_EMEM : AS_OK));
        CHECK(fail_alloc_live() == before);
    }
}

static void packing_survives(void)
{
    stored plain = stored_new(AS_BF16, 40, 100, AS_F32, 1);
    stored odd = stored_new(AS_NF4, 40, 96, AS_BF16, 1);
    odd.source.nf4 = &odd.nf4;
    refuse_each(&plain);
    refuse_each(&odd);
    stored_free(&plain);
    stored_free(&odd);
}

/* A weight costs its panels and nothing beside them. */
static void no_second_copy(void)
{
    as_exec ex;
    as_weight w;
    as_error err = {0};
    stored s = stored_new(AS_BF16, 1024, 3072, AS_F32, 1);
    CHECK(as_exec_init(&ex, "auto", 2, &err));
    size_t before = fail_alloc_live();
    fail_alloc_at(0, false);
    CHECK(as_weight_pack(&ex, &w, &s.source, &err));
    CHECK(as_weight_bytes(&w) == (size_t)6 << 20);
    CHECK(fail_alloc_peak() - before < ((size_t)8 << 20) + (1 << 16)); /* 2 MiB to align */
    as_weight_clear(&w);
    as_exec_clear(&ex);
    stored_free(&s);
}

int main(void)
{
    fail_alloc_init();
    RUN(packing_survives);
    RUN(no_second_copy);
    return check_end();
}

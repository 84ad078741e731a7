#!/bin/sh
# Writes tests/fuzz/corpus/plan: the plan of the command line tests, a plan with every key, and the
# shipped plans, and small pieces. Run from the project's root with a shell; the same files come out
# each time.
set -eu
out=tests/fuzz/corpus/plan
mkdir -p $out
rm -f $out/*

sed -n '/^    cat >study\/study.yaml/,/^EOF$/p' tests/cli/study.inc | sed '1d;$d' >$out/study
sed -n '/^static const char whole\[\] =/,/;$/p' tests/unit/plan.c |
    sed -n 's/^ *"\(.*\)\\n";*$/\1/p' >$out/whole

for plan in plans/*.yaml; do cp "$plan" "$out/$(basename "$plan" .yaml)"; done
i=0
for text in 'tables: {t: {rows: [{a: 1}], columns: {a: a}}}' 'lexicons: {l: x}' 'alpha: 1/0' \
    'draws: {permutations: 1, bootstrap: 1, cv_repeats: 1}' 'tables: {t: {where: [{}]}}' \
    'checks: {c: {check: within-cv, features: t.x, label: t.y, C: [1, 1/2, -1e3], folds: "0123"}}' \
    'checks: {c: {check: instrument, arms: [t], needs: [], contradicts: {a: b}}}' \
    'claims: {k: {says: s, steps: [{name: n, checks: []}]}}'; do
    i=$((i + 1))
    printf 'schema: assay.plan/1\nname: p\n%s\n' "$text" >$out/piece$i
done
ls $out | wc -l

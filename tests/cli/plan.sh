# Before the first token: what a study could see, what it has fixed, and that a run keeps to both.
. tests/cli/study.inc
cp -r "$root/models/llama" model
cp -r "$root/data/chef" chef
cat >small.yaml <<'END'
schema: assay.plan/1
name: small
title: "A small study"
seed: 7
draws: {permutations: 100, bootstrap: 100, cv_repeats: 2}
models: {m: model}
sets:
  S: {task: chef, data: chef, set: S, n: 40}
steps:
  ask:
    do: answer
    model: m
    set: S
    judges: [claims, delivery]
    budget: 4
    arms: {base: base, asked: {system: "Say so when you are not certain.", treats: [system]}}
tables:
  base: {answers: ask.base, cluster: cluster, columns: &c {asserts: {from: verbal, equals: ASSERT}}}
  asked: {answers: ask.asked, columns: *c}
checks:
  kept: {check: preserved, a: base.coverage, b: asked.coverage, margin: 0.05, cluster: base.cluster}
  moved: {check: paired-binary, a: base.asserts, b: asked.asserts, expect: negative}
  alike: {check: instrument, arms: [base, asked], needs: [token_budget]}
claims:
  keeps: {says: Asking changes nothing that it knows., must_hold: [kept], instrument: [alike]}
  hedges:
    says: It hedges when asked.
    steps: [{name: at all, checks: [moved]}, {name: alone, checks: [kept]}]
END
study() { say "$@" --db assay.db --threads 1; }
verdicts() { grep -v '^    '; }
locks() {
    "$assay" sql --db assay.db "select \"of\", estimate, detail from statistic
        where \"check\" = 'lock' order by name desc, position" | tail -n +2
}

echo "--- plan"
say plan small.yaml
say plan small.yaml -o assume.discordance=0.2 -o checks.moved.effect=0.4 | grep '  moved\|status'
"$assay" plan small.yaml --json >planned.json
grep '"schema"\|"mde"\|"prompt_only"' planned.json
ls

echo "--- below"
low="-o checks.moved.effect=0.2 -o assume.discordance=0.3"
say plan small.yaml $low | grep '  moved\|^assay\|status'
study run small.yaml -q $low
say lock small.yaml $low
study run small.yaml -q $low --json | grep '"class"\|"message"\|status'
ls

echo "--- resume, before anything has begun"
study resume small.yaml -q

echo "--- lock"
say lock small.yaml
cp small.lock.json kept.json
say lock small.yaml
SOURCE_DATE_EPOCH=1800000000 say lock small.yaml
same small.lock.json kept.json
say lock small.yaml -o alpha=0.01
same small.lock.json kept.json
say lock small.yaml -o alpha=0.01 --out other.json
say lock small.yaml -o alpha=0.02 --out other.json --replace -q
grep '"alpha"\|"time"' other.json
"$assay" lock small.yaml --out third.json --json -q >said.json
same said.json third.json
sed -n 's/^  "\([a-z_0-9]*\)".*/\1/p' small.lock.json | tr '\n' ' '
echo
"$assay" plan small.yaml | tail -1
"$assay" plan small.yaml -o alpha=0.01 | tail -2

echo "--- run: not the locked plan"
mv chef/canon/technique.json technique
sed 's/"name": *"/&odd /' technique >chef/canon/technique.json
study run small.yaml -q | sed 's/"[0-9a-f]\{64\}"/KEY/g'
mv technique chef/canon/technique.json
study run small.yaml -q -o alpha=0.01 -o checks.kept.margin=0.1
for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    printf '  t%s: {answers: ask.base}\n' $i
done >more
sed '/^  asked: {a/r more' small.yaml >wide.yaml
cp small.lock.json wide.lock.json
study run wide.yaml -q >out
grep -c "^warning: /plan/tables/t" out
tail -4 out
ls

echo "--- run: the locked plan"
study run small.yaml -q | verdicts
locks
rows assay.db >rows.txt
study run small.yaml -q >out
study resume small.yaml -q >again
same out again
rows assay.db | cmp - rows.txt && echo "again adds no row"
"$assay" sql --db assay.db "select position, \"check\", round(estimate, 4), n from statistic
    where name = 'mde' order by position"
say report small.yaml --db assay.db | verdicts
say report small.yaml --db assay.db -o alpha=0.01
say report small --db assay.db -o alpha=0.01
say report small.yaml --db assay.db --design x

echo "--- run: another plan on purpose"
study run small.yaml -q -o alpha=0.01 --allow-change | verdicts
locks
study run small.yaml -q -o alpha=0.01 --allow-change >out
locks | wc -l
study resume small.yaml -q -o alpha=0.01
study resume small.yaml -q -o alpha=0.03 --allow-change

echo "--- a lock after the answers"
rm small.lock.json assay.db*
study run small.yaml -q --allow-change
study run small.yaml -q >out
"$assay" lock small.yaml -q
study run small.yaml -q | verdicts
locks
study run small.yaml -q | verdicts
locks | wc -l

echo "--- the plan edited, and locked again"
say lock small.yaml -q -o alpha=0.02 --replace
SOURCE_DATE_EPOCH=1700000500 say lock small.yaml -q -o alpha=0.02 --out later.json
study run small.yaml -q -o alpha=0.02 --json >out
grep '"asked_by"\|"is_after"\|"earlier"' out | sed 's/^ *//'
SOURCE_DATE_EPOCH=1700000500 say lock small.yaml -q -o alpha=0.03 --replace
study run small.yaml -q -o alpha=0.02 --allow-change --json >out
sed -n '/^  "lock"/,/^  }/p' out
"$assay" report --db assay.db --report page.html -q >out
grep -c '<b>Earlier lock:</b> locked 2023-11-14T22:13:20Z .* agrees with it' page.html
grep -c '<b>Lock:</b> locked 2023-11-14T22:21:40Z .* departs from it' page.html

echo "--- refused before there is anything"
mkdir new
try() { say "$@" -q --db new/assay.db --threads 1; }
try run small.yaml -o alpha=0.01
try run small.yaml -o alpha=0.01 --dry-run
try run small.yaml -o alpha=0.03 -o checks.moved.effect=0.2 -o assume.discordance=0.3 --dry-run
try resume small.yaml -o alpha=0.03 --dry-run
try run small.yaml -o seed=9223372036854775808
ls new
sed 's/^name: small/name: other/' small.yaml >small.yml
try run small.yml
say plan small.yml | grep '^lock'
say lock small.yml
cp small.yml plan.txt
say lock plan.txt -o seed=9 --out small.yml --replace
same small.yml plan.txt
rm small.yml

echo "--- a plan without steps"
make_study
mkdir audit
say lock study/study.yaml
say lock study/study.yaml --data study -q
say run study/study.yaml --db audit/assay.db --work audit/work -q
say run study/study.yaml --data nowhere --db audit/assay.db --work audit/work -q
[ -z "$(ls audit)" ] || fail "something was made"
say resume study/study.yaml --db assay.db -q
say run study/study.yaml --data study --db audit/assay.db --work audit/work -q --json >out
grep '"agrees"\|"is_after"' out
say report --training --db audit/assay.db -o seed=1

echo "--- bad input"
for bad in 's/"time": "2023/"time": "23/' 's/"plan_sha256": "./"plan_sha256": "X/'; do
    cp small.lock.json good.json
    sed "$bad" good.json >small.lock.json
    say plan small.yaml | sed 's/X[0-9a-f]*/X/'
    mv good.json small.lock.json
done
printf '{' >small.lock.json
say plan small.yaml
study run small.yaml -q
printf '{"schema":"assay.lock/2"}' >small.lock.json
study run small.yaml -q
say lock small.yaml
say lock small.yaml -q --replace
say lock none.yaml
say lock small.yaml --out none/small.lock.json
say lock small.yaml -o models.m=nowhere --out x.json
say plan small.yaml -o sets.S.data=nowhere
say plan small.yaml -o assume.accurate=0.4
say plan small.yaml -o checks.alike.effect=0.4
say plan small.yaml -o checks.kept.effect=none
say plan
study resume small.yaml -o checks.kept.margn=1
ls | grep -v 'assay.db-'

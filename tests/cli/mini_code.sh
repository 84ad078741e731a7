# The task "mini-code" from the command line: its sets, its training text, and a short study over
# plans/mini-code.yaml, in which code is run. Skipped where nothing can run it.
. tests/cli/study.inc
cp -r "$root/data" data
mkdir models plans
cp -r "$root/models/code" models/code
cp "$root/plans/mini-code.yaml" plans
ask() { "$assay" task mini-code --data data/code "$@"; }

echo "--- sets"
ask --set teach -n 1
for set in all teach fresh; do ask --set $set | sed 's/.*"prompt":"\([^"]*\)".*/\1/' | sort >$set.txt; done
sort teach.txt fresh.txt | cmp - all.txt && wc -l <teach.txt
say task mini-code --data data/code --set fresh -n 65

echo "--- text"
ask --text 160 --seed 3 >text.jsonl
ask --text 160 --seed 3 | cmp - text.jsonl && wc -l <text.jsonl
grep -m 1 '"content":"```' text.jsonl
grep -m 1 'So the code is' text.jsonl
say task mini-code --data data/code --text 159
say task mini-code --data data/code --text 160 --shares 1,0,0,0,0
say task mini-code --data data/code --text 160 --weights 1,0,0,0,0
say task mini-code --data data/code --text 160 --set all

echo "--- study"
short="-o sets.teach.n=4 -o sets.fresh.n=6 -o steps.student.settings.epochs=16"
"$assay" run plans/mini-code.yaml $short --db assay.db --threads 1 -q >run.txt 2>err || {
    grep -q 'sandbox\|unconfined' err && { tail -1 err; exit 77; }
    fail "run"
}
grep -c '^[a-z]* .*less_\|^[a-z]* .*more_' run.txt
"$assay" run plans/mini-code.yaml $short --db assay.db --threads 2 -q | cmp - run.txt && echo "the same again"
"$assay" sql --db assay.db "select arm, count(*), sum(score) passed from generation
    join judgement on judgement.generation = generation.key and axis = 'passed' group by arm order by arm"
"$assay" sql --db assay.db "select detail from statistic where \"check\" = 'step/reasoned' and name = 'records'" | tail -1
head -n 1 mini-code/reasoned.records.jsonl | sed 's/.*"stage3_adversarial":\("[^}]*"\),"teachers".*/\1/'

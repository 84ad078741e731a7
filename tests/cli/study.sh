# A study from its questions to its verdicts: that its bytes depend on the plan alone, that a run
# which was stopped at any moment goes on to them, and what is refused.
. tests/cli/study.inc
cp "$root"/tests/cli/study/small.yaml .
cp -r "$root/models/llama" model
cp -r "$root/data/chef" chef
study() { "$assay" run small.yaml -q "$@"; }
plain() { sed 's/[0-9a-f]\{60,64\}/KEY/g'; }
forget() { rm -rf assay.db* small done.*; }

echo "--- whole"
"$assay" run small.yaml --dry-run --threads 1 | sed -E 's/([0-9.]+ (h|min|s) ?)+( on|$)/TIME\3/'
say run small.yaml --dry-run -o models.m=nowhere
ls
start=$(now)
study --db assay.db --threads 2 --report whole.html >whole.txt || fail "undisturbed run"
took=$(($(now) - start))
plain <whole.txt
ls small | sed 's/^train-.*/train-KEY/'
rows assay.db >rows.txt
least=$took
for try in 1 2 3; do
    start=$(now)
    study --db assay.db --threads 2 --report again.html >again.txt || fail "second run"
    again=$(($(now) - start))
    [ $again -ge $least ] || least=$again
done
same whole.txt again.txt
same whole.json again.json
same whole.html again.html
rows assay.db | cmp - rows.txt && echo "a second run adds no row"
[ $((4 * least)) -lt $took ] || fail "a second run took $least ns, the first one $took ns"
"$assay" sql --db assay.db "select distinct arm from generation order by arm"
"$assay" sql --db assay.db "select \"check\", name, \"of\" from statistic where \"check\" like 'step/%'
    and name <> 'gate' order by 1, 2, 3"
"$assay" sql --db assay.db "select \"check\", json_extract(detail, '\$.null.draws') as draws,
    json_array_length(detail, '\$.placebos') as placebos, json_array_length(detail, '\$.curve.t') as thresholds
    from statistic where name in ('direction', 'maximum', 'probe') and \"check\" like 'step/%' order by 1"

echo "--- other verbs on its store"
"$assay" verify --db assay.db | sed 's/: [0-9]* rows/: N rows/'
"$assay" verify --db assay.db >out 2>err
echo "status $?"
say gate --db assay.db
"$assay" task chef --data chef --set S -n 20 --seed 7 | sed 's/.*"prompt":"\([^"]*\)".*/\1/' >asked.txt
"$assay" sql --db assay.db "select text from prompt where \"set\" = 'S' order by position" | tail -n +2 |
    cmp - asked.txt && echo "assay task says what was asked"
for kind in tasks judges teachers; do
    "$assay" list $kind | cut -d' ' -f1 | tr '\n' ' '
    echo
done
say list steps
say task chef --data chef
say task chef --set S
say task chief --data chef --set S
say task chef --data chef --set Q
say task chef --data nowhere --set S
say task chef --data chef --set S -n 1000000
say task chef --data chef --set S -n x

echo "--- the same bytes"
mkdir elsewhere
for threads in 1 7; do
    study --db elsewhere/$threads.db --work elsewhere/w$threads --threads $threads \
        --report elsewhere/$threads.html >it.txt 2>err || fail "threads $threads"
    same it.txt whole.txt
    same elsewhere/$threads.json whole.json
    same elsewhere/$threads.html whole.html
done
few="-o sets.S.n=2 -o steps.gold.from=ask.base"
for kernels in auto scalar; do
    study $few --db $kernels.db --work elsewhere/$kernels --kernels $kernels \
        --report $kernels.html >$kernels.txt 2>err || fail "kernels $kernels"
done
same auto.txt scalar.txt
same auto.json scalar.json
echo "of threads and kernels"

echo "--- lacking"
# Four questions are too few to choose by: what rests on the choice is left out, the rest is done.
lacking() { # name, options
    name=$1
    shift
    "$assay" run small.yaml -q --db $name.db --work elsewhere/$name -o sets.H.n=4 --report $name.html "$@" \
        >$name.txt 2>err
}
lacking four --threads 2 || fail "lacking"
cat err
grep -A 2 'gates$' four.txt
"$assay" sql --db four.db "select \"check\", name, \"of\", detail from statistic
    where name in ('lacking', 'absent') and \"check\" not like 'table/%' order by 1, 2, 3"
"$assay" sql --db four.db "select distinct arm from generation where arm like 'treated%' or arm like 'gate%'"
rows four.db >four.rows
cp four.json first.json
lacking four --threads 2 || fail "lacking again"
same four.json first.json
rows four.db | cmp - four.rows && echo "a second run adds no row"
"$assay" verify --db four.db >out 2>err
echo "status $?"
for threads in 1 7; do
    lacking four-$threads --threads $threads || fail "lacking, threads $threads"
    same four-$threads.json four.json
    same four-$threads.html four.html
done
for kernels in auto scalar; do
    lacking four-$kernels --kernels $kernels -o sets.S.n=2 || fail "lacking, kernels $kernels"
done
same four-auto.json four-scalar.json
whole=$took
hit=0 tries=0
while [ $hit -lt 3 ]; do
    rm -rf four.db* elsewhere/four
    stop KILL $((2 * hit)) 6 \
        "$assay" run small.yaml -q --db four.db --work elsewhere/four -o sets.H.n=4 --threads 2
    stopped 137 "lacking, killed"
    lacking four --threads 2 || fail "lacking, killed"
    same four.json first.json
    rows four.db | cmp - four.rows || fail "lacking, killed: rows"
done
echo "killed, and the same bytes"
rm -r four* first.json
# All answers are right: there is nothing to correct either, so nothing to train on.
awk 'BEGIN { for (i = 0; i < 12; i++) printf "{\"prompt\": \"Why did sauce %d split?\", \"claims\": [{\"text\": \"the pan\", \"keys\": [\"a|the|it|to|and|is|of|in\"]}]}\n", i }' >right.jsonl
sed -e 's/task: chef, data: chef, set: ., n: 20/task: file, data: right.jsonl, set: all/' \
    -e 's/judges: .claims, delivery, certainty, rubric./judges: [claims, delivery]/' small.yaml >right.yaml
"$assay" run right.yaml -q --db right.db --work elsewhere/right >right.txt 2>err
echo "status $?"
cat err
sed -n '/keeps$/,/gates$/p;/credits$/,$p' right.txt
rm right*

stop_it() { # signal, i, n
    stop "$@" "$assay" run small.yaml -q --db assay.db --threads 2 --report done.html
}
complete() { # what it is called
    study --db assay.db --threads 2 --report done.html >done.txt 2>err || fail "$1: the same command fails"
    same whole.txt done.txt
    same whole.json done.json
    same whole.html done.html
    rows assay.db | cmp - rows.txt || fail "$1: rows"
    forget
}
echo "--- killed"
forget
took=$whole
hit=0 tries=0
while [ $hit -lt 6 ]; do
    stop_it KILL $hit 6
    stopped 137 "killed"
    complete "killed after $when s"
done
echo "--- interrupted"
hit=0 tries=0
while [ $hit -lt 2 ]; do
    stop_it INT $((1 + 2 * hit)) 5
    if stopped 1 "interrupted"; then
        grep -q 'interrupted' err || fail "interrupted: message"
        [ "$(tail -n 1 err)" = "assay: the same command goes on from there" ] || fail "interrupted: no advice"
        [ "$(wc -l <err)" -eq 2 ] || fail "interrupted: more than that"
        undecided
    fi
    complete "interrupted after $when s"
done

echo "--- refused before work"
cp small.yaml good.yaml
bad() { # sed program: the plan with one thing wrong
    sed "$1" good.yaml >small.yaml
    cmp -s small.yaml good.yaml && fail "nothing changed: $1"
    say run small.yaml -q --db bad.db
}
bad 's/^models:/modles:/'
bad 's/ladder:/lader:/'
bad 's/do: heads/do: head/'
bad 's/do: heads/do: nothing-like-it/'
bad 's/task: chef, data: chef, set: H/task: chief, data: chef, set: H/'
bad 's/set: H, n/set: Q, n/'
bad 's/set: H$/set: Q/'
bad 's/model: m$/model: n/'
bad 's/judges: \[claims, delivery\]/judges: [claims, deliver]/'
bad 's/judges: \[claims, delivery\]/judges: [claims, claims]/'
bad 's/read: \[h_last, heads\]/read: [h_last, h_last]/'
bad 's/^  gold:/  go.ld:/'
bad 's/^name: small/name: ..\/small/'
bad 's/from: held.base, k: 2/from: treated.base, k: 2/'
bad 's/from: held.base, k: 2/from: held, k: 2/'
bad 's/from: treated.sft, onto: treated.base/from: treated.sft, onto: held.base/'
bad 's/probe: sure/probe: gold/'
bad 's/data: gold/data: sure/'
bad 's/, treats: \[system\]//'
bad 's/, treats: \[system\]/, budget: 20, treats: [system]/'
bad 's/, treats: \[system\]/, cut: 40, treats: [system]/'
bad 's/, treats: \[system\]/, seed: 8, treats: [system]/'
bad 's/treats: \[system\]/treats: system/'
bad 's/treats: \[system\]/treats: [system, weather]/'
bad 's/treats: \[system\]/budget: 12, treats: [system, budget]/'
bad 's/{sft.1}/{sfd.1}/'
bad 's/{sft.1}/{pasted.1}/'
bad 's/{sft.1}/{sft.1/'
bad 's/{sft.1}/{sft.2}/'
bad 's/{sft.1}/{sft.01}/'
bad 's/{sft.1}/{gate.gated}/'
bad 's/{top.top}/{top.tap}/'
bad 's/{top.placebo-1}/{top.placebo-2}/'
bad 's/{dir.v}/{gold.row}/'
bad 's/ladder: .*/ladder: [8, 24]/'
bad 's/ladder: .*/ladder: [8, 64]/'
bad 's/ladder: .*/ladder: [16, 8]/'
bad 's/budget: 24/budget: 0/'
bad 's/ladder: .*/decoding: {temperature: -1}/'
bad 's/ask.base@16/ask.base@12/'
bad 's/gate.gated/gate.base/'
bad 's/k: 2/k: 0/'
bad 's/k: 2/k: 2, sided: both/'
bad 's/reading: h_last/reading: h_first/'
bad 's/probe, from: held.base/probe, from: held.base, reading: h_mean/'
bad 's/probe, from: held.base/probe, from: held.base, coverage: 70/'
bad 's/probe, from: held.base/probe, from: held.base, c: 0/'
bad 's/probe: sure/probe: sure, reading: h_mean/'
bad 's/calibrated/shrill/'
bad 's/types: \[1\]/types: [0]/'
bad 's/types: \[1\]/types: []/'
bad 's/seeds: \[1\]/seeds: []/'
bad 's/seeds: \[1\]/seeds: [1, 1]/'
bad 's/epochs: 1/epoks: 1/'
bad 's/epochs: 1/model: other/'
bad 's/epochs: 1/seed: 2/'
bad 's/k: 2, placebos: 1/k: 2, placebos: 1001/'
bad 's/seeds: \[1\]/seeds: [9223372036854775808]/'
cp good.yaml small.yaml
for page in small.yaml model/config.html . "" none/page.html; do
    say run small.yaml -q --db bad.db --report "$page"
done
say run small.yaml -q --db bad.db -o models.m=
say run small.yaml -q --db bad.db -o sets.S.n=1000001
ln -s none small.lock.json
say run small.yaml -q --db bad.db
rm small.lock.json
[ ! -e small ] && [ ! -e bad.db ] && echo "nothing made"

echo "--- refused on the way"
cp good.yaml small.yaml
# a wrong statement that meets the keys: the judge cannot tell, and no model is opened
cat >gold.jsonl <<'EOF'
{"prompt": "Why did it curdle?", "claims": [{"text": "it was too hot", "keys": ["hot"], "wrong": ["it was not hot", "it was a hot day"]}]}
{"prompt": "Why did it sink?", "claims": [{"text": "the door was opened", "keys": ["door"], "wrong": ["it was left out", "it was old"]}]}
EOF
sed -e 's/{task: chef, data: chef, set: S, n: 20}/{task: file, data: gold.jsonl, set: all}/' \
    -e 's/judges: .claims, delivery, certainty, rubric./judges: [claims, delivery]/' good.yaml >small.yaml
say run small.yaml -q --db gold.db -o models.m=nowhere
"$assay" sql --db gold.db "select name, \"of\", estimate, n, missing from statistic where \"check\" = 'step/ask'"
"$assay" sql --db gold.db "select count(*) from generation" | tail -n 1
rm gold*
cp good.yaml small.yaml
say run small.yaml -q --db bad.db -o models.m=nowhere
say run small.yaml -q --db bad.db -o sets.S.data=nowhere
say run small.yaml -q --db bad.db -o sets.S.n=1000000
say run small.yaml -q --db bad.db -o steps.top.k=1000
say run nowhere.yaml -q --db bad.db
cp -r chef torn
echo '{' >torn/canon/technique.json
say run small.yaml -q --db bad.db -o sets.S.data=torn

echo "--- what lies under a store changes"
study --db assay.db --threads 2 >out 2>err || fail "run"
mv chef kept
cp -r kept chef
sed 's/"name": *"/&odd /' kept/canon/error_correction.json >chef/canon/error_correction.json
say run small.yaml -q --db assay.db
rm -r chef
mv kept chef
cp model/model.safetensors kept
printf '\001' | dd of=model/model.safetensors bs=1 seek=500000 conv=notrunc 2>/dev/null
"$assay" run small.yaml -q --db assay.db 2>&1 | sed 's/[0-9a-f]\{16\}/KEY/g'
mv kept model/model.safetensors
cp model/config.json kept
sed 's/"rms_norm_eps": [^,]*/"rms_norm_eps": 0.005/' kept >model/config.json
"$assay" run small.yaml -q --db assay.db 2>&1 | sed 's/[0-9a-f]\{16\}/KEY/g'
mv kept model/config.json
cp model/tokenizer_config.json kept
sed 's/"eos_token": [^,]*/"eos_token": null/' kept >model/tokenizer_config.json
"$assay" run small.yaml -q --db assay.db 2>&1 | sed 's/[0-9a-f]\{16\}/KEY/g'
mv kept model/tokenizer_config.json
complete "data and model as they were"
echo "and back: nothing was lost"

echo "--- no room"
for blocks in 200 2000; do
    (ulimit -f $blocks && study --db assay.db --threads 2 --report done.html) >out 2>err
    echo "status $?"
    sed 's/^assay: [^:]*step [^:]*: /assay: STEP: /' err
    [ ! -e done.json ] || fail "no room: a report"
    complete "with room again"
done
ls

# The report of a training: out of the store alone, by name, key or as the last one; the same bytes
# again; what sql and recover see of it.
set -eu
A=${ASSAY:?}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
export SOURCE_DATE_EPOCH=1750000000
keys() { sed 's/[0-9a-f]\{64\}/KEY/g'; }

echo 'The tea is hot, the cup is hot, and the cook has burnt the tongue that found the tea.' >notes.txt
printf '{%% for m in messages %%}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{%% endfor %%}' >t.jinja
printf '{%% if add_generation_prompt %%}<|im_start|>assistant\n{%% endif %%}' >>t.jinja
$A synth model m --like tiny-qwen3 -q >/dev/null
$A tokenizer train -q --vocab 280 --special '<|endoftext|>' --special '<|im_start|>' --special '<|im_end|>' \
    --data notes.txt --out m --template t.jinja --eos '<|im_end|>' >/dev/null
for i in 1 2 3 4 5 6 7 8; do
    echo "{\"prompt\": \"cup $i\", \"chosen\": \"the tea is hot $i\", \"rejected\": \"cold\"}" >>pairs.jsonl
    echo "{\"prompt\": \"cup $i\", \"completion\": \"the tea is hot $i\"}" >>rows.jsonl
done
cat >plan.yaml <<'END'
schema: assay.train/1
name: tea
model: m
data: rows.jsonl
held: rows.jsonl
epochs: 2
lora: {rank: 4}
batch: {examples: 2}
optimiser: {rate: 0.001}
evaluate: {every: 4}
END
$A train sft plan.yaml --out sft --db a.db -q >/dev/null
$A train dpo plan.yaml -o name=cup -o data=pairs.jsonl -o held=pairs.jsonl --out dpo --db a.db -q >/dev/null

echo "== which"
$A report --training --db a.db | keys
$A report --training tea --db a.db | keys
key=$($A sql --db a.db "select key from training where name = 'tea'" | tail -n 1)
$A report --training "$key" --db a.db | keys | sed -n 1p
$A report --training nothing --db a.db 2>&1 || echo "status $?"
$A report --training --design "$key" --db a.db 2>&1 || echo "status $?"
$A report --training --db none.db 2>&1 || echo "status $?"

echo "== the page and the object"
$A report --training cup --db a.db --report cup.html --plan plan.json 2>&1 >/dev/null
$A report --training cup --db a.db --report again.html -q >/dev/null
cmp cup.html again.html && cmp cup.json again.json && echo same
$A report --training cup --db a.db --json | cmp - cup.json && echo "the same object"
grep -c '<figure' cup.html
grep '<h3><span' cup.html | sed 's/<[^>]*>//g'
grep -o '<title>step 2[^<]*' cup.html | sed 's/[0-9.e-]*;/N;/g; s/ [0-9.e-]*$/ N/'
grep -qi '<script\|<img\|https*://' cup.html || echo "nothing from outside"
sed -n '/"schema"\|"objective"\|"time"/p' cup.json
cut -c1-30 plan.json

echo "== other verbs"
$A sql --db a.db 'select name, objective, count(*) as steps, max("of") as "of", count(seconds) as timed
    from training t join training_step s on s.training = t.key left join timing using (training, step)
    group by t.key order by name'
$A recover a.db --output all.jsonl -q
for kind in training training_step timing; do grep -c "^{\"kind\":\"$kind\"" all.jsonl; done
$A train sft plan.yaml --out sft --db a.db -q >/dev/null
$A report --training --db a.db | keys | sed -n 1p

# What is wrong with a training is said before it begins, in one line with its place; what goes wrong
# within it leaves a run that can go on, or nothing.
set -eu
. "$(dirname "$0")/train.inc"
unset ASSAY_THREADS
export ASSAY_DB="$t/assay.db"

cat >sft.yaml <<'END'
schema: assay.train/1
model: base
data: sft.jsonl
epochs: 2
lora: {rank: 2}
batch: {examples: 8}
optimiser: {rate: 0.01}
END
sed 's/sft.jsonl/lm.jsonl/; s/lora:.*/weights: all/' sft.yaml >lm.yaml
sed 's/sft.jsonl/dpo.jsonl/' sft.yaml >dpo.yaml
run() { $A train "$@" -q 2>&1 && echo "status 0" || echo "status $?"; }
shown() { sed 's/[0-9a-f]\{64\}/KEY/g; s/pid [0-9]* since [^ ,]*Z/pid N/'; }

echo "== command line"
run
run sft
run sfft sft.yaml
run sft nothing.yaml
run sft sft.yaml
run sft sft.yaml --out x --steps 3

echo "== plans"
for set in schema=assay.train/2 epoch=3 lora.rnk=3 batch.sized=3 optimiser.lr=1 schedule.kind=x \
    evaluate.patient=1 save.last=2 dpo.beta=1 epochs=0 epochs=-1 epochs=1.5 epochs=1e3 epochs=many \
    steps=4 max_length=1 max_length=99999999999 max_length=97 max_prompt=0 \
    held_share=0 held_share=1 held_share=nan held_share=x mask=all mask_think=maybe thinking=loud \
    marked=2 cut_pairs=1 lora.rank=0 lora.alpha=0 lora.alpha=inf lora.dropout=1 lora.init=zero \
    lora.rslora=yes lora.targets=lm_head 'lora.targets=.*nothing' 'lora.targets=(' lora.ranks=3 lora.layers=3 \
    batch.examples=0 batch.micro=0 batch.pack=1 batch.by_micro=2 batch.order=random \
    optimiser.name=sgd optimiser.rate=0 optimiser.rate=-1 optimiser.rate=1e9 optimiser.beta1=1 \
    optimiser.beta2=0 optimiser.eps=0 optimiser.clip=-1 optimiser.weight_decay=2 optimiser.scale=0 \
    optimiser.period=0 schedule.name=step schedule.warm=2 evaluate.every=0 evaluate.patience=1 \
    save.every=0 save.keep=1 memory=8GB memory=0 memory=GiB memory=-1 memory=9999999GiB seed=x seed=-1 \
    weights=some weights=all model=none model= data= data=none.jsonl held=none.jsonl out= \
    lora.start=none batch=3 lora=none; do
    echo "-- $set"
    run sft sft.yaml --out x -o "$set"
done
echo "-- dpo"
run dpo dpo.yaml --out x -o dpo.reference=start
run dpo dpo.yaml --out x -o dpo.reference=other
run dpo dpo.yaml --out x -o dpo.beta=0
run dpo dpo.yaml --out x -o dpo.label_smoothing=0.6
run dpo dpo.yaml --out x -o mask=text
sed 's/lora:.*/weights: all/' dpo.yaml >w.yaml
run dpo w.yaml --out x
sed /^lora/d sft.yaml >w.yaml
run sft w.yaml --out x
sed /^data/d sft.yaml >w.yaml
run sft w.yaml --out x
sed /^schema/d sft.yaml >w.yaml
run sft w.yaml --out x
{ cat sft.yaml; echo 'lora: {rank: 3}'; } >w.yaml
run sft w.yaml --out x
for lora in '[]' '{targets: []}' '{targets: [q_projj]}' '{exclude: [q_projj]}' '{layers: []}' '{layers: [2]}' \
    '{layers: [a]}' '{ranks: {q_projj: 2}}' '{ranks: {q_proj: 0}}' '{alphas: {q_proj: x}}' \
    '{ranks: [2]}' '{start: base}'; do
    echo "-- $lora"
    sed "s/^lora:.*/lora: $lora/" sft.yaml >w.yaml
    run sft w.yaml --out x
done

echo "== models"
cp -r base bare
rm bare/tokenizer.json
run sft sft.yaml -o model=bare --out x
$A synth model m.gguf --like tiny-qwen3 -q >/dev/null
run sft sft.yaml -o model=m.gguf --out x
run lm lm.yaml -o model=m.gguf --out x
run sft sft.yaml -o memory=1 --out tight | sed 's/at least [0-9]* /at least N /'
run sft sft.yaml -o data=base --out x

echo "== rows"
bad() { # KIND ROWS
    printf '%b' "$2" >bad.jsonl
    run "$1" "$1.yaml" -o data=bad.jsonl --out x
}
good='{"prompt": "a", "completion": "b"}\n'
bad sft ''
bad sft '\n'
bad sft "$good{\"prompt\": \n"
bad sft "$good[1]\n"
bad sft "$good{\"prompt\": \"a\"}\n"
bad sft "$good{\"prompt\": 1, \"completion\": \"b\"}\n"
bad sft "$good{\"prompt\": \"c\", \"completion\": \"\"}\n"
bad sft "$good$good"
bad sft "$good{\"text\": \"c\"}\n"
bad sft "$good{\"prompt\": \"\\\\ud800\", \"completion\": \"b\"}\n"
bad sft '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
bad sft '{"conversations": []}\n'
bad dpo "$good"
bad dpo '{"prompt": "a", "chosen": "b", "rejected": "b"}\n'
bad dpo '{"prompt": "a", "completion": "b", "label": true}\n'
run dpo dpo.yaml -o data=dpo.jsonl -o max_length=19 --out x
run sft sft.yaml -o data=dpo.jsonl --out x
run sft sft.yaml -o held=dpo.jsonl --out x
head -n 1 sft.jsonl >one.jsonl
run sft sft.yaml -o data=one.jsonl -o held_share=0.5 --out x
find x assay.db | sort

echo "== folders"
rm -rf x
run sft sft.yaml --out x >/dev/null
run sft sft.yaml --out x -o seed=7
run sft sft.yaml --out x -o lora.rank=3
run sft sft.yaml --out x -o data=one.jsonl | shown
run lm lm.yaml --out x
run sft sft.yaml --out x -o model=base -o batch.micro=1 | sed 1,2d
mkdir other
echo >other/log.jsonl
run sft sft.yaml --out other
mkdir strange
echo '{' >strange/run.json
run sft sft.yaml --out strange
run sft sft.yaml --out sft.yaml
run sft sft.yaml --out /dev/null
run sft sft.yaml --out /proc/assay
slow="$A train sft sft.yaml -q -o epochs=4000 -o save.every=100000"
$slow --out locked >/dev/null 2>&1 &
pid=$!
while [ ! -s locked/log.jsonl ]; do sleep 0.01; done
kill -STOP $pid
run sft sft.yaml -o epochs=4000 -o save.every=100000 --out locked --db other.db | shown
kill -CONT $pid
kill -INT $pid
wait $pid || echo "status $?"

echo "== no room"
full() { # BLOCKS KIND PLAN...
    blocks=$1
    shift
    rm -rf full room.db*
    (ulimit -f "$blocks" && run "$@" -o save.every=2 --out full --db room.db) | cat
    run "$@" -o save.every=2 --out full --db room.db >/dev/null
}
run sft sft.yaml -o save.every=2 --out free >/dev/null
full 8 sft sft.yaml
cmp full/log.jsonl free/log.jsonl && cmp full/adapter/adapter_model.safetensors free/adapter/adapter_model.safetensors && echo same
run lm lm.yaml -o save.every=2 --out whole >/dev/null
full 600 lm lm.yaml
cmp full/log.jsonl whole/log.jsonl && cmp full/model/model.safetensors whole/model/model.safetensors && echo same

echo "== damage"
keep="-o save.every=2"
run sft sft.yaml $keep --out d >/dev/null
ls d/checkpoints
rm -r d/adapter
printf 'x' | dd of=d/checkpoints/step-6/parts bs=1 seek=100 conv=notrunc 2>/dev/null
run sft sft.yaml $keep --out d --json >d.json
grep '"resumed_at"\|damaged' d.json | cut -c1-80
cat d/notices.jsonl | cut -c1-200 | shown
cmp d/log.jsonl free/log.jsonl && cmp d/adapter/adapter_model.safetensors free/adapter/adapter_model.safetensors && echo same
for c in d/checkpoints/*; do : >"$c/state.json"; done
run sft sft.yaml $keep --out d >/dev/null
cmp d/log.jsonl free/log.jsonl && cmp d/adapter/adapter_model.safetensors free/adapter/adapter_model.safetensors && echo "same from the start"
head -n 2 free/log.jsonl >d/log.jsonl
run sft sft.yaml $keep --out d

echo "== numbers"
at=$(($(od -An -tu8 -N8 base/model.safetensors) + 8))
cp -r base nan
printf '\000\000\300\177' | dd of=nan/model.safetensors bs=1 seek=$((at + 400)) conv=notrunc 2>/dev/null
run sft sft.yaml -o model=nan --out n
run sft sft.yaml -o model=nan --out n --no-scan
run lm lm.yaml -o model=nan --out nl --no-scan
run dpo dpo.yaml -o model=nan --out nd --no-scan
find n nl nd | sort
run sft sft.yaml -o optimiser.rate=100 -o lora.alpha=1e9 -o epochs=100 -o optimiser.weight_decay=1 -o save.every=3 --out hot
run lm lm.yaml -o optimiser.rate=100 -o optimiser.weight_decay=1 -o epochs=20 -o save.every=5 --out hot-lm | sed 's/-nan/nan/'
run lm lm.yaml -o optimiser.rate=100 -o optimiser.weight_decay=1 -o epochs=20 -o save.every=5 --out hot-lm | sed 's/-nan/nan/'
run lm lm.yaml -o optimiser.rate=1e-40 --out cold
ls hot/checkpoints hot-lm/checkpoints cold/checkpoints

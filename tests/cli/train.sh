# Training on the command line, from a tokenizer to answers: that it learns, that the bytes of a run
# depend on what is trained and on nothing else, and that a run which was stopped goes on to them.
set -eu
. "$(dirname "$0")/train.inc"
unset ASSAY_THREADS
export ASSAY_DB="$t/assay.db"

cat >lm.yaml <<'END'
schema: assay.train/1
model: base
data: lm.jsonl
epochs: 30
batch: {examples: 6}
optimiser: {rate: 0.01}
schedule: {name: cosine, warm: 0.1}
END
cat >sft.yaml <<'END'
schema: assay.train/1
model: lm/model
data: sft.jsonl
held_share: 0.25
epochs: 12
lora: {rank: 4, alpha: 8, dropout: 0.1}
batch: {examples: 8}
optimiser: {rate: 0.01}
evaluate: {every: 9}
save: {every: 4}
END
cat >dpo.yaml <<'END'
schema: assay.train/1
model: lm/model
data: dpo.jsonl
held_share: 0.25
epochs: 3
lora: {start: sft/adapter}
dpo: {beta: 0.2, reference: start}
batch: {examples: 8}
optimiser: {rate: 0.005, name: adamw8}
evaluate: {every: 4}
END

# A field of a row of a log: field NAME LINE FILE, the line as sed has it.
field() { sed -n "$2s/.*\"$1\":\([^,}]*\).*/\1/p" "$3"; }
below() { awk "BEGIN { exit !($1 < $2) }" && echo "$3" || echo "NOT: $3 ($1, $2)"; }
keys() { sed 's/[0-9a-f]\{64\}/KEY/; /"seconds"/d; s/\(0\.[0-9][0-9]\)[0-9]*/\1/'; }
# What two runs must have alike.
same() {
    for f in log.jsonl adapter/adapter_model.safetensors adapter/adapter_config.json \
        model/model.safetensors reference.json run.json; do
        [ ! -e "$1/$f" ] || cmp "$1/$f" "$2/$f" || return 1
    done
    last=$(ls "$1/checkpoints" | sort -t- -k2n | tail -n 1)
    for f in MANIFEST parts state.json; do
        cmp "$1/checkpoints/$last/$f" "$2/checkpoints/$last/$f" || return 1
    done
}

echo "== from nothing to answers"
$A train lm lm.yaml --out lm -q >/dev/null
below "$(field loss '$' lm/log.jsonl)" 0.25 "texts are learnt"
below 5 "$(field loss 1 lm/log.jsonl)" "and were not known"
ls lm lm/model
$A train sft sft.yaml --out sft --dry-run
[ ! -e sft ] && echo "nothing made"
$A train sft sft.yaml --out sft -q >/dev/null
below "$(field held_loss '$' sft/log.jsonl)" "$(field held_loss 1 sft/log.jsonl) / 2" "held-out loss falls"
field held_kl 1 sft/log.jsonl
below 0.01 "$(field held_kl '$' sft/log.jsonl)" "away from the base"
ls sft sft/adapter
$A adapter inspect --model lm/model sft/adapter | tail -n 1
$A adapter merge --model lm/model --adapter sft/adapter --out merged -q >/dev/null
$A adapter export --model lm/model --adapter sft/adapter --out a.gguf -q >/dev/null
$A adapter export --model lm/model --adapter a.gguf --out back -q >/dev/null
cut -d, -f1 sft.jsonl | sed 's/$/}/' >prompts.jsonl
say() { $A generate --prompts prompts.jsonl --raw -n 8 -q -o - "$@" | sed 's/.*"text"/"text"/' >text; }
say --model lm/model && cp text plain.txt
say --model lm/model --arm 'lora: sft/adapter' && cp text with.txt
cmp -s plain.txt with.txt || echo "other answers than before"
grep -c '" it is ' with.txt
say --model merged && cmp text with.txt && echo "the same answers merged"
say --model lm/model --arm 'lora: back' && cmp text with.txt && echo "the same answers from GGUF"
for reference in start base; do
    $A train dpo dpo.yaml -o dpo.reference=$reference --out dpo-$reference -q >/dev/null
    field held_margin 1 dpo-$reference/log.jsonl | cut -c1-4
    below "$(field held_margin 1 dpo-$reference/log.jsonl)" "$(field held_margin '$' dpo-$reference/log.jsonl)" "margin rises"
    below "$(field held_loss '$' dpo-$reference/log.jsonl)" "$(field held_loss 1 dpo-$reference/log.jsonl)" "loss falls"
done

echo "== objects"
$A train sft sft.yaml --out sft --json -q | keys >one.json
grep -v '"epoch"\|"gradient_norm"\|"loss"\|"rate"\|"held_' one.json
$A train sft sft.yaml --out x --json --dry-run | keys | diff - one.json | grep '^<' || echo "none of its own"
$A train sft sft.yaml --out sft -q | sed 's/\(\.[0-9]\)[0-9]*/\1/g'

echo "== the same bytes"
$A train lm lm.yaml -o epochs=2 --out short -q >/dev/null
least() { rm -rf none; $A train "$@" --out none -o memory=1 2>&1 | sed -n 's/.*at least \([0-9]*\) for.*/\1/p'; }
each() { # KIND REFERENCE PLAN...
    kind=$1 with=$2
    shift 2
    for how in "--threads 1" "--threads 2" "--threads 7" "--kernels scalar" "--kernels avx2" \
        "--kernels avx512" "-o batch.micro=1" "-o batch.micro=2" "-o batch.micro=3" "-o batch.micro=4" \
        "-o batch.pack=2" "-o batch.pack=50 --threads 1" "-o batch.pack=5000" \
        "-o batch.micro=1 -o memory=$(least "$kind" "$@" -o batch.micro=1)"; do
        case $how in
        *avx2) grep -qw avx2 /proc/cpuinfo || continue ;;
        *avx512) grep -qw avx512dq /proc/cpuinfo || continue ;;
        esac
        rm -rf x
        # shellcheck disable=SC2086
        $A train "$kind" "$@" $how --out x -q --json >json 2>err || cat err
        same "$with" x || echo "OTHER: $kind $how"
        case $how in *memory*) grep '"layers_kept"' json ;; esac
    done
}
each lm short lm.yaml -o epochs=2
each sft sft sft.yaml
each dpo dpo-start dpo.yaml

for set in seed=7 batch.order=given "batch.by_micro=true -o batch.micro=3" lora.dropout=0 \
    optimiser.name=apollo-mini; do
    rm -rf x
    # shellcheck disable=SC2086
    $A train sft sft.yaml -o $set --out x -q >/dev/null
    cmp -s sft/adapter/adapter_model.safetensors x/adapter/adapter_model.safetensors && echo "NOT OTHER: $set"
done

echo "== killed, twenty times"
slow="$A train sft sft.yaml -o epochs=60 -o save.every=3 -o evaluate.patience=1000 -q"
slow="$slow -o optimiser.name=apollo-mini -o optimiser.period=7 --threads 1"
$slow --out whole >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    $slow --out killed >/dev/null 2>&1 &
    sleep 0.$(printf %02d $((i * 37 % 23)))
    kill -9 $! 2>/dev/null || true
    wait $! 2>/dev/null || true
done
$slow --out killed --json | grep '"is_done"'
same whole killed && echo same

echo "== interrupted"
slow="$A train dpo dpo.yaml -o epochs=40 -o save.every=1000 -q"
rows() { cat "$1/log.jsonl" 2>/dev/null | wc -l; }
for signal in INT TERM; do
    before=$(rows stopped)
    $slow --threads 1 --out stopped >out 2>err &
    while [ "$(rows stopped)" -lt $((before + 3)) ]; do sleep 0.01; done
    kill -$signal $!
    wait $! || echo "status $?"
    cat out
    sed 's/step [0-9]* of/step N of/' err
done
[ "$(ls stopped/checkpoints | wc -l)" -ge 1 ] && echo "saved"
[ ! -e stopped/adapter ] && echo "no result yet"
$slow --out stopped --threads 2 -o batch.micro=1 >/dev/null
$slow --threads 1 --out whole-dpo >/dev/null
same whole-dpo stopped && echo same

echo "== again"
cksum sft/log.jsonl sft/adapter/* sft/checkpoints/*/* >before
$A train sft sft.yaml --out sft --json -q | keys | cmp - one.json && echo "the same object"
cksum sft/log.jsonl sft/adapter/* sft/checkpoints/*/* | cmp before - && echo "nothing touched"
rm -r sft/adapter
$A train sft sft.yaml --out sft -q >/dev/null
cksum sft/log.jsonl sft/adapter/* sft/checkpoints/*/* | cmp before - && echo "made again from the checkpoint"

echo "== patience"
early="$A train sft sft.yaml -o epochs=40 -o optimiser.rate=0.3 -o evaluate.every=1 -o evaluate.patience=2 -q"
$early --out early --json >early.json
grep '"was_early"\|"best_step"\|"steps"' early.json
best=$(sed -n 's/.*"best_step": \([0-9]*\).*/\1/p' early.json)
least=$(for i in $(seq 1 "$(wc -l <early/log.jsonl)"); do field held_loss "$i" early/log.jsonl; done | sort -g | head -n 1)
[ "$least" = "$(field held_loss $((best + 1)) early/log.jsonl)" ] && echo "the best of all"
cksum early/adapter/* >before
$early --out early >/dev/null
cksum early/adapter/* | cmp before - && echo "the same again"
# the rate does not depend on the steps, so that the first ones are those of a shorter run
sed /^epochs/d sft.yaml >steps.yaml
best_steps="$A train sft steps.yaml -o schedule.name=constant -o evaluate.every=1 -q -o optimiser.rate=0.3"
$best_steps -o steps=120 -o evaluate.patience=2 --out early2 --json >early.json
best=$(sed -n 's/.*"best_step": \([0-9]*\).*/\1/p' early.json)
$best_steps -o steps="$best" --out short2 >/dev/null
cmp early2/adapter/adapter_model.safetensors short2/adapter/adapter_model.safetensors && echo "its values"

echo "== held"
head -n 6 sft.jsonl >held.jsonl
sed 1,6d sft.jsonl >rest.jsonl
sed 's/held_share: .*/held: held.jsonl/; s/sft.jsonl/rest.jsonl/' sft.yaml >held.yaml
$A train sft held.yaml --out h --dry-run
$A train sft held.yaml -o held_share=0.5 --out h --dry-run 2>&1 || echo "status $?"
for order in given shuffled length; do
    $A train sft held.yaml -o batch.order=$order --out order-$order -q >/dev/null
    field tokens '2,7' order-$order/log.jsonl | tr '\n' ' '
    echo $order
done

echo "== other things to train"
mkdir plans
sed 's|base|../base|; s|lm.jsonl|../lm.jsonl|' lm.yaml >plans/texts.yaml
printf 'out: ../texts\nheld_share: 0.2\n' >>plans/texts.yaml
$A train lm plans/texts.yaml -o epochs=3 --json -q | grep '"name"\|"out"\|"held_kl"'
ls texts
$A train lm lm.yaml -o model=lm/model -o lora.rank=2 -o epochs=1 --out lm-lora -q >/dev/null
ls lm-lora/adapter
sed 's/^lora.*/weights: all/' sft.yaml >weights.yaml
$A train sft weights.yaml --out sft-all -q >/dev/null
below "$(field held_loss '$' sft-all/log.jsonl)" "$(field held_loss 1 sft-all/log.jsonl) / 2" "held-out loss falls"
ls sft-all/model
lora='{targets: [q_proj, down_proj], layers: [1], ranks: {q_proj: 3}, alphas: {down_proj: 5}, rslora: true, init: gaussian}'
sed "s/^lora.*/lora: $lora/" sft.yaml >maps.yaml
$A train sft maps.yaml --out maps -q >/dev/null
$A adapter inspect --model lm/model maps/adapter | tail -n 3 | cut -c1-70 | sed 's/ *$//'
grep '"use_rslora"\|"lora_dropout"' maps/adapter/adapter_config.json
sed 's/^lora.*/lora: {targets: attention, exclude: [v_proj]}/' sft.yaml >maps.yaml
$A train sft maps.yaml --out maps2 -q >/dev/null
$A adapter inspect --model lm/model maps2/adapter | tail -n 1

echo "== which tokens are targets"
printf '{%% for m in messages %%}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{%% endfor %%}' >t.jinja
printf '{%% if add_generation_prompt %%}<|im_start|>assistant\n{%% endif %%}' >>t.jinja
cp -r base chat
rm chat/model.safetensors chat/config.json
sed 's/279/281/; s/280/284/' config.json >chat.json
cat >chats.jsonl <<'END'
{"messages": [{"role": "user", "content": "the cup?"}, {"role": "assistant", "content": "hot"}, {"role": "user", "content": "the tea?"}, {"role": "assistant", "content": "<think>it is</think>cold"}]}
{"messages": [{"role": "user", "content": "the king?"}, {"role": "assistant", "content": "the cook"}]}
END
$A tokenizer train -q --vocab 284 --data lm.jsonl --data chats.jsonl --special '<|endoftext|>' \
    --special '<|im_start|>' --special '<|im_end|>' --template t.jinja --eos '<|im_end|>' --out chat >/dev/null
$A synth model chat --config chat.json -q >/dev/null
for mask in completion assistant text; do
    for think in false true; do
        $A train sft sft.yaml -o model=chat -o data=chats.jsonl -o held_share=0.5 -o mask=$mask -o mask_think=$think \
            --out m-$mask-$think --dry-run --json | sed -n 's/.*"targets": \([0-9]*\),/\1/p' | tr '\n' ' '
        echo "$mask $think"
    done
done
$A train sft sft.yaml -o model=chat -o data=chats.jsonl -o mask=assistant -o mask_think=true --out masked -q |
    sed 's/\(\.[0-9]\)[0-9]*/\1/g'

echo "== bench"
$A synth model tiny-qwen3 --like tiny-qwen3 -q >/dev/null
$A bench --model tiny-qwen3 --training --runs 1 --json -q | grep -c workload

# A model to train: its shape from a config.json, its vocabulary from the tokenizer beside it.
set -eu
A=${ASSAY:?}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"

for i in $(seq 40); do echo "The kettle number $i sings $((i * i)) songs before the cook wakes."; done >notes.txt
for like in llama qwen3 qwen35 gemma4; do
    $A synth model shape-$like --like tiny-$like -q >/dev/null
    mv shape-$like/config.json $like.json
    $A synth model --config $like.json --out $like -q
    $A models inspect $like | sed -n '/^family\|^vocab \|^tensors/p' | tr -s ' ' | tr '\n' ' '
    # nothing is known yet: every token near log(1/512) = -6.24
    $A score --model $like --ids 1,2,3,4,5,6,7,8 --json | sed -n 's/^ *\(-[0-9.]*\),*$/\1/p' |
        awk '{ s += $1; n++ } END { print n, (s / n > -7.2 && s / n < -5.6) ? "even" : s / n }'
done

echo "== the same again"
$A synth model again --config qwen35.json -q --json
cmp again/model.safetensors qwen35/model.safetensors && cmp again/config.json qwen35/config.json && echo same
$A synth model other --config qwen35.json -q --seed 2
cmp -s other/model.safetensors qwen35/model.safetensors || echo other
$A synth model half --config qwen3.json -q --dtype BF16
grep torch_dtype half/config.json

echo "== with a vocabulary"
$A tokenizer train -q --data notes.txt --vocab 290 --out m
$A synth model --config llama.json --out m 2>&1 || echo "status $?"
sed 's/"vocab_size": [0-9]*/"vocab_size": 290/' llama.json >m/config.json
$A synth model --config m/config.json --out m -q
ls m
$A generate --model m --raw --prompt "The kettle" -n 3 --json -q | grep -c '"ids"'

echo "== refused"
cp qwen3.json shape-qwen3/config.json
mkdir other-shape
cp llama.json other-shape/config.json
sed 's/"hidden_size": 64/"hidden_size": 0/' llama.json >bad.json
for args in \
    "--config m/config.json --out m" \
    "--config qwen3.json --out shape-qwen3" \
    "--config qwen3.json --out other-shape" \
    "--config qwen3.json --like tiny-qwen3 --out x" \
    "--config qwen3.json --out x.gguf" \
    "--config qwen3.json --out x --dtype Q8_0" \
    "--config qwen3.json --out x --dtype F8" \
    "--config bad.json --out x" \
    "--config none.json --out x" \
    "--config qwen3.json x --out x" \
    "--config qwen3.json"; do
    # shellcheck disable=SC2086
    $A synth model $args 2>&1 && echo "status 0" || echo "status $?"
done
$A synth study s --config qwen3.json 2>&1 || echo "status $?"
[ ! -e x ] && [ ! -e x.gguf ] && echo "nothing was written"

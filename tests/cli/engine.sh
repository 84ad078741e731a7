# Models on the command line: made, looked at, run under arms, scored, read, resumed; the same bytes
# for any batch, and errors that name what is wrong.
set -eu
A=${ASSAY:?}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"

for like in tiny-llama tiny-qwen3 tiny-qwen35 tiny-gemma4; do
    $A synth model $like --like $like -q
    $A models inspect $like | sed -n '/^family\|^layers\|^tensors/p' | tr -s ' ' | tr '\n' ' '
    echo
    case $like in tiny-gemma4) layer=7 ;; tiny-qwen35) layer=4 ;; *) layer=3 ;; esac
    $A doctor invariance --model $like --arm base --arm "half = temper: $layer.1=0.5"  | sed "/^kernels avx/d"
    $A doctor parity --model $like | sed -n '/HAS NOT/p'
done

echo "== generate"
cat >p.jsonl <<'END'
{"id": "one", "ids": [1, 2, 3]}
{"id": "two", "ids": [5, 300, 41, 7]}
{"id": "three", "ids": [5, 300, 41, 7]}
END
run="$A generate --model tiny-qwen35 --arm base --arm half=temper:4.0=0.5 --prompts p.jsonl -n 6 -q"
$run --json >all.json
$run -o a.jsonl --batch 1 --piece 2
$run -o b.jsonl --batch 7 --threads 1
cmp a.jsonl b.jsonl && wc -l <a.jsonl
head -n 3 a.jsonl >c.jsonl
printf '{"arm":"ba' >>c.jsonl
cp a.jsonl.setup.json c.jsonl.setup.json
$run -o c.jsonl
cmp a.jsonl c.jsonl && echo resumed
$run --seed 2 -o c.jsonl 2>&1 || echo "status $?"
tail -n 1 a.jsonl >c.jsonl
$run -o c.jsonl 2>&1 || echo "status $?"
sed 's/"logprobs":[^]]*\]/"logprobs":[]/' a.jsonl | head -n 2

echo "== draws"
$A generate --model tiny-qwen3 --ids 1,2,3 -n 4 -t 0.8 --top-k 20 --draws 3 --json -q |
    grep -c '"draw"'
$A generate --model tiny-qwen3 --ids 1,2,3 --draws 3 2>&1 || echo "status $?"

echo "== score: the bits of generation"
$A generate --model tiny-gemma4 --ids 7,8,9 -n 5 --ignore-stops -o g.jsonl -q
ids=$(sed 's/.*"ids":\[\([^]]*\)\].*/\1/' g.jsonl)
echo "{\"ids\": [7, 8, 9], \"reply_ids\": [$ids]}" >r.jsonl
generated=$(sed 's/.*"logprobs":\[\([^]]*\)\].*/\1/' g.jsonl)
scored=$($A score --model tiny-gemma4 --prompts r.jsonl --json | tr -d ' \n' |
    sed 's/.*"logprobs":\[null,null,null,\([^]]*\)\].*/\1/')
[ "$generated" = "$scored" ] && echo same
$A score --model tiny-qwen3 --ids 1,2,3,4 --at 0,3 --logits --hidden 0,4 --heads 3 --json |
    tr -d ' \n' >s.json
grep -o '"at":[^]]*]' s.json
grep -o '"logits":\[\[[^]]*\],\[[^]]*\]\]' s.json | tr ',' '\n' | wc -l
grep -o '"hidden":{"0":\[\[[^]]*\],\[[^]]*\]\],"4":\[\[[^]]*\],\[[^]]*\]\]}' s.json | tr ',' '\n' | wc -l
grep -o '"heads":{"3":\[\[[^]]*\],\[[^]]*\]\]}' s.json | tr ',' '\n' | wc -l
$A score --model tiny-qwen3 --prompts p.jsonl | cut -c1-48

echo "== features"
$A features --model tiny-qwen3 --prompts p.jsonl -n 4 -o h.npz -q
$A features --model tiny-qwen3 --prompts p.jsonl -n 4 --selector end_of_turn -o e.npz -q
$A features --model tiny-qwen35 --ids 1,7 -n 2 --site heads --layer 2 --selector mean_content -o m.npz -q
$A features --model tiny-qwen3 --ids 1,2 --layer 9 -o x.npz 2>&1 || echo "status $?"

echo "== refused"
for args in \
    "generate --model nowhere --ids 1" \
    "generate --model tiny-qwen3 --prompt hello" \
    "generate --model tiny-qwen3 --ids 1,x" \
    "generate --model tiny-qwen3 --ids 600" \
    "generate --model tiny-qwen3" \
    "generate --ids 1" \
    "generate --model tiny-qwen3 --ids 1 --arm temper:9.0=0.5" \
    "generate --model tiny-qwen3 --ids 1 --arm base --arm base" \
    "generate --model tiny-qwen3 --ids 1 --kernels sse" \
    "generate --model tiny-qwen3 --ids 1 --temperature -1" \
    "score --model tiny-qwen3 --ids 1,2 --logits" \
    "synth model x --like qwen9" \
    "models look x"; do
    # shellcheck disable=SC2086
    $A $args 2>&1 && echo "status 0" || echo "status $?"
done
printf '{"id": "a", "ids": [1]}\n{"id": "a", "ids": [2]}\n' >twice.jsonl
printf '{"ids": [1], "prompt": "x"}\n' >both.jsonl
printf '{"text": "x"}\n' >none.jsonl
printf '{"ids": [1, -2]}\n' >sign.jsonl
for f in twice both none sign; do
    $A generate --model tiny-qwen3 --prompts $f.jsonl 2>&1 || echo "status $?"
done

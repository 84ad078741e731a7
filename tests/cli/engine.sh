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
$run --top-p 0.5 -t 1 --arm more=temper:4.1=2 -o c.jsonl 2>&1 || echo "status $?"
tail -n 1 a.jsonl >c.jsonl
$run -o c.jsonl 2>&1 || echo "status $?"
sed 's/"logprobs":[^]]*\]/"logprobs":[]/' a.jsonl | head -n 2
$run -o - | cmp - a.jsonl && echo streamed
$run -o - --json 2>/dev/null | grep -c '"schema"'
$run -o /dev/null
touch empty
$run -o empty 2>&1 || echo "status $?"
$run -o /nonexistent/a.jsonl 2>&1 || echo "status $?"
one="$A generate --model tiny-qwen3 -n 2 --prompts"
printf '{"id": "\\u001b[31mred", "ids": [1, 2]}\r\n{"ids": [3]}\r\n' | $one -

echo "== killed, interrupted, out of room, shared"
for i in $(seq 24); do echo "{\"ids\": [$i, $((i * 7)), $((i * 3))]}"; done >many.jsonl
run="$A generate --model tiny-qwen35 --arm base --arm half=temper:4.0=0.5 --prompts many.jsonl -n 300"
run="$run -t 0.9 -q --threads 1"
$run -o whole.jsonl
for wait in 0.05 0.1 0.15 0.2 0.25; do
    $run -o k.jsonl --batch 5 >/dev/null 2>&1 &
    sleep $wait
    kill -9 $! 2>/dev/null || true
    wait $! 2>/dev/null || true
done
$run -o k.jsonl
cmp whole.jsonl k.jsonl && echo "same after kills"
$run --batch 1 --kernels scalar -o i.jsonl >i.txt 2>&1 &
while [ ! -s i.jsonl ]; do sleep 0.01; done
kill -TERM $!
wait $! || echo "status $?"
sed 's/[0-9]* of 48/N of 48/' i.txt
$run -o i.jsonl
cmp whole.jsonl i.jsonl && echo "same after an interruption"
(ulimit -f 40 && $run -o f.jsonl 2>&1 || echo "status $?") | sed 's/[0-9]* of 48/N of 48/'
$run -o f.jsonl
cmp whole.jsonl f.jsonl && echo "same with room again"
$run --batch 1 -o l.jsonl >/dev/null 2>&1 &
while [ ! -f l.jsonl.setup.json ]; do sleep 0.01; done
kill -STOP $!
$run -o l.jsonl 2>&1 | sed 's/pid .*Z/pid/'
kill -CONT $!
wait $!
cmp whole.jsonl l.jsonl && echo "same for the one that had it"

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
$A features --model tiny-qwen3 --ids 1,2 -o /nonexistent/x.npz 2>&1 || echo "status $?"
$A features --model tiny-qwen3 --ids 1,2 -o /dev/null 2>&1 || echo "status $?"
echo '{"ids": [1, 2], "reply_ids": []}' >none.jsonl
$A features --model tiny-qwen3 --prompts none.jsonl -o n.npz --json | grep '"given"\|"missing"'

echo "== doctor"
$A doctor invariance --model tiny-gemma4 --as-published --arm 'temper: 7.1=0.5' | tail -n 1
$A score --model tiny-qwen3 --ids 1,2,3 --at 1,2 --logits --json >against.json
$A doctor parity --model tiny-qwen3 --against against.json --tolerance 0 | tail -n 1
sed 's/0\.[0-9]/1.5/' against.json >other.json
$A doctor parity --model tiny-qwen3 --against other.json --json >two.json 2>&1 || echo "status $?"
grep -c '"schema"' two.json
$A score --model tiny-qwen3 --ids 1,2,3 --json >nothing.json
$A doctor parity --model tiny-qwen3 --against nothing.json 2>&1 || echo "status $?"
sed 's/^ *-\{0,1\}[0-9]*\.[0-9]*,\{0,1\}$/null,/' against.json | tr -d '\n' | sed 's/null, *]/null]/g' >null.json
$A doctor parity --model tiny-qwen3 --against null.json 2>&1 || echo "status $?"

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
    "generate --model tiny-qwen3 --ids 1 --temperature 1e-40" \
    "generate --model tiny-qwen3 --ids 1 --top-k 3" \
    "generate --model tiny-qwen3 --ids 1 --batch 0" \
    "generate --model tiny-qwen3 --ids 1 --batch 1000000000" \
    "generate --model tiny-qwen3 --ids 1 --stop x" \
    "generate --model tiny-qwen3 --ids 1 --raw" \
    "generate --model tiny-qwen3 --ids 1 --thinking on" \
    "generate --model tiny-qwen3 --ids 1 --arm temper:3.1,3.1=0.5" \
    "doctor --model tiny-qwen3" \
    "doctor invariance --model tiny-qwen3 --tolerance 1" \
    "doctor parity --model tiny-qwen3 --arm base --arm b=base" \
    "synth model tiny-qwen3 --like tiny-llama" \
    "synth model x --like tiny-llama --dtype F8" \
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
printf '{"ids": [1]}\n{"ids": [1, 600]}\n' >large.jsonl
seq 2000 | sed 's/.*/1/' | paste -sd, | sed 's/.*/{"ids": [1]}\n{"id": "b", "ids": [&]}/' >long.jsonl
for f in twice both none sign large long; do
    $A generate --model tiny-qwen3 --prompts $f.jsonl 2>&1 || echo "status $?"
done

# Adapters on the command line: looked at, merged, as GGUF and back; and errors that name what is
# wrong and leave nothing behind.
set -eu
A=${ASSAY:?}
golden=$(cd "$(dirname "$0")/../golden/engine" && pwd)
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
$A synth model tiny-qwen3 --like tiny-qwen3 -q >/dev/null
$A synth model tiny-qwen3.gguf --like tiny-qwen3 -q >/dev/null
cp -r "$golden/qwen3_lora" lora
cp -r "$golden/qwen3_lora_pattern" pattern

echo "== inspect"
$A adapter inspect --model tiny-qwen3 lora | sed -n '1,3p;$p'
$A adapter inspect --model tiny-qwen3 pattern | cut -c1-65 | tail -n 4
$A adapter inspect --model tiny-qwen3 lora --json | grep -c '"norm_delta"'
$A adapter inspect --model tiny-qwen3.gguf lora | tail -n 1

echo "== merge: the answers of base and adapter"
$A adapter merge --model tiny-qwen3 --adapter lora --out merged
ls merged
$A score --model tiny-qwen3 --arm "lora: lora" --ids 1,2,3 --at 2 --logits --json >with.json
$A doctor parity --model merged --against with.json --tolerance 1e-4 >parity.txt && echo close
$A score --model tiny-qwen3 --ids 1,2,3 --at 2 --logits --json >base.json
$A doctor parity --model merged --against base.json --tolerance 1e-4 >parity.txt 2>&1 || echo "status $?"
$A adapter merge --model tiny-qwen3 --adapter lora --out half/ --dtype BF16 --json | grep '"out"'
$A models inspect half --tensors | grep -c BF16

echo "== GGUF and back: the same bytes"
$A adapter export --model tiny-qwen3 --adapter lora --out a.gguf
$A adapter export --model tiny-qwen3 --adapter a.gguf --out back
$A adapter export --model tiny-qwen3 --adapter back --out b.gguf -q
cmp a.gguf b.gguf && echo same
$A generate --model tiny-qwen3 --arm "lora: lora" --ids 4,5,6 -n 5 -q >one.txt
$A generate --model tiny-qwen3 --arm "lora: back" --ids 4,5,6 -n 5 -q >two.txt
sed 's/lora: back/lora: lora/' two.txt | cmp one.txt - && echo "same answers"

echo "== refused"
mkdir full
touch full/notes.txt
for args in \
    "inspect --model tiny-qwen3" \
    "inspect --model tiny-qwen3 lora --out x" \
    "inspect --model tiny-qwen3 nowhere" \
    "inspect lora" \
    "look --model tiny-qwen3 lora" \
    "merge --model tiny-qwen3 --adapter lora" \
    "merge --model tiny-qwen3 --adapter lora --out full" \
    "merge --model tiny-qwen3 --adapter lora --out x --dtype Q8_0" \
    "merge --model tiny-qwen3.gguf --adapter lora --out x" \
    "merge --model tiny-qwen3 --adapter nowhere --out x" \
    "export --model tiny-qwen3 --adapter lora --out x" \
    "export --model tiny-qwen3 --adapter a.gguf --out x.gguf" \
    "export --model tiny-qwen3 --adapter lora --out x.gguf --dtype F32" \
    "export --model tiny-qwen3 --adapter pattern --out x.gguf" \
    "export --model tiny-qwen3 --adapter tiny-qwen3.gguf --out x" \
    "export --model tiny-qwen3 --adapter a.gguf --out back" \
    "export --model tiny-qwen3 --adapter lora --out /nonexistent/x.gguf"; do
    # shellcheck disable=SC2086
    $A adapter $args 2>&1 && echo "status 0" || echo "status $?"
done
$A synth model tiny-llama --like tiny-llama -q >/dev/null
$A adapter export --model tiny-llama --adapter a.gguf --out x 2>&1 || echo "status $?"
(ulimit -f 100 && $A adapter merge --model tiny-qwen3 --adapter lora --out x 2>&1 || echo "status $?")
ls

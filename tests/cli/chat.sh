# Text on the command line: the chat template, the thinking switch, control tokens in messages, stop
# texts, the mask, and a tokenizer that does not fit its model.
set -eu
A=${ASSAY:?}
here=$PWD
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"

$A synth model m --like tiny-qwen3 -q
cp "$here/tests/golden/tokenizer/small.json" m/tokenizer.json
cp "$here/tests/golden/template/qwen3.jinja" m/chat_template.jinja
echo '{"eos_token": "<|im_end|>"}' >m/tokenizer_config.json

echo "== the template"
$A show ids --model m --prompt 'Hi' --system 'Be brief.' --thinking off --json |
    sed -n 's/^ *"\(text\|decoded\)": //p'
echo "== what looks like a control token in a message is text"
$A show ids --model m --prompt '<|im_end|>' | grep -c '\*"<|im_end|>"'
$A show ids --model m --prompt '<|im_end|>' --raw | grep -c '\*' || true
$A show ids --model m --prompt '<|im_end|>' --raw --marked
echo "== mask"
cat >p.jsonl <<'END'
{"id": "a", "messages": [{"role": "user", "content": "Hi"}], "reply": "the cup"}
{"id": "b", "messages": [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}, {"role": "user", "content": "3"}]}
END
$A show mask --model m --prompts p.jsonl | cut -c 17- | grep -v '^0' | head -n 8
echo "== replies"
$A generate --model m --prompt Hi -n 6 --json -q | grep -c '"text"'
text=$($A generate --model m --prompt Hi -n 12 -q --ignore-stops)
stop=$(printf %s "$text" | cut -c 3-5)
$A generate --model m --prompt Hi -n 12 -q --ignore-stops --stop "$stop" --json >s.json
sed -n 's/^ *"finish": //p' s.json
$A score --model m --prompts p.jsonl | cut -c 1-49

echo "== refused"
$A generate --model m --prompt Hi --marked 2>&1 || echo "status $?"
$A generate --model m --prompt Hi --thinking maybe 2>&1 || echo "status $?"
$A generate --model m --prompt Hi --raw --system x 2>&1 || echo "status $?"
echo '{"messages": [{"role": "user", "content": 5}]}' >bad.jsonl
$A generate --model m --prompts bad.jsonl 2>&1 || echo "status $?"
echo '{"messages": []}' >bad.jsonl
$A generate --model m --prompts bad.jsonl 2>&1 || echo "status $?"
echo '{{ messages | frobnicate }}' >m/chat_template.jinja
$A show ids --model m --prompt Hi 2>&1 || echo "status $?"
rm m/chat_template.jinja
$A generate --model m --prompt Hi 2>&1 || echo "status $?"
cp "$here/tests/golden/tokenizer/qwen3.json" m/tokenizer.json
$A generate --model m --ids 1 2>&1 || echo "status $?"

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
echo "-- cut before the first of two, and of one over two tokens"
$A generate --model m --prompt a -n 9 -q
$A generate --model m --prompt a -n 9 -q --stop h --stop t
$A generate --model m --prompt a -n 9 -q --stop t --stop h
$A generate --model m --prompt a -n 9 -q --stop tech
echo "-- a reply with U+0000 can be gone on from"
many="$A generate --model m --prompt a -n 24 -t 100 --draws 60 -q"
$many -o nul.jsonl
grep -c '"ids":\[[^]]*\b188\b' nul.jsonl
grep -c '\\u0000' nul.jsonl || true
sed '$d' nul.jsonl >nul2.jsonl
cp nul.jsonl.setup.json nul2.jsonl.setup.json
$many -o nul2.jsonl
cmp nul.jsonl nul2.jsonl && echo same
$A score --model m --prompts p.jsonl | cut -c 1-49

echo "== refused"
$A generate --model m --prompt Hi --marked 2>&1 || echo "status $?"
$A generate --model m --prompt Hi --thinking maybe 2>&1 || echo "status $?"
$A generate --model m --prompt Hi --raw --system x 2>&1 || echo "status $?"
$A generate --model m --prompt "$(printf 'a\377')" 2>&1 || echo "status $?"
$A generate --model m --prompt Hi --system "$(printf '\377')" 2>&1 || echo "status $?"
$A generate --model m --prompt Hi --stop "$(printf '\377')" 2>&1 || echo "status $?"
$A generate --model m --prompt Hi --stop '' 2>&1 || echo "status $?"
$A generate --model m --prompt '' --raw 2>&1 || echo "status $?"
$A generate --model m --prompts p.jsonl --system x 2>&1 || echo "status $?"
cp "$here/tests/golden/template/smollm2.jinja" m/chat_template.jinja
$A generate --model m --prompt Hi --thinking on 2>&1 || echo "status $?"
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

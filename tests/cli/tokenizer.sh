# A vocabulary from text: what is made, that both kinds of data say the same, that a checkpoint keeps
# its other files, what is refused.
set -eu
A=${ASSAY:?}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"

cat >notes.txt <<'END'
The kettle sings before the cook has found a cup. The cook finds the kettle, the cup, the tea.
The tea is hot, the cup is hot, and the cook has burnt the tongue that found the tea.
END
train="$A tokenizer train -q --vocab 280"
small="$A tokenizer train -q --vocab 262"

echo "== made"
$train --data notes.txt --out a
ls a
$train --data notes.txt --out b
cmp a/tokenizer.json b/tokenizer.json && cmp a/tokenizer_config.json b/tokenizer_config.json && echo same
$train --data notes.txt --out c --json | sed '/"tokenizer"/s/: ".*/: HEX/'
cat a/tokenizer_config.json
for like in qwen3 qwen35 smollm; do
    $train --data notes.txt --out $like --like $like
    $A show ids --model $like --prompt 'the cook 12<|endoftext|>' --raw --marked
done

echo "== rows"
printf '{"text": "the kettle sings", "id": 7}\n{"prompt": "a cup", "completion": "of tea"}\n' >r.jsonl
printf '{"messages": [{"role": "user", "content": "hot tea"}, {"role": "assistant", "content": [{"type": "text", "text": "hot cups"}], "reasoning_content": "hot"}]}\n' >>r.jsonl
printf '{"chosen": [{"role": "user", "content": null}], "rejected": "cold"}\n' >>r.jsonl
for x in 'the kettle sings' 'a cup' 'of tea' 'hot tea' 'hot cups' hot cold; do
    printf '{"text": "%s"}\n' "$x"
done >s.jsonl
$small --data r.jsonl --out r
$small --data s.jsonl --out s
cmp r/tokenizer.json s/tokenizer.json && echo same
$small -d notes.txt -d r.jsonl --out two

echo "== beside a checkpoint, with a template"
$A synth model m --like tiny-qwen3 -q
cksum m/* >before
printf '{%% for m in messages %%}<|im_start|>{{ m.content }}<|im_end|>{%% endfor %%}' >t.jinja
train="$train --special <|endoftext|> --special <|im_start|> --special <|im_end|>"
$train --data notes.txt --out m --template t.jinja --eos '<|im_end|>'
cksum m/config.json m/generation_config.json m/model.safetensors | cmp - before && echo "the rest stays"
$A generate --model m --prompt 'the cook' -n 3 --json -q | grep -c '"ids"'
$A show ids --model m --prompt 'the cook' | tail -n 1
grep eos_token m/tokenizer_config.json
$A models inspect m | grep '^stop\|^vocab '

echo "== few pairs"
$A tokenizer train --vocab 5000 --data notes.txt --out few 2>&1 | grep -v percent
$A tokenizer train --vocab 5000 --least 0 --data notes.txt --out few 2>&1 | grep -v percent

echo "== refused"
cp t.jinja m/chat_template.jinja
printf '{%% for %%}' >bad.jinja
: >empty.txt
printf '{"text": "x"}\n{"texts": "x"}\n' >keys.jsonl
printf '{"messages": [{"content": 3}]}\n' >content.jsonl
printf '{"prompt": ["x"]}\n' >list.jsonl
for args in \
    "--out x" \
    "--data notes.txt --out m --template t.jinja" \
    "--data notes.txt --out x --template bad.jinja" \
    "--data notes.txt --out x --eos <|other|>" \
    "--data notes.txt --out x --special <|im_end|>" \
    "--data notes.txt --out x --special e" \
    "--data notes.txt --out x --like gemma4" \
    "--data empty.txt --out x" \
    "--data missing.txt --out x" \
    "--data keys.jsonl --out x" \
    "--data content.jsonl --out x" \
    "--data list.jsonl --out x" \
    "--data notes.txt --out notes.txt"; do
    # shellcheck disable=SC2086
    $train $args 2>&1 && echo "status 0" || echo "status $?"
done
$A tokenizer train --data notes.txt --vocab 200 --out x 2>&1 || echo "status $?"
$A tokenizer learn 2>&1 || echo "status $?"
[ ! -e x ] && echo "nothing was written"

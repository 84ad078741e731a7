#!/usr/bin/env python3
"""Writes tests/golden/train/masks.json: training rows, and what TRL makes of them with the small
tokenizers of tests/golden/tokenizer and the templates of tests/golden/template.

    {"cases": [{"family", "mask": "completion"|"assistant"|"text", "is_pair", "marks_text",
                "thinking": -1|0|1, "max_length", "rows": [...],
                "ids": [...], "labels": [...]         one list a row; of a pair one a side
                "n_prompt": [...]}]}                  pairs only

For the mask "assistant" the templates are given the {% generation %} marks that TRL asks for,
around what follows the header of an assistant's turn, up to its end token and line break.

Made with trl 1.16.0, transformers 5.23.0, tokenizers 0.23.3, datasets 5.2.0, Python 3.11. Run from
the repository's root."""
import json
import logging
import os
import random
import types

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import datasets
from transformers import PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

datasets.disable_progress_bars()
datasets.disable_caching()
logging.getLogger("trl").setLevel(logging.ERROR)

FAMILIES = ["qwen3", "qwen35", "smollm2", "gemma4"]
TOKENS = {"gemma4": {"bos_token": "<bos>", "eos_token": "<eos>"}}
QWEN = {"eos_token": "<|im_end|>"}

# the assistant's branch of each template: (text, text with marks)
MARKED = {
    "qwen3": [("""        {{- '<|im_start|>' ~ message.role ~ '\\n' }}
        {%- if loop.index0""", """        {{- '<|im_start|>' ~ message.role ~ '\\n' }}{% generation %}
        {%- if loop.index0"""),
              ("""        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}""", """        {{- '<|im_end|>\\n' }}{% endgeneration %}
    {%- elif message.role == 'tool' %}""")],
    "qwen35": [("""        {{- '<|im_start|>assistant\\n' }}
        {%- if users""", """        {{- '<|im_start|>assistant\\n' }}{% generation %}
        {%- if users"""),
               ("""        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}""", """        {{- '<|im_end|>\\n' }}{% endgeneration %}
    {%- elif message.role == 'tool' %}""")],
    "smollm2": [("{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}",
                 "{% if message['role'] == 'assistant' %}{{ '<|im_start|>assistant\\n' }}{% generation %}"
                 "{{ message['content'] + '<|im_end|>\\n' }}{% endgeneration %}{% else %}"
                 "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
                 "{% endif %}")],
    "gemma4": [("    {%- set thought = message", "    {%- if role == 'model' -%}{%- generation -%}{{ inner(message, role, loop.index0, "
                "q.last, loop.last) }}{%- endgeneration -%}{%- continue -%}{%- endif -%}\n    {%- set thought = message"),
               ("{%- set thinking = enable", """{%- macro inner(message, role, at, asked, is_last) -%}
    {%- set thought = message.get('reasoning') or message.get('reasoning_content') -%}
    {%- if thought and at > asked -%}
        {{- '<|channel>thought\\n' + thought + '\\n<channel|>' -}}
    {%- endif -%}
    {{- say(message['content'], role) -}}
    {{- '<turn|>\\n' -}}
{%- endmacro -%}
{%- set thinking = enable""")],
}


def template(name, marked=False):
    with open(f"tests/golden/template/{name}.jinja", encoding="utf-8") as f:
        text = f.read()
    for old, new in MARKED[name] if marked else []:
        assert text.count(old) == 1, (name, old, text.count(old))
        text = text.replace(old, new)
    return text


def tokenizer(name, path=None):
    return PreTrainedTokenizerFast(tokenizer_file=path or f"tests/golden/tokenizer/{name}.json",
                                   chat_template=template(name), **TOKENS.get(name, QWEN))


def with_switch(rows, thinking):
    if thinking < 0:
        return rows
    return [dict(r, chat_template_kwargs={"enable_thinking": thinking == 1}) for r in rows]


def sft(tok, rows, mask, thinking=-1, chat_template=None, max_length=1024):
    """(ids, labels) of each row as SFTTrainer prepares them."""
    args = SFTConfig(output_dir="/nowhere", use_cpu=True, bf16=False, max_length=max_length,
                     assistant_only_loss=mask == "assistant", report_to=[])
    trainer = types.SimpleNamespace(_tokenizer=tok, chat_template=chat_template,
                                    completion_only_loss=mask == "completion")
    data = datasets.Dataset.from_list(with_switch(rows, thinking))
    data = SFTTrainer._prepare_dataset(trainer, data, tok, args, False, None, "train")
    ids = [r["input_ids"] for r in data]
    return ids, [[int(x != -100) for x in r["labels"]] for r in data]


def dpo(tok, rows, thinking=-1):
    """(ids, labels, n_prompt): of each row and side, as DPOTrainer prepares them."""
    args = DPOConfig(output_dir="/nowhere", use_cpu=True, bf16=False, report_to=[])
    trainer = types.SimpleNamespace(_tokenizer=tok)
    data = datasets.Dataset.from_list(with_switch(rows, thinking))
    data = DPOTrainer._prepare_dataset(trainer, data, tok, args, "train")
    ids = [[r["prompt_ids"] + r["chosen_ids"], r["prompt_ids"] + r["rejected_ids"]] for r in data]
    n = [len(r["prompt_ids"]) for r in data]
    labels = [[[int(i >= k) for i in range(len(side))] for side in row] for row, k in zip(ids, n)]
    return ids, labels, n


# --- rows ------------------------------------------------------------------------------------

WORDS = """the kettle sings before a cook has found cup 42 0x2A Größe thé 你好 чай don't we'll * - | ( )
tea. tea, tea! one: two; "three" water? def boil(x): return[x] 3.14 1,000 naïve e\u0301""".split()


def words(rng, least=1, most=12):
    n = rng.randint(least, most)
    return rng.choice(WORDS) + "".join(rng.choice([" ", " ", " ", "\n", "\n\n", "  "]) + rng.choice(WORDS)
                                       for _ in range(n - 1))


def say(role, content):
    return {"role": role, "content": content}


def talk(rng, turns):
    messages = [say("system", words(rng))] if rng.random() < 0.4 else []
    for _ in range(turns):
        messages += [say("user", words(rng)), say("assistant", words(rng))]
    return messages


def rows_of(kind, rng, n):
    out = []
    for i in range(n):
        m = talk(rng, rng.choice([1, 1, 2, 3]))
        other = say("assistant", words(rng) + " other")
        row = {"id": f"{kind}-{i}"}
        if kind == "messages":
            row["messages"] = m
        elif kind == "prompt-completion":
            row |= {"prompt": m[:-1], "completion": m[-1:]}
        elif kind == "pair":
            row |= {"prompt": m[:-1], "chosen": m[-1:], "rejected": [other]}
        elif kind == "common":
            row |= {"chosen": m, "rejected": m[:-1] + [other]}
        elif kind == "text":
            row["text"] = words(rng, 2)
        elif kind == "rendered":
            row["text"] = f"<|im_start|>user\n{words(rng)}<|im_end|>\n<|im_start|>assistant\n{words(rng)}<|im_end|>"
        elif kind == "plain":
            row |= {"prompt": words(rng) + ":", "completion": " " + words(rng)}
        else:
            row |= {"prompt": words(rng) + ":", "chosen": " " + words(rng), "rejected": " " + words(rng) + "x"}
        out.append(row)
    return out


def thinking_rows(n, rng):
    """Replies with a train of thought before them."""
    return [{"id": f"thinking-{i}", "messages": [say("user", words(rng)), say(
        "assistant", f"<think>\n{words(rng)}\n</think>\n\n{words(rng)}")]} for i in range(n)]


def case(name, tok, kind, mask, rows, thinking=-1, max_length=1024, chat_template=None):
    c = {"family": name, "mask": mask, "is_pair": kind in ("pair", "common", "plain-pair"), "marks_text":
         kind == "rendered", "thinking": thinking, "max_length": max_length, "rows": rows}
    if c["is_pair"]:
        ids, labels, c["n_prompt"] = dpo(tok, rows, thinking)
    else:
        ids, labels = sft(tok, rows, mask, thinking, chat_template, max_length)
    return c | {"ids": ids, "labels": labels}


def cases(name, tok, rng, n):
    marked = template(name, True)
    has_switch = name in ("qwen3", "qwen35")
    for kind, mask in [("messages", "text"), ("messages", "assistant"), ("prompt-completion", "completion"),
                       ("prompt-completion", "assistant"), ("pair", "completion"), ("common", "completion"),
                       ("text", "text"), ("plain", "completion"), ("plain", "text"), ("plain-pair", "completion")]:
        for thinking in [-1, 0] if has_switch and kind in ("messages", "prompt-completion", "pair") else [-1]:
            yield case(name, tok, kind, mask, rows_of(kind, rng, n), thinking, 1024,
                       marked if mask == "assistant" else None)
    yield case(name, tok, "messages", "text", rows_of("messages", rng, n), -1, 40)
    if name != "gemma4":
        yield case(name, tok, "rendered", "text", rows_of("rendered", rng, n))
    if has_switch:
        yield case(name, tok, "messages", "assistant", thinking_rows(n, rng), -1, 1024, marked)


def main():
    rng = random.Random(20240901)
    os.makedirs("tests/golden/train", exist_ok=True)
    out = [c for name in FAMILIES for c in cases(name, tokenizer(name), rng, 3)]
    with open("tests/golden/train/masks.json", "w", encoding="utf-8", newline="\n") as f:
        f.write('{"cases": [\n')
        f.write(",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in out))
        f.write("\n]}\n")
    print(len(out), "cases", sum(len(c["rows"]) for c in out), "rows")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Training rows of Assay against those of TRL: ids and targets of every kind of row, for the four
families' small tokenizers and templates, with 40 random rows a case; and, for the mask "assistant",
with TRL's own training templates of Qwen3 and Qwen3.5.

Needs trl and datasets beside requirements.txt. Usage: train_masks.py ASSAY, from the repository's
root. Exit status 0 when all are identical."""
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile

import trl

spec = importlib.util.spec_from_file_location("golden", "tools/golden/masks.py")
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)

N_ROWS = 40
TINY = {"qwen3": "tiny-qwen3", "qwen35": "tiny-qwen35", "smollm2": "tiny-llama", "gemma4": "tiny-gemma4"}
TRAINING = {"qwen3": "qwen3_training.jinja", "qwen35": "qwen3_5_nothink_training.jinja"}


def patch(value, size, stops):
    """The configuration of a tiny model, for a tokenizer of another size."""
    for key, inner in value.items() if isinstance(value, dict) else []:
        if key.startswith("vocab_size"):
            value[key] = size
        elif key == "eos_token_id":
            value[key] = stops
        else:
            patch(inner, size, stops)


def make_model(program, name, tok, chat_template, place):
    """A folder with configuration, tokenizer and template; the weights are never opened."""
    subprocess.run([program, "synth", "model", place, "--like", TINY[name], "-q"], check=True, stdout=subprocess.DEVNULL)
    stops = tok.convert_tokens_to_ids(["<eos>", "<turn|>"] if name == "gemma4" else ["<|im_end|>", "<|endoftext|>"])
    for file in ("config.json", "generation_config.json"):
        with open(f"{place}/{file}", encoding="utf-8") as f:
            config = json.load(f)
        patch(config, len(tok), stops)
        with open(f"{place}/{file}", "w", encoding="utf-8") as f:
            json.dump(config, f)
    for source, target in [(f"tests/golden/tokenizer/{name}.json", "tokenizer.json")]:
        with open(source, encoding="utf-8") as f, open(f"{place}/{target}", "w", encoding="utf-8") as g:
            g.write(f.read())
    with open(f"{place}/tokenizer_config.json", "w", encoding="utf-8") as f:
        json.dump(golden.TOKENS.get(name, golden.QWEN), f)
    with open(f"{place}/chat_template.jinja", "w", encoding="utf-8") as f:
        f.write(chat_template)


def ours(program, model, case, path):
    with open(path, "w", encoding="utf-8") as f:
        for row in case["rows"]:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")
    command = [program, "show", "mask", "--model", model, "--data", path, "--json", "--mask", case["mask"],
               "--max-length", str(case["max_length"])]
    command += ["--pairs"] if case["is_pair"] else []
    command += ["--marked"] if case["marks_text"] else []
    command += ["--thinking", "on" if case["thinking"] else "off"] if case["thinking"] >= 0 else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    return json.loads(done.stdout)["rows"]


def same(row, ids, labels):
    """The first token is nobody's target."""
    return row["ids"] == ids and row["mask"][1:] == labels[1:] and row["mask"][0] == 0


def compare(program, model, case, path):
    rows = ours(program, model, case, path)
    if isinstance(rows, str):
        print("  refused:", rows.strip())
        return len(case["rows"])
    bad = 0
    for i, row in enumerate(rows):
        sides = [("chosen", 0), ("rejected", 1)] if case["is_pair"] else [(None, None)]
        for side, at in sides:
            ids, labels = case["ids"][i], case["labels"][i]
            if not same(row[side] if side else row, ids[at] if side else ids, labels[at] if side else labels):
                bad += 1
                print("  differs:", json.dumps(case["rows"][i], ensure_ascii=False)[:300])
    return bad


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program, rng, bad = os.path.abspath(sys.argv[1]), random.Random(77), 0
    with tempfile.TemporaryDirectory() as d:
        for name in golden.FAMILIES:
            tok = golden.tokenizer(name)
            make_model(program, name, tok, golden.template(name), f"{d}/{name}")
            n = wrong = 0
            for case in golden.cases(name, tok, rng, N_ROWS):
                wrong += compare(program, f"{d}/{name}", case, f"{d}/rows.jsonl")
                n += len(case["rows"])
            print(f"{name}: {n - wrong} of {n} rows identical")
            bad += wrong
        for name, file in TRAINING.items():
            tok = golden.tokenizer(name)
            with open(os.path.join(os.path.dirname(trl.__file__), "chat_templates", file), encoding="utf-8") as f:
                text = f.read()
            make_model(program, name, tok, text, f"{d}/{name}-training")
            rows = golden.rows_of("messages", rng, N_ROWS) + golden.thinking_rows(N_ROWS, rng)
            case = golden.case(name, tok, "messages", "assistant", rows, -1, 1024, text)
            wrong = compare(program, f"{d}/{name}-training", case, f"{d}/rows.jsonl")
            print(f"{name} with trl's {file}: {len(rows) - wrong} of {len(rows)} rows identical")
            bad += wrong
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

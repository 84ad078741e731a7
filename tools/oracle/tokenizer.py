#!/usr/bin/env python3
"""Token ids of Assay against those of the `tokenizers` library: for every family the 500 picked
texts of the golden fixture and 10,000 random ones, with added tokens cut out and without; and the
decoded texts of both.

Usage: tokenizer.py ASSAY. Exit status 0 when all are identical."""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("golden", os.path.join(here, "../golden/tokenizer.py"))
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)

N_RANDOM = 10000


def ours(program, model, texts, kind):
    command = [program, "show", "ids", "--model", model, "--prompts", texts, "--raw", "--json"]
    if kind == "marked":
        command.append("--marked")
    out = subprocess.run(command, check=True, capture_output=True).stdout
    return json.loads(out)["rows"]


def compare(program, name, tokenizer, texts, path):
    bad = 0
    shown = 0
    for kind, reference in zip(("marked", "plain"), golden.references(tokenizer)):
        rows = ours(program, os.path.join(os.path.dirname(path), name), path, kind)
        assert len(rows) == len(texts), (len(rows), len(texts))
        encoded = reference.encode_batch(texts, add_special_tokens=False)
        same = 0
        for text, e, row in zip(texts, encoded, rows):
            decoded = reference.decode(e.ids, skip_special_tokens=False)
            if row["ids"] == e.ids and row["decoded"] == decoded:
                same += 1
            elif shown < 10:
                shown += 1
                print(f"  {name} {kind}: {text!r}\n    ours      {row['ids']} {row['decoded']!r}"
                      f"\n    reference {e.ids} {decoded!r}")
        bad += len(texts) - same
        print(f"{name} {kind}: {same} of {len(texts)} identical")
    return bad


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = os.path.abspath(sys.argv[1])
    texts = [t for t in golden.picked_texts() + golden.random_texts(N_RANDOM, 2024, 60) if t]
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "texts.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            for t in texts:
                f.write(json.dumps({"prompt": t}, ensure_ascii=False) + "\n")
        bad = 0
        for name, tokenizer in golden.families().items():
            os.mkdir(os.path.join(d, name))
            with open(os.path.join(d, name, "tokenizer.json"), "w", encoding="utf-8") as f:
                json.dump(tokenizer, f, ensure_ascii=False)
            bad += compare(program, name, tokenizer, texts, path)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

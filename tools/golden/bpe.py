#!/usr/bin/env python3
"""Makes tests/golden/train/bpe.json: the merges that the `tokenizers` library's BpeTrainer learns from
small texts.

    texts  what is learned from
    cases  {"like", "vocab", "least", "special", "merges"}: merges as pairs of texts in the byte
           alphabet; vocab counts the specials, which are cut out of the texts

Made with tokenizers 0.23.3, Python 3.11. Usage: bpe.py [FILE]
"""
import importlib.util
import json
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("oracle", os.path.join(here, "../oracle/bpe_train.py"))
oracle = importlib.util.module_from_spec(spec)
spec.loader.exec_module(oracle)

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def texts():
    sentences = [s.replace("\\n", "\n").replace("\\r", "\r")
                 for s in oracle.golden.SENTENCES.splitlines()]
    return sentences + ["<|im_start|>user\nboil the kettle<|im_end|>\n<|endoftext|>\n",
                        "e\u0301 \u00e9 \u212b ngstr\u00f6m \u00e5ngstro\u0308m"] + \
        oracle.runs(6, 12)


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else "tests/golden/train/bpe.json"
    os.makedirs(os.path.dirname(out) or ".", exist_ok=True)
    cases = []
    for like, vocab, least, special in [("qwen3", 400, 2, SPECIAL), ("qwen35", 380, 2, SPECIAL[:1]),
                                        ("smollm", 390, 2, SPECIAL), ("smollm", 700, 4, SPECIAL),
                                        ("qwen3", 290, 0, [])]:
        merges, _ = oracle.reference(like, texts(), vocab, least, special)
        cases.append({"like": like, "vocab": vocab, "least": least, "special": special,
                      "merges": merges})
    with open(out, "w", encoding="utf-8") as f:
        json.dump({"texts": texts(), "cases": cases}, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()

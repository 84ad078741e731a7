#!/usr/bin/env python3
"""Vocabularies learned by Assay against those of the `tokenizers` library's BpeTrainer, from the same
texts with the same pre-tokeniser: merges and vocabulary must be identical, and both libraries must
encode 1,000 mixed texts alike with the file that Assay wrote. Prints the time that each took.

Usage: bpe_train.py ASSAY [TEXT_FILE...]. The files are one more corpus. Exit status 0 when all are
identical."""
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("golden", os.path.join(here, "../golden/tokenizer.py"))
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LIKE = ["qwen3", "qwen35", "smollm"]


def blank(like):
    """An untrained tokenizer of the pipeline."""
    t = Tokenizer(models.BPE())
    if like == "smollm":
        t.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)])
    else:
        t.normalizer = normalizers.NFC()
        pattern = golden.QWEN3 if like == "qwen3" else golden.QWEN35
        t.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(pattern), "isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    return t


def gaps(text, special):
    """What stands between the special tokens, leftmost and longest first."""
    while text:
        found = [(text.find(s), -len(s), s) for s in special if s in text]
        if not found:
            yield text
            return
        at, _, s = min(found)
        if at:
            yield text[:at]
        text = text[at + len(s):]


def reference(like, texts, vocab, least, special=SPECIAL):
    """(merges, vocabulary) of the library."""
    t = blank(like)
    trainer = trainers.BpeTrainer(vocab_size=vocab - len(special), min_frequency=least,
                                  show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.train_from_iterator((g for x in texts for g in gaps(x, special)), trainer)
    model = json.loads(t.to_str())["model"]
    return [m if isinstance(m, list) else m.split(" ") for m in model["merges"]], model["vocab"]


def runs(seed, n):
    """Long runs of few characters: many ways to make one token."""
    rng = random.Random(seed)
    out = []
    for _ in range(n):
        out.append("".join(rng.choice("aab ==\n-") * rng.randint(1, 40)
                           for _ in range(rng.randint(1, 12))))
        out.append("".join(rng.choice("abc") for _ in range(rng.randint(1, 60))))
    return out


def mixed(texts):
    """1,000 texts: words of the corpus, runs, and texts of every script with special tokens."""
    rng = random.Random(3)
    some = [x[i:i + 200] for x in rng.sample(texts, min(300, len(texts)))
            for i in [rng.randint(0, max(0, len(x) - 200))]]
    out = some + runs(4, 100) + golden.picked_texts() + golden.random_texts(400, 77, 60)
    out = [t.replace("<|im_start|>x", SPECIAL[1]) for t in out if t]
    return (out * 2)[:1000]


def ours(program, model, texts, directory):
    path = os.path.join(directory, "texts.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        for t in texts:
            f.write(json.dumps({"prompt": t}, ensure_ascii=False) + "\n")
    out = subprocess.run([program, "show", "ids", "--model", model, "--prompts", path, "--raw",
                          "--marked", "--json"], check=True, capture_output=True).stdout
    return [row["ids"] for row in json.loads(out)["rows"]]


def compare(program, name, texts, like, vocab, least):
    """How many of the three comparisons failed."""
    with tempfile.TemporaryDirectory() as d:
        rows = os.path.join(d, "data.jsonl")
        with open(rows, "w", encoding="utf-8") as f:
            for t in texts:
                f.write(json.dumps({"text": t}, ensure_ascii=False) + "\n")
        command = [program, "tokenizer", "train", "-q", "--data", rows, "--vocab", str(vocab),
                   "--like", like, "--least", str(least), "--out", d]
        for s in SPECIAL:
            command += ["--special", s]
        start = time.time()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        mine = time.time() - start
        start = time.time()
        merges, words = reference(like, texts, vocab, least)
        theirs = time.time() - start
        with open(os.path.join(d, "tokenizer.json"), encoding="utf-8") as f:
            made = json.load(f)
        library = Tokenizer.from_file(os.path.join(d, "tokenizer.json"))
        some = mixed(texts)
        ids = [e.ids for e in library.encode_batch(some, add_special_tokens=False)]
        same_ids = sum(a == b for a, b in zip(ids, ours(program, d, some, d)))
        same_merges = made["model"]["merges"] == merges
        same_words = made["model"]["vocab"] == words
        if not same_merges:
            n = sum(1 for _ in zip(merges, made["model"]["merges"]))
            at = next((i for i in range(n) if merges[i] != made["model"]["merges"][i]), n)
            print(f"  {name} {like}: merge {at} of {len(merges)}, ours {len(made['model']['merges'])}: "
                  f"ours {made['model']['merges'][at:at + 2]}, reference {merges[at:at + 2]}")
        print(f"{name} {like}: {len(merges)} merges {'identical' if same_merges else 'DIFFER'}, "
              f"vocabulary {'identical' if same_words else 'DIFFERS'}, "
              f"{same_ids} of {len(some)} texts identical; {mine:.1f} s and {theirs:.1f} s")
        return (not same_merges) + (not same_words) + (same_ids != len(some))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = os.path.abspath(sys.argv[1])
    corpora = [("sentences", golden.corpus(), 2000, 2), ("runs", runs(1, 400), 700, 2),
               ("every pair", golden.corpus()[:40] + runs(2, 20), 4000, 0),
               ("scripts", [t for t in golden.random_texts(4000, 9, 80) if t], 3000, 3)]
    if len(sys.argv) > 2:
        texts = [open(p, encoding="utf-8", errors="replace").read().replace("\0", " ")
                 for p in sys.argv[2:]]
        corpora.append(("files", texts, 8192, 2))
    bad = 0
    for name, texts, vocab, least in corpora:
        for like in LIKE:
            bad += compare(program, name, texts, like, vocab, least)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes tests/fuzz/corpus/tokenizer/: one tiny file for each pipeline with a text after a NUL, and a
few broken ones. Usage: corpus_tokenizer.py [DIR]"""
import json
import os
import sys

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
OWN = dict(BYTES, use_regex=True)
QWEN3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
         r"\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|"
          r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def added(i, text, special=True):
    return {"id": i, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": special}


def document(normalizer, pre, decoder, vocab, merges, more=None, post=None):
    model = {"type": "BPE", "dropout": None, "unk_token": None, "fuse_unk": False,
             "byte_fallback": False, "vocab": {v: i for i, v in enumerate(vocab)}, "merges": merges}
    n = len(vocab)
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [added(n, "<s>"), added(n + 1, "<st>", False)], "normalizer": normalizer,
            "pre_tokenizer": pre, "post_processor": post, "decoder": decoder,
            "model": model | (more or {})}


def split(regex):
    return {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}, BYTES]}


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else "tests/fuzz/corpus/tokenizer"
    os.makedirs(out, exist_ok=True)
    letters = ["a", "b", "\u0120", "\u010a", "1", "'", "s", "\u00c3", "\u00a9", "ab", "\u0120ab"]
    joins = ["a b", ["\u0120", "ab"]]
    post = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [], "special_tokens": {}}
    spaced = [{"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
              {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
               "invert": False},
              {"type": "Sequence", "decoders": [
                  {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                  {"type": "ByteFallback"}, {"type": "Fuse"}]}]
    unknown = {"unk_token": "<s>", "fuse_unk": True}
    files = {
        "ok_qwen3": document({"type": "NFC"}, split(QWEN3), BYTES, letters, joins, post=post),
        "ok_qwen35": document({"type": "NFC"}, split(QWEN35), BYTES, letters, joins, unknown),
        "ok_smollm2": document(None, {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True}, OWN]}, OWN, letters, joins, unknown),
        "ok_gemma4": document(*spaced, ["a", "b", "\u2581", "ab", "\u2581ab", "\n"]
                              + ["<0x%02X>" % b for b in range(256)],
                              [["a", "b"], ["\u2581", "ab"]], {"byte_fallback": True}),
        "ok_unknown": document(*spaced, ["a", "b", "\u2581", "ab", "b\u2581"],
                               ["a b", "b \u2581"], unknown),
        "bad_merge": document(None, OWN, OWN, letters, ["a c"]),
        "bad_pattern": document(None, split("(a+)+$"), BYTES, letters, []),
        "bad_id": document(None, OWN, OWN, letters, []) | {"added_tokens": [added(4000000000, "x")]},
    }
    text = "ab ab  it's\r\n 12 <s> <st>e\u0301\u0323 \u4f60\U0001f642\u2581\n".encode() + b"\xff\xe4\xbd"
    for name, d in files.items():
        with open(os.path.join(out, name), "wb") as f:
            f.write(json.dumps(d, separators=(",", ":"), ensure_ascii=False).encode())
            f.write(b"\0" + text)


if __name__ == "__main__":
    main()

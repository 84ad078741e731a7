#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/dataset: settings, longest sequence / 4, and rows of training data. Run
from the repository's root."""
import json
import os

PLACE = "tests/fuzz/corpus/dataset"
PAIR, ASSISTANT, TEXT, THINK, MARKED, ONE_SIDE = 1, 2, 4, 8, 16, 32


def user(text):
    return {"role": "user", "content": text}


def says(text):
    return {"role": "assistant", "content": text}


CASES = {
    "text": (TEXT, 99, [{"text": "a cup"}, {"text": "tea <|im_end|>"}]),
    "marked": (TEXT | MARKED, 99, [{"text": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo<|im_end|>"}]),
    "plain": (0, 99, [{"id": 1, "prompt": "Q:", "completion": " a"}, {"id": "x", "prompt": "R:", "completion": " b"}]),
    "plain_cut": (0, 2, [{"prompt": "Q: 1 2", "completion": " 3 4 5 6 7 8"}]),
    "plain_think": (THINK, 99, [{"prompt": "Q <think>\n", "completion": "hm </think> a"}]),
    "messages": (0, 99, [{"messages": [user("Hi"), says("Ho")]}, {"messages": [user("a"), says("b"), user("c"), says("d")]}]),
    "assistant": (ASSISTANT, 99, [{"messages": [user("a"), says("b"), user("c"), says("d")]}]),
    "assistant_cut": (ASSISTANT, 9, [{"messages": [user("a"), says("b"), user("c"), says("d")]}]),
    "think": (ASSISTANT | THINK, 99, [{"messages": [user("a"), says("<think>\nhm\n</think>\n\nb")]}]),
    "whole": (TEXT, 99, [{"messages": [user("<|im_end|>"), says("<|im_start|>assistant\n")]}]),
    "conversation": (0, 99, [{"prompt": [user("a")], "completion": [says("b")]}]),
    "tools": (ASSISTANT, 255, [{"messages": [user("a"), {"role": "assistant", "tool_calls": [
        {"function": {"name": "f", "arguments": {}}}]}, {"role": "tool", "content": "x"}, says("b")],
        "tools": [{"type": "function", "function": {"name": "f"}}]}]),
    "pair": (PAIR, 99, [{"prompt": "Q:", "chosen": " a", "rejected": " b"}]),
    "pair_common": (PAIR, 99, [{"chosen": "Q: a", "rejected": "Q: b"}]),
    "pair_cut": (PAIR | ONE_SIDE, 2, [{"prompt": "Q:", "chosen": " a", "rejected": " b 1 2 3 4 5 6 7 8"}]),
    "pair_talk": (PAIR, 99, [{"prompt": [user("a")], "chosen": [says("b")], "rejected": [says("c")]}]),
    "pair_whole": (PAIR, 99, [{"chosen": [user("a"), says("b")], "rejected": [user("a"), says("c")]}]),
    "mixed": (0, 99, [{"prompt": "Q:", "completion": " a"}, {"text": "a"}]),
    "twice": (TEXT, 99, [{"text": "a"}, {"text": "a"}]),
    "label": (0, 99, [{"prompt": "Q:", "completion": " a", "label": False}]),
    "sharegpt": (0, 99, [{"conversations": [{"from": "human", "value": "a"}]}]),
}


def main():
    os.makedirs(PLACE, exist_ok=True)
    for name, (settings, most, rows) in CASES.items():
        with open(f"{PLACE}/{name}", "wb") as f:
            f.write(bytes([settings, most]))
            for row in rows:
                f.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    main()

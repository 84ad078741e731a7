#!/usr/bin/env python3
"""Answers the two verbs that compare.py calls, from the reference library in float32: shows that
the comparison passes a right program and, with STAND_IN_FAULT=logits (hidden, heads, temper, lora,
greedy), that it fails a wrong one. Safetensors folders only. Its `python3` must have the packages,
so put that folder first in PATH."""
import argparse
import json
import os
import sys

import numpy as np
import peft

from exact import forward, greedy, open_model

FAULT = os.environ.get("STAND_IN_FAULT", "")


def options():
    p = argparse.ArgumentParser()
    p.add_argument("verb", choices=["score", "generate"])
    for name in ("--model", "--ids", "--at", "--hidden", "--heads", "--arm"):
        p.add_argument(name)
    p.add_argument("--max-tokens", type=int)
    for name in ("--logits", "--json", "--ignore-stops"):
        p.add_argument(name, action="store_true")
    return p.parse_args()


def scored(o, ids):
    model, temper = open_model(o.model), None
    kind, _, rest = (o.arm or "").partition(": ")
    if kind == "lora":
        model = peft.PeftModel.from_pretrained(model, rest).eval()
    if kind == "temper":
        where, _, factor = rest.partition("=")
        layer, _, head = where.partition(".")
        temper = (int(layer), int(head) + (FAULT == "temper"), float(factor))
    out = forward(model, ids, temper=temper)
    z = out["logits"].astype(float)
    if FAULT == "logits" or FAULT == "lora" and kind == "lora":
        z[-1, 7] += 3e-4
    if FAULT == "hidden":
        out["hidden"][1, 5, 3] += 0.01
    if FAULT == "heads":
        out["heads"][0][9, 2] += 0.01
    log = z - z.max(1, keepdims=True)
    log -= np.log(np.exp(log).sum(1, keepdims=True))
    row = {"id": "0", "arm": o.arm or "base", "ids": ids, "at": list(range(len(ids))),
           "logprobs": [None] + [float(log[i, t]) for i, t in enumerate(ids[1:])],
           "logits": z.tolist()}
    if o.hidden:
        row["hidden"] = {str(i): h.tolist() for i, h in enumerate(out["hidden"])}
    if o.heads:
        row["heads"] = {str(i): h.tolist() for i, h in out["heads"].items()}
    return row


def generated(o, ids):
    tokens, _ = greedy(open_model(o.model), ids, o.max_tokens)
    if FAULT == "greedy":
        tokens[-1] ^= 1
    return {"id": "0", "arm": "base", "ids": tokens, "finish": "length"}


def main():
    o = options()
    ids = [int(x) for x in o.ids.split(",")]
    row = scored(o, ids) if o.verb == "score" else generated(o, ids)
    json.dump({"schema": f"assay.{o.verb}/1", "rows": [row]}, sys.stdout)


main()

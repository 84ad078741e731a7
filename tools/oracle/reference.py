#!/usr/bin/env python3
"""What the reference library says of each checkpoint.
    reference.py FOLDER      FOLDER/cases/NAME/{model/, adapters/KIND/, truth.npz, case.json}

truth.npz, all from the float64 pass:
    logits [T, V]            hidden [L + 1, T, D], the library's hidden_states
    heads_L [T, H*d]         what enters o_proj or out_proj of layer L
    temper [T, V]            logits with one head of the last attention layer halved
    lora_KIND [T, V]         logits with that adapter
    greedy [40], margin [40] tokens after the first 30 ids; best minus second logit of each step
case.json: the ids, the settings of the above, and in "float32" how far the library's own float32
pass is from this truth: what a float32 program can be expected to reach."""
import json
import os
import sys

import numpy as np

import adapters
import checkpoints
from exact import forward, greedy, open_model, outputs

TOKENS, PROMPT, NEW = 300, 30, 40


def far(a, b):
    """The largest difference, relative where the values exceed one."""
    return float((np.abs(a - b) / np.maximum(1, np.abs(b).max())).max())


def reference(model_folder, ids, weights=None):
    """(arrays of truth.npz, the case's settings) of one checkpoint; see the top."""
    model = open_model(model_folder, True, weights)
    layer, _, width, _ = [o for o in outputs(model) if not o[1]][-1]
    temper = (layer, 1, 0.5)
    truth = forward(model, ids, True)
    tempered = forward(model, ids, True, temper)["logits"]
    tokens, margin = greedy(model, ids[:PROMPT], NEW, True)
    arrays = {"logits": truth["logits"], "hidden": truth["hidden"], "temper": tempered,
              "greedy": np.array(tokens), "margin": np.array(margin)}
    arrays |= {f"heads_{n}": x for n, x in truth["heads"].items()}
    case = {"ids": ids, "prompt": PROMPT, "temper": temper, "head_width": width,
            "spread": float(truth["logits"].std())}
    return arrays, case


def own_error(model_folder, ids, arrays, case):
    """How far the library's float32 pass is from the truth."""
    model = open_model(model_folder)
    got = forward(model, ids)
    tokens, _ = greedy(model, ids[:PROMPT], NEW)
    tempered = forward(model, ids, temper=case["temper"])["logits"]
    same = [a == b for a, b in zip(tokens, arrays["greedy"])]
    return {"logits": float(np.abs(got["logits"] - arrays["logits"]).max()),
            "hidden": max(far(g, a) for g, a in zip(got["hidden"], arrays["hidden"])),
            "heads": max(far(x, arrays[f"heads_{n}"]) for n, x in got["heads"].items()),
            "temper": float(np.abs(tempered - arrays["temper"]).max()),
            "greedy": same.index(False) if False in same else NEW}


def write(folder, arrays, case):
    np.savez_compressed(os.path.join(folder, "truth.npz"), **arrays)
    with open(os.path.join(folder, "case.json"), "w") as f:
        json.dump(case, f, indent=1)


def ids_of(name):
    return np.random.default_rng(sum(name.encode()) + 5).integers(0, 512, TOKENS).tolist()


def make(name, folder):
    os.makedirs(folder, exist_ok=True)
    model_folder = os.path.join(folder, "model")
    checkpoints.save(name, model_folder)
    arrays, case = reference(model_folder, ids_of(name))
    case["float32"] = own_error(model_folder, case["ids"], arrays, case)
    seed = sum(name.encode())
    truth, off = adapters.make_all(model_folder, os.path.join(folder, "adapters"), case["ids"],
                                   seed)
    for kind, x in truth.items():
        arrays["lora_" + kind] = x
        case["float32"]["lora_" + kind] = off[kind]
        case.setdefault("moved", {})[kind] = float(np.abs(x - arrays["logits"]).max())
    case["moved"]["temper"] = float(np.abs(arrays["temper"] - arrays["logits"]).max())
    case["model"] = "model"
    write(folder, arrays, case)
    print(name, "spread %.2f" % case["spread"], "margin %.4f" % arrays["margin"].min(),
          " ".join(f"{k} {v:.1e}" if k != "greedy" else f"{k} {v}"
                   for k, v in case["float32"].items()),
          "moved", " ".join(f"{k} {v:.1f}" for k, v in case["moved"].items()), flush=True)


if __name__ == "__main__":
    for name in checkpoints.CHECKPOINTS:
        make(name, os.path.join(sys.argv[1], "cases", name))

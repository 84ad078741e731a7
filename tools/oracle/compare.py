#!/usr/bin/env python3
"""Runs `assay` on every case of FOLDER and holds its numbers against the truth.
    compare.py ASSAY FOLDER [NAME...]

One line a comparison: the figure, the bound, `ok` or `OVER`; exit status 1 when one is over or a
run failed. Bounds: 2e-4 absolute for logits and log-probabilities; the same for hidden states and
head inputs, relative to the largest value of the layer where that is above 1; greedy tokens
identical up to the first step at which the truth's two best logits lie within 1e-3."""
import json
import os
import subprocess
import sys

import numpy as np

BOUND, CLOSE_CALL = 2e-4, 1e-3


class Failed(Exception):
    pass


def run(assay, verb, *more):
    """The rows of the JSON object that `assay VERB ... --json` prints."""
    done = subprocess.run([assay, verb, *more, "--json"], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"status {done.returncode}: {done.stderr.strip()[-300:]}")
    try:
        out = json.loads(done.stdout)
    except ValueError as e:
        raise Failed(f"stdout is not JSON: {e}")
    if out.get("schema") != f"assay.{verb}/1":
        raise Failed(f"schema (found {out.get('schema')!r}, expected 'assay.{verb}/1')")
    return out["rows"]


def only(rows, base):
    """The one row of the base arm, or the one row of another arm."""
    found = [r for r in rows if (r["arm"] == "base") == base]
    if len(found) != 1:
        raise Failed(f"rows of {'the base' if base else 'another'} arm (found {len(found)}, "
                     f"expected 1; arms: {[r['arm'] for r in rows]})")
    return found[0]


def far(found, truth, relative=False):
    """The largest difference; infinite when the shapes differ or a value is missing."""
    found = np.array(found, float)
    if found.shape != truth.shape:
        raise Failed(f"shape (found {found.shape}, expected {truth.shape})")
    off = np.abs(found - truth).max() / (max(1.0, np.abs(truth).max()) if relative else 1.0)
    return off if np.isfinite(off) else np.inf


def logprobs(logits, ids):
    top = logits.max(1, keepdims=True)
    log = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
    return log[np.arange(len(ids) - 1), ids[1:]]


def one_row(row, case, logits):
    if row["ids"] != case["ids"] or row["at"] != list(range(len(case["ids"]))):
        raise Failed("ids or positions are not those asked for")
    if row["logprobs"][0] is not None:
        raise Failed(f"logprobs[0] (found {row['logprobs'][0]}, expected null)")
    yield "logits", far(row["logits"], logits)
    yield "logprobs", far(row["logprobs"][1:], logprobs(logits, case["ids"]))


def score(assay, folder, case, truth):
    base = ["--model", os.path.join(folder, case["model"]),
            "--ids", ",".join(map(str, case["ids"])), "--at", "all", "--logits"]
    row = only(run(assay, "score", *base, "--hidden", "all", "--heads", "all"), True)
    yield from one_row(row, case, truth["logits"])
    n = len(truth["hidden"])
    if sorted(map(int, row["hidden"])) != list(range(n)):
        raise Failed(f"hidden (found {sorted(row['hidden'])}, expected 0 to {n - 1})")
    yield "hidden", max(far(row["hidden"][str(i)], truth["hidden"][i], True) for i in range(n))
    layers = sorted(k.removeprefix("heads_") for k in truth if k.startswith("heads_"))
    if sorted(row["heads"]) != layers:
        raise Failed(f"heads (found {sorted(row['heads'])}, expected {layers})")
    yield "heads", max(far(row["heads"][i], truth["heads_" + i], True) for i in layers)
    layer, head, factor = case["temper"]
    arms = {"temper": f"temper: {layer}.{head}={factor}"}
    for kind in sorted(k.removeprefix("lora_") for k in truth if k.startswith("lora_")):
        arms["lora_" + kind] = "lora: " + os.path.join(folder, "adapters", kind)
    for name, arm in arms.items():
        row = only(run(assay, "score", *base, "--arm", arm), False)
        for what, off in one_row(row, case, truth[name]):
            yield f"{name} {what}", off


def greedy(assay, folder, case, truth):
    """How many of the tokens that must be identical are not."""
    n = len(truth["greedy"])
    rows = run(assay, "generate", "--model", os.path.join(folder, case["model"]), "--ids",
               ",".join(map(str, case["ids"][:case["prompt"]])), "--max-tokens", str(n),
               "--ignore-stops")
    row = only(rows, True)
    if len(row["ids"]) != n or row["finish"] != "length":
        raise Failed(f"greedy: {len(row['ids'])} tokens, finish {row['finish']}")
    close = truth["margin"] <= CLOSE_CALL
    sure = int(np.argmax(close)) if close.any() else n
    wrong = (np.array(row["ids"]) != truth["greedy"])[:sure].sum()
    yield f"greedy, {sure} tokens", int(wrong)


def compare(assay, folder):
    """Prints the comparisons of one case; returns how many failed."""
    name, bad = os.path.basename(folder), 0
    with open(os.path.join(folder, "case.json")) as f:
        case = json.load(f)
    with np.load(os.path.join(folder, "truth.npz")) as f:
        truth = dict(f)
    for part in (score, greedy):
        try:
            for what, off in part(assay, folder, case, truth):
                bound = 0 if part is greedy else BOUND
                over = not off <= bound
                bad += over
                print(f"{'OVER' if over else 'ok'}  {name} {what}: {off:.2g} (bound {bound:g})",
                      flush=True)
        except (Failed, KeyError, TypeError, ValueError) as e:
            bad += 1
            print(f"OVER  {name} {part.__name__}: {type(e).__name__}: {e}", flush=True)
    return bad


def main():
    assay, folder = sys.argv[1], os.path.join(sys.argv[2], "cases")
    names = sys.argv[3:] or sorted(os.listdir(folder))
    bad = sum(compare(assay, os.path.join(folder, name)) for name in names)
    print(f"{len(names)} cases, {bad} comparisons over their bound or failed")
    return 1 if bad or not names else 0


if __name__ == "__main__":
    sys.exit(main())

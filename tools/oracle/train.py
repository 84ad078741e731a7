#!/usr/bin/env python3
"""Training by the program against training by the reference libraries, from the runs that
train_truth.py left in FOLDER.
    train.py ASSAY FOLDER [NAME...]

Of each case: the rows' ids and labels, identical; the gradients of the first step, tensor by
tensor; loss, rate and norm of every step (of preference cases the rewards too); what was trained,
tensor by tensor, against how far the reference moved it; and the logits of the saved adapter in
peft, or of the saved checkpoint in transformers, against the program's own. An adapter that the
program starts by itself must have the tensors of peft's, and be read by peft too. One line a case
and figure: the figure, the bound, `ok` or `OVER` with where it is; exit status 1 when one is."""
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import peft
import safetensors.numpy

from exact import forward, open_model

# Relative but for logits. Both sides compute in float32. Rounding grows from step to step; most in
# the delta rule's layers, where trl with other micro-batches is 4e-5 (loss), 2e-3 (norm) and 5e-4
# (end) from itself after 200 steps.
BOUNDS = {"first gradients": 1e-4, "rate": 1e-12, "loss": 1e-4, "norm": 1e-3, "chosen": 1e-4,
          "margin": 1e-4, "end": 1e-3, "logits": 1e-4}
GROWS = {"qwen35": {"loss": 1e-3, "norm": 2e-2, "end": 1e-2}}
LEAST = 1e-3  # of the whole gradient: the differences of a smaller one are measured against this
ROUNDING = 1e-6  # a tensor whose gradient is less is moved by rounding alone


class Failed(Exception):
    pass


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True)
    if done.returncode:
        what = " ".join(args[:4])
        raise Failed(f"{what}: status {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def check_rows(assay, folder, case):
    """How many rows differ. The first token is nobody's target."""
    pairs = ["--pairs"] if case["kind"] == "dpo" else []
    rows = json.loads(run(assay, "show", "mask", "--model", f"{folder}/model", "--data",
                          f"{folder}/data.jsonl", "--mask", case["mask"], "--json", *pairs))["rows"]
    if len(rows) != len(case["ids"]):
        raise Failed(f"rows (found {len(rows)}, expected {len(case['ids'])})")
    wrong = 0
    for row, ids, labels in zip(rows, case["ids"], case["labels"]):
        sides = [row["chosen"], row["rejected"]] if pairs else [row]
        for side, i, x in zip(sides, ids if pairs else [ids], labels if pairs else [labels]):
            wrong += side["ids"] != i or side["mask"][1:] != x[1:]
    return wrong


def train(assay, folder, case, out, *more, plan="plan.yaml"):
    shutil.rmtree(out, ignore_errors=True)
    kind = "sft" if case["kind"] == "all" else case["kind"]
    run(assay, "train", kind, f"{folder}/{plan}", "--out", out, "--db", f"{out}.db", "-q", *more)


def read_parts(folder):
    """{name: float32 values} of a checkpoint."""
    with open(f"{folder}/MANIFEST") as f:
        parts = json.load(f)["parts"]
    data, at, out = np.fromfile(f"{folder}/parts", np.uint8), 0, {}
    for p in parts:
        if p["bytes"] % 4 == 0:
            out[p["name"]] = data[at:at + p["bytes"]].view(np.float32)
        at += p["bytes"]
    return out


def plain(name):
    return name.replace(".default.", ".")


def load(path):
    return {plain(k): v for k, v in safetensors.numpy.load_file(path).items()}


def far(a, b, whole):
    """|a - b| / whole, as vectors; 0 where both are the same."""
    off = np.linalg.norm(a.astype(float).ravel() - b.astype(float).ravel())
    return off / whole if whole > 0 else 0.0 if off == 0 else np.inf


def norm_of(tensors):
    return float(np.sqrt(sum((x.astype(float)**2).sum() for x in tensors.values())))


def gradients(assay, folder, case, first):
    """Those of the first step are in AdamW's first moment after it. `first` are the reference's."""
    out = f"{folder}/first"
    train(assay, folder, case, out, "-o", "steps=2", "-o", "save.every=1")
    parts, found = read_parts(f"{out}/checkpoints/step-1"), {}
    for name, x in first.items():
        moment = parts.get(f"{name}.m")
        if moment is None or moment.size != x.size:
            raise Failed(f"{name}: no first moment of {x.size} values among the checkpoint's parts")
        least = LEAST * norm_of(first)
        found[name] = far(moment / np.float32(0.1), x, max(least, np.linalg.norm(x.astype(float))))
    return found


def first_gradients(folder, case):
    """The reference's, clipped."""
    first = load(f"{folder}/first.safetensors")
    scale = 1.0 if case["kind"] != "all" else min(1.0, case["clip"] / (norm_of(first) + 1e-6))
    return {k: x * np.float32(scale) for k, x in first.items()}


def read_log(path):
    with open(path) as f:
        rows = [json.loads(line) for line in f]
    return [r for r in rows if r["step"] > 0]


def curves(folder, out, case):
    """{figure: (relative differences by step)}"""
    log = read_log(f"{out}/log.jsonl")
    with np.load(f"{folder}/truth.npz") as f:
        truth = dict(f)
    if [r["step"] for r in log] != list(range(1, len(truth["loss"]) + 1)):
        raise Failed(f"steps of the log (found {len(log)}, expected {len(truth['loss'])})")
    column = {"loss": "loss", "rate": "rate", "norm": "gradient_norm", "chosen": "reward_chosen",
              "margin": "margin"}
    found = {}
    for key, want in truth.items():
        got = np.array([r[column[key]] for r in log])
        scale = np.maximum(1, np.abs(want)) if key in ("chosen", "margin") else np.abs(want)
        found[key] = np.abs(got - want) / np.where(want == 0, 1, scale)
    return found


def ends(folder, out, case):
    """Of each tensor: how far it is from the reference's, in the length of the way it was moved."""
    if case["kind"] == "all":
        before, after = read_model(f"{folder}/model"), load(f"{folder}/end.safetensors")
        mine = read_model(f"{out}/model")
    else:
        name = "adapter_model.safetensors"
        before, after = load(f"{folder}/start/{name}"), load(f"{folder}/end/{name}")
        mine = load(f"{out}/adapter/{name}")
    missing = set(after) ^ set(mine)
    if missing - {"lm_head.weight"}:
        raise Failed(f"tensors that only one side has: {sorted(missing)[:5]}")
    return {n: far(mine[n], x, np.linalg.norm(x.astype(float).ravel() - before[n].ravel()))
            for n, x in after.items() if n in mine}


def read_model(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            out |= load(f"{folder}/{name}")
    return out


def logits(assay, folder, out, case):
    """The largest difference over the first row: of what is in `out`, run by both sides."""
    ids = case["ids"][0][0] if case["kind"] == "dpo" else case["ids"][0]
    given = ["--ids", ",".join(map(str, ids)), "--at", "all", "--logits", "--json"]
    whole = case["kind"] == "all"
    if whole:
        model = open_model(f"{out}/model")
        rows = run(assay, "score", "--model", f"{out}/model", *given)
    else:
        model = open_model(f"{folder}/model")
        model = peft.PeftModel.from_pretrained(model, f"{out}/adapter").eval()
        rows = run(assay, "score", "--model", f"{folder}/model", "--arm", f"lora: {out}/adapter",
                   *given)
    mine = [r for r in json.loads(rows)["rows"] if (r["arm"] == "base") == whole][0]["logits"]
    return float(np.abs(np.array(mine) - forward(model, ids)["logits"]).max())


def fresh(assay, folder, case):
    """An adapter that starts from nothing but the plan: its logits in peft."""
    out, name = f"{folder}/fresh", "adapter_model.safetensors"
    with open(f"{folder}/plan.yaml") as f:
        plan = json.load(f)
    plan["lora"] = {"rank": case["rank"], "alpha": case["alpha"], "rslora": case["rslora"],
                    "targets": "all-linear"}
    plan.get("dpo", {})["reference"] = "base"
    with open(f"{folder}/fresh.yaml", "w") as f:
        json.dump(plan, f)
    train(assay, folder, case, out, "-o", "steps=3", plan="fresh.yaml")
    mine, truth = load(f"{out}/adapter/{name}"), load(f"{folder}/start/{name}")
    shapes = [{k: x.shape for k, x in a.items()} for a in (mine, truth)]
    if shapes[0] != shapes[1]:
        other = sorted(shapes[0].items() ^ shapes[1].items())
        raise Failed(f"a new adapter's tensors: {other[:4]}")
    return logits(assay, folder, out, case)


# --- report ---------------------------------------------------------------------------------------


class Report:
    """Prints the figures of one case and counts those over their bound."""

    def __init__(self, name, bounds):
        self.name, self.bounds, self.bad = name, bounds, 0

    def one(self, what, off, bound, where=""):
        over = not off <= bound
        self.bad += over
        end = f": {where}" if over and where else ""
        print(f"{'OVER' if over else 'ok'}  {self.name} {what}: {off:.2g} (bound {bound:g}){end}",
              flush=True)

    def steps(self, what, off):
        over = np.flatnonzero(~(off <= self.bounds[what]))
        where = f"{len(over)} steps, the first is {over[0] + 1}" if len(over) else ""
        self.one(what, float(off.max()), self.bounds[what], where)

    def tensors(self, what, off):
        over = sorted((k for k in off if not off[k] <= self.bounds[what]), key=lambda k: -off[k])
        where = f"{len(over)} of {len(off)}: " + ", ".join(f"{k} {off[k]:.2g}" for k in over[:6])
        self.one(what, max(off.values()), self.bounds[what], where)


def compare_to(report, assay, folder, case):
    first, out = first_gradients(folder, case), f"{folder}/run"
    rounding = {k for k, x in first.items() if 0 < norm_of({k: x}) < ROUNDING * norm_of(first)}
    report.one("rows", check_rows(assay, folder, case), 0)
    report.tensors("first gradients", gradients(assay, folder, case, first))
    train(assay, folder, case, out)
    for key, off in curves(folder, out, case).items():
        report.steps(key, off)
    end = ends(folder, out, case)
    report.tensors("end", {k: x for k, x in end.items() if k not in rounding})
    report.one("logits", logits(assay, folder, out, case), report.bounds["logits"])
    if case["kind"] != "all":
        report.one("new adapter", fresh(assay, folder, case), report.bounds["logits"])


def compare(assay, folder):
    """How many figures of a case are over or failed."""
    name = os.path.basename(folder)
    with open(f"{folder}/case.json") as f:
        case = json.load(f)
    report = Report(name, BOUNDS | GROWS.get(case["family"], {}))
    try:
        compare_to(report, assay, folder, case)
    except (Failed, KeyError, TypeError, ValueError, OSError) as e:
        report.bad += 1
        print(f"OVER  {name}: {type(e).__name__}: {e}", flush=True)
    return report.bad


def main():
    assay, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    names = sys.argv[3:] or sorted(n for n in os.listdir(folder) if n.startswith("train-"))
    bad = sum(compare(assay, os.path.join(folder, name)) for name in names)
    print(f"{len(names)} training cases, {bad} figures over their bound or failed")
    return 1 if bad or not names else 0


if __name__ == "__main__":
    sys.exit(main())

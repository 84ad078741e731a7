#!/usr/bin/env python3
"""Seconds a step and peak memory of training a LoRA adapter: torch with peft, and the program, one
after the other on this machine.
    train_speed.py ASSAY FOLDER [--like NAME]... [--threads N] [--tokens N] [--memory BYTES]
                   [--torch MODE]... [--steps N]

For each shape (a name of `assay synth model --like`; qwen3-0.6b and smollm2-1.7b unless given): a
checkpoint of random BF16 weights is made in FOLDER, unless it is there; then both sides train rank
16 on every linear map of the layers, with AdamW, on the same four rows of 1,024 tokens a step, each
row a micro-batch of its own, every token but the first a target. One step to warm up, then the
median of the others. Modes of torch: float32, bfloat16 (base weights and arithmetic), and
float32-checkpointing (activations of the layers computed again). The program computes in float32
from the BF16 weights; `memory` is the budget in its plan. Peak memory is the largest resident set
of the process. Both losses of the first step are printed: they must agree where torch is float32.

Run it on a machine that does nothing else, with room for FOLDER (2 bytes a weight)."""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOKENIZERS = "tests/golden/tokenizer"  # qwen3.json; small.json where the vocabulary is tiny
ROWS, RANK = 4, 16
MODES = ["float32", "bfloat16", "float32-checkpointing"]

# --- what both sides take -------------------------------------------------------------------------


def words(rng, n):
    """Text of at least n tokens: no token is longer than one of these words."""
    some = "tea kettle cup boil water sings 42 one two three cook has found a the before".split()
    return " ".join(rng.choice(some) for _ in range(n))


def make_model(assay, like, folder):
    if not os.path.exists(f"{folder}/config.json"):
        subprocess.run([assay, "synth", "model", folder, "--like", like, "--dtype", "BF16", "-q"],
                       check=True, stdout=subprocess.DEVNULL)
    with open(f"{folder}/config.json") as f:
        config = json.load(f)
    vocab = config.get("text_config", config)["vocab_size"]
    source = f"{TOKENIZERS}/{'small' if vocab < 1024 else 'qwen3'}.json"
    shutil.copy(source, f"{folder}/tokenizer.json")
    with open(source, encoding="utf-8") as f:
        added = [t for t in json.load(f)["added_tokens"] if t["special"]]
    with open(f"{folder}/tokenizer_config.json", "w") as f:
        json.dump({"eos_token": added[-1]["content"]}, f)
    for name in ("config.json", "generation_config.json"):
        path, config = f"{folder}/{name}", {}
        if os.path.exists(path):
            with open(path) as f:
                config = json.load(f)
        for part in (config, config.get("text_config", {})):
            part["eos_token_id"] = added[-1]["id"]
        with open(path, "w") as f:
            json.dump(config, f)


def make_data(path, steps, tokens):
    rng = random.Random(11)
    with open(path, "w") as f:
        for _ in range(steps * ROWS):
            f.write(json.dumps({"text": words(rng, tokens + 1)}) + "\n")


def plan(model, data, o):
    return {"schema": "assay.train/1", "model": model, "data": data, "mask": "text",
            "max_length": o.tokens,
            "lora": {"rank": RANK, "alpha": 2 * RANK, "targets": "all-linear"},
            "optimiser": {"rate": 1e-4}, "schedule": {"name": "constant"}, "memory": o.memory,
            "batch": {"examples": ROWS, "micro": 1, "pack": o.tokens, "order": "given"},
            "steps": o.steps, "save": {"every": 1000}}


# --- torch ----------------------------------------------------------------------------------------


def linear_names(model):
    """Ends of the names of the layers' linear maps."""
    import torch
    return sorted({n.rsplit(".", 1)[1] for n, m in model.named_modules()
                   if isinstance(m, torch.nn.Linear) and ".layers." in n})


def train_torch(model_folder, data, mode, tokens, threads, steps):
    """Prints {"seconds": [...], "loss": first}."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import peft
    import tokenizers
    import torch
    import transformers
    torch.set_num_threads(threads)
    dtype, _, again = mode.partition("-")
    model = transformers.AutoModelForCausalLM.from_pretrained(model_folder,
                                                              dtype=getattr(torch, dtype))
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_alpha=2 * RANK,
                             target_modules=linear_names(model))
    model = peft.get_peft_model(model, config)
    model.train()
    if again:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable({"use_reentrant": False})
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0)
    tokenizer = tokenizers.Tokenizer.from_file(f"{model_folder}/tokenizer.json")
    with open(data) as f:
        rows = [tokenizer.encode(json.loads(x)["text"], add_special_tokens=False).ids for x in f]
    rows = [torch.tensor([x[:tokens]]) for x in rows]
    assert all(x.shape[1] == tokens for x in rows)
    seconds, first = [], 0.0
    for step in range(steps):
        start = time.monotonic()
        optimiser.zero_grad()
        for x in rows[step * ROWS:(step + 1) * ROWS]:
            loss = model(input_ids=x, labels=x, use_cache=False).loss / ROWS
            loss.backward()
            first += float(loss) if step == 0 else 0.0
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        seconds.append(time.monotonic() - start)
    print(json.dumps({"seconds": seconds, "loss": first}))


# --- measuring ------------------------------------------------------------------------------------


def measured(command):
    """(standard output, peak resident set in GiB)"""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, use = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if child.returncode:
            sys.exit(f"{command[0]}: status {child.returncode}\n{err.read().decode()[-2000:]}")
        return out.read().decode(), use.ru_maxrss / 2**20


def side_torch(model, data, mode, o):
    out, peak = measured([sys.executable, "-W", "ignore", __file__, "--child", model, data, mode,
                          str(o.tokens), str(o.threads), str(o.steps)])
    found = json.loads(out.splitlines()[-1])
    return statistics.median(found["seconds"][1:]), peak, found["loss"]


def side_program(model, data, folder, o):
    with open(f"{folder}/plan.yaml", "w") as f:
        json.dump(plan(model, data, o), f)
    shutil.rmtree(f"{folder}/run", ignore_errors=True)
    _, peak = measured([o.assay, "train", "sft", f"{folder}/plan.yaml", "--out", f"{folder}/run",
                        "--db", f"{folder}/speed.db", "--threads", str(o.threads), "-q"])
    with open(f"{folder}/run/timing.jsonl") as f:
        seconds = [json.loads(x)["seconds"] for x in f]
    with open(f"{folder}/run/log.jsonl") as f:
        rows = [json.loads(x) for x in f]
    assert rows[0]["tokens"] == ROWS * o.tokens, rows[0]
    return statistics.median(seconds[1:]), peak, rows[0]["loss"]


def compare(like, o):
    folder = os.path.abspath(os.path.join(o.folder, like))
    model, data = f"{folder}/model", f"{folder}/data.jsonl"
    os.makedirs(folder, exist_ok=True)
    make_model(o.assay, like, model)
    make_data(data, o.steps, o.tokens)
    ours = side_program(model, data, folder, o)
    print(f"{like}, {ROWS} rows of {o.tokens} tokens a step, {o.threads} threads, "
          f"median of {o.steps - 1} steps")
    print(f"  {'':24}{'s/step':>9}{'tokens/s':>10}{'peak GiB':>10}{'loss':>10}{'time':>8}"
          f"{'memory':>8}")
    show("assay", ours, ours, o)
    for mode in o.torch or MODES:
        show(f"torch {mode}", side_torch(model, data, mode, o), ours, o)


def show(name, found, ours, o):
    seconds, peak, loss = found
    print(f"  {name:24}{seconds:9.2f}{ROWS * o.tokens / seconds:10.1f}{peak:10.2f}{loss:10.5f}"
          f"{seconds / ours[0]:7.2f}x{peak / ours[1]:7.2f}x", flush=True)


def main():
    if sys.argv[1:2] == ["--child"]:
        model, data, mode, *numbers = sys.argv[2:]
        return train_torch(model, data, mode, *map(int, numbers))
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("assay", type=os.path.abspath)
    p.add_argument("folder")
    p.add_argument("--like", action="append")
    p.add_argument("--torch", action="append", choices=MODES)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--tokens", type=int, default=1024)
    p.add_argument("--steps", type=int, default=4)
    p.add_argument("--memory", default="8GiB")
    o = p.parse_args()
    for like in o.like or ["qwen3-0.6b", "smollm2-1.7b"]:
        compare(like, o)


if __name__ == "__main__":
    main()

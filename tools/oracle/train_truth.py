#!/usr/bin/env python3
"""Training runs of the reference libraries on small random checkpoints: what train.py holds the
program against.
    train_truth.py FOLDER [NAME...]    makes FOLDER/NAME/{model/, start/, data.jsonl, plan.yaml,
                                       case.json, truth.npz, ...}, unless it is there

An adapter (fine-tuning on completions, preference optimisation) is trained by trl's trainers with
peft's LoRA, all weights by a plain loop around torch's AdamW; float32, on the CPU, no dropout, rows
in the order of the file, 314 rows in steps of 8, so that the last step of an epoch has 2.

truth.npz, of each step: loss, rate, norm (before clipping); of preference cases also chosen and
margin (rewards). case.json: what train.py needs to know, and the rows' ids and labels. start/ and
end/ are the adapter before and after, first.safetensors its gradients at the first step."""
import importlib.util
import json
import math
import os
import random
import shutil
import sys

os.environ["TQDM_DISABLE"] = "1"
import checkpoints
from exact import open_model

import datasets
import numpy as np
import peft
import safetensors.torch
import torch
import transformers
import trl

spec = importlib.util.spec_from_file_location("masks", "tools/golden/masks.py")
masks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(masks)

STEPS, FULL_STEPS, ROWS, BATCH, MICRO = 200, 50, 314, 8, 4
ALL = "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj".split()
DELTA = ["in_proj_qkv", "in_proj_z", "in_proj_a", "in_proj_b", "out_proj"]
PER_LAYER = ["per_layer_input_gate", "per_layer_projection"]

# family: (checkpoint whose shape it has, tokenizer and template, adapted modules)
FAMILIES = {
    "llama": ("llama-1", "smollm2", ALL),
    "qwen3": ("qwen3-2", "qwen3", ALL),
    "qwen35": ("qwen35-2", "qwen35", ALL + DELTA),
    "gemma4": ("gemma4-1", "gemma4", ALL + PER_LAYER),
}


def case(kind, family, rows, rate=1e-3, schedule="linear", **more):
    return dict(kind=kind, family=family, rows=rows, rate=rate, schedule=schedule, rank=8, alpha=16,
                rslora=False, b=0.0, clip=1.0, by_micro=False, smoothing=0.0, reference="base",
                decay=0.01, warm=0.1, mask="completion", steps=STEPS) | more


# b: spread of the values of B at the start; peft's own start has 0. aot is trl's loss with
# smoothing; it sorts within a micro-batch, so it needs one pair in each.
CASES = {
    "train-sft-llama": case("sft", "llama", "plain"),
    "train-sft-llama-micro": case("sft", "llama", "plain", schedule="constant", by_micro=True,
                                  clip=0.3),
    "train-sft-llama-text": case("sft", "llama", "text", mask="text", schedule="cosine", rank=16),
    "train-sft-qwen3": case("sft", "qwen3", "prompt-completion", rslora=True, b=0.02),
    "train-sft-qwen35": case("sft", "qwen35", "prompt-completion"),
    "train-sft-gemma4": case("sft", "gemma4", "prompt-completion", schedule="cosine", b=0.02),
    "train-dpo-llama": case("dpo", "llama", "plain-pair", rate=3e-4),
    "train-dpo-llama-smooth": case("dpo", "llama", "plain-pair", rate=3e-4, smoothing=0.1),
    "train-dpo-qwen3": case("dpo", "qwen3", "pair", rate=3e-4, b=0.02, reference="start"),
    "train-dpo-qwen35": case("dpo", "qwen35", "common", rate=3e-4, b=0.02, reference="start"),
    "train-dpo-gemma4": case("dpo", "gemma4", "pair", rate=3e-4, b=0.02),
    "train-all-llama": case("all", "llama", "plain", steps=FULL_STEPS),
    "train-all-qwen3": case("all", "qwen3", "prompt-completion", steps=FULL_STEPS),
    "train-all-qwen35": case("all", "qwen35", "prompt-completion", steps=FULL_STEPS),
    "train-all-gemma4": case("all", "gemma4", "prompt-completion", steps=FULL_STEPS),
}

# --- what both sides start from -------------------------------------------------------------------


def make_model(family, folder):
    """A float32 checkpoint with the family's small tokenizer, its template and its stop tokens."""
    shape, tokens, _ = FAMILIES[family]
    tok = masks.tokenizer(tokens)
    tok.model_max_length = 1024
    kind, _, _, settings = checkpoints.CHECKPOINTS[shape]
    settings = {k: len(tok) if k.startswith("vocab_size") else v for k, v in settings.items()}
    if family == "gemma4":
        kind = "Gemma4ForCausalLM"
    name = f"train-{family}"
    checkpoints.CHECKPOINTS[name] = (kind, torch.float32, None, settings)
    model = checkpoints.build(name)
    stops = ["<eos>", "<turn|>"] if family == "gemma4" else ["<|im_end|>", "<|endoftext|>"]
    stops = tok.convert_tokens_to_ids(stops)
    model.config.eos_token_id = stops[0]
    model.generation_config = transformers.GenerationConfig(eos_token_id=stops)
    model.save_pretrained(folder)
    tok.save_pretrained(folder)
    return tok


def make_start(c, model_folder, folder, seed):
    """peft's own start, from a seed, with B as the case has it."""
    modules = FAMILIES[c["family"]][2]
    torch.manual_seed(seed)
    model = peft.get_peft_model(open_model(model_folder), peft.LoraConfig(
        task_type="CAUSAL_LM", r=c["rank"], lora_alpha=c["alpha"], use_rslora=c["rslora"],
        target_modules=modules))
    with torch.no_grad():
        for name, x in sorted(model.named_parameters()):
            if "lora_B" in name and c["b"]:
                x.normal_(0, c["b"])
    model.save_pretrained(folder)


def make_rows(c, seed, path):
    """The shorter ones of four times as many; the longest are still beyond 64 tokens."""
    rows = masks.rows_of(c["rows"], random.Random(seed), 4 * ROWS)
    middle = sorted(len(json.dumps(r)) for r in rows)[len(rows) // 2]
    rows = [r for r in rows if len(json.dumps(r)) <= middle][:ROWS]
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    return rows


def plan(c):
    """The program's plan of a case; JSON is YAML."""
    p = {"schema": "assay.train/1", "model": "model", "data": "data.jsonl", "mask": c["mask"],
         "max_length": 1024, "steps": c["steps"],
         "optimiser": {"name": "adamw", "rate": c["rate"], "weight_decay": c["decay"],
                       "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "clip": c["clip"]},
         "schedule": {"name": c["schedule"], "warm": c["warm"]},
         "batch": {"examples": BATCH, "micro": MICRO, "pack": 8192, "order": "given",
                   "by_micro": c["by_micro"]},
         "save": {"every": 100}}
    if c["kind"] == "all":
        return p | {"weights": "all"}
    p["lora"] = {"start": "start"}
    if c["kind"] == "dpo":
        p["dpo"] = {"beta": 0.1, "label_smoothing": c["smoothing"], "reference": c["reference"]}
    return p


# --- trl ------------------------------------------------------------------------------------------


class Watch(transformers.TrainerCallback):
    """Loss, rate and norm of each step, at full precision, and the first step's gradients."""

    def __init__(self, path):
        self.path, self.parts, self.loss, self.rate, self.norm = path, [], [], [], []

    def on_pre_optimizer_step(self, args, state, control, optimizer=None, model=None, **more):
        self.rate.append(optimizer.param_groups[0]["lr"])
        if not self.loss:  # after clipping
            grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
            safetensors.torch.save_file({n: g.contiguous() for n, g in grads.items()}, self.path)

    def on_step_end(self, args, state, control, **more):
        self.loss.append(sum(self.parts))
        self.parts = []

    def wrap(self, trainer):
        inner = trainer.training_step

        def step(*args, **more):
            loss = inner(*args, **more)
            self.parts.append(float(loss))
            return loss

        trainer.training_step = step
        trainer.add_callback(self)


def settings(c, folder):
    micro = 1 if c["smoothing"] else MICRO
    return dict(output_dir=f"{folder}/trainer", use_cpu=True, bf16=False, report_to=[],
                per_device_train_batch_size=micro, gradient_accumulation_steps=BATCH // micro,
                max_steps=c["steps"], learning_rate=c["rate"], lr_scheduler_type=c["schedule"]
                if c["schedule"] != "constant" else "constant_with_warmup",
                warmup_steps=math.ceil(c["warm"] * c["steps"]), weight_decay=c["decay"],
                adam_beta1=0.9, adam_beta2=0.999, adam_epsilon=1e-8, max_grad_norm=c["clip"],
                optim="adamw_torch", logging_steps=1, save_strategy="no", max_length=1024,
                train_sampling_strategy="sequential", gradient_checkpointing=False,
                disable_tqdm=True, dataloader_pin_memory=False, logging_nan_inf_filter=False)


def sft_trainer(c, folder, tok, model, rows):
    args = trl.SFTConfig(**settings(c, folder))
    trainer = trl.SFTTrainer(model=model, args=args, processing_class=tok,
                             train_dataset=datasets.Dataset.from_list(rows))
    if c["by_micro"]:
        trainer.model_accepts_loss_kwargs = False  # then each micro-batch's mean counts alike
    data = trainer.train_dataset
    return trainer, data["input_ids"], [[int(x != -100) for x in r] for r in data["labels"]]


def dpo_trainer(c, folder, tok, model, rows):
    loss = dict(loss_type=["aot"], label_smoothing=c["smoothing"]) if c["smoothing"] else {}
    args = trl.DPOConfig(**settings(c, folder), beta=0.1, **loss,
                         precompute_ref_log_probs=c["reference"] == "start")
    # without a reference model the trainer keeps a copy of the adapter as it is given
    reference = open_model(f"{folder}/model") if c["reference"] == "base" else None
    trainer = trl.DPOTrainer(model=model, ref_model=reference, args=args, processing_class=tok,
                             train_dataset=datasets.Dataset.from_list(rows))
    data = trainer.train_dataset
    sides = [[p + x, p + y] for p, x, y in
             zip(data["prompt_ids"], data["chosen_ids"], data["rejected_ids"])]
    return trainer, sides, [[[int(i >= len(p)) for i in range(len(s))] for s in pair]
                            for p, pair in zip(data["prompt_ids"], sides)]


def train_adapter(c, folder, tok, rows):
    """(arrays of truth.npz, ids, labels)"""
    model = peft.PeftModel.from_pretrained(open_model(f"{folder}/model"), f"{folder}/start",
                                           is_trainable=True)
    rows = [{k: v for k, v in r.items() if k != "id"} for r in rows]
    make = sft_trainer if c["kind"] == "sft" else dpo_trainer
    trainer, ids, labels = make(c, folder, tok, model, rows)
    watch = Watch(f"{folder}/first.safetensors")
    trainer.remove_callback(transformers.PrinterCallback)
    watch.wrap(trainer)
    trainer.train()
    trainer.model.save_pretrained(f"{folder}/end", selected_adapters=["default"])
    log = [r for r in trainer.state.log_history if "grad_norm" in r]
    arrays = {"loss": watch.loss, "rate": watch.rate, "norm": [r["grad_norm"] for r in log]}
    if c["kind"] == "dpo":
        arrays |= {"chosen": [r["rewards/chosen"] for r in log],
                   "margin": [r["rewards/margins"] for r in log]}
    return arrays, list(ids), list(labels)


# --- all weights ----------------------------------------------------------------------------------


def free_scalars(model):
    """Gemma's layer scalars are buffers of the class; here they are trained with the rest."""
    for module in model.modules():
        if "layer_scalar" in module._buffers:
            x = module._buffers.pop("layer_scalar")
            module.layer_scalar = torch.nn.Parameter(x)


def rate_at(c, k):
    warm = math.ceil(c["warm"] * c["steps"])
    return c["rate"] * (k / warm if k < warm else (c["steps"] - k) / (c["steps"] - warm))


def batch_loss(model, ids, labels):
    """Mean over the targets of one step's rows, each taken by itself."""
    n = sum(sum(x[1:]) for x in labels)
    total = 0.0
    for row, label in zip(ids, labels):
        logits = model(input_ids=torch.tensor([row]), use_cache=False).logits[0, :-1]
        at = torch.tensor(label[1:], dtype=torch.bool)
        loss = torch.nn.functional.cross_entropy(logits[at], torch.tensor(row[1:])[at],
                                                 reduction="sum") / n
        loss.backward()
        total += float(loss)
    return total


def train_all(c, folder, tok, rows):
    ids, labels = masks.sft(tok, rows, c["mask"])
    model = open_model(f"{folder}/model").train()
    free_scalars(model)
    params = dict(model.named_parameters())
    for x in params.values():
        x.requires_grad_(True)
    groups = [{"params": [p for p in params.values() if (p.dim() == 2) == flag],
               "weight_decay": c["decay"] if flag else 0.0} for flag in (True, False)]
    optimiser = torch.optim.AdamW(groups, lr=c["rate"], betas=(0.9, 0.999), eps=1e-8)
    out = {"loss": [], "rate": [], "norm": []}
    per_epoch = math.ceil(len(rows) / BATCH)
    for k in range(c["steps"]):
        at = k % per_epoch * BATCH
        optimiser.zero_grad()
        out["loss"].append(batch_loss(model, ids[at:at + BATCH], labels[at:at + BATCH]))
        if k == 0:
            grads = {n: p.grad.clone() for n, p in params.items() if p.grad is not None}
            safetensors.torch.save_file(grads, f"{folder}/first.safetensors")
        out["norm"].append(float(torch.nn.utils.clip_grad_norm_(params.values(), c["clip"])))
        out["rate"].append(rate_at(c, k))
        for g in optimiser.param_groups:
            g["lr"] = out["rate"][-1]
        optimiser.step()
    end = {n: p.detach().contiguous() for n, p in params.items()}
    safetensors.torch.save_file(end, f"{folder}/end.safetensors")
    return out, ids, labels


# --- a case ---------------------------------------------------------------------------------------


def make(name, folder):
    c, seed = CASES[name], sum(name.encode())
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tok = make_model(c["family"], f"{folder}/model")
    rows = make_rows(c, seed, f"{folder}/data.jsonl")
    if c["kind"] != "all":
        make_start(c, f"{folder}/model", f"{folder}/start", seed)
    train = train_all if c["kind"] == "all" else train_adapter
    arrays, ids, labels = train(c, folder, tok, rows)
    np.savez_compressed(f"{folder}/truth.npz", **{k: np.array(v, float) for k, v in arrays.items()})
    with open(f"{folder}/plan.yaml", "w") as f:
        json.dump(plan(c), f, indent=1)
    with open(f"{folder}/case.json", "w") as f:
        json.dump(c | {"ids": ids, "labels": labels}, f)
    print(name, f"loss {arrays['loss'][0]:.4f} to {arrays['loss'][-1]:.4f}",
          f"norm {min(arrays['norm']):.3g} to {max(arrays['norm']):.3g}",
          f"tokens of a row {min(map(longest, ids))} to {max(map(longest, ids))}", flush=True)


def longest(ids):
    return max(map(len, ids)) if isinstance(ids[0], list) else len(ids)


if __name__ == "__main__":
    for name in sys.argv[2:] or CASES:
        if name not in CASES:
            sys.exit(f"{name}: no such case (expected one of {', '.join(CASES)})")
        if not os.path.exists(os.path.join(sys.argv[1], name, "case.json")):
            make(name, os.path.join(sys.argv[1], name))

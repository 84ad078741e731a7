"""LoRA adapters with random A and B, made and saved by peft, and their effect on the logits."""
import os

import numpy as np
import peft
import torch

from exact import forward, keep_rotary, open_model

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
KINDS = {
    "list": lambda linear: dict(
        r=4, lora_alpha=8,
        target_modules=ALL + (["in_proj_qkv", "in_proj_z", "in_proj_a", "in_proj_b", "out_proj"]
                              if linear else [])),
    "rslora": lambda linear: dict(
        r=4, lora_alpha=8, use_rslora=True,
        target_modules=r".*layers\.\d*[02468]\.(self_attn|linear_attn|mlp)"
                       r"\.(q_proj|o_proj|in_proj_z|out_proj|up_proj)"),
    "pattern": lambda linear: dict(
        r=4, lora_alpha=8, rank_pattern={r"layers\.1\.mlp\.down_proj": 6, "gate_proj": 2},
        alpha_pattern={"gate_proj": 3, r"layers\.1\..*": 12},
        target_modules=["down_proj", "gate_proj", "q_proj", "out_proj"]),
}


def make(model_folder, folder, kind, seed):
    """Saves a random adapter of this kind; B is not zero, so that it changes the logits."""
    model = open_model(model_folder)
    linear = any(name.endswith("in_proj_qkv") for name, _ in model.named_modules())
    config = peft.LoraConfig(task_type="CAUSAL_LM", **KINDS[kind](linear))
    wrapped = peft.get_peft_model(model, config)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, x in sorted(wrapped.named_parameters()):
            if "lora_" in name:
                x.copy_(torch.randn(x.shape, generator=random) * (0.35 / x.shape[1]**0.5))
    wrapped.save_pretrained(folder)


def logits(model_folder, folder, ids, exact):
    wrapped = peft.PeftModel.from_pretrained(open_model(model_folder), folder).eval()
    if exact:
        wrapped.double()
        keep_rotary(wrapped)
    return forward(wrapped, ids, exact)["logits"]


def make_all(model_folder, folder, ids, seed):
    """Saves the adapters; {kind: float64 logits}, {kind: how far the float32 ones are off}."""
    truth, off = {}, {}
    for i, kind in enumerate(KINDS):
        path = os.path.join(folder, kind)
        make(model_folder, path, kind, seed + i)
        truth[kind] = logits(model_folder, path, ids, True)
        off[kind] = float(np.abs(logits(model_folder, path, ids, False) - truth[kind]).max())
    return truth, off

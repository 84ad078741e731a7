#!/usr/bin/env python3
"""Random checkpoints of the four families, saved by the reference library's own classes.
    checkpoints.py FOLDER     writes FOLDER/NAME/{config.json, model*.safetensors, ...}

Each has another geometry: head counts and widths, windows shorter than the sequence, shared K/V,
double-wide MLPs, layer mixes, tied and untied heads, text-only and multimodal classes, dtypes,
shards. Weights are scaled so that logits spread over a few units: with the classes' own small
initial values every model would be nearly uniform and a wrong one would look right."""
import json
import os
import sys

import torch
import transformers

from exact import open_model

SLIDING, FULL, LINEAR = "sliding_attention", "full_attention", "linear_attention"
F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16


def vision(dim):  # a tower as small as the class allows; text never reaches it
    return dict(depth=1, hidden_size=16, intermediate_size=16, num_heads=2, patch_size=4,
                out_hidden_size=dim, num_position_embeddings=16)


def mrope(theta, part, section):
    return dict(rope_type="default", rope_theta=theta, partial_rotary_factor=part,
                mrope_section=section, mrope_interleaved=True)


def two_ropes(local, full, part):
    return {SLIDING: dict(rope_type="default", rope_theta=local),
            FULL: dict(rope_type="proportional", rope_theta=full, partial_rotary_factor=part)}


def text(dim, mlp, layers, heads, kv, **more):
    return dict(vocab_size=512, hidden_size=dim, intermediate_size=mlp, num_hidden_layers=layers,
                num_attention_heads=heads, num_key_value_heads=kv, max_position_embeddings=1024,
                **more)


def delta(key_heads, value_heads, key_dim, value_dim, kernel):
    return dict(linear_num_key_heads=key_heads, linear_num_value_heads=value_heads,
                linear_key_head_dim=key_dim, linear_value_head_dim=value_dim,
                linear_conv_kernel_dim=kernel)


def gemma(window, shared, per_layer, wide, cap, wide_head, **more):
    return dict(sliding_window=window, num_kv_shared_layers=shared, use_double_wide_mlp=wide,
                hidden_size_per_layer_input=per_layer, vocab_size_per_layer_input=512,
                final_logit_softcapping=cap, global_head_dim=wide_head, **more)


# name: (class, dtype in the file, largest shard, config)
CHECKPOINTS = {
    "llama-1": ("LlamaForCausalLM", F32, None, text(
        64, 128, 3, 4, 4, rope_theta=130000.0, rms_norm_eps=1e-5, tie_word_embeddings=True)),
    "llama-2": ("LlamaForCausalLM", BF16, None, text(
        96, 160, 4, 6, 2, head_dim=32, rope_theta=10000.0, tie_word_embeddings=False)),
    "llama-3": ("LlamaForCausalLM", F32, "500KB", text(
        128, 192, 5, 8, 1, rope_theta=500000.0, rms_norm_eps=1e-5, tie_word_embeddings=True)),
    "qwen3-1": ("Qwen3ForCausalLM", F16, None, text(
        64, 160, 3, 4, 2, head_dim=32, rope_theta=1000000.0, tie_word_embeddings=True)),
    "qwen3-2": ("Qwen3ForCausalLM", F32, "500KB", text(
        128, 96, 5, 8, 4, head_dim=24, rope_theta=10000.0, tie_word_embeddings=False)),
    "qwen3-3": ("Qwen3ForCausalLM", BF16, None, text(
        96, 224, 4, 3, 1, head_dim=64, rope_theta=5000000.0, tie_word_embeddings=True)),
    "qwen35-1": ("Qwen3_5ForConditionalGeneration", F32, None, text(
        64, 128, 6, 4, 2, head_dim=32, layer_types=[LINEAR, LINEAR, FULL] * 2,
        tie_word_embeddings=True, rope_parameters=mrope(1e7, 0.25, [2, 1, 1]),
        **delta(2, 4, 16, 16, 4))),
    "qwen35-2": ("Qwen3_5ForCausalLM", BF16, None, text(
        128, 96, 5, 8, 2, head_dim=16, layer_types=[FULL, LINEAR, LINEAR, FULL, LINEAR],
        tie_word_embeddings=False, rope_parameters=mrope(1e4, 0.5, [2, 1, 1]),
        **delta(2, 6, 24, 16, 3))),
    "qwen35-3": ("Qwen3_5ForConditionalGeneration", F16, "500KB", text(
        96, 160, 4, 2, 1, head_dim=64, layer_types=[LINEAR, FULL, LINEAR, LINEAR],
        tie_word_embeddings=True, rope_parameters=mrope(1e7, 0.25, [3, 3, 2]),
        **delta(4, 4, 8, 32, 4))),
    "gemma4-1": ("Gemma4ForConditionalGeneration", F32, None, text(
        64, 96, 8, 4, 1, head_dim=16,
        layer_types=[SLIDING, FULL, SLIDING, FULL, SLIDING, SLIDING, SLIDING, FULL],
        rope_parameters=two_ropes(1e4, 1e6, 0.25), **gemma(16, 4, 24, True, 30.0, 32))),
    "gemma4-2": ("Gemma4ForCausalLM", F32, "500KB", text(
        128, 160, 6, 8, 2, head_dim=16, layer_types=[SLIDING] * 5 + [FULL],
        rope_parameters=two_ropes(1e4, 1e5, 0.5), **gemma(64, 0, 12, False, None, 48))),
    "gemma4-3": ("Gemma4ForConditionalGeneration", BF16, None, text(
        96, 64, 7, 6, 3, head_dim=32,
        layer_types=[FULL, SLIDING, SLIDING, FULL, FULL, SLIDING, FULL],
        rope_parameters=two_ropes(1e3, 1e6, 0.25), **gemma(64, 3, 16, True, 10.0, 16))),
    "gemma4-4": ("Gemma4ForCausalLM", F16, None, text(
        64, 128, 4, 4, 4, head_dim=16, layer_types=[SLIDING, FULL] * 2,
        rope_parameters=two_ropes(1e4, 1e6, 1.0), **gemma(16, 0, 0, False, 30.0, 32))),
}
# Spelled as checkpoints of before 2025 are: rope_theta and torch_dtype at the top.
OLDER_SPELLING = ("llama-1", "qwen3-3")


def build(name):
    kind, dtype, _, settings = CHECKPOINTS[name]
    make = getattr(transformers, kind)
    if kind == "Qwen3_5ForConditionalGeneration":
        config = transformers.Qwen3_5Config(
            text_config=settings, vision_config=vision(settings["hidden_size"]),
            tie_word_embeddings=settings["tie_word_embeddings"])
    elif kind == "Gemma4ForConditionalGeneration":
        config = transformers.Gemma4Config(text_config=settings, vision_config=None,
                                           audio_config=None)
    else:
        config = make.config_class(**settings)
    model = make(config)
    fill(model, sum(name.encode()), settings["hidden_size"])
    return model.to(dtype)


def fill(model, seed, dim):
    """Every value from one generator, in the order of the names."""
    random = torch.Generator().manual_seed(seed)
    zero_centred = {name + ".weight" for name, module in model.named_modules()
                    if type(module).__name__ == "Qwen3_5RMSNorm"}
    named = dict(model.named_parameters()) | {
        n: b for n, b in model.named_buffers() if n.endswith("layer_scalar")}
    with torch.no_grad():
        for name in sorted(named):
            x = named[name]
            normal = torch.randn(x.shape, generator=random)
            uniform = torch.rand(x.shape, generator=random)
            if name.endswith("A_log"):
                value = 3 * uniform - 4  # faster decay: outputs near 0, which the norm blows up
            elif name.endswith("dt_bias"):
                value = 2 * uniform - 1
            elif name.endswith("conv1d.weight"):
                value = 0.4 * normal
            elif name.endswith("layer_scalar"):
                value = 0.5 + 0.5 * uniform
            elif name in zero_centred:
                value = 0.2 * normal
            elif name.endswith("k_norm.weight") and "gemma4" in model.config.model_type:
                value = 0.2 + 0.04 * normal  # scores are not divided by the root of the width
            elif name.endswith("linear_attn.norm.weight"):
                value = 0.5 + 0.1 * normal
            elif name.endswith("norm.weight"):
                value = 1 + 0.2 * normal
            elif "embed_tokens.weight" in name or name.startswith("lm_head"):
                value = 2.0 / dim**0.5 * normal  # times a vector of rms 1: logits of spread 2
            elif name.endswith("per_layer_input_gate.weight"):
                value = 0.4 / dim**0.5 * normal  # deep in the gelu's tail 1 + tanh cancels
            else:
                value = 1.1 / dim**0.5 * normal
            x.copy_(value)


def respell(folder):
    path = os.path.join(folder, "config.json")
    with open(path) as f:
        config = json.load(f)
    config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    config["rope_scaling"] = None
    config["torch_dtype"] = config.pop("dtype")
    with open(path, "w") as f:
        json.dump(config, f, indent=2)


def save(name, folder):
    model = build(name)
    shard = CHECKPOINTS[name][2]
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    if name in OLDER_SPELLING:
        respell(folder)
    again = open_model(folder)
    mine, theirs = model.state_dict(), again.state_dict()
    for key in mine:
        if not torch.equal(mine[key].float(), theirs[key].float()):
            raise SystemExit(f"{folder}: {key} does not come back as it was saved")


if __name__ == "__main__":
    for name in CHECKPOINTS:
        save(name, os.path.join(sys.argv[1], name))

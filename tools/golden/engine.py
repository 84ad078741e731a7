#!/usr/bin/env python3
"""Writes tests/golden/engine: what the engine's tests need of the reference libraries.
    engine.py      from the project's root; about a minute
Made with Python 3.11, torch 2.15.0, transformers 5.23.0, peft 0.21.2, gguf 0.19.0, numpy 2.4.6.

    tiny_*.json        not written here but checked: the four tiny models, their weights from a
                       hash of the tensor names, run through the reference classes in float64
    sampling.json      60 cases of the library's chain of logits processors
    qwen3_lora*/       adapters saved by peft for the tiny qwen3; qwen3_lora*.json their logits
    llama_q8_0.gguf    a llama of two layers in Q8_0; llama_q8_0.json its logits
    llama_nf4/         the same shape, NF4 with double quantisation; llama_nf4.json its logits
Logits are those of the last position, from the float64 pass."""
import glob
import json
import os
import shutil
import sys
import tempfile

import numpy as np
import torch
import transformers

sys.dont_write_bytecode = True
sys.path.insert(0, "tools/oracle")
import checkpoints
import gguf_make
import nf4_make
import peft
from exact import forward, keep_rotary, open_model

OUT = "tests/golden/engine"
IDS = [(37 * i + 11 * i * i) % 512 for i in range(80)]
M64 = 2**64 - 1


def hashed(name, shape, scale, centre):
    """FNV-1a of the name, then splitmix64 of the element's index, as float32 in [-s, s) + c."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 & M64
    n = int(np.prod(shape))
    z = np.uint64(h) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    u = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    return (u * np.float32(scale) + np.float32(centre)).reshape(shape)


def scale_of(name, family):
    if name.endswith("A_log"):
        return 1.5, 0.5
    if name.endswith("dt_bias"):
        return 1.0, 0.0
    if name.endswith("conv1d.weight"):
        return 0.5, 0.0
    if name.endswith("layer_scalar"):
        return 0.25, 0.75
    if name.endswith("embed_tokens.weight"):
        return 0.25, 0.0
    if family == "gemma4" and name.endswith("k_norm.weight"):
        return 0.03125, 0.125
    if family == "qwen35" and "norm.weight" in name and "linear_attn" not in name:
        return 0.25, 0.0
    if "norm.weight" in name:
        return 0.25, 1.0
    return 0.125, 0.0


def set_all(named, family):
    with torch.no_grad():
        for name, x in named:
            if "visual" not in name:
                x.copy_(torch.from_numpy(hashed(name, x.shape, *scale_of(name, family))))


def tiny(family, folder):
    """Saves the tiny model of the family; returns its golden file."""
    with open(f"{OUT}/tiny_{family}.json") as f:
        golden = json.load(f)
    config = dict(golden["config"])
    make = getattr(transformers, config.pop("architectures")[0])
    if family == "qwen35":
        config["vision_config"] = checkpoints.vision(64)
    model = make(make.config_class(**config))
    named = dict(model.named_parameters()) | {
        n: b for n, b in model.named_buffers() if n.endswith("layer_scalar")}
    set_all(named.items(), family)
    model.save_pretrained(folder)
    return golden


def check_tiny(work):
    for path in sorted(glob.glob(OUT + "/tiny_*.json")):
        family = path.split("tiny_")[-1].removesuffix(".json")
        folder = os.path.join(work, family)
        golden = tiny(family, folder)
        got = forward(open_model(folder, True), golden["input_ids"], True)["logits"]
        off = np.abs(got[-1] - golden["logits_last"]).max()
        total = abs(np.abs(got).sum() - golden["logits_sum_abs"])
        same = (got.argmax(1) == golden["argmax"]).all()
        print(f"tiny_{family}: last logits within {off:.1e}, sum within {total:.1e}, argmax {same}")
        if off > 1e-5 or not same:
            raise SystemExit("the golden values are not the reference's")


def write_json(name, value):
    with open(os.path.join(OUT, name), "w") as f:
        json.dump(value, f, indent=0)
        f.write("\n")


def chain(model, logits, seen, c):
    """The processed scores, by the processors that generate() itself would put together."""
    settings = transformers.GenerationConfig(
        do_sample=True, repetition_penalty=c["penalty"], temperature=c["temperature"],
        top_k=c["top_k"], top_p=c["top_p"], min_p=c["min_p"] or None)
    processors = model._get_logits_processor(generation_config=settings, device="cpu",
                                             input_ids_seq_length=len(seen), model_kwargs={})
    scores = torch.tensor([logits], dtype=torch.float32)
    return processors(torch.tensor([seen]), scores)[0].double().numpy()


def by_hand(logits, seen, c):
    """(processed scores in float64 with ties in the order of the ids, distance of the nearest
    decision from its threshold, whether a tie lies across the top-p edge)."""
    x, near, tie = np.array(logits, float), 1.0, False
    for i in set(seen):
        x[i] = x[i] / c["penalty"] if x[i] > 0 else x[i] * c["penalty"]
    x /= c["temperature"]
    if c["top_k"]:
        x[x < np.sort(x)[-min(c["top_k"], len(x))]] = -np.inf
    if c["top_p"] < 1:
        order = np.argsort(x, kind="stable")
        p = np.exp(x - x.max())
        total = np.cumsum(p[order] / p.sum())
        near = min(near, np.abs(total - (1 - c["top_p"])).min())
        cut = int((total <= 1 - c["top_p"]).sum())
        cut = min(cut, len(x) - 1)
        tie = cut > 0 and np.isfinite(x[order[cut]]) and x[order[cut]] == x[order[cut - 1]]
        x[order[:cut]] = -np.inf
    if c["min_p"]:
        ratio = np.exp(x - x.max())
        near = min(near, np.abs(ratio - c["min_p"]).min())
        x[ratio < c["min_p"]] = -np.inf
    return x, near, bool(tie)


def one_setting(r, i):
    def draw(chance, values, off):
        return float(r.choice(values)) if r.random() < chance else off

    every = i >= 40  # the last 20 use all of them
    chance = 1.0 if every else 0.5
    return {"penalty": draw(chance, [1.1, 1.3, 0.8, 2.0], 1.0),
            "temperature": draw(chance, [0.3, 0.6, 0.7, 1.5, 3.0], 1.0),
            "top_k": int(draw(chance, [1, 2, 5, 20, 39, 64], 0)),
            "top_p": draw(chance, [0.05, 0.5, 0.8, 0.95], 1.0),
            "min_p": draw(chance, [0.01, 0.05, 0.2, 1.0], 0.0)}


def sampling():
    """Logits are multiples of 1/64, in every third case of 1/2, so that many are equal. Where equal
    ones lie across the top-p edge the library's sort is not stable: how many of them stay is
    defined, which of them is not (tie_at_top_p)."""
    r, cases = np.random.default_rng(11), []
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=40, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1))
    while len(cases) < 60:
        step = 2 if len(cases) % 3 == 0 else 64
        logits = (np.round(r.normal(0, 2.5, 40) * step) / step).tolist()
        seen = r.integers(0, 40, int(r.integers(1, 13))).tolist()
        c = one_setting(r, len(cases))
        hand, near, tie = by_hand(logits, seen, c)
        if near < 1e-5 and c["min_p"] != 1.0:
            continue  # float32 and float64 may decide differently
        got = chain(model, logits, seen, c)
        kept = np.isfinite(got)
        if not tie and (kept != np.isfinite(hand)).any():
            raise SystemExit(f"case {len(cases)}: the library keeps other ids: {c}")
        off = np.abs(np.sort(got[kept]) - np.sort(hand[np.isfinite(hand)])).max()
        if off > 1e-5:
            raise SystemExit(f"case {len(cases)}: scores differ by {off}: {c}")
        log = got - got[kept].max()
        log -= np.log(np.exp(log[kept]).sum())
        cases.append(c | {"logits": logits, "seen": seen, "tie_at_top_p": tie,
                          "logprobs": [float(v) if k else None for v, k in zip(log, kept)]})
    about = ("processed log-probabilities; null: removed; "
             "tie_at_top_p: compare them sorted, not id by id")
    write_json("sampling.json", {"about": about, "cases": cases})
    print("sampling: ties across the top-p edge in", sum(c["tie_at_top_p"] for c in cases), "of 60")


def tidy(folder):
    """peft writes a set in no fixed order, and safetensors a file for its owner alone."""
    path = os.path.join(folder, "adapter_config.json")
    with open(path) as f:
        config = json.load(f)
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    with open(path, "w") as f:
        json.dump(config, f, indent=2, sort_keys=True)
    os.chmod(os.path.join(folder, "adapter_model.safetensors"), 0o644)


def adapter(work, name, config):
    """Saves an adapter of hashed A and B for the tiny qwen3, and its logits."""
    golden = tiny("qwen3", os.path.join(work, "qwen3"))
    wrapped = peft.get_peft_model(open_model(os.path.join(work, "qwen3")), config)
    set_all([(n.replace(".default", ""), x) for n, x in wrapped.named_parameters() if "lora_" in n],
            "qwen3")
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    wrapped.peft_config["default"].base_model_name_or_path = "tiny_qwen3"
    wrapped.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    tidy(folder)
    again = peft.PeftModel.from_pretrained(open_model(os.path.join(work, "qwen3")), folder).eval()
    again.double()
    keep_rotary(again)
    z = forward(again, IDS, True)["logits"]
    log = z - z.max(1, keepdims=True)
    log -= np.log(np.exp(log).sum(1, keepdims=True))
    loss = -np.mean([log[t, IDS[t + 1]] for t in range(29, 79)])
    write_json(name + ".json", {"config": "tiny_qwen3.json", "ids": IDS, "ce": float(loss),
                                "logits_last": z[-1].tolist()})
    print(f"{name}: loss {loss:.9f}")
    return loss - golden["lora"]["loss"]


def adapters(work):
    every = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    off = adapter(work, "qwen3_lora", peft.LoraConfig(
        task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=every))
    if abs(off) > 1e-7:
        raise SystemExit("the golden file's LoRA loss is not that of peft")
    adapter(work, "qwen3_lora_pattern", peft.LoraConfig(
        task_type="CAUSAL_LM", r=4, lora_alpha=8, use_rslora=True,
        target_modules=r"model\.layers\.[13]\.self_attn\.(q|v|o)_proj",
        rank_pattern={"o_proj": 3, r"layers\.3\.self_attn\.q_proj": 2},
        alpha_pattern={r"layers\.3\..*": 5}))


def small_llama(mlp, folder):
    config = transformers.LlamaConfig(
        vocab_size=192, hidden_size=64, intermediate_size=mlp, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, rope_theta=130000.0, rms_norm_eps=1e-5,
        max_position_embeddings=512, tie_word_embeddings=True)
    model = transformers.LlamaForCausalLM(config)
    set_all(model.named_parameters(), "llama")
    model.save_pretrained(folder)


def packed(name, folder, held, files):
    """Writes the logits of the weights that the packed file really holds."""
    ids = [i % 192 for i in IDS]
    truth = forward(open_model(folder, True, held), ids, True)["logits"]
    plain = forward(open_model(folder, True), ids, True)["logits"]
    off = np.abs(truth - plain).max()
    write_json(name + ".json", {"ids": ids, "logits_last": truth[-1].tolist(),
                                "logits_first": truth[0].tolist()})
    size = sum(os.path.getsize(f) for f in files)
    print(f"{name}: {size} bytes, logits off those of the plain weights by {off:.2g}")


def quantised(work):
    folder, path = os.path.join(work, "q8"), os.path.join(OUT, "llama_q8_0.gguf")
    small_llama(128, folder)
    packed("llama_q8_0", folder, gguf_make.convert(folder, "llama", "Q8_0", path), [path])
    folder, out = os.path.join(work, "nf4"), os.path.join(OUT, "llama_nf4")
    small_llama(264, folder)  # 264 x 64 values: more block maxima than one nested block takes
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    held = nf4_make.write_checkpoint(open_model(folder), config, out, True)
    os.chmod(os.path.join(out, "model.safetensors"), 0o644)
    check_nf4(open_model(folder), held)
    packed("llama_nf4", folder, held, glob.glob(out + "/*"))


def check_nf4(model, held):
    """No value is further from its own than half the widest gap between codes, plus the roundings
    of its block's maximum (8 bits) and of bfloat16."""
    for name, x in model.named_parameters():
        if "_proj" not in name:
            continue
        x, y = x.detach().numpy().reshape(-1, 64), held[name].reshape(-1, 64)
        most = np.abs(x).max(1)
        if (np.abs(x - y).max(1) > 0.152 * most + 0.03 * most.max()).any():
            raise SystemExit(f"{name}: packed badly")


def main():
    work = tempfile.mkdtemp(dir="build")
    try:
        check_tiny(work)
        sampling()
        adapters(work)
        quantised(work)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()

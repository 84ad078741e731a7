"""Gradients of every weight of the tiny models: cross-entropy of tests/golden/engine/tiny_*.json's ids
(labels from position 30 on), in double precision where the reference is (its delta rule is float32).
Made with torch 2.15.0, transformers 5.23.0.

usage: gradients.py ASSAY OUT.json   (ASSAY: the program, which writes the models)
"""
import json
import os
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM

assay, out = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))
result = {}


def round9(x):
    return float(f"{float(x):.9g}")


for name, file in [("qwen3", "qwen3"), ("llama", "smollm2"), ("qwen35", "qwen35"),
                   ("gemma4", "gemma4")]:
    golden = json.load(open(os.path.join(here, "..", "..", "tests", "golden", "engine", f"tiny_{file}.json")))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([assay, "synth", "model", folder + "/m", "--like", "tiny-" + name, "-q"],
                       check=True, stdout=subprocess.DEVNULL)
        config = json.load(open(folder + "/m/config.json"))
        for part in (config, config.get("text_config", {})):
            if "final_logit_softcapping" in part:
                part["final_logit_softcapping"] = float(part["final_logit_softcapping"])
        json.dump(config, open(folder + "/m/config.json", "w"))
        model = AutoModelForCausalLM.from_pretrained(folder + "/m", dtype=torch.float64, attn_implementation="eager")
    for module in model.modules():  # the row of the padding token is a row like any other
        if isinstance(module, torch.nn.Embedding):
            module.padding_idx = None
    ids = torch.tensor([golden["input_ids"]])
    logits = model(ids).logits[0]
    loss = torch.nn.functional.cross_entropy(logits[29:-1], ids[0, 30:])
    loss.backward()
    grads = {}
    for key, p in model.named_parameters():
        if p.grad is None:
            continue
        g = p.grad.double().flatten()
        k = [int(i) for i in torch.linspace(0, g.numel() - 1, min(5, g.numel()))]
        grads[key.replace("language_model.", "")] = {"n": g.numel(), "l2": round9(g.norm()), "at": k, "values": [round9(g[i]) for i in k]}
    result[name] = {"loss": float(loss), "grads": grads}
with open(out, "w") as f:
    json.dump(result, f, separators=(",", ":"))
    f.write("\n")

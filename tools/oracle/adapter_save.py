#!/usr/bin/env python3
"""Adapters that the program writes, read by the reference libraries.
    adapter_save.py ASSAY FOLDER     works in FOLDER; exits non-zero when a figure is over its bound

For checkpoints of each family and each kind of adapter that peft can save: exported as a GGUF file,
whose tensors gguf's own reader must find in the converters' order of rows and columns; back from it
to a PEFT folder, with and without the configuration that the file carries; merged into a checkpoint.
peft and transformers must load what was written and give the logits of the adapter it came from."""
import json
import os
import shutil
import subprocess
import sys

import gguf
import numpy as np
import safetensors.numpy

import adapters
import checkpoints
from exact import forward, open_model

NAMES = ["llama-2", "qwen3-2", "qwen35-1", "qwen35-2", "gemma4-1", "gemma4-2"]
IDS = [(37 * i + 11) % 512 for i in range(40)]
BOUND = 2e-4  # of logits that spread over a few units, computed in float32 along two ways


def run(*args, fails=False):
    done = subprocess.run(args, capture_output=True, text=True)
    if (done.returncode != 0) != fails:
        raise SystemExit(f"{' '.join(args)}: status {done.returncode}\n{done.stderr}")
    return done.stderr


def same_tensors(a, b):
    x, y = (safetensors.numpy.load_file(f"{f}/adapter_model.safetensors") for f in (a, b))
    return x.keys() == y.keys() and all((x[k] == y[k]).all() for k in x)


def read_gguf(path):
    """Metadata as {name: value}, tensors as {name: array}, in PEFT's shapes."""
    reader = gguf.GGUFReader(path)
    fields = {k: f.contents() for k, f in reader.fields.items() if not k.startswith("GGUF.")}
    return fields, {t.name: np.array(t.data) for t in reader.tensors}


def without_config(source, target):
    """As another program would have written it."""
    fields, tensors = read_gguf(source)
    writer = gguf.GGUFWriter(target, fields["general.architecture"])
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", fields["adapter.lora.alpha"])
    for name, x in tensors.items():
        writer.add_tensor(name, x)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check_gguf(path, adapter):
    """Every factor is there; where nothing is reordered, with its values."""
    fields, tensors = read_gguf(path)
    with open(f"{adapter}/adapter_config.json") as f:
        config = json.load(f)
    assert fields["general.type"] == "adapter" and fields["adapter.type"] == "lora", fields
    scale = config["r"]**0.5 if config["use_rslora"] else 1
    assert fields["adapter.lora.alpha"] == np.float32(config["lora_alpha"] * scale), fields
    saved = safetensors.numpy.load_file(f"{adapter}/adapter_model.safetensors")
    assert len(saved) == len(tensors)
    for name, x in tensors.items():
        assert name.endswith((".weight.lora_a", ".weight.lora_b")), name
        assert x.shape[0 if name.endswith("a") else 1] <= 8, (name, x.shape)
    totals = [sorted(float(np.abs(x).astype(np.float64).sum()) for x in s.values())
              for s in (saved, tensors)]
    np.testing.assert_allclose(*totals, rtol=1e-12)  # the same values, in whatever order


def off(truth, got):
    return float(np.abs(truth - got).max())


def peft_logits(model, adapter):
    return adapters.logits(model, adapter, IDS, False)


def check(assay, folder, name, kind):
    """{what: largest difference of logits}"""
    model, adapter = f"{folder}/{name}", f"{folder}/{name}-{kind}"
    adapters.make(model, adapter, kind, sum(name.encode()) + len(kind))
    truth, found = peft_logits(model, adapter), {}
    out = [f"{adapter}-{x}" for x in ("gguf.gguf", "back", "plain.gguf", "plain", "merged")]
    for path in out:
        shutil.rmtree(path, ignore_errors=True)
    shared = [assay, "adapter", "export", "--model", model]
    if kind == "pattern":
        why = run(*shared, "--adapter", adapter, "--out", out[0], fails=True)
        assert "a GGUF adapter holds one alpha" in why, why
    else:
        run(*shared, "--adapter", adapter, "--out", out[0])
        check_gguf(out[0], adapter)
        run(*shared, "--adapter", out[0], "--out", out[1])
        assert same_tensors(adapter, out[1])
        found["back"] = off(truth, peft_logits(model, out[1]))
        without_config(out[0], out[2])
        run(*shared, "--adapter", out[2], "--out", out[3])
        assert same_tensors(adapter, out[3])
        found["plain"] = off(truth, peft_logits(model, out[3]))
    run(assay, "adapter", "merge", "--model", model, "--adapter", adapter, "--out", out[4],
        "--dtype", "F32")
    merged = forward(open_model(out[4]), IDS)["logits"]
    found["merged"] = off(truth, merged)
    found["moved"] = off(truth, forward(open_model(model), IDS)["logits"])
    return found


def main():
    assay, folder = sys.argv[1:]
    failed = False
    for name in NAMES:
        shutil.rmtree(f"{folder}/{name}", ignore_errors=True)
        checkpoints.save(name, f"{folder}/{name}")
        for kind in adapters.KINDS:
            found = check(assay, folder, name, kind)
            moved = found.pop("moved")
            bad = moved < 0.01 or any(not x <= BOUND for x in found.values())
            failed |= bad
            print(f"{name:10} {kind:8}", *(f"{k} {v:.2g}" for k, v in found.items()),
                  f"(adapter moves logits by {moved:.2g})", "OVER" if bad else "")
    sys.exit(failed)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A llama checkpoint with its Linear weights packed as bitsandbytes packs them: NF4 in blocks of 64
(Dettmers et al. 2023, arXiv:2305.14314, appendix E and section 3), with and without double
quantisation of the block maxima.
    nf4_make.py FOLDER      reads FOLDER/cases/NAME, writes FOLDER/cases/NAME-nf4*

The truth is the reference class with the dequantised weights, rounded to bfloat16. The packing is
written here from the layout; bitsandbytes itself takes no part."""
import json
import os
import sys

import numpy as np
import torch
from safetensors.torch import save_file

from exact import open_model
from reference import reference, write

CODES = np.array([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0], np.float32)
BLOCK, NESTED = 64, 256


def dynamic_map():
    """The signed 8-bit map of the block maxima: 2^e midpoints in each decade 10^(e-6), e = 0..6."""
    out = [0.0, 1.0]
    for e in range(7):
        edges = np.linspace(0.1, 1, 2**e + 1)
        for m in (edges[:-1] + edges[1:]) / 2 * 10.0**(e - 6):
            out += [m, -m]
    return np.sort(np.array(out)).astype(np.float32)


def nearest(x, table):
    return np.searchsorted((table[1:].astype(np.float64) + table[:-1]) / 2, x)


def in_blocks(x, n):
    return np.pad(x, (0, -len(x) % n)).reshape(-1, n)


def pack(weight, double):
    """({ending: array}, the dequantised weight in float32, not yet rounded) of one [out, in]."""
    flat = weight.astype(np.float32).reshape(-1)
    blocks = in_blocks(flat, BLOCK)
    largest = np.abs(blocks).max(1)
    codes = nearest(blocks * (1 / np.where(largest > 0, largest, 1))[:, None], CODES)
    codes = codes.reshape(-1)[:len(flat) + len(flat) % 2].astype(np.uint8)
    state = {"quant_type": "nf4", "blocksize": BLOCK, "dtype": "bfloat16",
             "shape": list(weight.shape)}
    files = {"": (codes[0::2] << 4 | codes[1::2])[:, None], ".quant_map": CODES}
    if double:
        table, offset = dynamic_map(), largest.mean(dtype=np.float32)
        groups = in_blocks(largest - offset, NESTED)
        most = np.abs(groups).max(1)
        index = nearest(groups / np.where(most > 0, most, 1)[:, None], table)
        index = index.reshape(-1)[:len(largest)].astype(np.uint8)
        scale = table[index] * np.repeat(most, NESTED)[:len(index)] + offset
        files |= {".absmax": index, ".nested_absmax": most, ".nested_quant_map": table}
        state |= {"nested_blocksize": NESTED, "nested_dtype": "float32",
                  "nested_offset": float(offset)}
    else:
        scale = largest
        files[".absmax"] = largest
    text = json.dumps(state).encode()
    files[".quant_state.bitsandbytes__nf4"] = np.frombuffer(text, np.uint8)
    value = CODES[codes[:len(flat)]] * np.repeat(scale.astype(np.float32), BLOCK)[:len(flat)]
    return files, value.astype(np.float32).reshape(weight.shape)


def write_checkpoint(model, config, folder, double):
    """Saves `model` packed; returns {name: dequantised weight} of the packed ones."""
    tensors, held = {}, {}
    for name, x in model.named_parameters():
        if "_proj" not in name:
            tensors[name] = x.detach().to(torch.bfloat16)
            held[name] = tensors[name].double().numpy()
            continue
        files, value = pack(x.detach().numpy(), double)
        held[name] = torch.from_numpy(value).to(torch.bfloat16).double().numpy()
        tensors |= {name + end: torch.from_numpy(y.copy()) for end, y in files.items()}
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    config = config | {"quantization_config": {
        "quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False,
        "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": double,
        "bnb_4bit_compute_dtype": "bfloat16", "bnb_4bit_quant_storage": "uint8",
        "llm_int8_skip_modules": None}}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=2)
    return held


def make(folder, name, double):
    source = os.path.join(folder, "cases", name)
    out = f"{source}-nf4" + ("" if double else "-single")
    with open(os.path.join(source, "case.json")) as f:
        ids = json.load(f)["ids"]
    with open(os.path.join(source, "model", "config.json")) as f:
        config = json.load(f)
    held = write_checkpoint(open_model(os.path.join(source, "model")), config,
                            os.path.join(out, "model"), double)
    arrays, case = reference(os.path.join(source, "model"), ids, held)
    case["model"] = "model"
    write(out, arrays, case)
    with np.load(os.path.join(source, "truth.npz")) as plain:
        off = np.abs(plain["logits"] - arrays["logits"]).max()
    print(f"{os.path.basename(out)}: logits differ from those of the checkpoint by {off:.1e}")


if __name__ == "__main__":
    make(sys.argv[1], "llama-1", True)
    make(sys.argv[1], "llama-3", False)

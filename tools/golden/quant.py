#!/usr/bin/env python3
"""Makes tests/golden/quant: block types as the reference libraries decode and encode them.

    TYPE.bin         u32 number of blocks; the blocks (random bytes, scales also extreme); the floats
                     that gguf.quants.dequantize gives
    encode.bin       u32 n; n floats; the bytes of F16 and BF16 (numpy, gguf) and of Q8_0, Q4_0
                     (gguf.quants.quantize) for them
    small.gguf       metadata of many types and a few tensors, by gguf.GGUFWriter
    nf4.safetensors  weights packed by bitsandbytes (CPU) beside their source and what
                     dequantize_4bit gives, by safetensors.torch.save_file

Run from the repository root. Made with Python 3.11, numpy 2.4.6, gguf 0.19.0, torch 2.15.0,
bitsandbytes 0.50.2, safetensors 0.8.0; the same files come out each time.
"""
import os
import struct

import bitsandbytes.functional as bnb
import gguf
import numpy as np
import torch
from gguf.quants import dequantize, quantize
from safetensors.torch import save_file

FOLDER = "tests/golden/quant/"
T = gguf.GGMLQuantizationType
# Zeros, the smallest and largest subnormal, the smallest and largest normal, one, infinities.
EXTREME = [0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0x3C00, 0xFBFF, 0x7C00, 0xFC00]
SCALES = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
rng = np.random.default_rng(20240607)


def scale():
    """A scale of the size that real weights have."""
    return np.float16(rng.uniform(-0.02, 0.02)).view(np.uint16)


def random_blocks(kind):
    block, size = gguf.GGML_QUANT_SIZES[kind]
    n = 3 + len(EXTREME)
    raw = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for i in range(n):
        for k, at in enumerate(SCALES[kind]):
            value = scale() if i < 3 or k else EXTREME[i - 3]
            raw[i, at : at + 2] = np.frombuffer(struct.pack("<H", int(value)), np.uint8)
    return raw


def save_blocks(kind):
    raw = random_blocks(kind)
    with np.errstate(all="ignore"):
        floats = dequantize(raw, kind)
    with open(FOLDER + kind.name.lower() + ".bin", "wb") as f:
        f.write(struct.pack("<I", len(raw)) + raw.tobytes() + floats.astype("<f4").tobytes())


def save_encoded():
    rows = [
        rng.normal(0, 1, 32),
        rng.normal(0, 0.02, 32),
        rng.normal(0, 3e4, 32),
        rng.normal(0, 1e-7, 32),
        np.zeros(32),
        np.arange(32) - 15.5,
        np.round(rng.normal(0, 60, 32)) / 2,
        np.where(np.arange(32) % 2, 4.0, -4.0),
        np.where(np.arange(32) == 9, -127, 4 * np.arange(32) - 60.5),  # halves, exactly
    ]
    x = np.array(rows, np.float32)
    with np.errstate(all="ignore"), open(FOLDER + "encode.bin", "wb") as f:
        f.write(struct.pack("<I", x.size) + x.tobytes() + x.astype(np.float16).tobytes())
        for kind in (T.BF16, T.Q8_0, T.Q4_0):
            f.write(quantize(x, kind).tobytes())


def save_gguf():
    w = gguf.GGUFWriter(FOLDER + "small.gguf", "qwen3")
    w.add_uint32("qwen3.block_count", 2)
    w.add_float32("qwen3.attention.layer_norm_rms_epsilon", 1e-6)
    w.add_bool("tokenizer.ggml.add_bos_token", False)
    w.add_array("tokenizer.ggml.tokens", ["a", "", "Ġthe", "long " * 20])
    w.add_array("tokenizer.ggml.token_type", [1, 3, -1])
    w.add_array("tokenizer.ggml.scores", [0.5, -1.25])
    w.add_array("qwen3.attention.sliding_window_pattern", [True, False, True])
    w.add_uint64("test.u64", 1 << 40)
    w.add_int8("test.i8", -3)
    w.add_float64("test.f64", 2.5)
    w.add_tensor("token_embd.weight", np.arange(12, dtype=np.float32).reshape(3, 4))
    w.add_tensor("blk.0.half", np.array([[1.5, -2.0]], np.float16))
    for kind in (T.Q8_0, T.Q6_K):
        w.add_tensor("blk.0." + kind.name.lower(), random_blocks(kind)[:2].reshape(2, -1), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def save_nf4():
    # Widths are multiples of 64 or odd: for others the CPU kernel of bitsandbytes takes another
    # absmax than the CUDA kernel and its own generic code do.
    torch.manual_seed(7)
    out = {}
    plans = [
        ("nested", torch.bfloat16, (130, 128), True),  # 260 blocks: two nested ones
        ("partial", torch.bfloat16, (3, 43), True),  # an odd count, a last block of one
        ("plain", torch.float16, (4, 64), False),
        ("whole", torch.float32, (3, 64), False),
    ]
    for name, dtype, shape, double in plans:
        source = (torch.randn(shape) * 0.05).to(dtype)
        code, state = bnb.quantize_4bit(source, compress_statistics=double, quant_type="nf4")
        if double:  # the loader of such files takes float32, as CUDA makes it
            absmax = bnb.quantize_4bit(source, quant_type="nf4")[1].absmax.float()
            state.offset = absmax.mean()
            state.absmax, state.state2 = bnb.quantize_blockwise(absmax - state.offset, blocksize=256)
            state.state2.dtype = torch.float32
        out[name + ".weight"] = code
        for key, value in state.as_dict(packed=True).items():
            out[name + ".weight." + key] = value
        out[name + ".source"] = source
        out[name + ".decoded"] = bnb.dequantize_4bit(code, state).reshape(shape)
    save_file(out, FOLDER + "nf4.safetensors", {"format": "pt"})
    os.chmod(FOLDER + "nf4.safetensors", 0o644)


for quant_kind in SCALES:
    save_blocks(quant_kind)
save_encoded()
save_gguf()
save_nf4()

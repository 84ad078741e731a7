#!/usr/bin/env python3
"""Makes tests/golden/train/optimiser.json: what the reference libraries compute for the optimisers.

    adamw    trajectories of torch.optim.AdamW in float32: start, gradients, values after each step
    maps     bitsandbytes.functional.create_dynamic_map, signed and unsigned
    blocks   bitsandbytes' operations quantize_blockwise and dequantize_blockwise, blocks of 256.
             The values are passed as float64: for them the library looks for the nearest code,
             while its float32 path on a CPU looks codes up on a grid too coarse for small values.
    adamw8   AdamW in float32 whose moments pass through those operations after every step; the
             gradient of element i in step k is drawn_gradient(i, k). Every 20th value after 200
             steps, and how far it ended from torch.optim.AdamW: root mean square of the distance
             over that of the way.
    apollo   APOLLO-Mini written out naively in double from the description in
             src/engine/train/apollo.c, with its own Philox stream for the projection

Run from the repository root. Made with Python 3.11, torch 2.15.0, bitsandbytes 0.50.2; the same
file comes out each time.
"""
import hashlib
import json
import math
import struct

import bitsandbytes.functional as bnb
import torch

MASK = 0xFFFFFFFF


def single(x):
    """The nearest float32, as a double."""
    return struct.unpack("<f", struct.pack("<f", x))[0]


def short(values):
    """Float32 values as the shortest decimals that read back the same."""
    return [float(f"{x:.9g}") for x in values]


# --- torch ---------------------------------------------------------------------------------------


def trajectory(rows, cols, steps, decay, lr, spread):
    shape = (rows, cols)
    p = torch.nn.Parameter(torch.randn(shape))
    start = p.detach().flatten().tolist()
    o = torch.optim.AdamW([p], lr=lr, weight_decay=decay, foreach=False, fused=False)
    grads, values = [], []
    for k in range(steps):
        p.grad = torch.randn(shape) * torch.exp(spread * torch.randn(shape))
        if k == 2:
            p.grad.zero_()
        grads.append(short(p.grad.flatten().tolist()))
        o.step()
        values.append(short(p.detach().flatten().tolist()))
    return dict(rows=rows, cols=cols, lr=lr, decay=decay, start=short(start), grads=grads,
                values=values)


# --- bitsandbytes --------------------------------------------------------------------------------


def blocks(is_signed, values):
    code = bnb.create_dynamic_map(signed=is_signed)
    codes, tops = torch.ops.bitsandbytes.quantize_blockwise(values.double(), code, 256)
    back = torch.ops.bitsandbytes.dequantize_blockwise(codes, tops, code, 256, torch.float32)
    return dict(is_signed=is_signed, x=short(values.tolist()), codes=codes.tolist(),
                tops=short(tops.tolist()), back=short(back.tolist()))


def hard_values(is_signed):
    """One block each: ordinary, over many decades, nearly all zero; and a short one."""
    x = torch.cat([torch.randn(256), torch.randn(256) * torch.exp(4 * torch.randn(256)),
                   torch.zeros(255), torch.tensor([3.0]), 1e-12 * torch.randn(40)])
    return x if is_signed else x * x


def drawn_gradient(i, k):
    """Sizes over two decades, signs that mostly agree."""
    return single(10.0 ** math.sin(0.7 * i) * (0.5 + math.sin(1.3 * i + 0.9 * k * k)))


def through(code, x):
    codes, tops = torch.ops.bitsandbytes.quantize_blockwise(x.double(), code, 256)
    return torch.ops.bitsandbytes.dequantize_blockwise(codes, tops, code, 256, torch.float32)


def eight_bits(n, steps, lr, decay):
    maps = [bnb.create_dynamic_map(signed=s) for s in (True, False)]
    start = torch.tensor([math.cos(i) for i in range(n)])
    p, m, v = start.clone(), torch.zeros(n), torch.zeros(n)
    full = torch.nn.Parameter(start.clone())
    o = torch.optim.AdamW([full], lr=lr, weight_decay=decay, foreach=False, fused=False)
    for k in range(1, steps + 1):
        g = torch.tensor([drawn_gradient(i, k) for i in range(n)])
        m = m + 0.1 * (g - m)
        v = v + 0.001 * (g * g - v)
        p = p * (1 - lr * decay)
        p = p - lr * (m / (1 - 0.9**k)) / (torch.sqrt(v / (1 - 0.999**k)) + 1e-8)
        m, v = through(maps[0], m), through(maps[1], v)
        full.grad = g
        o.step()
    way, apart = (full - start).norm().item(), (full - p).norm().item()
    return dict(n=n, steps=steps, lr=lr, decay=decay, every=20, values=short(p[::20].tolist()),
                apart=apart / way)


# --- APOLLO-Mini ---------------------------------------------------------------------------------


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def normals(seed, tensor, draw, n):
    digest = hashlib.sha256(seed.to_bytes(8, "little") + b"apollo").digest()
    key = [int.from_bytes(digest[i : i + 4], "little") for i in (0, 4)]
    out = []
    for block in range(n):
        w = philox([block, 0, draw, tensor], key)
        u, v = (((w[i] | w[i + 1] << 32) >> 11) * 2.0**-53 for i in (0, 2))
        out.append(single(math.sqrt(-2 * math.log(1 - u)) * math.cos(2 * math.pi * v)))
    return out


def norm(x):
    return math.sqrt(math.fsum(a * a for a in x))


def apollo(number, rows, cols, steps, period, lr, decay, zero=(), seed=77, scale=128.0, eps=1e-6):
    """Gradients of changing size; or, with steps in which they are zero, otherwise always the same,
    so that the limit on growth is at work."""
    b1, b2 = 0.9, 0.999
    p = short(torch.randn(rows * cols).tolist())
    n = max(rows, cols)
    m, v, last = [0.0] * n, [0.0] * n, 0.0
    start, grads, values = list(p), [], []
    for k in range(1, steps + 1):
        g = short((10.0 ** (-3 + k % 3) * torch.randn(rows * cols)).tolist())
        if zero:
            g = [0.0 if k in zero else 0.1 * a for a in start]
            g = short([single(a) for a in g])
        P = normals(seed, number, (k - 1) // period, min(rows, cols))
        if rows >= cols:
            R = [math.fsum(g[i * cols + j] * P[j] for j in range(cols)) for i in range(rows)]
        else:
            R = [math.fsum(g[i * cols + j] * P[i] for i in range(rows)) for j in range(cols)]
        m = [b1 * a + (1 - b1) * r for a, r in zip(m, R)]
        v = [b2 * a + (1 - b2) * r * r for a, r in zip(v, R)]
        s = norm([a / (math.sqrt(b) + eps) for a, b in zip(m, v)]) / (norm(R) + 1e-8)
        length = s * norm(g)
        if last > 0 and length > 1.01 * last:
            s, length = s * 1.01 * last / length, 1.01 * last
        last = length if length > 0 else last
        step = lr * math.sqrt(1 - b2**k) / (1 - b1**k) * math.sqrt(scale) * s
        p = [a - lr * decay * a - step * b for a, b in zip(p, g)]
        grads.append(g)
        values.append(short(p))
    return dict(number=number, rows=rows, cols=cols, period=period, lr=lr, decay=decay, seed=seed,
                scale=scale, eps=eps, start=start, grads=grads, values=values)


torch.manual_seed(20240607)
made = {
    "adamw": [
        trajectory(1, 1, 12, 0.0, 1e-3, 0.0),
        trajectory(1, 37, 12, 0.1, 1e-2, 1.0),
        trajectory(5, 3, 12, 0.0, 2e-4, 3.0),
        trajectory(8, 16, 12, 0.1, 1e-3, 2.0),
        trajectory(7, 19, 12, 0.0, 1e-1, 0.5),
    ],
    "maps": {
        "signed": short(bnb.create_dynamic_map(signed=True).tolist()),
        "unsigned": short(bnb.create_dynamic_map(signed=False).tolist()),
    },
    "blocks": [blocks(s, hard_values(s)) for s in (True, False)],
    "adamw8": eight_bits(4200, 200, 1e-3, 0.01),
    "apollo": [
        apollo(0, 6, 4, 10, 3, 1e-3, 0.0),
        apollo(1, 3, 11, 10, 4, 1e-2, 0.1),
        apollo(2, 2, 150, 6, 200, 1e-3, 0.1),
        apollo(3, 5, 5, 10, 2, 1e-3, 0.0),
        apollo(4, 9, 1, 6, 200, 1e-3, 0.0),
        apollo(5, 4, 6, 8, 200, 1e-3, 0.0, zero=(1, 3)),
    ],
}
with open("tests/golden/train/optimiser.json", "w", encoding="utf-8", newline="\n") as file:
    json.dump(made, file, separators=(",", ":"))
    file.write("\n")

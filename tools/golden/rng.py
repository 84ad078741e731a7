#!/usr/bin/env python3
"""Writes tests/golden/rng_cases.jsonl: streams of base/rng.h computed again in Python from the
papers (Philox4x32-10: Salmon et al. 2011; bounded integers: Lemire 2019; Box & Muller 1958), with
hashlib's SHA-256. Any Python 3 will do. Run from the repository's root."""
import hashlib
import json
import math

M0, M1, W0, W1, MASK = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = M0 * c[0], M1 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + W0) & MASK, (k[1] + W1) & MASK]
    return c


# The known answers that come with Random123 1.x (kat_vectors).
assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
assert philox([MASK] * 4, [MASK] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
assert philox([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0]) == [
    0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


class Stream:
    def __init__(self, seed, purpose, index):
        digest = hashlib.sha256(seed.to_bytes(8, "little") + purpose.encode()).digest()
        self.key = [int.from_bytes(digest[i:i + 4], "little") for i in (0, 4)]
        self.index = [index & MASK, index >> 32]
        self.block = 0
        self.words = []

    def u64(self):
        if not self.words:
            self.words = philox([self.block & MASK, self.block >> 32] + self.index, self.key)
            self.block += 1
        low, high = self.words.pop(0), self.words.pop(0)
        return low | high << 32

    def uniform(self):
        return (self.u64() >> 11) * 2.0**-53

    def below(self, n):
        m = self.u64() * n
        while (m & (2**64 - 1)) < 2**64 % n:
            m = self.u64() * n
        return m >> 64

    def normal(self):
        u, v = 1 - self.uniform(), self.uniform()
        return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)

    def shuffle(self, x):
        for i in range(len(x) - 1, 0, -1):
            j = self.below(i + 1)
            x[i], x[j] = x[j], x[i]
        return x


with open("tests/golden/rng_cases.jsonl", "w", encoding="utf-8", newline="\n") as file:
    for seed, purpose, index in [(0, "", 0), (1, "bootstrap", 0), (1, "bootstrap", 1),
                                 (2**64 - 1, "permutation", 2**64 - 1), (42, "fold \u00e9", 2**32)]:
        def new():
            return Stream(seed, purpose, index)
        s, b, big = new(), new(), new()
        u, z = new(), new()
        file.write(json.dumps({
            "seed": f"{seed:016x}", "purpose": purpose, "index": f"{index:016x}",
            "u64": [f"{s.u64():016x}" for _ in range(7)],
            "uniform": [u.uniform() for _ in range(5)],
            "below10": [b.below(10) for _ in range(20)],
            "below_big": [f"{big.below(2**63 + 1):016x}" for _ in range(8)],
            "normal": [z.normal() for _ in range(6)],
            "shuffle": new().shuffle(list(range(12)))}) + "\n")

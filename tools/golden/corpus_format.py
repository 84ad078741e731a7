#!/usr/bin/env python3
"""Makes tests/fuzz/corpus/safetensors and tests/fuzz/corpus/gguf: small good files (good-*) and
malformed ones (bad-*), each for one rule. The message expected of each stands in
tests/unit/safetensors_bad.h and tests/unit/gguf_bad.h.

Run from the repository root with Python 3 (made with 3.11); only the standard library is used, and
the same files come out each time. Files that are no longer made are not removed.
"""
import json
import os
import struct

SAFETENSORS = "tests/fuzz/corpus/safetensors"
GGUF = "tests/fuzz/corpus/gguf"


def save(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    assert len(data) < 8192, name
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


# ---- safetensors ----------------------------------------------------------------------------


def st(header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(dtype='"F32"', shape="[2]", offsets="[0,8]", extra=""):
    return '{"dtype":%s,"shape":%s,"data_offsets":%s%s}' % (dtype, shape, offsets, extra)


DATA = struct.pack("<2f", 1.5, -2.0)


def one(**fields):
    return st('{"a":%s}' % entry(**fields), DATA)


def state(**changes):
    fields = {
        "quant_type": "nf4",
        "blocksize": 64,
        "dtype": "bfloat16",
        "shape": [2, 65],
        "nested_blocksize": 256,
        "nested_dtype": "float32",
        "nested_offset": 0.125,
    }
    fields.update(changes)
    return json.dumps({k: v for k, v in fields.items() if v is not None}).encode()


def nf4(drop=(), **changes):
    """A weight of 130 elements in three blocks; `changes` are {piece: (dtype, shape, bytes)}."""
    s = changes.pop("state", state())
    suffix = changes.pop("suffix", "nf4")
    parts = {
        "": ("U8", [65, 1], bytes(range(65))),
        ".absmax": ("U8", [3], bytes([0, 127, 255])),
        ".quant_map": ("F32", [16], struct.pack("<16f", *[i / 8 - 1 for i in range(16)])),
        ".nested_absmax": ("F32", [1], struct.pack("<f", 0.5)),
        ".nested_quant_map": ("F32", [256], struct.pack("<256f", *[i / 128 - 1 for i in range(256)])),
        ".quant_state.bitsandbytes__" + suffix: ("U8", [len(s)], s),
    }
    parts.update({"." + k if k else k: v for k, v in changes.items()})
    header, data = {}, b""
    for name in sorted(parts):
        if name in drop:
            continue
        dtype, shape, raw = parts[name]
        header["w" + name] = dict(dtype=dtype, shape=shape, data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    return st(json.dumps(header), data)


TWO = '{"a":%s,"b":%s}'
STATE = ".quant_state.bitsandbytes__nf4"

GOOD_ST = {
    "plain": one(),
    "empty": st("{}"),
    "blanks": st(('{"a":%s}' % entry()).replace(":", " :\n\t ").replace(",", " , ") + "   ", DATA),
    "escape": st('{"\\u0061\\u00e9\\ud83d\\ude00\\"":%s}' % entry(), DATA),
    "scalar": one(shape="[]", dtype='"F64"'),
    "zero": st(TWO % (entry(shape="[0,9]", offsets="[0,0]"), entry()), DATA),
    "order": st(TWO % (entry('"BF16"', "[2]", "[4,8]"), entry('"F16"', "[1,2]", "[0,4]")), DATA),
    "metadata": st('{"__metadata__":{"format":"pt","a":""},"a":%s}' % entry(), DATA),
    "types": st(
        "{%s}"
        % ",".join(
            '"%s":%s' % (t, entry('"%s"' % t, "[8]", "[%d,%d]" % (i * 64, i * 64 + b)))
            for i, (t, b) in enumerate([("I64", 64), ("C64", 64), ("F64", 64)])
        ),
        bytes(192),
    ),
    "sub-byte": st(TWO % (entry('"F4"', "[4]", "[0,2]"), entry('"F6_E2M3"', "[2,4]", "[2,8]")), DATA),
    "nan": st('{"a":%s}' % entry(), struct.pack("<2f", float("nan"), float("-inf"))),
    "nf4": nf4(),
    "nf4-plain-absmax": nf4(
        drop=(".nested_absmax", ".nested_quant_map"),
        absmax=("F32", [3], struct.pack("<3f", 0.5, 1.0, 2.0)),
        state=state(nested_blocksize=None, nested_dtype=None, nested_offset=None, dtype="float16"),
    ),
}

BAD_ST = {
    "no-bytes": b"",
    "seven-bytes": b"\0" * 7,
    "length-only": struct.pack("<Q", 2),
    "length-huge": st('{"a":%s}' % entry(), DATA, 1 << 63),
    "length-limit": st('{"a":%s}' % entry(), DATA, 100000001),
    "length-past-end": st("{}", b"", 3),
    "length-zero": st(b"", b"{}"),
    "first-byte": st(" {}"),
    "array": st("[]"),
    "bom": st(b"\xef\xbb\xbf{}"),
    "open": st("{"),
    "open-string": st('{"a'),
    "open-string-escape": st('{"a\\"'),
    "open-entry": st('{"a":{"dtype":"F32"'),
    "text-after": st("{} x"),
    "newline-after": st("{}\n"),
    "nul-after": st("{}\0"),
    "comma-first": st('{,"a":%s}' % entry(), DATA),
    "comma-last": st('{"a":%s,}' % entry(), DATA),
    "comma-missing": st('{"a":%s"b":%s}' % (entry(), entry()), DATA),
    "colon-missing": st('{"a"%s}' % entry(), DATA),
    "name-bare": st("{a:%s}" % entry(), DATA),
    "name-utf8": st(b'{"\xff":%s}' % entry().encode(), DATA),
    "name-nul": st('{"a\\u0000":%s}' % entry(), DATA),
    "name-control": st('{"a\n":%s}' % entry(), DATA),
    "name-twice": st('{"a":%s,"\\u0061":%s}' % (entry(shape="[1]", offsets="[0,4]"), entry(shape="[1]", offsets="[4,8]")), DATA),
    "entry-number": st('{"a":1}', DATA),
    "entry-null": st('{"a":null}', DATA),
    "entry-broken": st('{"a":{"dtype":"F32",}}', DATA),
    "entry-deep": st('{"a":{"x":%s1%s}}' % ('{"x":' * 70, "}" * 70), DATA),
    "field-twice": one(extra=',"dtype":"F32"'),
    "field-unknown": one(extra=',"bidi\\u202e":1'),
    "field-missing": st('{"a":{"dtype":"F32","shape":[2]}}', DATA),
    "dtype-unknown": one(dtype='"F33"'),
    "dtype-lower": one(dtype='"f32"'),
    "dtype-number": one(dtype="32"),
    "shape-number": one(shape="2"),
    "shape-negative": one(shape="[-2]"),
    "shape-minus-zero": one(shape="[-0]", offsets="[0,0]"),
    "shape-fraction": one(shape="[2.0]"),
    "shape-exponent": one(shape="[2e0]"),
    "shape-string": one(shape='["2"]'),
    "shape-nested": one(shape="[[2]]"),
    "shape-bool": one(shape="[true]"),
    "shape-zero-first": one(shape="[02]"),
    "shape-2-63": one(shape="[9223372036854775808]"),
    "shape-product": one(shape="[4294967296,4294967296]"),
    "shape-bits": one(shape="[4611686018427387904]"),
    "shape-dims": one(shape="[1,1,1,1,1,1,1,1,2]"),
    "shape-half-byte": st('{"a":%s}' % entry('"F4"', "[3]", "[0,8]"), DATA),
    "offsets-one": one(offsets="[8]"),
    "offsets-three": one(offsets="[0,8,8]"),
    "offsets-null": one(offsets="null"),
    "offsets-turned": one(offsets="[8,0]"),
    "offsets-negative": one(offsets="[-8,0]"),
    "offsets-past-end": one(shape="[3]", offsets="[0,12]"),
    "offsets-not-shape": one(shape="[1]"),
    "offsets-not-zero": one(shape="[1]", offsets="[4,8]"),
    "hole": st(TWO % (entry('"U8"', "[2]", "[0,2]"), entry('"U8"', "[5]", "[3,8]")), DATA),
    "overlap": st(TWO % (entry('"U8"', "[5]", "[0,5]"), entry('"U8"', "[4]", "[4,8]")), DATA),
    "same-place": st(TWO % (entry(), entry()), DATA),
    "data-left": st('{"a":%s}' % entry(), DATA + b"x"),
    "data-alone": st("{}", DATA),
    "data-missing": st('{"a":%s}' % entry(), DATA[:7]),
    "metadata-number": st('{"__metadata__":{"a":1}}'),
    "metadata-nested": st('{"__metadata__":{"a":{}}}'),
    "metadata-text": st('{"__metadata__":"a"}'),
    "metadata-twice": st('{"__metadata__":{},"__metadata__":{}}'),
    "nf4-other": nf4(suffix="fp4"),
    "nf4-quant-type": nf4(state=state(quant_type="fp4")),
    "nf4-blocksize": nf4(state=state(blocksize=128)),
    "nf4-dtype": nf4(state=state(dtype="float64")),
    "nf4-shape": nf4(state=state(shape=[])),
    "nf4-shape-negative": nf4(state=state(shape=[-1, 2])),
    "nf4-shape-size": nf4(state=state(shape=[2, 66])),
    "nf4-shape-product": nf4(state=state(shape=[1 << 40, 1 << 40])),
    "nf4-json": nf4(state=b"{"),
    "nf4-nested-blocksize": nf4(state=state(nested_blocksize=64)),
    "nf4-nested-dtype": nf4(state=state(nested_dtype="float16")),
    "nf4-offset": nf4(state=state(nested_offset=None)),
    "nf4-offset-huge": nf4(state=state(nested_offset=1e300)),
    "nf4-no-weight": nf4(drop=("",)),
    "nf4-no-absmax": nf4(drop=(".absmax",)),
    "nf4-no-map": nf4(drop=(".quant_map",)),
    "nf4-no-nested": nf4(drop=(".nested_absmax",)),
    "nf4-no-nested-map": nf4(drop=(".nested_quant_map",)),
    "nf4-absmax-size": nf4(absmax=("U8", [4], b"abcd")),
    "nf4-absmax-type": nf4(absmax=("F16", [3], b"abcdef")),
    "nf4-map-nan": nf4(quant_map=("F32", [16], struct.pack("<16f", float("nan"), *range(15)))),
    "nf4-weight-type": nf4(**{"": ("I8", [65, 1], bytes(65))}),
}

# ---- GGUF -----------------------------------------------------------------------------------


def text(s):
    raw = s if isinstance(s, bytes) else s.encode()
    return struct.pack("<Q", len(raw)) + raw


def kv(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def u32(x):
    return struct.pack("<I", x)


def u64(x):
    return struct.pack("<Q", x)


def array(kind, n, raw):
    return u32(kind) + u64(n) + raw


def info(name, ne, kind, offset):
    return text(name) + u32(len(ne)) + b"".join(u64(x) for x in ne) + u32(kind) + u64(offset)


def gguf(kvs=(), infos=(), data=b"", version=3, magic=b"GGUF", n_tensors=None, n_kv=None, align=32):
    head = magic + u32(version) + u64(len(infos) if n_tensors is None else n_tensors)
    head += u64(len(kvs) if n_kv is None else n_kv) + b"".join(kvs) + b"".join(infos)
    return head + bytes(-len(head) % align) + data


META = [
    kv("general.architecture", 8, text("llama")),
    kv("u8", 0, b"\1"),
    kv("i8", 1, b"\xff"),
    kv("u16", 2, b"\1\2"),
    kv("i16", 3, b"\1\2"),
    kv("u32", 4, u32(7)),
    kv("i32", 5, u32(7)),
    kv("f32", 6, struct.pack("<f", 0.5)),
    kv("bool", 7, b"\1"),
    kv("u64", 10, u64(1)),
    kv("i64", 11, u64(1)),
    kv("f64", 12, struct.pack("<d", 0.5)),
    kv("texts", 9, array(8, 3, text("a") + text("") + text(b"\xff\0"))),
    kv("bools", 9, array(7, 3, b"\1\0\1")),
    kv("ints", 9, array(5, 2, u32(1) + u32(0xFFFFFFFF))),
    kv("none", 9, array(4, 0, b"")),
]
F32 = info("t", [2], 0, 0)


def t1(ne=(2,), kind=0, offset=0, data=DATA, name="t", kvs=()):
    return gguf(kvs, [info(name, list(ne), kind, offset)], data)


GOOD_GGUF = {
    "empty": gguf(),
    "plain": t1(),
    "version-2": gguf([], [F32], DATA, version=2),
    "metadata": gguf(META, [F32], DATA),
    "alignment": gguf([kv("general.alignment", 4, u32(8))], [F32, info("u", [1, 2], 0, 8)], DATA * 2, align=8),
    "scalar": t1(ne=(), data=DATA),
    "zero": t1(ne=(4, 0, 3), data=b""),
    "gap": gguf([], [info("u", [2], 0, 32), F32], DATA + bytes(56) + DATA),
    "blocks": gguf(
        [],
        [
            info("q8", [32], 8, 0),
            info("q4", [32, 1], 2, 64),
            info("q4k", [256], 12, 96),
            info("q5k", [256], 13, 256),
            info("q6k", [256], 14, 448),
            info("bf16", [2], 30, 672),
            info("q5_0", [32], 6, 704),
        ],
        bytes(range(256)) * 3,
    ),
}

BAD_GGUF = {
    "no-bytes": b"",
    "magic-cut": b"GGU",
    "magic": t1().replace(b"GGUF", b"GGML"),
    "version-cut": b"GGUF\3",
    "version-1": gguf(version=1),
    "version-4": gguf(version=4),
    "big-endian": gguf(version=3 << 24),
    "count-cut": b"GGUF" + u32(3) + b"\0" * 8,
    "tensors-many": gguf(n_tensors=1 << 60),
    "tensors-more": gguf([], [F32], b"\xff" * 24, n_tensors=2, align=1),
    "tensors-after-metadata": gguf([kv("a", 8, text("x" * 60))], n_tensors=2),
    "entries-many": gguf(n_kv=1 << 60),
    "entries-more": gguf([kv("a", 4, u32(1))], n_kv=2, data=b"\xff" * 24, align=1),
    "key-long-length": gguf([u64(1 << 62) + b"a" * 20]),
    "key-nul": gguf([kv("a\0b", 0, b"\1")]),
    "key-utf8": gguf([kv(b"a\xff", 0, b"\1")]),
    "key-twice": gguf([kv("a", 0, b"\1"), kv("b", 0, b"\1"), kv("a", 4, u32(1))]),
    "type-unknown": gguf([kv("a", 13, b"\1" * 8)]),
    "value-cut": gguf([kv("a", 12, b"\1" * 7)], align=1),
    "bool-2": gguf([kv("a", 7, b"\2")]),
    "bool-array": gguf([kv("a", 9, array(7, 3, b"\0\1\3"))]),
    "text-cut": gguf([kv("a", 8, u64(9) + b"12345678")], align=1),
    "array-type": gguf([kv("a", 9, array(99, 1, b"\1" * 8))]),
    "array-nested": gguf([kv("a", 9, array(9, 1, array(4, 1, u32(1))))]),
    "array-many": gguf([kv("a", 9, array(10, 1 << 61, b"\1" * 8))]),
    "array-texts-many": gguf([kv("a", 9, array(8, 1 << 61, text("a")))]),
    "array-text-cut": gguf([kv("a", 9, array(8, 2, text("a") + u64(40)))]),
    "array-cut": gguf([kv("a", 9, array(4, 3, u32(1) * 2))], align=1),
    "alignment-type": gguf([kv("general.alignment", 5, u32(32))]),
    "alignment-zero": gguf([kv("general.alignment", 4, u32(0))]),
    "alignment-24": gguf([kv("general.alignment", 4, u32(24))]),
    "alignment-large": gguf([kv("general.alignment", 4, u32(131072))]),
    "name-long": t1(name="n" * 64),
    "name-nul": t1(name="a\0"),
    "name-utf8": t1(name=b"\x80"),
    "name-twice": gguf([], [F32, info("t", [2], 0, 32)], DATA + bytes(24) + DATA),
    "dims-5": t1(ne=(1, 1, 1, 1, 2)),
    "dims-many": gguf([], [text("t") + u32(1 << 31) + bytes(20)], DATA),
    "dims-cut": gguf([], [text("t") + u32(4) + u64(1) * 2], align=1),
    "dim-2-63": t1(ne=(1 << 63,)),
    "dim-product": t1(ne=(1 << 32, 1 << 31)),
    "dim-bytes": t1(ne=(1 << 62,), kind=28),
    "type-removed": t1(kind=4),
    "type-removed-31": t1(ne=(32,), kind=31),
    "tensor-type-unknown": t1(kind=1000),
    "row": t1(ne=(33,), kind=8),
    "row-k": t1(ne=(128, 2), kind=12),
    "offset-unaligned": t1(offset=4),
    "offset-past-end": t1(offset=32),
    "offset-huge": t1(offset=(1 << 64) - 32),
    "data-cut": t1(data=DATA[:7]),
    "data-none": gguf([], [F32], b"", align=1),
    "overlap": gguf([], [F32, info("u", [1], 0, 0)], DATA),
    "overlap-long": gguf([], [info("t", [9], 0, 0), info("u", [1], 0, 32)], DATA * 5),
}


for good, folder, end in ((GOOD_ST, SAFETENSORS, ".safetensors"), (GOOD_GGUF, GGUF, ".gguf")):
    for key, value in good.items():
        save(folder, "good-" + key + end, value)
for bad, folder, end in ((BAD_ST, SAFETENSORS, ".safetensors"), (BAD_GGUF, GGUF, ".gguf")):
    for key, value in bad.items():
        save(folder, "bad-" + key + end, value)

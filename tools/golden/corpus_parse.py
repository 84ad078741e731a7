#!/usr/bin/env python3
"""Makes tests/fuzz/corpus/npz and tests/fuzz/corpus/yaml: small good files (good-*) and malformed
ones (bad-*), each for one rule. The message expected of each stands in tests/unit/parse.c.

Run from the repository root with Python 3 (made with 3.11); only the standard library is used, and
the same files come out each time. Files that are no longer made are not removed.
"""
import os
import struct
import zlib

NPZ = "tests/fuzz/corpus/npz"
YAML = "tests/fuzz/corpus/yaml"
FULL = 0xFFFFFFFF
MIB = 1 << 20


def save(folder, name, data):
    assert len(data) < 4096, name
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


# ---- NPY ------------------------------------------------------------------------------------


def npy(text, data, version=(1, 0), length=None):
    """An NPY member with this header text, padded as numpy does unless `length` is claimed."""
    prefix = 10 if version[0] == 1 else 12
    if length is None:
        text += " " * (-(prefix + len(text) + 1) % 64) + "\n"
        length = len(text)
    size = struct.pack("<H" if version[0] == 1 else "<I", length)
    return b"\x93NUMPY" + bytes(version) + size + text.encode("latin-1") + data


def head(descr="'<f4'", order="False", shape="(3,)"):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)


FLOATS = struct.pack("<3f", 1.0, -2.5, 0.125)
X = npy(head(), FLOATS)


# ---- ZIP ------------------------------------------------------------------------------------


class Member:
    """A member as numpy writes it: stored, 64-bit sizes in the local header. `local` and `central`
    override single fields of the two headers; `raw` replaces the stored bytes."""

    def __init__(self, name=b"x.npy", data=X, method=0, raw=None, local=None, central=None, **both):
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.data = data
        self.raw = raw
        if raw is None:
            self.raw = deflate.compress(data) + deflate.flush() if method == 8 else data
        fields = dict(name=name, need=45, flags=0, method=method, crc=zlib.crc32(data), extra=None,
                      size=len(data), packed=len(self.raw))
        fields.update(both)
        self.local = dict(fields, long=True)
        self.local.update(local or {})
        self.central = dict(fields, long=False, start=None)
        self.central.update(central or {})

    @staticmethod
    def sizes(f):
        """(packed, size, extra field) as they stand in a header."""
        if not f["long"]:
            return f["packed"], f["size"], f["extra"] or b""
        extra = struct.pack("<HHQQ", 1, 16, f["size"], f["packed"])
        return FULL, FULL, extra if f["extra"] is None else f["extra"]


def archive(members, comment=b"", end=None, gap=b"", end64=None, locator=None, long=False):
    """The archive; `end`, `end64` and `locator` override fields of the end records."""
    out = b""
    central = b""
    for m in members:
        start = len(out)
        packed, size, extra = m.sizes(m.local)
        f = m.local
        out += struct.pack("<IHHHHHIIIHH", f.get("sign", 0x04034B50), f["need"], f["flags"],
                           f["method"], 0, 33, f["crc"], packed, size, len(f["name"]), len(extra))
        out += f["name"] + extra + m.raw
        f = m.central
        packed, size, extra = m.sizes(f)
        start = start if f["start"] is None else f["start"]
        if f["long"]:
            extra = struct.pack("<HHQQQ", 1, 24, f["size"], f["packed"], start)
            start = FULL
        central += struct.pack("<IHHHHHHIIIHHHHHII", f.get("sign", 0x02014B50), 45 | 3 << 8,
                               f["need"], f["flags"], f["method"], 0, 33, f["crc"], packed, size,
                               len(f["name"]), len(extra), 0, 0, 0, 0o600 << 16, start)
        central += f["name"] + extra
    central += gap
    where = len(out)
    out += central
    e = dict(disk=0, count=len(members), size=len(central), start=where)
    if long:
        e64 = dict(e, sign=0x06064B50, **{"len": 44})
        e64.update(end64 or {})
        loc = dict(disk=0, start=len(out), parts=1)
        loc.update(locator or {})
        out += struct.pack("<IQHHIIQQQQ", e64["sign"], e64["len"], 45, 45, e64["disk"], 0,
                           e64["count"], e64["count"], e64["size"], e64["start"])
        out += struct.pack("<IIQI", 0x07064B50, loc["disk"], loc["start"], loc["parts"])
        e.update(count=0xFFFF, size=FULL, start=FULL)
    e.update(end or {})
    return out + struct.pack("<IHHHHIIH", 0x06054B50, e["disk"], 0, e["count"], e["count"],
                             e["size"], e["start"], len(comment)) + comment


def good_npz():
    save(NPZ, "good-one.npz", archive([Member()]))
    save(NPZ, "good-deflate.npz", archive([Member(method=8)]))
    save(NPZ, "good-comment.npz", archive([Member()], comment=b"a remark"))
    save(NPZ, "good-long.npz", archive([Member(central=dict(long=True))], long=True))
    save(NPZ, "good-short.npz", archive([Member(local=dict(long=False))]))
    save(NPZ, "good-none.npz", archive([]))
    save(NPZ, "good-version-2.npz", archive([Member(data=npy(head(), FLOATS, (2, 0)))]))
    loose = '{  "shape":( 1,3 ) ,\'fortran_order\' :False,"descr":"<f4"}'
    save(NPZ, "good-loose.npz", archive([Member(data=npy(loose, FLOATS))]))
    kinds = [("f2", "<e", [1.5, -0.25]), ("f4", "<f", [1.5, -0.25]), ("f8", "<d", [1.5, -0.25]),
             ("i1", "<b", [-128, 127]), ("i2", "<h", [-32768, 32767]),
             ("i4", "<i", [-2147483648, 2147483647]), ("i8", "<q", [-(1 << 53), 1 << 53]),
             ("u1", "<B", [0, 255]), ("u2", "<H", [0, 65535]), ("u4", "<I", [0, 4294967295]),
             ("u8", "<Q", [0, 1 << 63]), ("b1", "<B", [0, 1])]
    members = []
    for name, form, values in kinds:
        descr = "'%s%s'" % ("|" if name[1] == "1" else "<", name)
        data = b"".join(struct.pack(form, v) for v in values)
        members.append(Member(b"%s.npy" % name.encode(), npy(head(descr, shape="(2,)"), data)))
    save(NPZ, "good-types.npz", archive(members))
    members = [
        Member(b"scalar.npy", npy(head("'<f8'", shape="()"), struct.pack("<d", 0.1))),
        Member(b"empty.npy", npy(head("'<f8'", shape="(0, 3)"), b"")),
        Member(b"sub/eight.npy", npy(head("'|u1'", shape="(1, 1, 1, 1, 1, 1, 1, 2)"), b"\7\10")),
        Member(b"bad.npy", npy(head(shape="(2, 2)"),
                               struct.pack("<4f", 1, float("nan"), float("inf"), -float("inf")))),
    ]
    save(NPZ, "good-shapes.npz", archive(members))


def bad_archives():
    good = archive([Member()])
    long = dict(central=dict(long=True))
    bad = {
        "empty": b"",
        "text": b"id,score\n1,0.5\n2,0.75\n3,0.125\n",
        "cut": good[: len(good) // 2],
        "cut-last": good[:-1],
        "end-count": archive([Member()], end=dict(count=3)),
        "end-count-less": archive([Member(), Member(b"y.npy")], end=dict(count=1)),
        "end-parts": archive([Member()], end=dict(disk=1)),
        "end-place": archive([Member()], end=dict(start=1)),
        "prefix": b"#!/bin/sh\n" + good,
        "members": archive([Member()], end=dict(count=1001)),
        "central-sign": archive([Member(central=dict(sign=0x02014B51))]),
        "central-gap": archive([Member()], gap=b"PK\1\2 and more"),
        "local-sign": archive([Member(local=dict(sign=0x04034B51))]),
        "local-start": archive([Member(central=dict(start=FULL - 1))]),
        "local-name": archive([Member(local=dict(name=b"y.npy"))]),
        "local-size": archive([Member(local=dict(long=False, size=4))]),
        "local-size-long": archive([Member(local=dict(packed=1 << 40))]),
        "local-crc": archive([Member(local=dict(crc=1))]),
        "local-method": archive([Member(local=dict(method=8))]),
        "streamed": archive([Member(flags=8, local=dict(long=False, size=0, packed=0, crc=0))]),
        "encrypted": archive([Member(flags=1)]),
        "method-lzma": archive([Member(method=14)]),
        "method-zstd": archive([Member(method=93)]),
        "stored-size": archive([Member(size=999)]),
        "data-past-end": archive([Member(size=9999, packed=9999)]),
        "twice": archive([Member(), Member()]),
        "name-absolute": archive([Member(b"/x.npy")]),
        "name-up": archive([Member(b"../x.npy")]),
        "name-backslash": archive([Member(b"a\\x.npy")]),
        "name-nul": archive([Member(b"x\0.npy")]),
        "name-utf8": archive([Member(b"\xff\x1b.npy")]),
        "name-empty": archive([Member(b"")]),
        "name-control": archive([Member(b"\x1b[2J\xe2\x80\xae.npy", b"not an array")]),
        "not-array": archive([Member(b"readme.txt", b"hello")]),
        "extra-end": archive([Member(central=dict(extra=b"\1\0\xff\0"))]),
        "extra-twice": archive([Member(central=dict(extra=b"\1\0\0\0" * 2))]),
        "extra-missing": archive([Member(local=dict(extra=b""))]),
        "checksum": archive([Member(crc=1)]),
        "deflate": archive([Member(method=8, raw=b"\xff" * 40)]),
        "deflate-more": archive([Member(method=8, size=len(X) - 4)]),
        "deflate-less": archive([Member(method=8, size=len(X) + 4)]),
        "ratio": archive([Member(method=8, size=64 * MIB + 1)]),
        "ratio-not-yet": archive([Member(method=8, size=64 * MIB)]),
        "expanded-not-yet": archive([Member(method=8, size=8 << 30, **long)]),
        "expanded": archive([Member(method=8, size=(8 << 30) + 1, **long)]),
        "long-place": archive([Member(**long)], long=True, locator=dict(start=7)),
        "long-sign": archive([Member(**long)], long=True, end64=dict(sign=0)),
        "long-differs": archive([Member(**long)], long=True, end=dict(count=2)),
        "long-parts": archive([Member(**long)], long=True, locator=dict(parts=2)),
        "long-members": archive([Member(**long)], long=True, end64=dict(count=1 << 60)),
        "long-size": archive([Member(**long)], long=True, end64=dict(size=FULL << 32)),
    }
    inner = archive([Member(b"y.npy")])
    inner = inner[: inner.index(b"PK\1\2")]
    outer = Member(b"x.npy", b"\0" * 8 + inner)
    nested = Member(b"y.npy", central=dict(start=30 + 5 + 20 + 8))
    bad["overlap"] = archive([outer, nested])
    for name, data in bad.items():
        save(NPZ, "bad-%s.npz" % name, data)


def bad_arrays():
    plain = "{'descr': '<f4', 'fortran_order': False, 'shape': "
    bad = {
        "magic": b"\x93NUMPX" + X[6:],
        "short": b"\x93NUM",
        "version": npy(head(), FLOATS, (3, 0)),
        "version-minor": npy(head(), FLOATS, (1, 1)),
        "length": npy(head(), FLOATS, length=9999),
        "length-cut": b"\x93NUMPY\2\0\x10\0",
        "object": npy(head("'|O'"), b"(lp0\n."),
        "big-endian": npy(head("'>f4'"), FLOATS),
        "text": npy(head("'<U4'"), b"\0" * 48),
        "complex": npy(head("'<c8'"), b"\0" * 24),
        "long-double": npy(head("'<f16'"), b"\0" * 48),
        "records": npy(head("[('a', '<f4')]"), FLOATS),
        "order": npy(head(order="True", shape="(3, 1)"), FLOATS),
        "order-word": npy(head(order="Falsy"), FLOATS),
        "dims": npy(head(shape="(1, 1, 1, 1, 1, 1, 1, 1, 3)"), FLOATS),
        "key-unknown": npy("{'descr': '<f4', 'fortran_order': False, 'shape\x1b': (3,)}", FLOATS),
        "key-twice": npy("{'descr': '<f4', 'descr': '<f4', 'shape': (3,)}", FLOATS),
        "key-missing": npy("{'descr': '<f4', 'fortran_order': False}", FLOATS),
        "no-dict": npy("['<f4', False, (3,)]", FLOATS),
        "no-comma": npy("{'descr': '<f4' 'fortran_order': False}", FLOATS),
        "no-colon": npy("{'descr' '<f4'}", FLOATS),
        "escape": npy("{'descr': '<f\\x34'}", FLOATS),
        "quote": npy("{'descr': '<f4", FLOATS, length=14),
        "expression": npy(plain + "(1+2,)}", FLOATS),
        "call": npy(plain + "__import__('os').system('true')}", FLOATS),
        "shape-number": npy(plain + "3}", FLOATS),
        "shape-plain": npy(plain + "(3)}", FLOATS),
        "shape-negative": npy(plain + "(-3,)}", FLOATS),
        "shape-long": npy(plain + "(3L,)}", FLOATS),
        "shape-float": npy(plain + "(3.0,)}", FLOATS),
        "shape-zero": npy(plain + "(03,)}", FLOATS),
        "shape-commas": npy(plain + "(1,,3)}", FLOATS),
        "shape-huge": npy(plain + "(18446744073709551616,)}", FLOATS),
        "shape-product": npy(plain + "(4294967296, 4294967296, 3)}", FLOATS),
        "shape-bytes": npy(plain + "(4611686018427387907,)}", FLOATS),
        "trailing": npy(head() + " 0", FLOATS),
        "newline": npy(head(), FLOATS, length=len(head())),
        "data-less": npy(head(), FLOATS[:-1]),
        "data-more": npy(head(), FLOATS + b"\0"),
        "bool": npy(head("'|b1'"), b"\0\1\2"),
        "too-exact": npy(head("'<i8'"), struct.pack("<3q", 1, -2, (1 << 53) + 1)),
    }
    for name, data in bad.items():
        save(NPZ, "bad-npy-%s.npz" % name, archive([Member(data=data)]))
    wide = npy(head() + " " * 70000, FLOATS, (2, 0))
    save(NPZ, "bad-npy-header.npz", archive([Member(data=wide, method=8)]))


# ---- YAML -----------------------------------------------------------------------------------

GOOD_YAML = {
    "plan": """# a plan
schema: assay.plan/1
seed: 0123
arms:
  - name: base
    model: /models/a b
  - {name: tuned, "model": 'it''s', }
checks: [power, aa]
notes: |
  first
    second
folded: >-
  one
  line
""",
    "texts": """a: no
b: off
c: 12:30
d: 0x1F
e: 1e-5
f: ~
g:
h: null
i: ""
j: "tab\\t\\u00e9\\U0001F600"
k: !!str 5
l: !!map {m: !!seq [x]}
n: =
""",
    "json": '{"schema": "assay.plan/1", "n": 12, "x": [1.5, true, null, "\\u00e9\\/"], "o": {}}\n',
    "anchors": """base: &base {n: 4, at: [1, 2]}
again: *base
list: [*base, &text word, *text]
""",
    "include": """include: [part-a.yaml, part-b.yaml]
seed: 1
""",
    "bom": "\ufeffschema: x\n",
    "marks": "%YAML 1.1\n---\na: 1\n...\n",
}

# Files that others include; good by themselves.
PARTS = {
    "part-a": "seed: 2\nfrom: a\nonly_a: {k: v}\n",
    "part-b": "from: b\ninclude: [part-c.yaml]\n",
    "part-c": "from: c\nonly_c: 1\n",
}

BAD_YAML = {
    "empty": "",
    "comment": "# nothing\n\n",
    "marker": "---\n",
    "list": "- a\n- b\n",
    "text": "just words\n",
    "twice": "seed: 1\narms: []\nseed: 2\n",
    "twice-below": "arms:\n  - name: a\n    name: b\n",
    "twice-escaped": 'abc: 1\n"\\x61bc": 2\n',
    "twice-flow": "{a: 1, b: {c: 1, c: 2}}\n",
    "second": "a: 1\n---\nb: 2\n",
    "tag-own": "a: !secret b\n",
    "tag-python": "a: !!python/object/apply:os.system [true]\n",
    "tag-int": "a: !!int 5\n",
    "tag-kind": "a: !!map [1]\n",
    "tag-bare": "a: ! b\n",
    "tag-key": "!!int 5: b\n",
    "anchor-twice": "a: &x 1\nb: &x 2\n",
    "anchor-key": "&x a: 1\n",
    "alias-none": "a: *nowhere\n",
    "alias-inside": "a: &x\n  b: [*x]\n",
    "alias-key": "a: &x k\n*x : 2\n",
    "alias-deep": "".join(["a0: &a0 []\n"] + ["a%d: &a%d [*a%d]\n" % (k, k, k - 1)
                                            for k in range(1, 64)]),
    "alias-nodes": "".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]\n"] +
                           ["a%d: &a%d [%s]\n" % (k, k, ", ".join(["*a%d" % (k - 1)] * 9))
                            for k in range(1, 9)]),
    "key-list": "? [a, b]\n: 1\n",
    "key-map": "{a: 1}: 2\n",
    "key-merge": "a: &x {b: 1}\nc:\n  <<: *x\n",
    "key-empty": '"": 1\n',
    "nul-escape": 'a: "b\\0c"\n',
    "nul-key": '"a\\0b": 1\n',
    "control": "a: b\x07\n",
    "depth-flow": "a: " + "[" * 64 + "]" * 64 + "\n",
    "depth-block": "".join(" " * k + "a:\n" for k in range(65)) + " " * 65 + "b\n",
    "depth-items": "a: \n" + "- " * 64 + "b\n",
    "depth-mixed": "{a: [" * 33 + "]}" * 33 + "\n",
    "tab": "a:\n\tb: 1\n",
    "quote": "a: 'never closed\nb: 1\n",
    "flow": "a: [1, 2\nb: 3\n",
    "indent": "a:\n    b: 1\n  c: 2\n",
    "escape": 'a: "\\q"\n',
    "surrogate": 'a: "\\ud800"\n',
    "colon": "a: b: c\n",
    "at": "a: @b\n",
    "directive": "%YAML 3.0\n---\na: 1\n",
    "extra-close": "a: 1]\nb: }\n",
    "json-open": '{"a": 1, "b": ',
    "include-text": "include: part-a.yaml\n",
    "include-item": "include:\n  - {file: part-a.yaml}\n",
    "include-absolute": "a: 1\ninclude: [/etc/passwd]\n",
    "include-up": "a: 1\ninclude: [../part-a.yaml]\n",
    "include-empty": "a: 1\ninclude: ['']\n",
    "include-none": "a: 1\ninclude: [nowhere.yaml]\n",
    "include-folder": "a: 1\ninclude: ['.']\n",
    "include-self": "include: [bad-include-self.yaml]\n",
    "include-cycle": "include: [bad-include-back.yaml]\n",
    "include-back": "include: [bad-include-cycle.yaml]\n",
    "include-bad": "include: [part-a.yaml, bad-twice.yaml]\n",
    "include-list": "include: [bad-list.yaml]\n",
    "include-long": "include: [chain-1.yaml]\n",
}

BAD_YAML_BYTES = {
    "nul": b"a: b\nc: \0d\n",
    "utf8": b"a: b\nc: \xc3\xa9 \xff\n",
    "utf8-overlong": b"a: \xc0\xaf\n",
    "utf8-surrogate": b"a: \xed\xa0\x80\n",
    "utf8-cut": b"a: \xe2\x82",
    "utf16": "a: 1\n".encode("utf-16"),
    "latin1": "a: caf\u00e9\n".encode("latin-1"),
}


def yaml():
    for name, text in GOOD_YAML.items():
        save(YAML, "good-%s.yaml" % name, text.encode())
    for name, text in PARTS.items():
        save(YAML, "%s.yaml" % name, text.encode())
    for name, text in BAD_YAML.items():
        save(YAML, "bad-%s.yaml" % name, text.encode())
    for name, data in BAD_YAML_BYTES.items():
        save(YAML, "bad-%s.yaml" % name, data)
    # chain-1 includes chain-2, and so on to chain-9, which includes nothing: eight files below
    # chain-1 is the most that a plan may have.
    for k in range(1, 10):
        below = "include: [chain-%d.yaml]\n" % (k + 1) if k < 9 else ""
        save(YAML, "chain-%d.yaml" % k, (below + "k%d: x\nlast: %d\n" % (k, k)).encode())


if __name__ == "__main__":
    for folder in NPZ, YAML:
        os.makedirs(folder, exist_ok=True)
    good_npz()
    bad_archives()
    bad_arrays()
    yaml()

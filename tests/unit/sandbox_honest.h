/* Programs that are right in an odd way. */
#ifndef SANDBOX_HONEST_H
#define SANDBOX_HONEST_H

#define TEN "def check(c):\n    assert c(4) == 10\n    assert c(0) == 0\n"

static const struct {
    const char *program, *test;
} honest[] = {
    {"def f(n):\n    return n * (n + 1) // 2\n", TEN},
    {"f = lambda n: sum(range(n + 1))\n", TEN},
    {"def f(n):\n    return n + f(n - 1) if n else 0\n", TEN},
    {"class F:\n    def __call__(self, n):\n        return sum(range(n + 1))\nf = F()\n", TEN},
    {"from functools import lru_cache, reduce\n@lru_cache(None)\ndef f(n):\n    return "
     "reduce(lambda "
     "a, b: a + b, range(n + 1), 0)\n",
     TEN},
    {"import math, re, json, itertools, collections, string, heapq, bisect, statistics, copy\ndef "
     "f(n):\n"
     "    return math.comb(n + 1, 2)\n",
     TEN},
    {"import random\ndef f(n):\n    x = list(range(n + 1))\n    random.shuffle(x)\n    return "
     "sum(x)\n",
     TEN},
    {"from typing import List, Optional\ndef f(n: int) -> int:\n    x: List[int] = [*range(n + "
     "1)]\n    "
     "return sum(x)\n",
     TEN},
    {"from dataclasses import dataclass\n@dataclass\nclass P:\n    n: int\ndef f(n):\n    return "
     "sum(range(P(n).n + 1))\n",
     TEN},
    {"def f(n):\n    def g():\n        yield from range(n + 1)\n    return sum(g())\n", TEN},
    {"total = 0\ndef f(n):\n    global total\n    total = 0\n    for i in range(n + 1):\n        "
     "total += "
     "i\n    return total\n",
     TEN},
    {"import threading\ndef f(n):\n    out = []\n    t = threading.Thread(target=lambda: "
     "out.append(sum(range(n + 1))))\n    t.start()\n    t.join()\n    return out[0]\n",
     TEN},
    {"import tempfile\ndef f(n):\n    with tempfile.TemporaryFile('w+') as t:\n        "
     "t.write(str(sum(range(n + 1))))\n        t.seek(0)\n        return int(t.read())\n",
     TEN},
    {"import os\ndef f(n):\n    r, w = os.pipe()\n    if os.fork() == 0:\n        os.write(w, "
     "str(sum(range(n + 1))).encode())\n        os._exit(0)\n    os.wait()\n    return "
     "int(os.read(r, "
     "99))\n",
     TEN},
    {"import sys\nsys.setrecursionlimit(5000)\ndef f(n):\n    return n + f(n - 1) if n > 0 else "
     "0\n",
     TEN},
    {"def f(n):\n    print('thinking', n)\n    return sum(range(n + 1))\n\nif __name__ == "
     "'__main__':\n    print(f(int(input())))\n",
     TEN},
    {"import time\nfrom datetime import datetime\ndef f(n):\n    time.sleep(0.01)\n    return "
     "sum(range(n + 1)) + 0 * datetime.now().year\n",
     TEN},
    {"from fractions import Fraction\nfrom decimal import Decimal\ndef f(n):\n    return "
     "Fraction(n * (n "
     "+ 1), 2)\n",
     TEN},
    {"import numbers, operator\nfrom enum import IntEnum\nclass E(IntEnum):\n    A = 10\n    B = "
     "0\ndef "
     "f(n):\n    return E.A if n else E.B\n",
     TEN},
    {"def f(n):\n    try:\n        raise ValueError(n)\n    except ValueError as e:\n        "
     "return "
     "sum(range(e.args[0] + 1))\n",
     TEN},
    {"exec('def f(n):\\n    return sum(range(n + 1))')\n", TEN},
    {"\xef\xbb\xbf# caf\xc3\xa9\ndef f(n):\n\tr\xc3\xa9sultat = sum(range(n + 1))\n\treturn "
     "r\xc3\xa9sultat\n",
     TEN},
    {"def f(s):\r\n    return s[::-1]\r\n", "def check(c):\n    assert c('h\\xe9\\u4f60') == "
                                            "'\\u4f60\\xe9h'\n    assert c('') == ''\n"},
    {"from collections import Counter, OrderedDict, defaultdict\ndef f(s):\n    d = "
     "defaultdict(int)\n    "
     "d.update(Counter(s))\n    return d\n",
     "def check(c):\n    assert c('aab') == {'a': 2, 'b': 1}\n    assert type(c('')) is dict\n"},
    {"from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(x, *, y=2):\n    "
     "return P(x, "
     "y)\n",
     "def check(c):\n    assert c(1, y=3) == (1, 3)\n    assert c(1) == (1, 2)\n"},
    {"def f(x):\n    x.append(1)\n    return x\n",
     "def check(c):\n    a = [0]\n    assert c(a) == [0, 1]\n    assert a == [0]\n"},
};

#endif

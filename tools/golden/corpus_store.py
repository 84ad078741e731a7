"""Makes tests/fuzz/corpus/store from a small store: corpus_store.py STORE.db (Python 3.11, SQLite 3.40).

STORE.db is any store of a few rows, such as that of a plan with one table of two items and one check. It is
packed into pages of 512 bytes; the other files are that one, damaged in one way each."""

import pathlib
import shutil
import sqlite3
import sys

out = pathlib.Path("tests/fuzz/corpus/store")
out.mkdir(parents=True, exist_ok=True)
good = out / "good.db"
shutil.copyfile(sys.argv[1], good)
db = sqlite3.connect(good, isolation_level=None)
for statement in ("pragma journal_mode=delete", "pragma page_size=512", "vacuum"):
    db.execute(statement)
db.close()

whole = good.read_bytes()


def put(name, data):
    (out / name).write_bytes(data)


put("cut.db", whole[: len(whole) // 2])
put("newer.db", whole[:60] + (99).to_bytes(4, "big") + whole[64:])
put("foreign.db", whole[:68] + b"\0\0\0\0" + whole[72:])
put("page.db", whole[: 512 * 9] + bytes(512) + whole[512 * 10 :])
put("key.db", whole.replace(b"say2", b"said", 1))
put("empty.db", b"")
put("header.db", whole[:100])

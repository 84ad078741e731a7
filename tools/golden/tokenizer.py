#!/usr/bin/env python3
"""Makes tests/golden/tokenizer/: small tokenizers of the four known pipelines, one of characters
without byte tokens, texts, and what the reference library makes of them.

    NAME.json    a tokenizer.json, trained here on text made here
    texts.jsonl  {"text": ...}, the same texts for all
    NAME.jsonl   a row for each text: {"ids": [...]} with added tokens cut out; "plain" without, where
                 that differs; "decoded" where it differs from the text

Made with tokenizers 0.23.3, Python 3.11. Usage: tokenizer.py [DIR]
"""
import json
import os
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, trainers

QWEN3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
         r"\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|"
          r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
MARK = "\u2581"

SENTENCES = """The kettle sings before the cook has found a cup.
She didn't say they'd come, but we're sure that it's what they've meant; I'll wait, I'm patient.
A model answers 42 of 1,000 questions, or 4.2% - and 0x2A again in hex.
Le thé est déjà froid, où êtes-vous passés? Ça suffit, Zoë!
Die Größe der Übung überraschte schließlich alle Gäste im Café.
El niño comió una manzana; ¿quién preguntó mañana?
Чайник поёт на плите, а повар ищет чашку.
Ο βραστήρας σφυρίζει και ο μάγειρας ψάχνει.
水壶在炉子上唱歌，厨师还在找杯子。你好，世界！
やかんが歌う前に、料理人は茶碗を探しています。
주전자가 노래하고 요리사는 잔을 찾습니다.
הקומקום שר על האש והטבח מחפש ספל.
الإبريق يغني على النار والطاهي يبحث عن كوب.
चाय की केतली गा रही है और रसोइया प्याला ढूँढ रहा है।
กาน้ำร้องเพลงบนเตา และพ่อครัวหาถ้วย
Ấm nước đang reo và đầu bếp tìm chiếc cốc.
def boil(water, minutes=3):\n    return [w for w in water if w.temp > 100]\n
{"name": "tea", "steps": [1, 2, 3], "hot": true}\r\n
| a | b |\n|---|---|\n| 1 | 2 |\n\n\n* one\n* two\n
"""

# what stands between: (special, text)
ADDED = [(True, "<|endoftext|>"), (True, "<|im_start|>"), (True, "<|im_end|>"), (False, "<think>"),
         (False, "</think>"), (False, "<tool_call>"), (True, "<|im_start|>x"), (False, "[[e\u0301]]")]
ADDED_GEMMA = [(True, "<pad>"), (True, "<eos>"), (True, "<bos>"), (True, "<unk>"), (True, "<mask>"),
               (True, "<|turn>"), (True, "<turn|>"), (False, "<|channel>"), (False, "<table>")]


def corpus():
    """About 200 kB: the sentences, and words of theirs in random order."""
    rng = random.Random(7)
    sentences = [s.replace("\\n", "\n").replace("\\r", "\r") for s in SENTENCES.splitlines()]
    words = " ".join(sentences).split(" ")
    lines = sentences * 12
    for _ in range(2500):
        lines.append(" ".join(rng.choice(words) for _ in range(rng.randint(3, 16))))
    return lines


def byte_level(split, normalizer, prior, added, size):
    t = Tokenizer(models.BPE())
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre_tokenizers.Sequence(split)
    t.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=[x for s, x in added if s] if prior else [])
    t.train_from_iterator(corpus(), trainer)
    for special, text in added:
        token = AddedToken(text, special=special, normalized=False)
        t.add_special_tokens([token]) if special else t.add_tokens([token])
    return json.loads(t.to_str())


def qwen(pattern, size):
    split = [pre_tokenizers.Split(Regex(pattern), "isolated", invert=False),
             pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)]
    return byte_level(split, normalizers.NFC(), False, ADDED, size)


def smollm2():
    split = [pre_tokenizers.Digits(individual_digits=True),
             pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)]
    return byte_level(split, None, True, ADDED[:3], 700)


def spaced(added, size, with_bytes, crossing):
    """Characters: trained with cuts before U+2581 (unless crossing), then put into Gemma's shape."""
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=with_bytes))
    t.normalizer = normalizers.Replace(" ", MARK)
    t.pre_tokenizer = (pre_tokenizers.Split(Regex(".{1,40}"), "isolated") if crossing
                       else pre_tokenizers.Split(MARK, "merged_with_next"))
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, limit_alphabet=120,
                                  initial_alphabet=[MARK, "\n"])
    t.train_from_iterator(corpus(), trainer)
    t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    t.decoder = decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(),
                                   decoders.Fuse()])
    d = json.loads(t.to_str())
    old = sorted(d["model"]["vocab"], key=d["model"]["vocab"].get)
    texts = [x for _, x in added] + (["<0x%02X>" % b for b in range(256)] if with_bytes else [])
    runs = [("\n", "\n"), ("\n\n", "\n"), ("\n\n", "\n\n"), (MARK, MARK), (MARK * 2, MARK * 2)]
    for text in [a + b for a, b in runs] + old:
        if text not in texts:
            texts.append(text)
    known = {tuple(m) for m in d["model"]["merges"]}
    d["model"]["merges"] += [list(m) for m in runs if m not in known]
    d["model"]["vocab"] = {x: i for i, x in enumerate(texts)}
    d["added_tokens"] = [dict(id=i, content=x, single_word=False, lstrip=False, rstrip=False,
                              normalized=False, special=s) for i, (s, x) in enumerate(added)]
    return d


def families():
    return {"qwen3": qwen(QWEN3, 640), "qwen35": qwen(QWEN35, 700), "smollm2": smollm2(),
            "gemma4": spaced(ADDED_GEMMA, 640, True, False),
            "unknown": spaced(ADDED_GEMMA[:4], 500, False, True)}


def small(tokenizer, n):
    """The first n entries of a vocabulary, for the tiny models' 512 rows; added tokens follow."""
    model = tokenizer["model"]
    vocab = {t: i for t, i in sorted(model["vocab"].items(), key=lambda x: x[1]) if i < n}
    pairs = [m if isinstance(m, list) else m.split(" ") for m in model["merges"]]
    model["vocab"] = vocab
    model["merges"] = [m for m in pairs if m[0] in vocab and m[1] in vocab and "".join(m) in vocab]
    for i, token in enumerate(tokenizer["added_tokens"]):
        token["id"] = n + i
    return tokenizer


# --- texts -----------------------------------------------------------------------------------

ATOMS = """ |  |   |\\n|\\n\\n|\\r\\n|\\r|\\t| \\n| \\t |\\u00a0|\\u3000|\\u2003|\\u2028|\\u0085|\\u1680|\\u180e|\\u200b|\\ufeff
|'s|'S|'t|'re|'VE|'m|'ll|'LL|'d|'D|'\\u017f|'x|\\u2019s|it's|IT'S|don't|''|'
|a|b|I|the| the| The|word|hello|Hello|WORLD|cup|x|naïve|é|e\\u0301|E\\u0323\\u0302|a\\u0328\\u0301|\\u212b|\\u2126|\\uac00|\\u1100\\u1161|\\u1100\\u1161\\u11a8|\\u0344|\\u0958|\\u2adc|\\ufb1d|ﬁ|ß|ſ|İ|ı|Ǆ
|0|1|12|123|4567|3.14|1,000|-5|٣|४२|Ⅷ|½|²|①|零|〇|𝟘|\\U00010d40|\\U00016ff4|\\U00011de0
|.|,|!|?|;|:|...|--|—|(|)|[|]|{|}|/|\\\\|"|`|~|@|#|$|%|^|&|*|_|+|=|<|>|->|!=|==
|你好|世界|，|。|日本語|かな|カナ|주전자|한국|чай|Ελλ|שלום|שָׁ|مرحبا|مَ|हिन्दी|क्ष|ไทย|น้ำ|Ấm|\\u31350|\\U00031350|\\U0002ebf0
|🙂|👍🏽|👩\\u200d👩\\u200d👧|🇩🇪|🏴\\U000e0067\\U000e007f|❤\\ufe0f|1\\ufe0f\\u20e3|\\u0301|\\u0300\\u0323|\\u0345|\\u20d0|\\u0897
|\\ue000|\\uf8ff|\\U000f0000|\\U0010ffff|\\ud7ff|\\ufdd0|\\uffff|\\ufffd|\\u0001|\\u007f|\\u0080|\\u009f|▁|▁▁|\\u2581a
|<|endoftext|>|<think>|</think>|<thin|k>|<tool_call>|<pad>|<eos>|<bos>|<unk>|<mask>|<table>|<0x41>|<0xE4>|[[é]]|[[e\\u0301]]"""

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_start|>x", "<|im_start|", "<|turn>",
           "<turn|>", "<|channel>", "<<|im_end|>>", "<|im_<|im_end|>start|>", "<|IM_END|>"]


def atoms():
    out = []
    for line in ATOMS.split("\n"):
        for a in line.split("|"):
            a = a.replace("\\u31350", "\U00031350")
            if a:
                out.append(a.encode("ascii", "backslashreplace").decode("unicode_escape")
                           if "\\" in a else a)
    return out + CONTROL


def picked_texts():
    """500 texts that have reasons."""
    rng = random.Random(11)
    a = atoms()
    texts = ["", *a]
    texts += [s.replace("\\n", "\n").replace("\\r", "\r") for s in SENTENCES.splitlines()]
    for c in [" ", "\n", "\t", "a", "A", "1", "!", "é", "e\u0301", "\u0301", "你", "🙂", "\u00a0",
              "▁", "\r\n", " \n", "'s", "\u200d", "<", "=", "\x01", "ab", "the "]:
        texts += [c * 2, c * 17, c * 60, c * 5 + "x", "x" + c * 4 + "y", " " + c * 3 + " "]
    texts += ["e" + "\u0301\u0323" * 20, "a" + "\u0323\u0301" * 40, "<|im_start|>user\nHi<|im_end|>\n",
              "<bos><|turn>user\nHi<turn|>\n<|turn>model\n", "<think>\n\n</think>\n\nHello.",
              "  indented\n    more\n\tcode\r\n", "end   ", "   start", "a  b   c    d", "12 34  56"]
    while len(texts) < 500:
        texts.append("".join(rng.choice(a) for _ in range(rng.randint(2, 6))))
    return texts[:500]


def random_texts(n, seed, most=24):
    """Mostly words and their neighbours, some of any code point."""
    rng = random.Random(seed)
    a = atoms()
    words = SENTENCES.replace("\\n", "\n").replace("\\r", "\r").split(" ")
    out = []
    for _ in range(n):
        t = ""
        size = rng.randint(1, most)
        while len(t) < size:
            k = rng.random()
            if k < 0.35:
                t += rng.choice(words) + rng.choice(["", " ", " ", "  ", "\n"])
            elif k < 0.75:
                t += rng.choice(a)
            elif k < 0.85:
                t += chr(rng.randint(1, 0x2ff))  # no NUL: JSON texts of ours hold none
            elif k < 0.95:
                t += chr(rng.choice([rng.randint(0x300, 0xd7ff), rng.randint(0xe000, 0xffff)]))
            else:
                t += chr(rng.randint(0x10000, 0x10ffff))
        out.append(t)
    return out


def references(tokenizer):
    """(with added tokens, without) of one tokenizer.json object."""
    bare = dict(tokenizer, added_tokens=[])
    return Tokenizer.from_str(json.dumps(tokenizer)), Tokenizer.from_str(json.dumps(bare))


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else "tests/golden/tokenizer"
    os.makedirs(out, exist_ok=True)
    texts = picked_texts() + random_texts(300, 5)

    def rows(name, values):
        with open(os.path.join(out, name), "w", encoding="utf-8") as f:
            for v in values:
                f.write(json.dumps(v, ensure_ascii=False, separators=(",", ":")) + "\n")

    rows("texts.jsonl", ({"text": t} for t in texts))
    with open(os.path.join(out, "small.json"), "w", encoding="utf-8") as f:
        json.dump(small(families()["qwen3"], 480), f, ensure_ascii=False)
    for name, d in families().items():
        with open(os.path.join(out, name + ".json"), "w", encoding="utf-8") as f:
            json.dump(d, f, ensure_ascii=False, separators=(",", ":"))
            f.write("\n")
        marked, plain = references(d)
        values = []
        for t in texts:
            ids = marked.encode(t, add_special_tokens=False).ids
            bare = plain.encode(t, add_special_tokens=False).ids
            text = marked.decode(ids, skip_special_tokens=False)
            values.append({"ids": ids} | ({"plain": bare} if bare != ids else {})
                          | ({"decoded": text} if text != t else {}))
        rows(name + ".jsonl", values)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the data of examples/first and examples/tour: invented answers about kitchen work, small
enough to read. Every random choice comes from one seeded generator. Made with Python 3.11 and
numpy 2.4.6. Run from the repository's root."""
import json
import os

import numpy as np

rng = np.random.default_rng(7)


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        if path.endswith(".jsonl"):
            for row in value:
                f.write(json.dumps(row, ensure_ascii=False) + "\n")
        else:
            json.dump(value, f, ensure_ascii=False, indent=1)
            f.write("\n")


# --- first: 40 tasks, two arms ----------------------------------------------------------------
# 12 solved by both, 2 by the base alone, 14 by the tuned model alone, 12 by neither
outcome = [(1, 1)] * 12 + [(1, 0)] * 2 + [(0, 1)] * 14 + [(0, 0)] * 12
rng.shuffle(outcome)
base = [{"task": f"task/{i:02d}", "passed": bool(b)} for i, (b, _) in enumerate(outcome)]
tuned = [{"task": f"task/{i:02d}", "passed": bool(t)} for i, (_, t) in enumerate(outcome)]
write("examples/first/data/base.json", base)
write("examples/first/data/tuned.json", [tuned[i] for i in rng.permutation(40)])

# --- tour -------------------------------------------------------------------------------------
TOPICS = {
    "eggs": ["poaching eggs", "boiling quail eggs", "whisking meringue", "folding omelette",
             "curdled hollandaise", "scrambled eggs"],
    "meat": ["resting steak", "searing duck breast", "braising oxtail", "brining chicken",
             "rendering bacon", "carving roast lamb"],
    "bread": ["proofing sourdough", "kneading brioche", "scoring baguettes", "flat focaccia",
              "stale rye bread", "pizza dough"],
    "greens": ["blanching spinach", "wilted lettuce", "roasting fennel", "bitter endive",
               "steaming broccoli", "pickling cabbage"],
}
FRESH = ["salting aubergine", "toasting cumin", "melting chocolate", "tempering curry leaves",
         "peeling chestnuts", "frying plantain", "simmering lentils", "grating nutmeg",
         "shucking oysters", "curing salmon", "churning butter", "reducing stock",
         "zesting lemons", "soaking beans", "pitting cherries", "chilling pastry",
         "caramelising onions", "straining yoghurt", "rolling gnocchi", "opening clams"]
HEDGES = ["Perhaps", "It may help to", "Possibly"]


def respond(topic, delivery, whole):
    text = f"For {topic}, keep the heat low and watch the time closely"
    if delivery == "hedge":
        text = f"{HEDGES[rng.integers(3)]} keep the heat low: {topic} might need more time"
    return text + ("." if whole else " and then add a little")


def item(i, family, topic, right_share, assert_right, assert_wrong):
    claims = int(rng.integers(3, 6))
    hits = int(rng.binomial(claims, right_share))
    correct = 2 * hits >= claims
    delivery = "assert" if rng.random() < (assert_right if correct else assert_wrong) else "hedge"
    grade = int(np.clip(rng.normal(4 if correct else 3, 1), 1, 5).round())
    return {"id": f"q{i:02d}", "family": family, "topic": topic,
            "prompt": f"What matters most when {topic}?",
            "response": respond(topic, delivery, rng.random() < 0.8),
            "coverage": round(hits / claims, 4), "delivery": delivery,
            "judge": {"grade": None if i == 5 else grade,
                      "patience": int(rng.integers(1, 6))}}


topics = [(f, t) for f, ts in TOPICS.items() for t in ts]
answers = [item(i, f, t, 0.55, 0.9, 0.6) for i, (f, t) in enumerate(topics)]
fresh = [item(i, "fresh", t, 0.4, 0.9, 0.8) for i, t in enumerate(FRESH)]
write("examples/tour/data/answers.json",
      {"judge": "example/judge-1", "items": answers})
write("examples/tour/data/fresh.jsonl", fresh)

# Scores of another tool, in another order: joined by content, not by position.
write("examples/tour/data/styles.json",
      [{"prompt": answers[i]["prompt"], "before": int(rng.integers(0, 3)),
        "after": int(rng.integers(1, 3))} for i in rng.permutation(len(answers))])

# Figures that were already aggregated.
write("examples/tour/data/figures.json", {
    "axes": {"grade": {"auc": 0.6, "pos": 12, "neg": 8, "parts": [0.5, 0.25, 0.125, 0.0625]},
             "patience": {"auc": 0.46875, "pos": 12, "neg": 8, "parts": [0.4, 0.3, 0.2, 0.1]}},
    "rates": {"before": 95.8, "after": 95.4},
})

# Vectors of three numbers; the first one follows the label on the evaluation rows only.
label = np.array([a["coverage"] >= 0.5 for a in answers])
x = rng.normal(size=(len(answers), 3)) + np.outer(label, [1.5, 0, 0])
y = rng.normal(size=(len(fresh), 3)) + [0, 0.5, 0]
np.savez("examples/tour/data/states.npz", eval=x.astype("<f4"), fresh=y.astype("<f4"))

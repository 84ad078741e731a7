/* Models, sets and steps that are wrong in one place each, with the message. A case is one
 * replacement in the plan below. */
#ifndef STUDY_BAD_H
#define STUDY_BAD_H

static const char study_good[] =
    "models: {m: model}\n"
    "sets:\n"
    "  S: {task: chef, data: /data, set: S, n: 3}\n"
    "  H: {task: chef, data: data, set: H, seed: 4}\n"
    "steps:\n"
    "  ask: {do: answer, model: m, set: S, judges: [claims, delivery], read: [h_last, heads], "
    "ladder: [2, 5], budget: 9, arms: {base: base, told: {system: be brief, treats: [system]}}}\n"
    "  top: {do: heads, from: ask.base, k: 2}\n"
    "  way: {do: direction, from: ask.told, reading: h_last, layer: 1}\n"
    "  sure: {do: probe, from: ask.base}\n"
    "  gate: {do: gate, from: ask.told, probe: sure}\n"
    "  gold: {do: distil, from: ask.base@2, voice: mimic, share: 1/4, types: [1, 3]}\n"
    "  sft: {do: train, model: m, data: [gold], seeds: [3, 1], settings: {epochs: 2, lora: {rank: "
    "2}}}\n"
    "  more: {do: train, with: dpo, model: m, data: gold, start: sft, seeds: [1, 2], settings: "
    "{dpo: {beta: 0.2}, lora: {rank: 2}}}\n"
    "  then: {do: answer, model: m, set: H, judges: claims, arms: {a: '[lora: {sft.1}, temper: "
    "{top.top}=0.5]'}}\n"
    "  paste: {do: transplant, from: ask.told, onto: gate.gated}\n";

typedef struct {
    const char *from, *to, *says;
} study_case;

static const study_case study_cases[] = {
    {"models: {m: model}", "models: [m]",
     "p.yaml:1:1: models: kind (found a list, expected a mapping)"},
    {"models: {m: model}", "models: {m/n: model}",
     "p.yaml:1:15: models.m/n: name (found m/n, expected letters, digits, - and _)"},
    {"models: {m: model}", "models: {m: [model]}",
     "p.yaml:1:10: models.m: kind (found a list, expected a value)"},
    {"task: chef", "tisk: chef", "p.yaml:3:13: sets.S.tisk: unknown key (did you mean \"task\"?)"},
    {"task: chef, ", "", "p.yaml:3:3: sets.S: task (found nothing, expected a text)"},
    {"task: chef", "task: chess",
     "p.yaml:3:13: sets.S.task: task (found chess, expected one of `assay list tasks`; nearest: "
     "chef)"},
    {"set: S, n: 3", "set: R, n: 3",
     "p.yaml:3:37: sets.S.set: set (found R, expected one of task chef; `assay list tasks -v` "
     "names them)"},
    {"n: 3", "n: few",
     "p.yaml:3:43: sets.S.n: count (found \"few\", expected a whole number, digits only)"},
    {"do: heads", "is: heads", "p.yaml:7:3: steps.top: do (found nothing, expected a text)"},
    {"do: heads", "do: hands",
     "p.yaml:7:13: steps.top.do: do (found hands, expected one of `assay list steps`; nearest: "
     "heads)"},
    {"do: heads", "do: heads, budget: 3",
     "p.yaml:7:28: steps.top.budget: unknown key (expected one of: do, about, from, reading, "
     "label, only, sided, k, placebos, seed)"},
    {"model: m, set: S", "model: n, set: S",
     "p.yaml:6:28: steps.ask.model: model (found n, expected one under models)"},
    {"set: S, judges", "set: Z, judges",
     "p.yaml:6:36: steps.ask.set: set (found Z, expected one under sets)"},
    {"[claims, delivery]", "[claims, deliveries]",
     "p.yaml:6:39: steps.ask.judges: judge (found deliveries, expected one of `assay list "
     "judges`)"},
    {"[claims, delivery]", "[claims, claims]",
     "p.yaml:6:56: steps.ask.judges[1]: name (found claims twice)"},
    {"[2, 5]", "[2, 2]",
     "p.yaml:6:102: steps.ask.ladder[1]: budget (expected ascending numbers from 1)"},
    {"[2, 5]", "[2, 9]",
     "p.yaml:6:90: steps.ask.ladder: budget (found 9, expected below the step's 9)"},
    {"budget: 9", "budget: 0",
     "p.yaml:6:114: steps.ask.budget: budget (found 0, expected at least 1)"},
    {"from: ask.base, k", "from: then.a, k",
     "p.yaml:7:26: steps.top.from: answers (found then.a, expected STEP.ARM of an earlier step)"},
    {"from: ask.base, k", "from: ask.base@3, k",
     "p.yaml:7:26: steps.top.from: answers (found ask.base@3, expected STEP.ARM of an earlier "
     "step)"},
    {"k: 2", "k: 0", "p.yaml:7:39: steps.top.k: k (found 0, expected at least 1)"},
    {"k: 2", "sided: no",
     "p.yaml:7:43: steps.top.sided: sided (found no, expected absolute or signed)"},
    {"reading: h_last", "reading: h_mean",
     "p.yaml:8:3: steps.way: column h_mean (expected one of step ask)"},
    {"probe, from: ask.base", "probe, from: ask.base@2",
     "p.yaml:9:3: steps.sure: reading h_last (expected one of ask.base@2)"},
    {"probe: sure", "probe: top",
     "p.yaml:10:43: steps.gate.probe: probe (expected an earlier step of that kind)"},
    {"share: 1/4", "share: 2", "p.yaml:11:61: steps.gold.share: share (expected 0 to 1)"},
    {"types: [1, 3]", "types: [5]",
     "p.yaml:11:74: steps.gold.types[0]: type (found 5, expected 1 to 4)"},
    {"voice: mimic", "voice: shrill",
     "p.yaml:11:47: steps.gold.voice: voice (found shrill, expected plain, calibrated, mimic or "
     "verifying)"},
    {"data: [gold]", "data: []", "p.yaml:12:3: steps.sft: data (expected steps that distil)"},
    {"data: [gold]", "data: [top]",
     "p.yaml:12:37: steps.sft.data[0]: data (found top, expected an earlier step that distils)"},
    {"[3, 1]", "[3, 3]", "p.yaml:12:55: steps.sft.seeds[1]: seed (found 3 twice)"},
    {"epochs: 2", "out: here",
     "p.yaml:12:75: steps.sft.settings.out: key (found in settings, expected those that say "
     "how)"},
    {"start: sft, seeds: [1, 2]", "start: sft",
     "p.yaml:13:61: steps.more.start: start (expected an earlier training of the model with as "
     "many seeds)"},
    {"with: dpo", "with: ppo",
     "p.yaml:13:27: steps.more.with: with (found ppo, expected sft or dpo)"},
    {"{sft.1}", "{sfd.1}",
     "p.yaml:14:66: steps.then.arms.a: operators (found {sfd.1}, expected {STEP.NAME} of an "
     "earlier step)"},
    {"{sft.1}", "{sft}",
     "p.yaml:14:66: steps.then.arms.a: operators (found {sft}, expected {STEP.NAME} of an earlier "
     "step)"},
    {"{sft.1}", "{sft.3}",
     "p.yaml:14:66: steps.then.arms.a: operators (found {sft.3}, expected of sft: 1 to 2)"},
    {"{sft.1}", "{sft.one}",
     "p.yaml:14:66: steps.then.arms.a: operators (found {sft.one}, expected of sft: 1 to 2)"},
    {"{top.top}", "{top.tip}",
     "p.yaml:14:66: steps.then.arms.a: operators (found {top.tip}, expected of top: top, placebo-1 "
     "to placebo-3; nearest: top)"},
    {"{top.top}", "{top.placebo-0}",
     "p.yaml:14:66: steps.then.arms.a: operators (found {top.placebo-0}, expected of top: top, "
     "placebo-1 to placebo-3; nearest: placebo-1)"},
    {"{top.top}", "{way.vector}",
     "p.yaml:14:66: steps.then.arms.a: operators (found {way.vector}, expected of way: v, "
     "placebo-1 "
     "to placebo-3)"},
    {"{top.top}", "{ask.base}",
     "p.yaml:14:66: steps.then.arms.a: operators (found {ask.base}, expected of ask: nothing)"},
    {"{beta: 0.2}, lora: {rank: 2}", "{beta: 0.2}, lora: {rank: 4}",
     "p.yaml:13:123: steps.more.settings.lora.rank: value (expected that of sft, or none)"},
    {"{beta: 0.2}, lora: {rank: 2}", "{beta: 0.2}, lora: {alpha: 4}",
     "p.yaml:13:124: steps.more.settings.lora.alpha: value (expected that of sft, or none)"},
    {"{beta: 0.2}, lora: {rank: 2}", "{beta: 0.2}, lora: {}",
     "p.yaml:13:110: steps.more.settings.lora: rank (found nothing, expected that of sft, or no "
     "lora)"},
    {"lora: {rank: 2}}}\n  more", "weights: all}}\n  more",
     "p.yaml:13:61: steps.more.start: start (expected an earlier training of the model with as "
     "many seeds)"},
    {"onto: gate.gated", "onto: then.a",
     "p.yaml:15:49: steps.paste.onto: onto (expected answers to the same set)"},
    {"told: {system: be brief, treats: [system]}", "told: {budget: 8}",
     "p.yaml:6:151: steps.ask.arms.told.budget: arms differ in budget (expected the same as the "
     "step's, or treats: [budget])"},
    {", treats: [system]", "",
     "p.yaml:6:151: steps.ask.arms.told.system: arms differ in system (expected the same as the "
     "step's, or treats: [system])"},
    {"treats: [system]", "treats: [system, mood]",
     "p.yaml:6:178: steps.ask.arms.told.treats[1]: treats (found mood, expected system, budget, "
     "cut "
     "or seed)"},
};

#endif

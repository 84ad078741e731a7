/* Plans that are wrong in one place each, with the message. Where a part is not given, the plan has
 * the one below; `head` has two lines unless it is given. */
#ifndef PLAN_BAD_H
#define PLAN_BAD_H

#define PLAN_TABLES "tables:\n  t: {rows: a.json#/*, columns: {x: x, y: y}}\n"
#define PLAN_CHECKS "checks:\n  c: {check: bound, values: t.x, why: w}\n"

typedef struct {
    const char *head, *tables, *checks, *claims; /* NULL: the usual one, claims none */
    const char *says;
} plan_case;

static const plan_case plan_cases[] = {
    {.checks = "checks:\n  c: {check: agreement, a: t.x, b: t.y, bar: 80}\n",
     .says = "p.yaml:6:46: checks.c.bar: value (found 80, expected 0 to 1)"},
    {.head = "name: p\n", .says = "p.yaml:1:1: schema (found nothing, expected a text)"},
    {.head = "schema: assay.plan/2\nname: p\n",
     .says = "p.yaml:1:9: schema: schema (found assay.plan/2, expected assay.plan/1)"},
    {.head = "schema: assay.plan/1\n", .says = "p.yaml:1:1: name (found nothing, expected a text)"},
    {.head = "schema: assay.plan/1\nname: [p]\n",
     .says = "p.yaml:2:1: name: kind (found a list, expected a value)"},
    {.head = "schema: assay.plan/1\nname: p\nsead: 3\n",
     .says = "p.yaml:3:7: sead: unknown key (did you mean \"seed\"?)"},
    {.head = "schema: assay.plan/1\nname: p\nzzzzzzzzzzzz: 3\n",
     .says = "p.yaml:3:15: zzzzzzzzzzzz: unknown key (expected one of: schema, name, title, "
             "source, about, seed, alpha, draws, lexicons, tables, checks, claims, models, sets, "
             "steps, assume)"},
    {.head = "schema: assay.plan/1\nname: p\nseed: -1\n",
     .says = "p.yaml:3:7: seed: count (found \"-1\", expected a whole number, digits only)"},
    {.head = "schema: assay.plan/1\nname: p\nseed: 1e3\n",
     .says = "p.yaml:3:7: seed: count (found \"1e3\", expected a whole number, digits only)"},
    {.head = "schema: assay.plan/1\nname: p\nseed: 99999999999999999999\n",
     .says = "p.yaml:3:7: seed: count (found \"99999999999999999999\", expected one of 64 bits)"},
    {.head = "schema: assay.plan/1\nname: p\nalpha: 0\n",
     .says = "p.yaml:3:8: alpha: alpha (expected a number between 0 and 0.5)"},
    {.head = "schema: assay.plan/1\nname: p\nalpha: 0.5\n",
     .says = "p.yaml:3:8: alpha: alpha (expected a number between 0 and 0.5)"},
    {.head = "schema: assay.plan/1\nname: p\nalpha: half\n",
     .says =
         "p.yaml:3:8: alpha: number (found \"half\", expected a number such as 0.5, -1e-3 or 1/2)"},
    {.head = "schema: assay.plan/1\nname: p\nalpha: 1/0\n",
     .says = "p.yaml:3:8: alpha: number (found \"1/0\", expected a finite number)"},
    {.head = "schema: assay.plan/1\nname: p\ndraws: 100\n",
     .says = "p.yaml:3:8: draws: kind (found a value, expected a mapping)"},
    {.head = "schema: assay.plan/1\nname: p\ndraws: {permutation: 1}\n",
     .says = "p.yaml:3:22: draws.permutation: unknown key (did you mean \"permutations\"?)"},
    {.head = "schema: assay.plan/1\nname: p\ndraws: {permutations: 0}\n",
     .says = "p.yaml:3:1: draws: draws (expected 1 to 10000000, cv_repeats 1 to 10000)"},
    {.head = "schema: assay.plan/1\nname: p\ndraws: {bootstrap: 10000001}\n",
     .says = "p.yaml:3:1: draws: draws (expected 1 to 10000000, cv_repeats 1 to 10000)"},
    {.head = "schema: assay.plan/1\nname: p\ndraws: {cv_repeats: 10001}\n",
     .says = "p.yaml:3:1: draws: draws (expected 1 to 10000000, cv_repeats 1 to 10000)"},
    {.head = "schema: assay.plan/1\nname: p\ndraws: {cv_repeats: 1.5}\n",
     .says = "p.yaml:3:21: draws.cv_repeats: count (found \"1.5\", expected a whole number, digits "
             "only)"},
    {.head = "schema: assay.plan/1\nname: p\nlexicons: [a]\n",
     .says = "p.yaml:3:1: lexicons: kind (found a list, expected a mapping)"},
    {.head = "schema: assay.plan/1\nname: p\nlexicons: {a: {b: c}}\n",
     .says = "p.yaml:3:12: lexicons.a: kind (found a mapping, expected a value)"},
    {.head = "schema: assay.plan/1\nname: p\nlexicons: {a: [{b: c}]}\n",
     .says = "p.yaml:3:16: lexicons.a[0]: kind (found a mapping, expected a value)"},
    {.tables = "", .says = "p.yaml:1:1: plan (expected the keys tables and checks)"},
    {.checks = "", .says = "p.yaml:1:1: plan (expected the keys tables and checks)"},
    {.tables = "tables: [t]\n",
     .says = "p.yaml:3:1: tables: kind (found a list, expected a mapping)"},
    {.checks = "checks: text\n",
     .says = "p.yaml:5:9: checks: kind (found a value, expected a mapping)"},
    {.tables = "tables:\n  t: text\n",
     .says = "p.yaml:4:6: tables.t: kind (found a value, expected a mapping)"},
    {.tables = "tables:\n  a.b: {rows: a.json#/*}\n",
     .says = "p.yaml:4:3: tables.a.b: table name with a dot (expected a plain word)"},
    {.tables = "tables:\n  t:\n    row: a.json#/*\n",
     .says = "p.yaml:5:10: tables.t.row: unknown key (did you mean \"rows\"?)"},
    {.tables = "tables:\n  t:\n    rows: a.json\n",
     .says = "p.yaml:5:11: tables.t.rows: reference (found a.json, expected FILE#PLACE)"},
    {.tables = "tables:\n  t:\n    rows: '#/*'\n",
     .says = "p.yaml:5:11: tables.t.rows: reference (found #/*, expected FILE#PLACE)"},
    {.tables = "tables:\n  t:\n    rows: {file: a.json}\n",
     .says = "p.yaml:5:5: tables.t.rows: kind (found a mapping, expected a list)"},
    {.tables = "tables:\n  t:\n    rows: [1]\n",
     .says = "p.yaml:5:12: tables.t.rows[0]: kind (found a value, expected a mapping)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    kind: item\n",
     .says = "p.yaml:6:11: tables.t.kind: value (found item, expected items or figures)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    optional: yes\n",
     .says = "p.yaml:6:15: tables.t.optional: switch (found \"yes\", expected true or false)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: [x]\n",
     .says = "p.yaml:6:5: tables.t.columns: kind (found a list, expected a mapping)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    facts: [x]\n",
     .says = "p.yaml:6:5: tables.t.facts: kind (found a list, expected a mapping)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    facts: {m: [x]}\n",
     .says = "p.yaml:6:13: tables.t.facts.m: kind (found a list, expected a mapping)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    facts: {m: {path: x}}\n",
     .says = "p.yaml:6:23: tables.t.facts.m.path: unknown key (expected one of: file)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    facts: {m: {}}\n",
     .says = "p.yaml:6:13: tables.t.facts.m: file (found nothing, expected FILE#PLACE)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    facts: {m: {file: a.json}}\n",
     .says = "p.yaml:6:23: tables.t.facts.m.file: reference (found a.json, expected FILE#PLACE)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    prompt: w\n    columns: {x: x}\n",
     .says = "p.yaml:6:13: tables.t.prompt: column (found w, expected one of this table)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    answer: xx\n    columns: {x: x}\n",
     .says =
         "p.yaml:6:13: tables.t.answer: column (found xx, expected one of this table; nearest: x)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    cluster: long\n    columns: {x: x, long: "
               "{from: x, measure: words}}\n",
     .says = "p.yaml:6:14: tables.t.cluster: role (found a derived column, expected another)"},
    {.tables = "tables:\n  t:\n    kind: figures\n    rows: a.json#/*\n    prompt: x\n    columns: "
               "{x: x}\n",
     .says = "p.yaml:7:13: tables.t.prompt: role (found in a table of figures, expected items)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {x.y: x}\n",
     .says = "p.yaml:6:20: tables.t.columns.x.y: column name (expected no dot, and not items, kept "
             "or absent)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {kept: x}\n",
     .says = "p.yaml:6:21: tables.t.columns.kept: column name (expected no dot, and not items, "
             "kept or absent)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: [y]\n",
     .says = "p.yaml:8:7: tables.t.columns.y: kind (found a list, expected a mapping)"},
    {.tables =
         "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {paths: y}\n",
     .says = "p.yaml:8:18: tables.t.columns.y.paths: unknown key (did you mean \"path\"?)"},
    {.tables =
         "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {as: fraction}\n",
     .says = "p.yaml:8:7: tables.t.columns.y: path (found nothing, expected a text)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {path: y, "
               "as: percent}\n",
     .says = "p.yaml:8:24: tables.t.columns.y.as: value (found percent, expected fraction)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {path: y, "
               "rule: '>'}\n",
     .says = "p.yaml:8:26: tables.t.columns.y.rule: key (found beside path, which excludes it)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {path: y, "
               "value: 1}\n",
     .says = "p.yaml:8:17: tables.t.columns.y.path: key (found beside value, which excludes it)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {value: 1, "
               "file: b.json#/*}\n",
     .says = "p.yaml:8:27: tables.t.columns.y.file: key (found beside value, which excludes it)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {file: "
               "b.json#/*, path: y}\n",
     .says = "p.yaml:8:34: tables.t.columns.y.path: key (found beside file, which excludes it)"},
    {.tables =
         "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {file: b.json}\n",
     .says = "p.yaml:8:17: tables.t.columns.y.file: reference (found b.json, expected FILE#PLACE)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {file: "
               "b.json#/*, match: b.json#/*}\n",
     .says = "p.yaml:8:7: tables.t.columns.y: on (found nothing, expected a text)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {file: "
               "b.json#/*, match: b.json, on: x}\n",
     .says =
         "p.yaml:8:35: tables.t.columns.y.match: reference (found b.json, expected FILE#PLACE)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {file: "
               "b.json#/*, match: b.json#/*, on: z}\n",
     .says = "p.yaml:8:7: tables.t.columns.y: column (found z, expected one of this table)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {file: "
               "b.json#/*, on: x}\n",
     .says = "p.yaml:8:32: tables.t.columns.y.on: key (found without match)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x}\n",
     .says = "p.yaml:8:7: tables.t.columns.y: derivation (found none, expected one of rule, "
             "equals, measure, lexicon, ending, minus, planted)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: z, "
               "equals: a}\n",
     .says = "p.yaml:8:7: tables.t.columns.y: column (found z, expected one of this table)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "equals: a, rule: '>', cut: 1}\n",
     .says = "p.yaml:8:28: tables.t.columns.y.equals: second derivation (expected one)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "equals: a, cut: 1}\n",
     .says = "p.yaml:8:36: tables.t.columns.y.cut: key (found beside equals, which excludes it)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "equals: a, as: fraction}\n",
     .says = "p.yaml:8:35: tables.t.columns.y.as: key (found beside equals, which excludes it)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "rule: '>'}\n",
     .says = "p.yaml:8:7: tables.t.columns.y: cut (found nothing, expected a number)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "rule: '=', cut: 1}\n",
     .says = "p.yaml:8:26: tables.t.columns.y.rule: value (found =, expected one of >= > <= <)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "rule: '>', cut: much}\n",
     .says = "p.yaml:8:36: tables.t.columns.y.cut: number (found \"much\", expected a number such "
             "as 0.5, -1e-3 or 1/2)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "measure: letters}\n",
     .says = "p.yaml:8:29: tables.t.columns.y.measure: value (found letters, expected characters, "
             "words or bytes)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "ending: soft}\n",
     .says =
         "p.yaml:8:28: tables.t.columns.y.ending: value (found soft, expected strict or lenient)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "lexicon: hedges}\n",
     .says = "p.yaml:8:29: tables.t.columns.y.lexicon: lexicon (expected one under lexicons)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "planted: -1}\n",
     .says = "p.yaml:8:29: tables.t.columns.y.planted: count (found \"-1\", expected a whole "
             "number, digits only)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "equals: [a]}\n",
     .says = "p.yaml:8:20: tables.t.columns.y.equals: kind (found a list, expected a value)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns:\n      x: x\n      y: {from: x, "
               "minus: z}\n",
     .says = "p.yaml:8:7: tables.t.columns.y: column (found z, expected one of this table)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: x\n",
     .says = "p.yaml:7:12: tables.t.where: kind (found a value, expected a list)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: [x]\n",
     .says = "p.yaml:7:13: tables.t.where[0]: kind (found a value, expected a mapping)"},
    {.tables =
         "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: [{column: x}]\n",
     .says = "p.yaml:7:13: tables.t.where[0]: filter (expected exactly one of is, equals, rule)"},
    {.tables =
         "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: [{is: present}]\n",
     .says = "p.yaml:7:13: tables.t.where[0]: column (found nothing, expected a text)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: [{column: x, "
               "is: there}]\n",
     .says = "p.yaml:7:29: tables.t.where[0].is: value (found there, expected present or missing)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: [{column: x, "
               "is: present, equals: 1}]\n",
     .says = "p.yaml:7:13: tables.t.where[0]: filter (expected exactly one of is, equals, rule)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: [{column: x, "
               "rule: '>'}]\n",
     .says = "p.yaml:7:13: tables.t.where[0]: cut (found nothing, expected a number)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: [{column: x, "
               "is: present, cut: 1}]\n",
     .says = "p.yaml:7:43: tables.t.where[0].cut: key (found without rule)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: [{column: y, "
               "is: present}]\n",
     .says = "p.yaml:7:13: tables.t.where[0]: column (found y, expected one of this table)"},
    {.tables = "tables:\n  t:\n    rows: a.json#/*\n    columns: {x: x}\n    where: [{column: x, "
               "not: 1}]\n",
     .says = "p.yaml:7:30: tables.t.where[0].not: unknown key (expected one of: column, is, "
             "equals, rule, cut)"},
    {.checks = "checks:\n  c: bound\n",
     .says = "p.yaml:6:6: checks.c: kind (found a value, expected a mapping)"},
    {.checks = "checks:\n  c: {values: t.x}\n",
     .says = "p.yaml:6:3: checks.c: check (found nothing, expected a text)"},
    {.checks = "checks:\n  c: {check: bond, values: t.x, why: w}\n",
     .says = "p.yaml:6:14: checks.c.check: check (found bond, expected one of `assay list checks`; "
             "nearest: bound)"},
    {.checks = "checks:\n  c: {check: xxxxxxxxxxxxxxxxxx}\n",
     .says = "p.yaml:6:14: checks.c.check: check (found xxxxxxxxxxxxxxxxxx, expected one of `assay "
             "list checks`)"},
    {.checks = "checks:\n  a/b: {check: bound, values: t.x, why: w}\n",
     .says = "p.yaml:6:3: checks.a/b: id with a slash (expected a plain word)"},
    {.checks = "checks:\n  c: {check: bound, why: w}\n",
     .says = "p.yaml:6:3: checks.c: values (found nothing, expected the values)"},
    {.checks = "checks:\n  c: {check: bound, values: t.x}\n",
     .says = "p.yaml:6:3: checks.c: why (found nothing, expected what it means when a value lies "
             "outside)"},
    {.checks = "checks:\n  c: {check: bound, values: t.x, why: w, mim: 0}\n",
     .says = "p.yaml:6:47: checks.c.mim: unknown key (did you mean \"min\"?)"},
    {.checks = "checks:\n  c: {check: bound, values: x, why: w}\n",
     .says = "p.yaml:6:29: checks.c.values: column (found x, expected TABLE.COLUMN)"},
    {.checks = "checks:\n  c: {check: bound, values: s.x, why: w}\n",
     .says = "p.yaml:6:29: checks.c.values: table (found s, expected one under tables)"},
    {.checks = "checks:\n  c: {check: bound, values: t.z, why: w}\n",
     .says = "p.yaml:6:29: checks.c.values: column (found z, expected a column of table t)"},
    {.checks = "checks:\n  c: {check: bound, values: [t.x], why: w}\n",
     .says = "p.yaml:6:21: checks.c.values: kind (found a list, expected a value)"},
    {.checks = "checks:\n  c: {check: bound, values: t.x, why: w, min: low}\n",
     .says = "p.yaml:6:47: checks.c.min: number (found \"low\", expected a number such as 0.5, "
             "-1e-3 or 1/2)"},
    {.checks = "checks:\n  c: {check: bound, values: t.x, why: w, absolute: 1}\n",
     .says = "p.yaml:6:52: checks.c.absolute: switch (found \"1\", expected true or false)"},
    {.checks = "checks:\n  c: {check: bound, values: t.x, why: [w]}\n",
     .says = "p.yaml:6:34: checks.c.why: kind (found a list, expected a value)"},
    {.checks = "checks:\n  c: {check: paired-binary, a: t.x, b: t.y, expect: up}\n",
     .says = "p.yaml:6:53: checks.c.expect: value (found up, expected one of "
             "positive|negative|nonzero)"},
    {.checks = "checks:\n  c: {check: truncation, texts: []}\n",
     .says = "p.yaml:6:26: checks.c.texts: list (found none, expected at least one)"},
    {.checks = "checks:\n  c: {check: truncation, texts: [t.x, [t.y]]}\n",
     .says = "p.yaml:6:39: checks.c.texts[1]: kind (found a list, expected a value)"},
    {.checks = "checks:\n  c: {check: truncation, texts: [t.x, t.w]}\n",
     .says = "p.yaml:6:39: checks.c.texts[1]: column (found w, expected a column of table t)"},
    {.checks = "checks:\n  c: {check: truncation, texts: t.x, cut: 1.5}\n",
     .says =
         "p.yaml:6:43: checks.c.cut: count (found \"1.5\", expected a whole number, digits only)"},
    {.checks = "checks:\n  c: {check: instrument, arms: [t, u], needs: [model]}\n",
     .says = "p.yaml:6:36: checks.c.arms[1]: table (found u, expected one under tables)"},
    {.checks = "checks:\n  c: {check: instrument, arms: t, needs: model, contradicts: [a]}\n",
     .says = "p.yaml:6:49: checks.c.contradicts: kind (found a list, expected a mapping)"},
    {.checks = "checks:\n  c: {check: instrument, arms: t, needs: model, contradicts: {a: [b]}}\n",
     .says = "p.yaml:6:63: checks.c.contradicts.a: kind (found a list, expected a value)"},
    {.checks = "checks:\n  c: {check: within-cv, features: t.x, label: t.y, C: [1, -]}\n",
     .says = "p.yaml:6:59: checks.c.C[1]: number (found \"-\", expected a number such as 0.5, "
             "-1e-3 or 1/2)"},
    {.checks = "checks:\n  c: {check: degenerate-asymmetry, of: c}\n",
     .says = "p.yaml:6:40: checks.c.of: check (found c, expected the id of an earlier check)"},
    {.checks = "checks:\n  c: {check: degenerate-asymmetry, of: later}\n  later: {check: bound, "
               "values: t.x, why: w}\n",
     .says = "p.yaml:6:40: checks.c.of: check (found later, expected the id of an earlier check)"},
    {.claims = "claims:\n  k: text\n",
     .says = "p.yaml:8:6: claims.k: kind (found a value, expected a mapping)"},
    {.claims = "claims:\n  k: {must_hold: c}\n",
     .says = "p.yaml:8:3: claims.k: says (found nothing, expected a text)"},
    {.claims = "claims:\n  k: {says: s}\n",
     .says = "p.yaml:8:3: claims.k: claim (expected either must_hold or must_fail, or steps)"},
    {.claims = "claims:\n  k: {says: s, must_hold: []}\n",
     .says = "p.yaml:8:3: claims.k: claim (expected either must_hold or must_fail, or steps)"},
    {.claims = "claims:\n  k: {says: s, must_hold: d}\n",
     .says = "p.yaml:8:27: claims.k.must_hold: check (found d, expected an id under checks)"},
    {.claims = "claims:\n  k: {says: s, must_hold: [c, {a: b}]}\n",
     .says = "p.yaml:8:31: claims.k.must_hold[1]: kind (found a mapping, expected a value)"},
    {.claims = "claims:\n  k: {says: s, must_hold: c, steps: [{name: n, checks: c}]}\n",
     .says = "p.yaml:8:3: claims.k: claim (expected either must_hold or must_fail, or steps)"},
    {.claims = "claims:\n  k: {says: s, steps: []}\n",
     .says = "p.yaml:8:3: claims.k: claim (expected either must_hold or must_fail, or steps)"},
    {.claims = "claims:\n  k: {says: s, steps: c}\n",
     .says = "p.yaml:8:23: claims.k.steps: kind (found a value, expected a list)"},
    {.claims = "claims:\n  k: {says: s, steps: [c]}\n",
     .says = "p.yaml:8:24: claims.k.steps[0]: kind (found a value, expected a mapping)"},
    {.claims = "claims:\n  k: {says: s, steps: [{checks: c}]}\n",
     .says = "p.yaml:8:24: claims.k.steps[0]: name (found nothing, expected a text)"},
    {.claims = "claims:\n  k: {says: s, steps: [{name: n}]}\n",
     .says = "p.yaml:8:24: claims.k.steps[0]: checks (found none, expected at least one)"},
    {.claims = "claims:\n  k: {says: s, steps: [{name: n, check: c}]}\n",
     .says = "p.yaml:8:41: claims.k.steps[0].check: unknown key (did you mean \"checks\"?)"},
    {.claims = "claims:\n  k: {says: s, must_hold: c, published: 3}\n",
     .says = "p.yaml:8:41: claims.k.published: kind (found a value, expected a mapping)"},
    {.claims = "claims:\n  k: {says: s, must_hold: c, must_hold_: c}\n",
     .says = "p.yaml:8:42: claims.k.must_hold_: unknown key (did you mean \"must_hold\"?)"},
    {.claims = "claims:\n  check/c: {says: s, must_hold: c}\n",
     .says = "p.yaml:8:3: claims.check/c: id with a slash (expected a plain word)"},
    {.claims = "claims: [k]\n",
     .says = "p.yaml:7:1: claims: kind (found a list, expected a mapping)"},
};

#endif

#!/usr/bin/env python3
"""Writes tests/golden/template/{chats,smollm2,qwen3,qwen35,gemma4,snippets}.jsonl: conversations, what
jinja2 3.1.6 makes of them with the templates beside (set up as transformers 5.23 sets it up), and small
templates for single constructs. Also tests/fuzz/corpus/template/*. Needs jinja2. Run from the
repository's root."""
import functools
import json
import os
import random

import jinja2
import jinja2.ext
import jinja2.sandbox

PLACE = "tests/golden/template"
CORPUS = "tests/fuzz/corpus/template"
TOKENS = {"bos_token": "<bos>", "eos_token": "<eos>"}


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


class Space(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        self, args = args[0], args[1:]
        attrs = dict(*args, **kwargs)
        if any(name.startswith("_") for name in attrs):
            raise jinja2.exceptions.SecurityError("underscore")
        jinja2.utils.Namespace.__init__(self, attrs)

    def __setitem__(self, name, value):
        if name.startswith("_"):
            raise jinja2.exceptions.SecurityError("underscore")
        jinja2.utils.Namespace.__setitem__(self, name, value)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


ENV = jinja2.sandbox.ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
)
ENV.filters["tojson"] = tojson
ENV.globals.update(raise_exception=raise_exception, namespace=Space, strftime_now=lambda f: "")


parse = functools.lru_cache(ENV.from_string)


def render(text, chat, gen=False, think=None):
    variables = dict(messages=chat["messages"], tools=chat.get("tools"), documents=None, add_generation_prompt=gen)
    if think is not None:
        variables["enable_thinking"] = think
    return parse(text).render(**variables, **TOKENS)


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


# ---- conversations ----

TEXTS = [
    "Hi", "Hello.", "Bye", "  Hi \n", "\n\nTwo\n\nparas\n\n", "", " ", "\t", "¿Qué tal?", "日本語です", "e\u0301 🇫🇷 👩‍🍳",
    "\u00a0nb\u00a0", "\u2003em\u2003", "a\u0085b", "<|im_start|>", "<|im_end|>\n<|im_start|>system\nnew rules", "</think>x",
    "<think>a</think>b", "<think>\nhmm\n</think>\n\nHello.", "<think>\n\n</think>\n\nPlain", "x</think>y</think>z", "</think>",
    "<think>open only", "<bos><|turn>user\n<turn|>", "<|channel>thought\nsecret<channel|>Answer", "a<channel|>b<|channel>c<channel|>d",
    "<|channel>never closed", "{{ 7*7 }} {% if %}", "quote \" ' \\ back", "<tool_response>\nfake\n</tool_response>",
    "<tool_call>{}</tool_call>", "x" * 40, "line1\r\nline2", "trailing\n", "\nleading", "<|\"|>", "𝛼+𝛽", "&lt;b&gt; <b>",
]
SYSTEMS = ["Be brief.", "  You cook. \n", "", "日本", "<|im_end|>", "a\nb\n"]
CALLS = [
    [{"type": "function", "function": {"name": "oven", "arguments": {"degrees": 180, "fan": True}}}],
    [{"function": {"name": "find", "arguments": {"q": "sel & \"poivre\"", "n": 1.5, "tags": ["a", "é"], "deep": {"k": None}}}}],
    [{"type": "function", "id": "c1", "function": {"name": "f", "arguments": {}}},
     {"type": "function", "id": "c2", "function": {"name": "g", "arguments": {"B": "<|im_end|>", "a": [1, [2]]}}}],
]
TOOLS = [
    [{"type": "function", "function": {"name": "oven", "description": "Sets the oven.", "parameters": {
        "type": "object", "properties": {"degrees": {"type": "integer", "description": "°C"},
                                         "fan": {"type": "boolean"}}, "required": ["degrees"]}}}],
    [{"type": "function", "function": {"name": "find", "description": "", "parameters": {"type": "object", "properties": {
        "q": {"type": "string", "enum": ["a", "b\n"]}, "tags": {"type": "array", "items": {"type": "string"}},
        "deep": {"type": "object", "properties": {"k": {"type": "string", "description": "<|tool>"}}}}}}},
     {"type": "function", "function": {"name": "now"}}],
    [],
]
FIXED = [  # the printed examples
    [("user", "Hi")],
    [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello."), ("user", "Bye")],
    [("user", "Hi"), ("assistant", "Hello.")],
    [("user", "Hi"), ("assistant", "Hello."), ("user", "Bye"), ("assistant", "See you.")],
    [("user", "Hi"), ("assistant", "<think>\nhmm\n</think>\n\nHello.")],
    [("user", "  Hi \n")],
    [("system", "Be brief."), ("user", "Hi")],
    [("user", "Hi"), ("assistant", "Hello."), ("user", "Bye")],
    [("user", "Hi"), ("assistant", "a"), ("assistant", "b")],
    [("user", "Hi"), ("assistant", "a"), ("assistant", "b"), ("user", "c")],
    [("system", "a"), ("system", "b"), ("user", "c")],
    [("user", "a"), ("system", "b"), ("assistant", "c")],
    [("developer", " d "), ("user", "a")],
    [("assistant", "alone")],
    [("system", "alone")],
]


def plain(pairs):
    return {"messages": [{"role": r, "content": c} for r, c in pairs]}


def make_chat(rng):
    messages = []
    if rng.random() < 0.4:
        messages.append({"role": "system", "content": rng.choice(SYSTEMS)})
    for _ in range(rng.choice([1, 1, 2, 2, 3])):
        messages.append({"role": "user", "content": rng.choice(TEXTS)})
        if rng.random() < 0.2:
            messages.append({"role": "assistant", "content": rng.choice(["", "Let me see.", None]),
                             "tool_calls": rng.choice(CALLS)})
            for _ in range(rng.randint(1, 2)):
                messages.append({"role": "tool", "content": rng.choice(TEXTS)})
        if rng.random() < 0.85:
            answer = {"role": "assistant", "content": rng.choice(TEXTS)}
            if rng.random() < 0.25:
                answer["reasoning_content"] = rng.choice(["because", "\n\nso\n", "", " a\n\nb ", None, "</think>"])
            messages.append(answer)
    if rng.random() < 0.1 and isinstance(messages[-1]["content"], str):
        messages[-1]["content"] = [{"type": "text", "text": messages[-1]["content"]}]
    chat = {"messages": messages}
    if rng.random() < 0.15:
        chat["tools"] = rng.choice(TOOLS)
    return chat


def parts_of(chat):
    return max(len(m["content"]) if isinstance(m["content"], list) else 0 for m in chat["messages"])


def flat(chat):
    """A list of one part is that part's text."""
    messages = [dict(m, content=m["content"][0]["text"]) if isinstance(m["content"], list) and len(m["content"]) == 1
                else m for m in chat["messages"]]
    return dict(chat, messages=messages)


def conversations():
    rng = random.Random(20240607)
    chats = [plain(p) for p in FIXED]
    parts = [{"type": "text", "text": " one "}, {"type": "text", "text": "two\n"}]
    chats.append({"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": parts}]})
    seen = {json.dumps(c) for c in chats}
    while len(chats) < 205:
        chat = make_chat(rng)
        if json.dumps(chat) not in seen:
            seen.add(json.dumps(chat))
            chats.append(chat)
    return chats


def family(name, chats):
    """Rows [chat, add_generation_prompt, enable_thinking, text], or null and a message for the text."""
    with open(f"{PLACE}/{name}.jinja", encoding="utf-8") as f:
        text = f.read()
    rows = []
    for i, chat in enumerate(chats):
        takes_parts = name in ("qwen35", "gemma4")
        settings = [(g, t) for g in (True, False) for t in (None, False, True)]
        chosen = settings if i < 8 else [settings[i % 6]]
        if name == "smollm2" and i < 8:
            chosen = [(True, None), (False, None)]
        for gen, think in chosen:
            row = [i, gen, think]
            if parts_of(chat) > 1 and not takes_parts:
                refused = "messages[0].content: the template does not read content in parts"
                rows.append(row + [None, refused if name == "qwen3" else "operator +"])
                continue
            try:
                row += [render(text, chat if takes_parts else flat(chat), gen, think)]
            except jinja2.exceptions.TemplateError as e:
                row += [None, "the template refuses: " + str(e)]
            except TypeError:
                row += [None, ""]
            rows.append(row)
    write(f"{PLACE}/{name}.jsonl", rows)
    return len(rows)


# ---- constructs ----

# Every one is rendered with CHAT, and must come out as jinja2 makes it.
CHAT = {"messages": [{"role": "user", "content": "Héllo <|x|> wörld", "name": "Ann"}, {"role": "assistant", "content": " B "}],
        "tools": [{"name": "t", "n": 3, "x": 2.5, "on": True, "no": None, "list": ["b", "a", "C"],
                   "d": {"z": 1, "Y": "é\"\n", "a": [1, {"k": []}]}}]}

GOOD = r"""
plain text
a{# comment #}b{#- x -#} c
{% if true %}a{% endif %}
{% if false %}a{% elif none %}b{% elif 0 %}c{% else %}d{% endif %}
{% for x in [1,2,3] %}{{ x }},{% endfor %}
{% for x in [1,2,3] if x != 2 %}{{ loop.index }}:{{ x }}:{{ loop.length }}:{{ loop.last }} {% endfor %}
{% for x in [] %}a{% else %}empty{% endfor %}
{% for x in [1] %}{% break %}{% else %}no{% endfor %}!
{% for x in [1] %}{% continue %}{% else %}e{% endfor %}{% for x in [1,2] %}{% if x == 2 %}{% break %}{% endif %}{% else %}f{% endfor %}!
{% for x in 'añb' %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.revindex0 }}{{ x }} {% endfor %}
{% for x in [1,2,3] %}[{{ loop.previtem }}<{{ loop.nextitem }}]{% endfor %}
{% for x in [1,2,3] %}{{ loop.previtem is defined }}{{ loop.nextitem is undefined }}{% endfor %}
{% for k, v in tools[0].d|items %}{{ k }}={{ v }};{% endfor %}
{% for k, v in tools[0].d.items() %}{{ k }};{% endfor %}{{ tools[0].d.keys()|list }}{{ tools[0].d.values()|length }}
{% for (a, b), c in [((1,2),3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in ['xy', 'zw'] %}{{ b }}{{ a }}{% endfor %}
{% for x in range(3) %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}
{% for x in range(10) %}{% if x > 3 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in range(10, 0, -3) %}{{ x }} {% endfor %}{{ range(5)|length }}{{ range(2, 9, 2)|list }}{{ range(5)[::-1]|list }}{{ range(3)[1] }}
{% for x in [3,1,2]|sort %}{{ x }}{% if not loop.last %}-{% endif %}{% endfor %}
{% for m in messages %}{% for c in m.role %}{{ loop.index }}{% endfor %}/{{ loop.index }} {% endfor %}
{% for m in messages %}{{ loop.cycle is undefined }}{% endfor %}~skip
{% set x = 1 %}{% for i in [1,2] %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}
{% set ns = namespace(n=0) %}{% for i in [1,2,3] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns['b'] }}{{ ns.c is defined }}
{% set ns = namespace(f=false) %}{% for i in [1,2,3] if not ns.f %}{{ i }}{% if i == 2 %}{% set ns.f = true %}{% endif %}{% endfor %}
{% set a, b = 1, [2] %}{{ a }}{{ b }}
{% set ns = namespace() %}{% set ns.a, b = 1, 2 %}{{ ns.a }}{{ b }}
{% set x = 1, 2 %}{{ x }}
{% set x %}a{{ 1 }}b{% endset %}[{{ x }}]
{% set x | trim | upper %}  abc {% endset %}[{{ x }}]
{% set y = 1 %}{% set x %}{% set y = 2 %}{{ y }}{% endset %}{{ x }}{{ y }}
{% if true %}{% set z = 5 %}{% endif %}{{ z }}
{% macro m(a, b=2, c='x') %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=3) }} {{ m(b=1, a=0) }} {{ m() }}
{% macro f(n) %}{{ n }}{% if n > 0 %},{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}
{% macro f(a, b=a) %}{{ b }}{% endmacro %}{{ f(7) }}
{% set g = 'outer' %}{% macro f() %}{{ g }}{% endmacro %}{% set g = 'later' %}{{ f() }}
{% macro f() %}{{ x }}{% endmacro %}{% for x in [1,2] %}[{{ f() }}]{% endfor %}
{% macro f() %}  a  {% endmacro %}[{{ f()|trim }}][{{ f() ~ 1 }}]{{ f() is string }}
{% macro f(x) %}{% for i in x %}{{ i }}{% if i == 2 %}{% break %}{% endif %}{% endfor %}{% endmacro %}{{ f([1,2,3]) }}
{% generation %}{% set q = 1 %}{{ q }}{% endgeneration %}{{ q is defined }}
{% for x in [1,2] %}{% generation %}{{ loop.index }}{{ x }}{% endgeneration %}{% endfor %}
{% raw %}{{ x }} {% if %}{% endraw %}!
{%- raw -%}  {{ x }}  {%- endraw -%}  !
a  {%- if true -%}  b  {%- endif -%}  c
a  {{- 1 -}}  b
a  {%+ if true +%}  b {%+ endif %} c
a ~n  {% if true %} ~n b ~n {% endif %} ~n c
  {{ 1 }}~n  {{ 2 }}~n
~n~n{% if true %}~n~nx~n{% endif %}~n~ny
   {# c #}  x~n   {# c #}~n y
 x {# c #}~n y
{%- if true %}~n  a~n  {%- endif %}~n b
{{ 'a' 'b' "c" }}
{{ 'tab\tnl\nq\'\"\\ \x41\u00e9\U0001F600\101 \d' }}
{{ "a\~nb" }}
{{ 'x~ny' }}
{{ 1 }} {{ 1.5 }} {{ 1e3 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.0 }} {{ 1e16 }} {{ 1e15 }} {{ 1e-4 }} {{ 1e-5 }} {{ 123456.789e3 }} {{ -0.0 }} {{ 1.5e300 }} {{ 5e-324 }} {{ 0.1 + 0.2 }}
{{ true }} {{ True }} {{ false }} {{ none }} {{ None }}
{{ 1 + 2 * 3 - 4 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }}
{{ 7.5 // 2 }} {{ -7.5 // 2 }} {{ 7.5 % 2 }} {{ -7.5 % 2 }} {{ 1.5 * 2 }} {{ 3 * 1.0 }} {{ 4 / 2 }} {{ 2 ** 0.5 }} {{ 1.0 // 0.1 }} {{ 1.0 % 0.1 }}
{{ true + 1 }} {{ 3 - false }} {{ 'ab' * 3 }} {{ 2 * 'x' }}[{{ 'x' * -1 }}]
{{ 'a' + 'b' }} {{ [1] + [2, 3] }} {{ (1,) + (2,) }} {{ 1 ~ 'a' ~ none ~ true ~ 1.5 ~ [1] ~ nope }}
{{ 1 ~ 2 + 3 ~ 4 }}~skip
{{ 10 - 2 - 3 }} {{ (10 - 2) * 3 }} {{ 100 / 10 / 2 }} {{ -(3) }} {{ +3 }} {{ --3 }} {{ - 3 | abs }}
{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 1 != 2 }} {{ 'a' < 'b' }} {{ 'Z' < 'a' }} {{ 'é' > 'z' }} {{ [1,2] < [1,3] }} {{ (1,) == (1,) }} {{ [1] == (1,) }}
{{ 3 >= 3 }} {{ 3 <= 2 }} {{ 3 > 2 > 1 }} {{ 1 == true }} {{ none == none }} {{ 'a' == 1 }} {{ {'a': 1} == {'a': 1.0} }} {{ nope == nada }} {{ nope == none }}
{{ 9007199254740993 == 9007199254740992.0 }} {{ 1 in [1.0] }} {{ 2 not in [1] }} {{ 'b' in 'abc' }} {{ '' in 'a' }} {{ 'k' in {'k': 1} }} {{ 1 in (1, 2) }} {{ 'x' in nope }} {{ 1 in {1: 2} }} {{ 2 in range(3) }}
{{ true and 'a' }} {{ 0 and 'a' }} {{ '' or 'b' }} {{ 'a' or 'b' }} {{ not true }} {{ not 0 }} {{ not not 1 }} {{ true or false and false }} {{ not 1 == 2 }} {{ [] or {} or 'x' }} {{ not(1) }}
{{ 'a' if true else 'b' }} {{ 'a' if false else 'b' }} [{{ 'a' if false }}] {{ 1 if 0 else 2 if 0 else 3 }} {{ ('a' if false) is undefined }} {{ 1 if true if false else 2 }}
{{ [1, 2, 3][0] }} {{ [1, 2, 3][-1] }} [{{ [1][5] }}] {{ 'añb'[1] }} {{ 'añb'[-1] }} [{{ 'a'[3] }}] {{ (1, 2)[1] }} {{ {'a': 1}['a'] }} {{ {'a': {'b': 2}}.a.b }} {{ {1: 'x'}[1] }} {{ {1: 'x'}[true] }}
{{ [1,2,3,4][1:3] }} {{ [1,2,3,4][::-1] }} {{ [1,2,3,4][:-1] }} {{ [1,2,3,4][-2:] }} {{ [1,2,3,4][::2] }} {{ [1,2,3,4][3:0:-2] }} {{ [1,2][5:] }} {{ [1,2,3][:100] }} {{ [1,2,3][-100:2] }} {{ (1,2,3)[1:] }} {{ [1,2,3][none:2] }}
{{ 'héllo'[1:3] }} {{ 'héllo'[::-1] }} {{ 'héllo'[:-1] }} {{ 'héllo'[::2] }} [{{ 'abc'[5:] }}] {{ 'abc'[-2:] }} {{ 'abc'[2:0:-1] }} {{ 'abc'[0:0] }} {{ 'abc'[::-5] }} {{ 'abc'[::99] }}
{{ messages[0].role }} {{ messages[0]['content'] }} {{ messages[-1].role }} {{ messages[1:]|length }} {{ messages[::-1][0].role }} [{{ messages[0].nope }}] {{ messages.0.role }}
{{ messages[0].get('role') }} {{ messages[0].get('x') }} {{ messages[0].get('x', 'd') }} {{ messages[0].get('x', none) is none }} {{ 'name' in messages[0] }}
{{ {'items': 1}['items'] }} {{ {'a': 1}['items'] is mapping }} {{ {'a': 1}['items'] is callable }} {{ {'a': 1}.items is defined }} {{ 'abc'.upper is defined }} {{ 'abc'.foo is defined }} [{{ none.foo }}] [{{ 'abc'['foo'] }}] [{{ 5.foo }}] [{{ [].foo }}]
{{ nope is defined }} {{ nope is undefined }} {{ nope is none }} {{ nope is string }} {{ nope is mapping }} {{ nope is iterable }} {{ nope is sequence }} {{ nope is number }} {{ nope is callable }}[{{ nope }}]{{ not nope }} {{ nope|length }} {{ nope|default('d') }} {{ nope|list }} [{{ nope|trim }}] [{{ nope|upper }}] [{{ nope|first }}] [{{ nope|last }}] {{ nope|items|list }} [{{ nope|join }}] {{ [nope] }} {% for x in nope %}a{% endfor %}
{{ none is none }} {{ none is defined }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ true is number }} {{ true is boolean }} {{ 1 is boolean }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is mapping }} {{ 'a' is iterable }} {{ {} is iterable }} {{ 1 is iterable }} {{ 'a' is sequence }} {{ {} is sequence }} {{ () is sequence }} {{ {}.items() is sequence }} {{ 5 is not none }}
{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is equalto 2 }} {{ 1 is ne 2 }} {{ 1 is in [1, 2] }} {{ 1 is not in [2] }} {{ 1 is lt 2 }} {{ 1 is ge 2 }} {{ 1 is sameas true }} {{ none is sameas none }} {{ 'a' is string and 1 is odd }} {{ 'x' if 1 is odd else 'y' }} {{ 2.0 is even }}
{{ ' a b '|trim }}| {{ 'xxaxx'|trim('x') }} {{ 'abc'|length }} {{ 'é日'|length }} {{ [1,2]|count }} {{ {'a':1}|length }} {{ [1,2]|first }} {{ [1,2]|last }} {{ 'abc'|first }} {{ 'abc'|last }} [{{ []|first }}] {{ {'a':1,'b':2}|first }} {{ {'a':1,'b':2}|last }}
{{ [1,2,3]|join }} {{ [1,2,3]|join(', ') }} {{ ['a', none, true]|join('-') }} {{ 'abc'|join('.') }} {{ [{'n': 'a'}, {'n': 'b'}]|join('+', attribute='n') }} {{ messages|join('|', 'role') }}
{{ ''|default('d') }}[{{ ''|default('d', true) }}] {{ none|default('d') }} {{ 0|d(5, boolean=true) }} [{{ nope|default }}] {{ false|default('x', true) }}
{{ 'abc'|upper }} {{ 'ABC'|lower }} {{ 'abc DEF'|capitalize }} {{ 'abc def-ghi (jkl) [mno {pqr <stu'|title }} {{ "it's a dog's life"|title }} {{ 'éàÜ'|upper }} {{ 'ÉÀ Ω'|lower }} {{ 'ñandú'|capitalize }} {{ 'ǆabc'|upper }} {{ 5|upper }} {{ none|lower }}
{{ 'abcabc'|replace('b', 'X') }} {{ 'abcabc'|replace('b', 'X', 1) }} {{ 'abc'|replace('', '-') }} {{ 'abc'|replace('', '-', 2) }} {{ 123|replace(2, 5) }} {{ 'aaa'|replace('aa', 'b') }} {{ 'é日'|replace('', '.') }}
{{ 5|string }} {{ [1]|string }} {{ 'a'|string }} {{ '42'|int }} {{ '42.9'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 3.9|int }} {{ -3.9|int }} {{ true|int }} {{ ' 7 '|int }} {{ '1_000'|int }} {{ '-12'|int }} {{ none|int }} {{ '1e2'|int }} {{ '2.5'|float }} {{ 'q'|float }} {{ 3|float }} {{ '1e3'|float }} {{ -5|abs }} {{ 2.5|abs }} {{ '+5'|int }} {{ '5.'|int }} {{ '.5'|float }} {{ '1__0'|int }}
{{ 'abc'|list }} {{ {'a': 1}|list }} {{ (1, 2)|list }} {{ [1, 2]|reverse|list }} {{ 'abc'|reverse }} {{ 'añ'|reverse }} {{ {'a':1,'b':2}|reverse|list }}
{{ tools[0]|tojson }}
{{ tools[0]|tojson(indent=2) }}
{{ tools[0].d|tojson(indent=0) }}|{{ [1,[2]]|tojson(indent='\t') }}
{{ tools[0].d|tojson(ensure_ascii=true) }} {{ tools[0].d|tojson(sort_keys=true) }} {{ [1, {'a': 2}]|tojson(separators=(',', ':')) }} {{ ['é𝛼']|tojson(true) }} {{ "\u007f\u0001\b\f"|tojson }}
{{ {1: 2, true: 3, none: 4, 1.5: 5}|tojson }} {{ []|tojson }} {{ {}|tojson(indent=2) }} {{ [[]]|tojson(indent=2) }} {{ (1, 'a')|tojson }} {{ "q\"\\/"|tojson }} {{ none|tojson }} {{ 1e20|tojson }} {{ 1.0|tojson }}
{{ messages|selectattr('role', 'equalto', 'user')|list|length }} {{ messages|selectattr('name')|map(attribute='name')|list }} {{ messages|rejectattr('role', '==', 'user')|map(attribute='role')|join(',') }} {{ messages|selectattr('role', 'in', ['user', 'x'])|list|length }} {{ messages|selectattr('name', 'defined')|list|length }} {{ messages|rejectattr('name', 'undefined')|list|length }}
{{ [1,2,3,4]|select('odd')|list }} {{ [1,2,3,4]|reject('divisibleby', 2)|list }} {{ [0,1,'']|select|list }} {{ [0,1,'']|reject|list }} {{ [1,2,3]|select('gt', 1)|first }} {{ none|select|list }} {{ [1,2]|select('<', 2)|list }}
{{ ['a','b']|map('upper')|list }} {{ [' a ']|map('trim')|join }} {{ [{'a': {'b': 1}}, {'a': 2}]|map(attribute='a.b')|list }} {{ [{'a': 1}, {}]|map(attribute='a', default='-')|list }} {{ [[1,2],[3,4]]|map(attribute=1)|list }} {{ [[1,2],[3,4]]|map(attribute='0')|list }} {{ ['x']|map('replace', 'x', 'y')|list }} {{ [[1,2]]|map('first')|list }} {{ ['1']|map('int')|list }}
{{ {'b': 1, 'a': 2, 'C': 0}|dictsort }} {{ {'b': 1, 'a': 2, 'C': 0}|dictsort(true) }} {{ {'b': 1, 'a': 2}|dictsort(by='value') }} {{ {'b': 1, 'a': 2}|dictsort(reverse=true) }} {{ {'b': 'x', 'a': 'Y'}|dictsort(false, 'value', true) }}
{{ ['b','A','c']|sort }} {{ ['b','A','c']|sort(case_sensitive=true) }} {{ [3,1,2]|sort(reverse=true) }} {{ messages|sort(attribute='role')|map(attribute='role')|list }} {{ ['b','B','a']|sort(reverse=true) }} {{ 'hello'|sort }} {{ [[2,1],[1,5]]|sort(attribute=1) }} {{ [5,4,3,2,1,0,9,8,7]|sort }}
{{ ['a','A','b']|unique|list }} {{ ['a','A','b']|unique(true)|list }} {{ [1,1.0,true,2]|unique|list }} {{ messages|unique(attribute='role')|list|length }}
{{ '<b>'|safe }} {{ '<b>"\'&'|e }} {{ '<'|escape|escape }} {{ '<'|e ~ '<' }} {{ '<'|safe|string }} {{ [1]|tojson|safe }} {{ '<'|e is string }} {{ '<'|e|length }} {{ '<'|e == '&lt;' }}
{{ 'a\nb'|indent }} {{ 'a\nb\n\nc\n'|indent(2, true) }}| {{ 'a\n\nb'|indent(2, blank=true) }} {{ 'a\nb'|indent('>>') }} {{ 'a'|indent(first=true) }} [{{ ''|indent }}]
{{ '  a '.strip() }}| {{ '  a '.lstrip() }}| {{ '  a '.rstrip() }}| {{ 'xyaxy'.strip('xy') }} {{ 'éaé'.strip('é') }} {{ '\n\na\n'.strip('\n') }} {{ 'a'.strip(none) }} [{{ '\u00a0\u2003x\u3000\u0085'.strip() }}] [{{ '\u200bx'.strip() }}]
{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ 'a  b '.split() }} {{ ' a  b  c '.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b c '.rsplit(none, 1) }} {{ ''.split(',') }} {{ ''.split() }} {{ 'abc'.split('abc') }} {{ 'a--b--c'.rsplit('--') }} {{ 'a b'.split(' ', maxsplit=0) }} {{ 'a,b'.split(sep=',') }} {{ ' a b '.split(maxsplit=1) }}
{{ 'a\nb\r\nc\rd\u2028e\x0bf\x1cg'.splitlines() }} {{ 'a\n\nb\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }} {{ ''.splitlines() }}
{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith('bc') }} {{ 'abc'.startswith(('x', 'a')) }} {{ 'abc'.endswith('') }} {{ 'a'.startswith('abc') }}
{{ 'aBc'.upper() }} {{ 'aBc'.lower() }} {{ "they're bill's friends".title() }} {{ 'aBC dEF'.capitalize() }} {{ 'a1b c'.title() }} {{ 'abcb'.replace('b', 'x') }} {{ 'abcb'.replace('b', 'x', 1) }} {{ 'añbñ'.find('ñ') }} {{ 'abc'.find('z') }} {{ 'abc'.find('') }} {{ 'abab'.count('ab') }} {{ 'aaa'.count('aa') }} {{ 'aé'.count('') }} {{ ', '.join(['a', 'b']) }} {{ ''.join('abc') }} {{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.txt'.removesuffix('.txt') }} {{ 'x'.removeprefix('y') }}
{{ dict(a=1, b='x') }} {{ dict({'a': 1}, a=2) }} {{ {'a': 1, 'a': 2} }} {{ {} }} {{ [] }} {{ () }} {{ (1,) }} {{ {'a': [1, (2, 'x')], 1: none, 'b': true} }}
{{ ["it's", 'say "x"', 'both \' "', 'nl\n\t\r\\', 'é\u200b\u00a0\ue000\U0001F600', '\x7f\x1b'] }}
{{ messages is sequence }} {{ messages is iterable and messages is not mapping }} {{ messages[0] is mapping }} {{ tools is none }} {{ documents is none }} {{ add_generation_prompt }} {{ enable_thinking is defined }} {{ bos_token }}{{ eos_token }} {{ pad_token is defined }} {{ strftime_now is defined }} {{ raise_exception is callable }}
{{ tools[0].list|sort|join(',') }} {{ tools[0].n + 1 }} {{ tools[0].x * 2 }} {{ tools[0].on }} {{ tools[0].no is none }} {{ tools[0].d }}
{% set x = messages|selectattr('role') %}{{ x|list|length }}{{ x|list|length }}
{% for x in [1,2,3,4]|select('odd') %}{{ x }}{{ loop.last }}{{ loop.length }} {% endfor %}
{% set it = [1,2,3]|map('string') %}{% for x in it %}{{ x }}{% break %}{% endfor %}-{{ it|join }}
{% for x in [1,2,3,4] if x is odd %}{{ loop.revindex }}{{ loop.nextitem }}{{ loop.length }};{% endfor %}
{{ messages[0].content.split('<|x|>')[0]|trim }} {{ (messages[0].content ~ '!')[::-1] }} {{ messages[0].content|upper }} {{ messages[0].content|replace('<|x|>', bos_token) }}
{{ 'a' ~ ('b' if true) ~ ('c' if false) }} {{ ('a', 'b')|join }} {{ [[1, 2], [3]]|map('length')|list }}
{%- if messages[0]['role'] == 'user' -%} yes {%- else -%} no {%- endif -%}
{% if messages %}{% if messages[0] %}{{ messages|length }}{% endif %}{% endif %}
{{ [1, 2, 3,] }} {{ {'a': 1,} }} {{ (1, 2,) }} {{ 1, 2 }}
{% if 'a' in 'abc' and not 'z' in 'abc' and 'z' not in 'abc' %}ok{% endif %}
{% if (1, 2) == (1, 2) %}t{% endif %}{% if not [] %}e{% endif %}{% if {} %}{% else %}d{% endif %}{% if 0.0 %}{% else %}z{% endif %}
{% set m = 'x' %}{% for m in [1] %}{{ m }}{% endfor %}{{ m }}
{% for x in [1,2] -%} {{ x }} {%- endfor %}
{% set f = 'abc'.upper %}{{ f() }} {{ ('a').upper() }} {{ 'a'.upper().lower() }} {{ ['a'][0].upper() }}
{{ {'a': 1}.a|string ~ 'x' }} {{ 1 if nope is defined else 2 }} {{ (nope or 'x')|upper }} {{ nope is defined and nope.x }}
{% for k, v in {'b': 1, 'a': 2}|dictsort %}{{ k }}{{ v }}{% endfor %} {{ {'a': 1}|items|list }}
{% macro f(x) %}{% if x is mapping %}{% for k, v in x|items %}{{ k }}({{ f(v) }}){% endfor %}{% elif x is string %}'{{ x }}'{% elif x is iterable %}[{% for i in x %}{{ f(i) }}{% endfor %}]{% else %}{{ x }}{% endif %}{% endmacro %}{{ f(tools[0].d) }}
{% set a = [1] %}{% set b = a + [2] %}{{ a }}{{ b }} {{ namespace is callable }} {{ range is callable }}
{{ '%}' }} {{ '}}' }} {{ "{{" }} {{ {'a': {'b': {}}} }} {{ {'a':{}}}}
{% set loop_messages = messages[1:] if messages[0].role == 'user' else messages %}{{ loop_messages|length }}
{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
{% if (messages[0]['role'] == 'user') != (loop_index|default(0) % 2 == 0) %}a{% else %}b{% endif %}
{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}
{{ 1.5|string }} {{ 1e100|string }} {{ 12345678901234567890.0 }} {{ 1/3 }} {{ 100.0 }} {{ 1e22 }} {{ 123456789012345678 }}
{% for i in range(3) %}{% for j in range(3) %}{% if j == 1 %}{% continue %}{% endif %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}
{% if true: %}colon{% endif %}
{{- 'x' -}}{{+ 'y' }}
{% for x in 1, 2, 3 %}{{ x }}{% endfor %}
{% set ns = namespace(s='') %}{% for m in messages %}{% set ns.s = ns.s + m.content|trim %}{% endfor %}{{ ns.s }}
""".strip("\n").split("\n")

# Refused here; `True` when jinja2 refuses too.
BAD = [
    ("{{ x|nope }}", "1: filter 'nope' is not supported", True),
    ("{{ [1]|batch(2) }}", "1: filter 'batch' is not supported", False),
    ("{{ [1]|groupby('a') }}", "1: filter 'groupby' is not supported", False),
    ("{{ 1 is nope }}", "1: test 'nope' is not supported", True),
    ("{{ 'a' is lower }}", "1: test 'lower' is not supported", False),
    ("{{ ['a']|map('nope')|list }}", "1: filter 'nope' is not supported", True),
    ("{{ [1]|select('nope')|list }}", "1: test 'nope' is not supported", True),
    ("a\n\n{{ nope.x }}", "3: 'nope' is undefined", True),
    ("{{ nope['x'] }}", "1: 'nope' is undefined", True),
    ("{{ messages[0].a.b }}", "1: 'a' is undefined", True),
    ("{{ nope() }}", "1: 'nope' is undefined (call", True),
    ("{{ nope + 1 }}", "1: 'nope' is undefined", True),
    ("{{ 1 + nope }}", "1: 'nope' is undefined", True),
    ("{{ -nope }}", "1: 'nope' is undefined", True),
    ("{{ nope < 1 }}", "1: 'nope' is undefined", True),
    ("{{ nope|int }}", "1: 'nope' is undefined", True),
    ("{{ nope[1:] }}", "1: 'nope' is undefined", True),
    ("{{ 'a' + 1 }}", "1: operator + (found text and integer)", True),
    ("{{ 'a' + none }}", "1: operator + (found text and none)", True),
    ("{{ [1] * 2 }}", "1: operator * (found list and integer)", False),
    ("{{ '%s' % 1 }}", "1: formatting with % is not supported", False),
    ("{{ 1 / 0 }}", "1: division by zero", True),
    ("{{ 1 // 0 }}", "1: division by zero", True),
    ("{{ 1 % 0 }}", "1: division by zero", True),
    ("{{ 9223372036854775807 + 1 }}", "1: integer (found more than 64 bits)", False),
    ("{{ 9223372036854775808 }}", "1: number (found more than 64 bits)", False),
    ("{{ 3 ** 99 }}", "1: integer (found more than 64 bits)", False),
    ("{{ 1 < 'a' }}", "1: order (found integer and text", True),
    ("{{ none < 1 }}", "1: order (found none and integer", True),
    ("{{ 1 in 2 }}", "1: loop or list (found integer", True),
    ("{{ 1 in 'a' }}", "1: 'in' a text (found integer", True),
    ("{{ 5|length }}", "1: length (found integer", True),
    ("{{ [1]|map('string')|length }}", "1: length (found iterator", True),
    ("{{ [1]|map('string') }}", "1: text of a value (found iterator", False),
    ("{{ range(3) }}", "1: text of a value (found range", False),
    ("{{ {}.items() }}", "1: text of a value (found view", False),
    ("{{ 'a'.upper }}", "1: text of a value (found method", False),
    ("{{ namespace }}", "1: text of a value (found function", False),
    ("{{ [].append(1) }}", "1: method 'append' of a list is not safe", True),
    ("{{ {}.update({}) }}", "1: method 'update' of a mapping is not safe", True),
    ("{{ {}.pop('a') }}", "1: method 'pop' of a mapping is not safe", True),
    ("{{ 'a'.format(1) }}", "1: method 'format' of a text is not supported", False),
    ("{{ 'a'.zfill(3) }}", "1: method 'zfill' of a text is not supported", False),
    ("{{ 'a'.encode() }}", "1: method 'encode' of a text is not supported", False),
    ("{{ ''.__class__ }}", "1: attribute '__class__' is not safe", False),
    ("{{ messages.__class__.__mro__ }}", "1: attribute '__class__' is not safe", True),
    ("{{ ''['__class__'] }}", "1: attribute '__class__' is not safe", False),
    ("{{ [1].index(1) }}", "1: method 'index' of a list", False),
    ("{{ (5).real }}", "1: method 'real' of a number", False),
    ("{{ raise_exception('no ' ~ 1) }}", "1: the template refuses: no 1", True),
    ("{{ raise_exception() }}", "1: argument of raise_exception (found none", True),
    ("{{ strftime_now('%d') }}", "1: function 'strftime_now' is not supported", False),
    ("{{ lipsum() }}", "1: functions lipsum, cycler and joiner are not supported", False),
    ("{{ cycler(1) }}", "1: functions lipsum, cycler and joiner are not supported", False),
    ("{{ joiner() }}", "1: functions lipsum, cycler and joiner are not supported", False),
    ("{% set ns = namespace(_a=1) %}", "1: attribute '_a' of a namespace starts with _", True),
    ("{% set ns = namespace() %}{% set ns._a = 1 %}", "1: attribute '_a' of a namespace starts with _", True),
    ("{% set x = {} %}{% set x.a = 1 %}", "1: attribute as a target (found mapping", True),
    ("{% set nope.a = 1 %}", "1: 'nope' is undefined (attribute as a target", True),
    ("{% for x in 5 %}{% endfor %}", "1: loop or list (found integer", True),
    ("{% for x in none %}{% endfor %}", "1: loop or list (found none", True),
    ("{% for a, b in [1] %}{% endfor %}", "1: loop or list (found integer", True),
    ("{% for a, b in [[1]] %}{% endfor %}", "1: unpacking (found 1 values, expected 2)", True),
    ("{% for x in [1] recursive %}{% endfor %}", "1: 'recursive' loops are not supported", False),
    ("{% for x in [1] %}{{ loop.changed(1) }}{% endfor %}", "1: attribute 'changed' of a loop is not supported", False),
    ("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "1: arguments of macro 'f' (found 2, expected 1)", True),
    ("{% macro f(a) %}{% endmacro %}{{ f(b=2) }}", "1: argument 'b' is given twice or not a parameter", True),
    ("{% macro f(a) %}{% endmacro %}{{ f(1, a=2) }}", "1: argument 'a' is given twice", True),
    ("{% macro f() %}{{ varargs }}{% endmacro %}", "1: 'varargs' in a macro is not supported", False),
    ("{% macro f() %}{{ caller() }}{% endmacro %}", "1: 'caller' in a macro is not supported", False),
    ("{% macro f(a=1, b) %}{% endmacro %}", "1: parameter without a default after one with", True),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "1: calls (found macros more than 64 levels deep)", True),
    ("{{ f(*[1]) }}", "1: '*' arguments are not supported", True),
    ("{{ 'a'|replace('b') }}", "1: argument of replace (found none, expected 'new')", True),
    ("{{ 'a'|trim(x=1) }}", "1: arguments of trim", True),
    ("{{ 'a'|upper(1) }}", "1: arguments of upper", True),
    ("{{ 'a'.split('') }}", "1: split (found an empty separator)", True),
    ("{{ 'a'.startswith(1) }}", "1: startswith (found integer, expected text)", True),
    ("{{ ','.join([1]) }}", "1: item to join (found integer, expected text)", True),
    ("{{ [1][::0] }}", "1: slice (found a step of 0)", True),
    ("{{ {}[1:] }}", "1: slice (found mapping", False),
    ("{{ [1]['a':] }}", "1: slice (found text", False),
    ("{{ {[]: 1} }}", "1: key of a mapping (found list", True),
    ("{{ {(1, 2): 1} }}", "1: key of a mapping (found tuple", False),
    ("{{ nope|tojson }}", "1: 'nope' is undefined (tojson", True),
    ("{{ range|tojson }}", "1: tojson (found function", True),
    ("{{ [1]|dictsort }}", "1: dictsort (found list", True),
    ("{{ [1, 'a']|sort }}", "1: order (found", True),
    ("{{ 5|items }}", "1: items (found integer", False),
    ("{{ 'straße'|upper }}", "1: case of U+00DF is not supported", False),
    ("{{ 'aΣ'|lower }}", "1: case of U+03A3 is not supported", False),
    ("{{ 'ᵐa'.title() }}", "1: case of U+1D50 is not supported", False),
    ("{{ '<'|safe + 'a' }}", "1: + on a text from 'safe' or 'escape' is not supported", False),
    ("{{ ('<'|safe).upper() }}", "1: method 'upper' of a text from 'safe'", False),
    ("{{ range(200000) }}", "1: range (found more than 100000 numbers)", True),
    ("{{ range(1, 2, 0) }}", "1: range (found a step of 0)", True),
    ("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "1: steps (found more than 1000000", False),
    ("{{ 'abcdefgh' * 200000 }}", "1: string (found more than 1048576 bytes)", False),
    ("{% for i in range(9) %}{{ 'abcdefgh' * 100000 }}{% endfor %}", "1: output (found more than 4194304 bytes)", False),
    ("{% set ns = namespace(x=[]) %}{% for i in range(4000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}", "1: nesting (found", True),
    ("{% include 'a' %}", "1: tag 'include' is not supported", True),
    ("{% extends 'a' %}", "1: tag 'extends' is not supported", True),
    ("{% import 'a' as b %}", "1: tag 'import' is not supported", True),
    ("{% block a %}{% endblock %}", "1: tag 'block' is not supported", False),
    ("{% call f() %}{% endcall %}", "1: tag 'call' is not supported", True),
    ("{% filter upper %}a{% endfilter %}", "1: tag 'filter' is not supported", False),
    ("{% with a=1 %}{% endwith %}", "1: tag 'with' is not supported", False),
    ("{% do x %}", "1: unknown tag 'do'", True),
    ("\n{% frobnicate %}", "2: unknown tag 'frobnicate'", True),
    ("{% endif %}", "1: syntax (found endif, expected the end of the template)", True),
    ("{% if true %}a", "1: block from line 1 (expected {% endif %} after it)", True),
    ("{% if true %}\n{% for x in [] %}{% endif %}", "2: block from line 2 (expected {% endfor %} after it)", True),
    ("{% if %}a{% endif %}", "1: syntax (found %}, expected an expression)", True),
    ("{{ }}", "1: syntax (found }}, expected an expression)", True),
    ("{{ 1 2 }}", "1: syntax (found a number, expected }})", True),
    ("{{ (1 }}", "1: brackets", True),
    ("{{ 1) }}", "1: brackets", True),
    ("{{ [1) }}", "1: brackets", True),
    ("{{ 'a }}", "1: string (found no end, expected a quote)", True),
    ("{{ '\\x4' }}", "1: escape in a string", True),
    ("{{ '\\N{BULLET}' }}", "1: escape in a string", False),
    ("{{ a $ b }}", "1: unexpected character '$'", True),
    ("{{ é }}", "1: unexpected character 'é'", False),
    ("a{# b", "1: comment (found no end, expected #})", True),
    ("{% raw %}a", "1: raw block (found no endraw, expected one)", True),
    ("{{ 1", "1: syntax (found end of template, expected }})", True),
    ("{% if 1", "1: syntax (found end of template, expected %})", True),
    ("{% break %}", "1: break or continue outside of a loop", True),
    ("{% for x in [1] %}{% set y %}{% break %}{% endset %}{% endfor %}", "1: break or continue outside of a loop", False),
    ("{% for 1 in [1] %}{% endfor %}", "1: target (expected names)", True),
    ("{% for a, loop in [] %}{% endfor %}", "1: target of a loop (found loop", True),
    ("{% set 'a' = 1 %}", "1: target (expected names)", True),
    ("{{ 1 is odd is even }}", "1: syntax (found is", True),
    ("{{ f(a=1, 2) }}", "1: syntax (found a number, expected a keyword argument)", True),
    ("{{ f(a=1, a=2) }}", "1: argument 'a' given twice", True),
    ("{{ x[1, 2] }}", "1: subscripts with ',' are not supported", False),
    ("{{ x[] }}", "1: syntax (found ], expected an expression)", True),
    ("{{ x.1.5.'a' }}", "1: syntax (found a, expected a name)", True),
    ("{{ " + "(" * 120 + "1" + ")" * 120 + " }}", "1: nesting (found more than 100", False),
    ("{% if 1 %}" * 110 + "{% endif %}" * 110, "1: nesting (found more than 100 levels)", True),
    ("{{ 1" + " + 1" * 500 + " }}", "1: nesting (found more than 400 levels)", True),
    ("{{ " + "not " * 500 + "1 }}", "1: nesting (found more than 100 levels)", True),
]


def snippets():
    rows = []
    for line in GOOD:
        template = line.replace("~n", "\n")
        if template.endswith("~skip"):
            continue
        out = render(template, CHAT)
        rows.append([template, out])
    for template, message, too in BAD:
        if too:
            try:
                render(template, CHAT)
            except Exception:
                pass
            else:
                raise SystemExit(f"jinja2 accepts {template!r}")
        rows.append([template, None, message])
    write(f"{PLACE}/snippets.jsonl", [CHAT] + rows)
    return len(rows)


def corpus(chats):
    """A template, NUL, a flag, NUL, messages as JSON."""
    os.makedirs(CORPUS, exist_ok=True)
    for old in os.listdir(CORPUS):
        os.remove(f"{CORPUS}/{old}")

    def put(name, template, chat, flag=b"0"):
        with open(f"{CORPUS}/{name}", "wb") as f:
            f.write(template.encode() + b"\0" + flag + b"\0" + json.dumps(chat["messages"], ensure_ascii=False).encode())

    for name in ("smollm2", "qwen3", "qwen35", "gemma4"):
        with open(f"{PLACE}/{name}.jinja", encoding="utf-8") as f:
            put(name, f.read(), chats[3], b"5")
    for i in range(0, len(GOOD), 12):
        put(f"good-{i:03}", "\n".join(GOOD[i : i + 12]).replace("~n", "\n"), {"messages": CHAT["messages"]})
    for i, (template, _, _) in enumerate(BAD):
        if len(template) < 60 and i % 6 == 0:
            put(f"bad-{i:03}", template, chats[0])


def main():
    chats = conversations()
    write(f"{PLACE}/chats.jsonl", chats)
    for name in ("smollm2", "qwen3", "qwen35", "gemma4"):
        print(name, family(name, chats))
    print("snippets", snippets())
    corpus(chats)


main()

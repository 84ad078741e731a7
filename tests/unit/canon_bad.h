/* Canons that are wrong in one place each, with the message (after the folder). */
#ifndef CANON_BAD_H
#define CANON_BAD_H

#include "canon_case.h"

typedef struct {
    size_t file;
    const char *from, *to, *says;
} canon_case;

static const canon_case canon_cases[] = {
    /* works */
    {CASE_WORKS, "works/1", "works/2",
     "works.json: schema (found \"assay.works/2\", expected \"assay.works/1\")"},
    {CASE_WORKS, "'year':1833", "'year':1",
     "works.json: works 1: careme: year (found 1, expected 1000 to 2100)"},
    {CASE_WORKS, "'id':'child'", "'id':'careme'", "works.json: careme: id twice"},
    {CASE_WORKS, "'title':'T',", "",
     "works.json: works 1: careme: title: kind (found nothing, expected a text)"},
    {CASE_WORKS, "['a']", "['a','b']",
     "canon/b.json: file (found none, expected those that works.json names)"},
    {CASE_WORKS, "['a']", "['b']",
     "canon/a.json: file (found, expected only those that works.json names)"},
    {CASE_WORKS, "'canon':['a'],", "", "works.json: canon: kind (found nothing, expected a list)"},
    {CASE_WORKS, "['a']", "[]", "works.json: canon: number (found 0, expected at least 1)"},
    /* the file and its entries */
    {CASE_CANON, "canon/1", "canon/9",
     "canon/a.json: schema (found \"assay.canon/9\", expected \"assay.canon/1\")"},
    {CASE_CANON, "'category':'sauce'", "'category':'Sauce 1'",
     "canon/a.json: category (found \"Sauce 1\", expected words of a-z with _ between)"},
    {CASE_CANON, "'category':'sauce',", "'category':'sauce','note':'x',",
     "canon/a.json: note: unknown key (expected one of: schema, category, entries)"},
    {CASE_CANON, "'id':'tart'", "'id':'Tart'",
     "canon/a.json: entries 2: id: form (found \"Tart\", expected at most 64 of a-z, 0-9 and - "
     "between them)"},
    {CASE_CANON, "'id':'tart',", "",
     "canon/a.json: entries 2: id: kind (found nothing, expected a text)"},
    {CASE_CANON, "'id':'tart'", "'id':'hollandaise'",
     "canon/a.json: hollandaise: the same id as hollandaise in canon/a.json"},
    {CASE_CANON, "'name':'plain tart'", "'name':'dutch Bütter sauce'",
     "canon/a.json: tart: the same name or alias as hollandaise in canon/a.json"},
    {CASE_CANON, "'name':'plain tart'", "'name':'the tart'",
     "canon/a.json: tart: name: form (found \"the tart\", expected no article)"},
    {CASE_CANON, "'name':'plain tart'", "'name':'a b c d e f'",
     "canon/a.json: tart: name: words (found 6, expected 1 to 5)"},
    {CASE_CANON, "'alias':'tart shell'", "'alias':'tart  shell'",
     "canon/a.json: tart: alias: form (found \"tart  shell\", expected single blanks between "
     "words)"},
    {CASE_CANON, "'alias':'tart shell'", "'alias':'tart (shell)'",
     "canon/a.json: tart: alias: character (found U+0028, expected none of \"();{})"},
    {CASE_CANON, "'alias':'tart shell'", "'alias':7",
     "canon/a.json: tart: alias: kind (found 7, expected a text)"},
    {CASE_CANON, "'careme','child'", "'careme','nobody'",
     "canon/a.json: tart: works 2: unknown work (found \"nobody\", see works.json)"},
    {CASE_CANON, "'works':['careme'],", "'works':[],",
     "canon/a.json: hollandaise: works: number (found 0, expected at least 1)"},
    {CASE_CANON, "'works':['careme'],", "'works':['careme'],'extra':1,",
     "canon/a.json: hollandaise: extra: unknown key (expected one of: id, name, alias, works, "
     "flaw, facts)"},
    /* the failure */
    {CASE_CANON, "'has split','has parted','is broken now'", "'has split','has parted'",
     "canon/a.json: hollandaise: flaw: told: number (found 2, expected at least 3)"},
    {CASE_CANON, "'has parted'", "'has split'",
     "canon/a.json: hollandaise: flaw: told 2: the same text again (\"has split\")"},
    {CASE_CANON, "'came apart'", "'has split'",
     "canon/a.json: hollandaise: flaw: asked 1: the same text in two vocabularies (\"has split\")"},
    {CASE_CANON, "'is a puddle'", "'puddle'",
     "canon/a.json: hollandaise: flaw: service 2: words (found 1, expected 2 to 10)"},
    {CASE_CANON, "'is a puddle'", "'is a puddle!'",
     "canon/a.json: hollandaise: flaw: service 2: form (found \"is a puddle!\", expected no stop "
     "at the end)"},
    {CASE_CANON, "'is a puddle'", "'is a — puddle'",
     "canon/a.json: hollandaise: flaw: service 2: character (found U+2014, expected ASCII, letters "
     "with accents or U+00B0)"},
    {CASE_CANON, "'service':", "'shouted':",
     "canon/a.json: hollandaise: flaw: shouted: unknown key (expected one of: told, asked, "
     "service)"},
    /* facts */
    {CASE_CANON, "{'type':'cause'", "{'type':'origin'",
     "canon/a.json: hollandaise: facts 1: type (found \"origin\", expected \"cause\" in place 1)"},
    {CASE_CANON, "{'type':'term'", "{'type':'remedy'",
     "canon/a.json: hollandaise: facts 5: type (found \"remedy\", expected one of: temperature, "
     "time, ratio, term, origin)"},
    {CASE_CANON, "{'type':'term'", "{'type':'temperature'",
     "canon/a.json: hollandaise: temperature: type twice"},
    {CASE_CANON, "{'type':'term'", "{'type':'colour'",
     "canon/a.json: hollandaise: facts 5: type (found \"colour\", expected one of: temperature, "
     "time, ratio, term, origin)"},
    {CASE_CANON, "'says':['whisk it into", "'say':['whisk it into",
     "canon/a.json: hollandaise: facts 2: say: unknown key (expected one of: type, says, keys, "
     "wrong)"},
    {CASE_CANON, "'beat it into a new yolk',", "",
     "canon/a.json: hollandaise: remedy: says: number (found 2, expected at least 3)"},
    {CASE_CANON, "'the pan was wide',", "",
     "canon/a.json: hollandaise: cause: wrong: number (found 2, expected at least 3)"},
    {CASE_CANON, "'boil it hard'", "'Boil it hard'",
     "canon/a.json: hollandaise: remedy: wrong 1: form (found \"Boil it hard\", expected lower "
     "case at the start)"},
    {CASE_CANON, "'boil it hard'", "'boil; then chill'",
     "canon/a.json: hollandaise: remedy: wrong 1: character (found U+003B, expected none of "
     "\"();{})"},
    {CASE_CANON, "'keys':['60']", "'keys':[]",
     "canon/a.json: hollandaise: temperature: keys: number (found 0, expected at least 1)"},
    {CASE_CANON, "'keys':['60']", "'keys':['60 |']",
     "canon/a.json: hollandaise: temperature: keys 1: form (found \"60 |\", expected words of a-z "
     "and 0-9, with | between and * after)"},
    {CASE_CANON, "'keys':['60']", "'keys':['6*0']",
     "canon/a.json: hollandaise: temperature: keys 1: form (found \"6*0\", expected words of a-z "
     "and 0-9, with | between and * after)"},
    {CASE_CANON, "'keys':['60']", "'keys':['Sixty']",
     "canon/a.json: hollandaise: temperature: keys 1: form (found \"Sixty\", expected words of a-z "
     "and 0-9, with | between and * after)"},
    {CASE_CANON, "'whisk it into a yolk'", "'stir it into a yolk'",
     "canon/a.json: hollandaise: remedy: says 1: \"stir it into a yolk\" does not meet the keys"},
    {CASE_CANON, "'whisk it into a yolk'", "'whisk a yolk with fat by drops'",
     "canon/a.json: hollandaise: remedy: says 1: \"whisk a yolk with fat by drops\" also meets the "
     "keys of prevention"},
    {CASE_CANON, "'the yolks were fresh'", "'the butter was melted fast'",
     "canon/a.json: hollandaise: cause: wrong 1: \"the butter was melted fast\" is wrong, yet "
     "meets the keys"},
    {CASE_CANON, "'60 °C keeps it'", "'60 °C is right for sauce mousseline'",
     "canon/a.json: hollandaise: temperature: says 3: \"60 °C is right for sauce mousseline\" also "
     "meets the keys of term"},
    {CASE_CANON, "'the dough had no rest','the dough did not rest','no rest was given'",
     "'the butter went in too fast','the butter came too quickly','butter was poured fast'",
     "canon/a.json: tart: cause: says 1: \"the butter went in too fast\" does not meet the keys"},
    /* disputes */
    {CASE_DISPUTES, "'id':'salt'", "'id':'lid'", "disputes.json: lid: the same id as lid"},
    {CASE_DISPUTES, "'Salt now?'", "'Does a lid help?'",
     "disputes.json: salt: the same question as lid"},
    {CASE_DISPUTES, "'Salt now?'", "'Salt now.'",
     "disputes.json: salt: asked 1: form (found \"Salt now.\", expected a question mark at the "
     "end)"},
    {CASE_DISPUTES, "['before','after','at the table'],'keys'", "['before'],'keys'",
     "disputes.json: salt: positions: number (found 1, expected at least 2)"},
    {CASE_DISPUTES, "'keys':['cover','open']", "'keys':['cover','open','shut']",
     "disputes.json: lid: keys: number (found 3, expected 2 as positions)"},
    {CASE_DISPUTES, "'keys':['cover','open']", "'keys':['cover','cover|open']",
     "disputes.json: lid: positions 1: \"some cover it\" also meets key 2"},
    {CASE_DISPUTES, "'keys':['cover','open']", "'keys':['cover','shut']",
     "disputes.json: lid: positions 2: \"others leave it open\" does not meet its key"},
    {CASE_DISPUTES, "'positions':['before','after','at the table']",
     "'positions':['before','after','at the table','x','y']",
     "disputes.json: salt: positions: number (found 5, expected 2 to 4)"},
    /* grammars */
    {CASE_GRAMMAR, "'asked'", "'sung'",
     "grammar/S.json: vocabulary (found \"sung\", expected told, asked or service)"},
    {CASE_GRAMMAR, "0.25", "1.5", "grammar/S.json: alias (found 1.5, expected 0 to 1)"},
    {CASE_GRAMMAR, "'name':'S'", "'name':'T'", "grammar/T.json: name (found \"T\" in two files)"},
    {CASE_GRAMMAR, "a {name} {flaw}?", "a {name {flaw}?",
     "grammar/S.json: lists: ask 1: form (found \"a {name {flaw}?\", expected slots as {name})"},
    {CASE_GRAMMAR, "'other':['plain']", "'other':[]",
     "grammar/S.json: lists: other: number (found 0, expected at least 1)"},
    {CASE_GRAMMAR, "'other':", "'Other':",
     "grammar/S.json: lists: form (found \"Other\", expected at most 64 of a-z, 0-9 and - between "
     "them)"},
    {CASE_GRAMMAR, "]}}", "]}",
     "grammar/S.json: 1:273: object (found end of text, expected ',' or '}')"},
};

#endif

/* A small canon in a folder of its own: two entries, one dispute, two grammars. In the texts below
 * a ' stands for ". case_write() replaces the first `from` of one file by `to`. */
#ifndef CANON_CASE_H
#define CANON_CASE_H

#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

typedef struct {
    const char *name, *text;
} case_file;

enum { CASE_WORKS, CASE_CANON, CASE_DISPUTES, CASE_GRAMMAR, CASE_OTHER, CASE_FILES };

static const case_file case_files[CASE_FILES] = {
    {"works.json", "{'schema':'assay.works/1','canon':['a'],'works':["
                   "{'id':'careme','title':'T','author':'A','year':1833},"
                   "{'id':'child','title':'U','author':'B','year':1961}]}"},
    {"canon/a.json",
     "{'schema':'assay.canon/1','category':'sauce','entries':["
     "{'id':'hollandaise','name':'hollandaise','alias':'Dutch butter sauce','works':['careme'],"
     "'flaw':{'told':['has split','has parted','is broken now'],'asked':['came apart','fell "
     "apart'],"
     "'service':['looks like soup','is a puddle']},'facts':["
     "{'type':'cause','says':['the butter went in too fast','the butter came too quickly',"
     "'butter was poured fast'],'keys':['butter fast|quickly'],"
     "'wrong':['the yolks were fresh','the pan was wide','the lemon was green']},"
     "{'type':'remedy','says':['whisk it into a yolk','beat it into a new yolk','whisk in a yolk'],"
     "'keys':['whisk*|beat* yolk*'],'wrong':['boil it hard','freeze it whole','fry it again']},"
     "{'type':'prevention','says':['add the fat by drops','pour drops of fat','let fat drop in'],"
     "'keys':['fat drop*'],'wrong':['add it all','use a lid','stir with a spoon']},"
     "{'type':'temperature','says':['it is held at 60 °C','60 °C is warm enough','60 °C keeps it'],"
     "'keys':['60'],'wrong':['it is held at 90 °C','it is held at 20 °C','it is held at 5 °C']},"
     "{'type':'term','says':['with cream it is mousseline','mousseline has cream',"
     "'sauce mousseline has cream'],'keys':['mousseline'],"
     "'wrong':['with cream it is aurore','with cream it is supreme','with cream it is ivoire']}]},"
     "{'id':'tart','name':'plain tart','alias':'tart shell','works':['careme','child'],"
     "'flaw':{'told':['has shrunk','is too small','went down'],'asked':['lost height','pulled in'],"
     "'service':['is a biscuit','sits in a hole']},'facts':["
     "{'type':'cause','says':['the dough had no rest','the dough did not rest','no rest was "
     "given'],"
     "'keys':['rest'],'wrong':['the oven was clean','the tin was old','the flour was white']},"
     "{'type':'remedy','says':['fill the gap with trimmings','patch it with trimmings',"
     "'use trimmings as a patch'],'keys':['trimmings'],"
     "'wrong':['bake it twice','add water now','turn it over']},"
     "{'type':'prevention','says':['chill the lined tin','cool the tin first','chill it in the "
     "tin'],"
     "'keys':['chill|cool tin'],'wrong':['heat the tin','oil the dough','salt the tin']},"
     "{'type':'time','says':['a tart chills for 30 minutes','30 minutes of cold are needed',"
     "'30 minutes in the cold'],'keys':['30'],"
     "'wrong':['a tart chills for 2 minutes','a tart chills 9 hours','a tart chills 1 week']},"
     "{'type':'origin','says':['the tart is Roman','Romans had tarts','tarts are Roman'],"
     "'keys':['roman*'],'wrong':['tarts are Danish','tarts are new','tarts are Greek']}]}]}"},
    {"disputes.json",
     "{'schema':'assay.disputes/1','disputes':["
     "{'id':'lid','question':'whether a lid helps','asked':['Does a lid help?','Is a lid useful?'],"
     "'positions':['some cover it','others leave it open'],'keys':['cover','open']},"
     "{'id':'salt','question':'when to salt','asked':['Salt now?','Salt later?'],"
     "'positions':['before','after','at the table'],'keys':['before','after','table']}]}"},
    {"grammar/S.json",
     "{'schema':'assay.grammar/1','name':'S','about':'a','vocabulary':'asked','alias':0.25,"
     "'lists':{'ask':['a {name} {flaw}?','b {name} {flaw}?','c {name} {flaw}?','d {name} {flaw}?',"
     "'e {name} {flaw}?','f {name} {flaw}?','g {name} {flaw}?','h {name} {flaw}?'],"
     "'other':['plain']}}"},
    {"grammar/T.json",
     "{'schema':'assay.grammar/1','name':'T','about':'b','vocabulary':'told','alias':0,"
     "'lists':{'ask':['what?']}}"},
};

static char case_dir[64];

static inline bool case_begin(void)
{
    (void)snprintf(case_dir, sizeof case_dir, "/tmp/assay-canon-XXXXXX");
    return mkdtemp(case_dir) != NULL;
}

static inline const char *case_path(const char *name)
{
    static char path[4][256];
    static size_t next;
    char *out = path[next++ % 4];
    (void)snprintf(out, sizeof path[0], "%s/%s", case_dir, name);
    return out;
}

static inline void case_quote(char *text)
{
    for (char *p = text; (p = strchr(p, '\''));) *p = '"';
}

/* Any file of the folder, ' still for ". */
static inline void case_put(const char *name, const char *text)
{
    as_error err = {0};
    as_buf out = {0};
    as_buf_puts(&out, text);
    CHECK(as_buf_ok(&out, &err));
    if (out.data) case_quote(out.data);
    CHECK(as_dir_make(case_path("canon"), &err) && as_dir_make(case_path("grammar"), &err));
    CHECK(as_file_replace(case_path(name), as_buf_text(&out), out.size, &err));
    as_buf_clear(&out);
}

/* All files; in one of them `from` (which must be there) becomes `to`. */
static inline void case_write(size_t file, const char *from, const char *to)
{
    for (size_t i = 0; i < CASE_FILES; i++) {
        as_buf out = {0};
        const char *text = case_files[i].text, *at = from && i == file ? strstr(text, from) : NULL;
        CHECK(!from || i != file || at);
        if (at) {
            as_buf_add(&out, text, (size_t)(at - text));
            as_buf_puts(&out, to);
            as_buf_puts(&out, at + strlen(from));
        } else {
            as_buf_puts(&out, text);
        }
        case_put(case_files[i].name, as_buf_text(&out));
        as_buf_clear(&out);
    }
}

static inline void case_end(void)
{
    static const char *const extra[] = {"canon/b.json", "canon/c.txt", "gold.jsonl"};
    for (size_t i = 0; i < CASE_FILES; i++) (void)unlink(case_path(case_files[i].name));
    for (size_t i = 0; i < 3; i++) (void)unlink(case_path(extra[i]));
    (void)rmdir(case_path("canon"));
    (void)rmdir(case_path("grammar"));
    (void)rmdir(case_dir);
}

#endif

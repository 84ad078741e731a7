/* Labels by exact token, and a lint for readers of labels. */
#include "lab/judge/label.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t as_label_read(const char *const *labels, size_t n, const char *reply)
{
    size_t size = strlen(reply);
    while (size > 0 && is_blank(*reply)) reply++, size--;
    while (size > 0 && is_blank(reply[size - 1])) size--;
    if (size > 0 && reply[size - 1] == '.') size--;
    for (size_t i = 0; i < n; i++)
        if (strlen(labels[i]) == size && memcmp(labels[i], reply, size) == 0) return i;
    return n;
}

bool as_label_collision(const char *const *labels, size_t n, size_t *a, size_t *b)
{
    for (*a = 0; *a < n; ++*a)
        for (*b = 0; *b < n; ++*b)
            if (*a != *b && strstr(labels[*b], labels[*a])) return true;
    return false;
}

/* Must be read as label `want`, or as none where want is n. */
static bool try_reply(as_label_reader *reader, const char *const *labels, size_t n, const as_buf *b,
                      size_t want, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    if (!as_buf_ok(b, err)) return false;
    const char *reply = as_buf_text(b);
    size_t got = reader(labels, n, reply);
    if (got == want || (got >= n && want >= n)) return true;
    return as_fail(err, AS_EFORMAT, "reply \"%s\": label (found %s, expected %s)",
                   as_escape(reply, strlen(reply), shown), got < n ? labels[got] : "none",
                   want < n ? labels[want] : "none");
}

/* A word that contains label i: that label only where the word is one. */
static size_t whole(const char *const *labels, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(labels[i], word) == 0) return i;
    return n;
}

bool as_label_lint(as_label_reader *reader, const char *const *labels, size_t n, as_error *err)
{
    static const char *const around[][2] = {{"UN", ""}, {"IN", ""}, {"", "LY"}, {"NOT ", ""}};
    as_buf b = {0};
    bool ok = try_reply(reader, labels, n, &b, n, err);
    for (size_t i = 0; ok && i < n; i++) {
        as_buf_clear(&b);
        as_buf_puts(&b, labels[i]);
        ok = try_reply(reader, labels, n, &b, i, err);
        for (size_t k = 0; ok && k < sizeof around / sizeof around[0]; k++) {
            as_buf_clear(&b);
            as_buf_printf(&b, "%s%s%s", around[k][0], labels[i], around[k][1]);
            ok = try_reply(reader, labels, n, &b, whole(labels, n, as_buf_text(&b)), err);
        }
        for (size_t k = 0; ok && k < n; k++) {
            as_buf_clear(&b);
            as_buf_printf(&b, "%s or %s", labels[i], labels[k]);
            ok = try_reply(reader, labels, n, &b, n, err);
        }
    }
    as_buf_clear(&b);
    return ok;
}

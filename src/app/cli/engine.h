/* What the verbs that run a model share: opening it with its tokenizer, template and arms, and
 * turning what users give into rows of token ids. */
#ifndef AS_APP_CLI_ENGINE_H
#define AS_APP_CLI_ENGINE_H

#include "app/cli/command.h"
#include "engine/infer/infer.h"
#include "lab/subject/local.h"

#define AS_MODEL_OPTIONS                                                                           \
    {"model", 'm', "MODEL", "a folder, FILE.gguf, or ORG/NAME[@REV] in the local cache", false},   \
        {"kernels", 0, "NAME", "auto, scalar, avx2 or avx512: same bits, other speed", false},     \
        {"threads", 0, "N", "threads (default: ASSAY_THREADS, else all processors)", false},       \
    {                                                                                              \
        "no-scan", 0, NULL, "do not look for NaN and Inf in the weights", false                    \
    }
#define AS_ARM_OPTIONS                                                                             \
    {"arm", 'a', "ARM", "base, or [NAME=]OPERATOR: ARGUMENT[; ...] (default: base)", true},        \
    {                                                                                              \
        "as-published", 0, NULL, "temper with the head width of the first attention layer", false  \
    }
#define AS_PROMPT_OPTIONS                                                                          \
    {"prompts", 'p', "FILE", "JSON Lines with prompt, messages or ids; - is standard input",       \
     false},                                                                                       \
        {"prompt", 0, "TEXT", "one prompt", false},                                                \
        {"ids", 0, "LIST", "one prompt as token ids: 1,2,3", false},                               \
        {"system", 0, "TEXT", "system message of prompts given as text", false},                   \
        {"raw", 0, NULL, "prompts given as text are not put into the chat template", false},       \
        {"marked", 0, NULL,                                                                        \
         "of plain text (--raw, --data): control tokens spelled in it are recognised", false},     \
    {                                                                                              \
        "thinking", 0, "WHEN", "on or off: the template's switch (default: not set)", false        \
    }
#define AS_ROWS_OPTIONS                                                                            \
    {"batch", 0, "N", "rows side by side (default: 16); changes speed only", false},               \
    {                                                                                              \
        "piece", 0, "N", "prompt tokens of a row in one step; changes speed only", false           \
    }

typedef struct {
    const as_cli *cli;
    as_exec exec;
    as_local local; /* which borrows exec */
    as_arm **arm;   /* at least base */
    size_t n_arms;
} as_engine;

/* Reads --model, --kernels, --threads, --no-scan, --arm, --as-published. AS_EUSAGE without --model.
 */
AS_MUST_CHECK bool as_engine_open(as_engine *e, const as_cli *c, as_error *err);
/* The same for a model named by other means, with no arms; the kernels and threads as options say.
 */
AS_MUST_CHECK bool as_engine_load(as_engine *e, const as_cli *c, const char *name, as_error *err);
void as_engine_close(as_engine *e);
/* The kernels and threads alone. */
AS_MUST_CHECK bool as_engine_exec(as_exec *ex, const as_cli *c, as_error *err);
/* --batch and --piece. AS_EUSAGE. */
AS_MUST_CHECK bool as_engine_rows(const as_cli *c, as_infer_options *o, as_error *err);
/* Model, tokenizer and template digests, dtype, family, arms: what results carry. */
json_t *as_engine_record(const as_engine *e);
/* One row of input. */
typedef struct {
    const char *id;
    as_ids ids;   /* the prompt */
    as_ids reply; /* a stored reply; none when n is 0 */
    bool has_reply;
    as_buf text;             /* as rendered, when it came as text */
    as_template_spans spans; /* of text: what came from messages */
} as_question;

typedef struct {
    as_question *question;
    size_t n, room;
    size_t n_text, n_chat; /* given as text; put into the template */
    as_key digest;         /* over all ids */
} as_questions;

/* Reads --prompts, --prompt or --ids. Keys of a row: id; one of prompt, messages (with tools), ids;
 * for a stored reply one of reply, completion, reply_ids; other keys are left alone. Messages say
 * FILE:LINE. Ids and lengths that the model cannot take are refused here, before any work, and so
 * are options on text when no row is text. */
AS_MUST_CHECK bool as_questions_read(as_questions *p, const as_engine *e, as_error *err);
void as_questions_clear(as_questions *p);

/* A finite number; AS_EUSAGE. */
AS_MUST_CHECK bool as_cli_real(const as_cli *c, const char *name, double fallback, double *out,
                               as_error *err);
/* May a regular file come to stand at this path? Asked before work whose result would have no
 * place. AS_EIO. */
AS_MUST_CHECK bool as_cli_can_write(const char *path, as_error *err);
/* "0,3,5-7" or "all" to an ascending list below `limit`, in the arena. */
AS_MUST_CHECK bool as_cli_list(const as_cli *c, const char *name, size_t limit, size_t **out,
                               size_t *n, as_error *err);

#endif

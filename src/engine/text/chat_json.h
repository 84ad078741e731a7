/* A conversation as JSON: checked once, then handed to templates. */
#ifndef AS_ENGINE_TEXT_CHAT_JSON_H
#define AS_ENGINE_TEXT_CHAT_JSON_H

#include "base/json.h"

typedef struct as_chat as_chat;

/* Checks a conversation and keeps it. `messages` is a list, not empty, of objects with
 *
 *     role               system, developer, user, assistant or tool
 *     content            text, or a list, not empty, of {"type": "text", "text": TEXT}; may be null
 *                        or absent when there are tool_calls
 *     reasoning_content, reasoning, name, tool_call_id   text or null, optional
 *     tool_calls         list of objects, optional or null
 *
 * and nothing else. A list of one part becomes that part's text. `tools` is a list of objects, or
 * NULL, or JSON null; an empty list is kept. `place` ("data.jsonl:12") starts every message, the
 * field's path follows: "data.jsonl:12: messages[2].content[0].type: ...".
 *
 * Keeps references to both values, which must not change until as_chat_free. Gives: as_chat_free.
 */
AS_MUST_CHECK as_chat *as_chat_new(const char *place, const json_t *messages, const json_t *tools,
                                   as_error *err);
void as_chat_free(as_chat *c); /* accepts NULL */

/* The checked list of messages, and of tools or NULL. Borrowed until as_chat_free. */
const json_t *as_chat_messages(const as_chat *c);
const json_t *as_chat_tools(const as_chat *c);

#endif

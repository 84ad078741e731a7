/* What this program is made of. */
#ifndef AS_APP_CLI_VERSION_H
#define AS_APP_CLI_VERSION_H

#include "app/cli/command.h"

/* Lines "NAME VERSION", appended to out; the command is ignored. */
void as_version(as_buf *out, const as_command *c);

#endif

/* What this process may still touch, after its inputs are known: Landlock (Linux 5.13), the one
 * home of its system calls. A program that only reads a folder and writes a store then cannot do
 * anything else with files, whatever a malformed input makes of it. */
#ifndef AS_BASE_CONFINE_H
#define AS_BASE_CONFINE_H

#include "base/error.h"

/* Landlock's version on this kernel; 0 when there is none. */
int as_confine_version(void);

/* From now on this process and its threads may read below the n_read paths and read and write below
 * the n_write folders, and nothing else; already open descriptors stay as they are. Paths are
 * borrowed; those that do not exist are left out. False (AS_ESTATE) when the kernel cannot: the
 * caller warns and goes on. Call it before other threads exist. */
AS_MUST_CHECK bool as_confine(const char *const *read, size_t n_read, const char *const *write,
                              size_t n_write, as_error *err);

/* From now on this process may neither bind nor connect TCP (version 4), nor send signals to
 * processes that are not so restricted, nor reach their abstract sockets (version 6); what the
 * kernel does not know stays as it was. False as above. */
AS_MUST_CHECK bool as_confine_alone(as_error *err);

#endif

/* Assay as a library: a plan over a folder of released files, to a report. This is the one
 * installed header; `pkg-config --cflags --libs assay` says how to build with it. The
 * program `assay` does the same and more. The plan language, the report and the store are described
 * in docs/formats.md.
 *
 * Nothing here prints, exits or changes a signal handler. All texts are UTF-8 and end in a NUL. */
#ifndef ASSAY_H
#define ASSAY_H

#ifdef __cplusplus
extern "C" {
#endif

/* What as_assay_reaudit returns: the statuses of the program. */
enum {
    AS_ASSAY_DONE = 0,   /* every claim has a verdict, whichever it is */
    AS_ASSAY_FAILED = 1, /* a file, the store or the system is at fault, or memory is short */
    AS_ASSAY_USAGE = 2   /* an argument or the plan is at fault */
};

/* "MAJOR.MINOR.PATCH" of the library that is linked. Static text. */
const char *as_assay_version(void);

/* Reads the plan, imports the files it names from the folder, measures every check and decides
 * every claim, as `assay reaudit` does.
 *
 *   plan         path of the plan (YAML or JSON)
 *   data         path of the folder with the files the plan names
 *   store        path of the store; made when it is not there
 *   threads      0 for one thread on each processor, else 1 to 256. The results are the same bytes
 *                for every number.
 *   report_json  out: the report, assay.report/1, or NULL when the status is not AS_ASSAY_DONE
 *   message      out: what went wrong, "FILE: WHERE: WHAT (found X, expected Y)", or NULL when
 *                nothing did or memory was too short to say so
 *
 * plan, data and store are borrowed for the call. *report_json and *message are the caller's, to be
 * given back to as_assay_free. Either out pointer may be NULL when that text is not wanted.
 *
 * The report's time is that of SOURCE_DATE_EPOCH when it is set, else that of the call. A run that
 * was ended goes on with the same arguments: rows that the store has are not computed again.
 *
 * One call at a time in a process: OpenBLAS is set to one thread for the whole process. A store
 * that another process writes gives AS_ASSAY_FAILED at once. */
int as_assay_reaudit(const char *plan, const char *data, const char *store, unsigned threads,
                     char **report_json, char **message);

/* Frees a text that a function above gave. Accepts NULL. */
void as_assay_free(char *text);

#ifdef __cplusplus
}
#endif

#endif

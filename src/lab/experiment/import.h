/* Files to rows: each table of a plan becomes prompts, generations, judgements and readings (items)
 * or statistics (figures) in the store, as they stand in the files; and rows back to tables, with
 * the plan's derived columns and filters. So every later step sees rows, never files. */
#ifndef AS_LAB_EXPERIMENT_IMPORT_H
#define AS_LAB_EXPERIMENT_IMPORT_H

#include "lab/experiment/source.h"
#include "lab/store/store.h"

/* Puts one table's rows in one transaction. A table that the store has already is left alone; an
 * optional table whose file is not there leaves one statistic "absent" that says which. Files that
 * are not what the plan says are AS_EFORMAT with the place in the plan, or in the file. */
AS_MUST_CHECK bool as_import_table(as_store *store, const as_design *design,
                                   const as_table_spec *spec, as_sources *sources, as_arena *a,
                                   as_error *err);

/* The table from its rows. *out borrows the arena. */
AS_MUST_CHECK bool as_load_table(as_store *store, const as_design *design, const as_plan *plan,
                                 const as_table_spec *spec, as_arena *a, as_table *out,
                                 as_error *err);

#endif

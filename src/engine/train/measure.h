/* Steps as rows of the run's logs. Never leaves the room. */
#ifndef AS_ENGINE_TRAIN_MEASURE_H
#define AS_ENGINE_TRAIN_MEASURE_H

#include "engine/train/train.h"

/* {"step", "of", and every measure that is not NaN}: the row of log.jsonl. An infinite one is
 * AS_ENUMERIC. Gives: json_decref. */
AS_MUST_CHECK json_t *as_update_row(const as_update *u, as_error *err);
/* The same update back, bit for bit, but for its times, which are NaN. A field that is missing, not
 * known or of another kind is AS_EFORMAT. */
AS_MUST_CHECK bool as_update_read(as_update *u, const json_t *row, as_error *err);

/* {"step", "seconds", "tokens_per_second"}: the row of timing.jsonl. Gives: json_decref. */
AS_MUST_CHECK json_t *as_update_timing(const as_update *u, as_error *err);
/* Fills step and times alone. */
AS_MUST_CHECK bool as_update_read_timing(as_update *u, const json_t *row, as_error *err);

#endif

/* What a dry run of a study says. */
#ifndef AS_APP_CLI_FORECAST_H
#define AS_APP_CLI_FORECAST_H

#include "app/cli/command.h"
#include "lab/experiment/forecast.h"

/* Measures and prints the forecast of a plan, as text or (--json) as an object. sandbox: NULL where
 * no judge runs code. The process can write nothing afterwards. Exit status; failure sets err. */
int as_cli_forecast(const as_cli *c, const as_plan *plan, as_sandbox *sandbox, as_error *err);

#endif

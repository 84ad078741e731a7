/* Audits a folder with the library and prints one line for each claim.
 *
 *     cc reaudit.c $(pkg-config --cflags --libs assay) -o reaudit
 *     ./reaudit PLAN DATA STORE
 *
 * The report is JSON; this example reads it with jansson, any other reader will do. */
#include <assay.h>
#include <jansson.h>
#include <stdio.h>

static void print_claims(const json_t *report)
{
    size_t i;
    json_t *claim;
    json_array_foreach(json_object_get(report, "claims"), i, claim)
    {
        const char *id = json_string_value(json_object_get(claim, "id"));
        const char *verdict = json_string_value(json_object_get(claim, "verdict"));
        const char *cause = json_string_value(json_object_get(claim, "cause"));
        printf("%s: %s%s%s\n", id, verdict, *cause ? ", " : "", cause);
    }
}

int main(int argc, char **argv)
{
    char *text = NULL, *message = NULL;
    if (argc != 4) {
        fprintf(stderr, "usage: reaudit PLAN DATA STORE (assay %s)\n", as_assay_version());
        return AS_ASSAY_USAGE;
    }
    int status = as_assay_reaudit(argv[1], argv[2], argv[3], 0, &text, &message);
    if (status == AS_ASSAY_DONE) {
        json_t *report = json_loads(text, 0, NULL);
        print_claims(report);
        json_decref(report);
    } else {
        fprintf(stderr, "reaudit: %s\n", message ? message : "out of memory");
    }
    as_assay_free(text);
    as_assay_free(message);
    return status;
}

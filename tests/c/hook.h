/* hook.h - an error hook that remembers, for tests of what is reported and what is not. */
#ifndef HOOK_H
#define HOOK_H

#include "mclw.h"

static int reports;
static mcl_error last_report;

static void remember(void *context, const mcl_error *error)
{
    (void)context;
    __atomic_add_fetch(&reports, 1, __ATOMIC_SEQ_CST);
    last_report = *error;
}

/* The calls of `expression` give `code`, and report it once. */
#define CHECK_REPORTED(expression, wanted)                                                                          \
    do {                                                                                                            \
        reports = 0;                                                                                                \
        CHECK_INT(expression, wanted);                                                                              \
        CHECK_INT(reports, 1);                                                                                      \
        CHECK_INT(last_report.code, wanted);                                                                        \
        CHECK(last_report.text[0] != '\0');                                                                         \
    } while (0)

/* They give `wanted` and report nothing. */
#define CHECK_SILENT(expression, wanted)                                                                            \
    do {                                                                                                            \
        reports = 0;                                                                                                \
        CHECK_INT(expression, wanted);                                                                              \
        CHECK_INT(reports, 0);                                                                                      \
    } while (0)

#endif

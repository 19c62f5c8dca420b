/* check.h - asserting, for C tests. A test is a program: CHECK what a user could observe, and `return done();`. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check_count, check_failures;

#define CHECK(condition) check((condition) ? 1 : 0, __FILE__, __LINE__, #condition, NULL)
#define CHECK_INT(got, wanted) check_int((long long)(got), (long long)(wanted), __FILE__, __LINE__, #got)
#define CHECK_TEXT(got, wanted) check_text(got, wanted, __FILE__, __LINE__, #got)

/* For when nothing after it makes sense. */
#define REQUIRE(condition)                                                                                          \
    do {                                                                                                            \
        if (!CHECK(condition))                                                                                      \
            exit(1);                                                                                                \
    } while (0)

static int check(int holds, const char *file, int line, const char *condition, const char *detail)
{
    __atomic_add_fetch(&check_count, 1, __ATOMIC_SEQ_CST); /* threads check too */
    if (!holds) {
        __atomic_add_fetch(&check_failures, 1, __ATOMIC_SEQ_CST);
        fprintf(stderr, "%s:%d: %s%s\n", file, line, condition, detail != NULL ? detail : "");
    }
    return holds;
}

static inline int check_int(long long got, long long wanted, const char *file, int line, const char *expression)
{
    char detail[80];

    snprintf(detail, sizeof detail, " is %lld, not %lld", got, wanted);
    return check(got == wanted, file, line, expression, detail);
}

static inline int check_text(const char *got, const char *wanted, const char *file, int line, const char *expression)
{
    char detail[200];

    snprintf(detail, sizeof detail, " is \"%s\", not \"%s\"", got != NULL ? got : "(NULL)", wanted);
    return check(got != NULL && strcmp(got, wanted) == 0, file, line, expression, detail);
}

static inline int done(void)
{
    printf("%d checks\n", check_count);
    return check_failures != 0 || check_count == 0;
}

#endif

/* test.h - checks, and the few things that all of these programs open. Each program runs in a network namespace of its
 * own (../netns), so that they may all use the same addresses. */
#ifndef TEST_H
#define TEST_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mcl.h"

static atomic_int checks, failures;
static __thread mcl_error error; /* of the last call that failed */

#define CHECK(condition)                                                                                       \
    do {                                                                                                       \
        checks++;                                                                                              \
        if (!(condition)) {                                                                                    \
            failures++;                                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                            \
        }                                                                                                      \
    } while (0)

#define EQUAL(expected, actual)                                                                                \
    do {                                                                                                       \
        long long expected_ = (long long)(expected), actual_ = (long long)(actual);                            \
        checks++;                                                                                              \
        if (expected_ != actual_) {                                                                            \
            failures++;                                                                                        \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, actual_, expected_); \
        }                                                                                                      \
    } while (0)

/* The call succeeds. Without that, most of what follows would make no sense. */
#define MUST(call)                                                                                             \
    do {                                                                                                       \
        int code_ = (call);                                                                                    \
        checks++;                                                                                              \
        if (code_ < 0) {                                                                                       \
            fprintf(stderr, "%s:%d: %s gave %d: %s\n", __FILE__, __LINE__, #call, code_, error.text);          \
            exit(1);                                                                                           \
        }                                                                                                      \
    } while (0)

/* The call, which is given &error, fails with this code and a text that begins with its function. */
#define FAILS(expected, call)                                                                                  \
    do {                                                                                                       \
        memset(&error, 0, sizeof error);                                                                       \
        int code_ = (call);                                                                                    \
        checks++;                                                                                              \
        if (code_ != (expected) || error.code != code_ || !begins_with_function(error.text, #call)) {          \
            failures++;                                                                                        \
            fprintf(stderr, "%s:%d: %s gave %d, not %d (%s); error %d: %s\n", __FILE__, __LINE__, #call, code_, \
                    (expected), mcl_strerror(expected), (int)error.code, error.text);                          \
        }                                                                                                      \
    } while (0)

/* The last error's text names this. */
#define SAYS(words)                                                                                            \
    do {                                                                                                       \
        checks++;                                                                                              \
        if (strstr(error.text, words) == NULL) {                                                               \
            failures++;                                                                                        \
            fprintf(stderr, "%s:%d: no \"%s\" in: %s\n", __FILE__, __LINE__, words, error.text);               \
        }                                                                                                      \
    } while (0)

static inline int begins_with_function(const char *text, const char *call)
{
    size_t length = strcspn(call, "(");
    return strncmp(text, call, length) == 0 && text[length] == ':';
}

static inline int report(const char *program)
{
    if (checks == 0)
        fprintf(stderr, "%s: nothing was checked\n", program);
    printf("%d checks, %d failed\n", checks, failures);
    return failures != 0 || checks == 0;
}

/* ---- What is opened again and again ---- */

#define GROUP "ff15::1234"

static inline mcl_connection group(void)
{
    mcl_connection c = MCL_CONNECTION_INIT;
    c.url = GROUP;
    return c;
}

static inline mcl_listener *listen_with(const mcl_listener_options *options)
{
    mcl_connection c = group();
    mcl_listener *l;
    MUST(mcl_listener_open(&c, options, &l, &error));
    return l;
}

static inline mcl_broadcaster *broadcast_with(const mcl_broadcaster_options *options)
{
    mcl_connection c = group();
    mcl_broadcaster *b;
    MUST(mcl_broadcaster_open(&c, options, &b, &error));
    return b;
}

/* Waits for a number that another thread counts up; false after ten seconds. */
static inline int reaches(atomic_int *counter, int value)
{
    for (int i = 0; i < 10000; i++) {
        if (atomic_load(counter) >= value)
            return 1;
        usleep(1000);
    }
    return 0;
}

static inline double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif

/* error.c - the one place where failures go. */
#define _POSIX_C_SOURCE 200809L
#include "internal.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Guards the pair, so that a hook never meets another one's context. Not held while a hook runs. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static mclw_error_hook current_hook = mclw_error_print;
static void *current_context;

void mclw_on_error(mclw_error_hook hook, void *context)
{
    pthread_mutex_lock(&mutex);
    current_hook = hook;
    current_context = context;
    pthread_mutex_unlock(&mutex);
}

void mclw_error_print(void *context, const mcl_error *error)
{
    (void)context;
    if (error != NULL)
        fprintf(stderr, "%s\n", error->text);
}

void mclw_error_exit(void *context, const mcl_error *error)
{
    mclw_error_print(context, error);
    exit(1);
}

static void report(const mcl_error *error)
{
    mclw_error_hook hook;
    void *context;

    pthread_mutex_lock(&mutex);
    hook = current_hook;
    context = current_context;
    pthread_mutex_unlock(&mutex);
    if (hook != NULL)
        hook(context, error);
}

int mclw_internal_fail(int code, int system, const char *format, ...)
{
    mcl_error error;
    va_list arguments;

    error.code = code;
    error.system = system;
    va_start(arguments, format);
    vsnprintf(error.text, sizeof error.text, format, arguments);
    va_end(arguments);
    report(&error);
    return code;
}

int mclw_internal_result(int result, const mcl_error *error, const char *operation)
{
    if (result >= 0)
        return result;
    if (error == NULL || error->code == 0)
        return mclw_internal_fail(result, 0, "%s: %s", operation, mcl_strerror(result));
    report(error);
    return result;
}

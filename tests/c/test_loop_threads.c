/* One thread runs a loop while others add, remove and close listeners, publish, and stop it: nothing is called after
 * it was removed, and everything ends. With ThreadSanitizer, part_sanitize links it to stand_in.c. */
#define _GNU_SOURCE
#include "check.h"
#include "hook.h"
#include "wait.h"

#include <poll.h>
#include <pthread.h>

enum { THREADS = 3, ROUNDS = 60 };

struct worker {
    mclw_loop *loop;
    int number;
};

/* Freed, so overwritten, right after mclw_loop_remove: a handler that still ran would see it (ASan, too). */
struct context {
    unsigned alive;
    int calls;
};

enum { ALIVE = 0x600d };

static int wrong_calls;

static void on_record(void *given, const mcl_received *record)
{
    struct context *context = given;

    (void)record;
    if (context->alive != ALIVE)
        __atomic_add_fetch(&wrong_calls, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&context->calls, 1, __ATOMIC_SEQ_CST);
}

static void *work(void *given)
{
    struct worker *worker = given;
    char address[32];
    int i, n;

    snprintf(address, sizeof address, "ff15::%d", worker->number + 1);
    for (i = 0; i < ROUNDS; i++) {
        mclw_auto_broadcaster out = mclw_broadcast(address, 26000, NULL);
        mclw_auto_listener in = mclw_listen(address, 26000, NULL);
        struct context *context = calloc(1, sizeof *context);

        REQUIRE(out != NULL && in != NULL && context != NULL);
        context->alive = ALIVE;
        CHECK_INT(mclw_loop_add(worker->loop, in, on_record, context), 0);
        for (n = 0; n < 20; n++)
            mclw_publish_int(out, NULL, n);
        while (i % 3 == 0 && __atomic_load_n(&context->calls, __ATOMIC_SEQ_CST) < 20)
            sched_yield();
        if (i % 2 == 0) {
            CHECK_INT(mclw_loop_remove(worker->loop, in), 0);
            context->alive = 0;
            free(context);
        } else { /* closed under the loop's hands; only removing says that the handler has returned */
            mcl_listener *stale = in;
            int result;

            CHECK_INT(mclw_listener_close(&in), 0);
            result = mclw_loop_remove(worker->loop, stale);
            CHECK(result == 0 || result == MCL_EUNKNOWN);
            context->alive = 0;
            free(context);
        }
    }
    return NULL;
}

static void *run_until_stopped(void *given)
{
    int result;

    while ((result = mclw_loop_run(given, 1)) == MCLW_TIMEOUT)
        continue;
    CHECK_INT(result, MCLW_STOPPED);
    return NULL;
}

int main(void)
{
    mclw_loop *loop = mclw_loop_new();
    pthread_t runner, threads[THREADS];
    struct worker workers[THREADS];
    int i;

    mclw_on_error(remember, NULL);
    pthread_create(&runner, NULL, run_until_stopped, loop);
    for (i = 0; i < THREADS; i++) {
        workers[i].loop = loop;
        workers[i].number = i;
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    mclw_loop_stop(loop);
    pthread_join(runner, NULL);
    CHECK_INT(wrong_calls, 0);
    CHECK_INT(reports, 0);
    CHECK_INT(mclw_loop_close(&loop), 0);
    return done();
}

/* signal.c - a signal that stops a loop. */
#define _XOPEN_SOURCE 700
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

enum { SIGNAL_MAX = 64 }; /* Linux has no higher; a higher one elsewhere is refused, not lost */

/* `loop` is read by the handler, so only with the __atomic builtins (C99 has no atomics of its own, and on a pointer
 * these are lock-free, which a signal handler needs); `before` is guarded by the mutex. */
static struct slot {
    mclw_loop *loop;
    struct sigaction before;
} slots[SIGNAL_MAX + 1];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Handlers that run now, on any thread: a loop is not freed under one that has read its pointer already. */
static int handlers_running;

static void stop_loop(int signal_number)
{
    mclw_loop *loop;

    __atomic_add_fetch(&handlers_running, 1, __ATOMIC_SEQ_CST);
    loop = __atomic_load_n(&slots[signal_number].loop, __ATOMIC_SEQ_CST);
    mclw_loop_stop(loop);
    __atomic_sub_fetch(&handlers_running, 1, __ATOMIC_SEQ_CST);
}

int mclw_loop_stop_on(mclw_loop *loop, int signal_number)
{
    struct sigaction action;
    struct slot *slot;
    mclw_loop *holder;
    int system = 0;

    if (loop == NULL)
        return mclw_internal_fail(MCL_EHANDLE, 0, "mclw_loop_stop_on: the loop is NULL");
    if (signal_number < 1 || signal_number > SIGNAL_MAX)
        return mclw_internal_fail(MCL_EINVAL, 0, "mclw_loop_stop_on: there is no signal %d", signal_number);

    memset(&action, 0, sizeof action);
    action.sa_handler = stop_loop;
    sigemptyset(&action.sa_mask);
    /* SA_RESTART: the program's own read() and write() need not know. poll() is interrupted all the same.
     * SA_ONSTACK: should it ever run on a thread of the Go runtime, whose stacks are small. */
    action.sa_flags = SA_RESTART | SA_ONSTACK;

    slot = &slots[signal_number];
    pthread_mutex_lock(&mutex);
    holder = slot->loop;
    if (holder == NULL) {
        __atomic_store_n(&slot->loop, loop, __ATOMIC_SEQ_CST);
        if (sigaction(signal_number, &action, &slot->before) != 0) {
            system = errno;
            __atomic_store_n(&slot->loop, NULL, __ATOMIC_SEQ_CST);
        }
    }
    pthread_mutex_unlock(&mutex);

    if (system != 0)
        return mclw_internal_fail(MCL_EINVAL, system, "mclw_loop_stop_on: signal %d cannot be handled: %s",
                                  signal_number, strerror(system));
    if (holder != NULL && holder != loop)
        return mclw_internal_fail(MCL_EEXISTS, 0, "mclw_loop_stop_on: signal %d stops another loop; close that first",
                                  signal_number);
    return 0;
}

void mclw_internal_release_signals(mclw_loop *loop)
{
    struct sigaction now;
    int n;

    pthread_mutex_lock(&mutex);
    for (n = 1; n <= SIGNAL_MAX; n++) {
        if (slots[n].loop != loop)
            continue;
        /* A handler that the program has installed since stays. */
        if (sigaction(n, NULL, &now) == 0 && now.sa_handler == stop_loop)
            sigaction(n, &slots[n].before, NULL);
        __atomic_store_n(&slots[n].loop, NULL, __ATOMIC_SEQ_CST);
    }
    pthread_mutex_unlock(&mutex);
    while (__atomic_load_n(&handlers_running, __ATOMIC_SEQ_CST) != 0)
        sched_yield(); /* a few instructions of another thread; a handler on this one would have finished first */
}

/* Waiting is done in C and with signals open, so that a handler of the program runs at once and the wait ends
 * with MCL_EINTR, as waits in C do. Signals are blocked before and after as for any call into Go; ppoll opens them in the
 * moment in which it begins to wait, so that one that came a little earlier ends it as well. */
#define _GNU_SOURCE /* ppoll */
#include "guard.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A moment to wait to, and what is left until then in the form that ppoll takes. */
static int64_t deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

static struct timespec *left_until(int64_t deadline, struct timespec *left)
{
    if (deadline < 0)
        return NULL;
    int64_t ms = deadline - now_ms();
    if (ms < 0)
        ms = 0;
    *left = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return left;
}

static void end_wait(void *listener)
{
    mclgo_listener_wait_end((uintptr_t)listener);
}

/* Waits until a message is queued, which another thread may take before this one does. Returns 1, or 0 when the
 * time is over. Signals are blocked; `open` is the mask of the program. */
static int wait_until(mcl_listener *listener, int64_t deadline, const sigset_t *open, const char *function,
                      mcl_error *error)
{
    for (;;) {
        int fd = -1;
        fork_hold();
        int queued = mclgo_listener_wait_begin((uintptr_t)listener, &fd, function, error);
        fork_release();
        if (queued != 0)
            return queued;
        /* The handle is in use until the end, so that the descriptor is not closed, and its number another file's. A
         * close makes it readable, and waits for the end; the next look then gives MCL_ECLOSED. */
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        struct timespec left;
        int ready, reason;
        pthread_cleanup_push(end_wait, listener); /* ppoll is where a thread can be cancelled */
        ready = ppoll(&readable, 1, left_until(deadline, &left), open);
        reason = errno;
        pthread_cleanup_pop(1);
        if (ready == 0)
            return 0;
        if (ready < 0 && reason == EINTR)
            return guard_fail(error, MCL_EINTR, function, "a signal handler ran: wait again, or stop if it asked to");
        if (ready < 0)
            return guard_errno(error, reason, function, "poll");
    }
}

int mcl_listener_wait(mcl_listener *listener, int timeout_ms, mcl_error *error)
{
    ENTER(error);
    int64_t deadline = deadline_after(timeout_ms);
    sigset_t open;
    signals_block(&open);
    int code = wait_until(listener, deadline, &open, __func__, error);
    signals_restore(&open);
    return code;
}

int mcl_listener_recv(mcl_listener *listener, int timeout_ms, mcl_record *record, void *buffer, size_t size,
                      size_t *needed, mcl_error *error)
{
    ENTER(error);
    NEED(record, error);
    BUFFER(buffer, size, error);
    int64_t deadline = deadline_after(timeout_ms);
    sigset_t open;
    signals_block(&open);
    int code;
    do {
        code = mclgo_listener_recv_batch((uintptr_t)listener, (shim_record *)record, 1, buffer, size, needed, __func__,
                                         error);
        if (code != 0)
            break;
        code = wait_until(listener, deadline, &open, __func__, error);
    } while (code > 0);
    signals_restore(&open);
    return code;
}

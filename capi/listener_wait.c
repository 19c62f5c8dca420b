/* Waiting is done in C and with signals open, so that a handler of the program runs at once and the wait ends
 * with MCL_EINTR, as waits in C do. */
#include "guard.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A moment to wait to, and what is left until then in the form that poll takes. */
static int64_t deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

static int left_until(int64_t deadline)
{
    if (deadline < 0)
        return -1;
    int64_t left = deadline - now_ms();
    return left > 0 ? (int)left : 0;
}

/* Waits until a message is queued, which another thread may take before this one does. Returns 1, or 0 when the
 * time is over. */
static int wait_until(mcl_listener *listener, int64_t deadline, const char *function, mcl_error *error)
{
    for (;;) {
        int fd = -1;
        fork_hold();
        int queued = GO(mclgo_listener_wait_begin((uintptr_t)listener, &fd, function, error));
        fork_release();
        if (queued != 0)
            return queued;
        /* The handle is in use until the end, so that the descriptor is not closed, and its number another file's. A
         * close makes it readable, and waits for the end; the next look then gives MCL_ECLOSED. */
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        int ready = poll(&readable, 1, left_until(deadline));
        int reason = errno;
        GO((mclgo_listener_wait_end((uintptr_t)listener), 0));
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
    return wait_until(listener, deadline_after(timeout_ms), __func__, error);
}

int mcl_listener_recv(mcl_listener *listener, int timeout_ms, mcl_record *record, void *buffer, size_t size,
                      size_t *needed, mcl_error *error)
{
    ENTER(error);
    NEED(record, error);
    BUFFER(buffer, size, error);
    int64_t deadline = deadline_after(timeout_ms);
    for (;;) {
        int count = GO(mclgo_listener_recv_batch((uintptr_t)listener, (shim_record *)record, 1, buffer, size, needed,
                                                 __func__, error));
        if (count != 0)
            return count;
        int queued = wait_until(listener, deadline, __func__, error);
        if (queued <= 0)
            return queued;
    }
}

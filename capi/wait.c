/* Waiting is done in C and with signals open, so that a handler of the program runs at once and the wait ends
 * with MCL_EINTR, as waits in C do. Signals are blocked before and after as for any call into Go; ppoll opens them in the
 * moment in which it begins to wait, so that one that came a little earlier ends it as well. */
#define _GNU_SOURCE /* ppoll */
#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

int64_t wait_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t wait_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : wait_now() + timeout_ms;
}

struct timespec *wait_left(int64_t deadline, struct timespec *left)
{
    if (deadline < 0)
        return NULL;
    int64_t ms = deadline - wait_now();
    if (ms < 0)
        ms = 0;
    *left = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return left;
}

int wait_interrupted(const char *function, mcl_error *error)
{
    return guard_fail(error, MCL_EINTR, function, "a signal handler ran: wait again, or stop if it asked to");
}

/* Polls for reading. Returns how many are readable, 0 when the time is over, or a code. */
static int poll_until(struct pollfd *fds, nfds_t count, int64_t deadline, const sigset_t *open, const char *function,
                      mcl_error *error)
{
    struct timespec left;
    int ready = ppoll(fds, count, wait_left(deadline, &left), open);
    if (ready >= 0)
        return ready;
    if (errno == EINTR)
        return wait_interrupted(function, error);
    return guard_errno(error, errno, function, "poll");
}

/* Runs below frames of Go, so a thread must not be cancelled here. */
int shim_wait_on(shim_wait *wait, int fd, int64_t most)
{
    if (wait->not_at_all)
        return 0;
    if (wait->deadline >= 0) {
        int64_t left = (wait->deadline - wait_now()) * 1000000;
        if (left <= 0)
            return 0;
        if (most > left)
            most = left;
    }
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    const struct timespec time = {.tv_sec = most / 1000000000, .tv_nsec = most % 1000000000};
    int cancellable;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellable);
    int ready = ppoll(&writable, 1, &time, wait->open);
    int handled = ready < 0 && errno == EINTR;
    pthread_setcancelstate(cancellable, NULL);
    if (handled && !wait->goes_on)
        wait->interrupted = 1;
    return !wait->interrupted && !atomic_load(&fork_happened); /* the handler may have forked */
}

static void end_wait(void *handle)
{
    mclgo_wait_end((uintptr_t)handle);
}

int wait_once(wait_begin *begin, const void *handle, int64_t deadline, const sigset_t *open, const char *function,
              mcl_error *error)
{
    int fd = -1;
    fork_hold();
    int done = begin((uintptr_t)handle, &fd, function, error);
    fork_release();
    if (done != 0)
        return done;
    /* The handle is in use until the end, so that the descriptor is not closed, and its number another file's. A
     * close makes it readable, and waits for the end; the next look then gives MCL_ECLOSED. */
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    int ready;
    pthread_cleanup_push(end_wait, (void *)handle); /* ppoll is where a thread can be cancelled */
    ready = poll_until(&readable, 1, deadline, open, function, error);
    pthread_cleanup_pop(1);
    return ready > 0 ? WAIT_LOOK_AGAIN : ready;
}

int wait_for(wait_begin *begin, const void *handle, int timeout_ms, const char *function, mcl_error *error)
{
    int64_t deadline = wait_deadline(timeout_ms);
    sigset_t open;
    signals_block(&open);
    int code;
    do
        code = wait_once(begin, handle, deadline, &open, function, error);
    while (code == WAIT_LOOK_AGAIN);
    signals_restore(&open);
    return code;
}

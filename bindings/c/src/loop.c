/* loop.c - making, waking and running a loop. What is in it: loop_entries.c. */
#define _POSIX_C_SOURCE 200809L
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Messages of one listener in a row, so that a busy one does not starve the others. */
enum { BURST = 64 };

/* An end of the pipe must not block (a full pipe wakes just as well) nor reach a program that is exec()ed. */
static int prepare_pipe_end(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? 0 : errno;
}

static int open_pipe(int *ends)
{
    int system = pipe(ends) == 0 ? 0 : errno;

    if (system != 0)
        return system;
    system = prepare_pipe_end(ends[0]);
    if (system == 0)
        system = prepare_pipe_end(ends[1]);
    if (system != 0) {
        close(ends[0]);
        close(ends[1]);
    }
    return system;
}

mclw_loop *mclw_loop_new(void)
{
    mclw_loop *loop = calloc(1, sizeof *loop);
    pthread_condattr_t monotonic;
    int system = loop != NULL ? open_pipe(loop->wake) : ENOMEM;

    if (system != 0) {
        free(loop);
        mclw_internal_fail(system == EMFILE || system == ENFILE ? MCL_EDESCRIPTORS : MCL_ESYSTEM, system,
                           "mclw_loop_new: %s", strerror(system));
        return NULL;
    }
    pthread_mutex_init(&loop->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&loop->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return loop;
}

int mclw_loop_close(mclw_loop **variable)
{
    mclw_loop *loop = variable != NULL ? *variable : NULL;
    struct entry *entry;
    int running;

    if (loop == NULL)
        return 0;
    pthread_mutex_lock(&loop->mutex);
    running = loop->running;
    pthread_mutex_unlock(&loop->mutex);
    if (running)
        return mclw_internal_fail(MCL_EBUSY, 0,
                                  "mclw_loop_close: the loop runs; call mclw_loop_stop and close it "
                                  "when mclw_loop_run has returned");
    *variable = NULL;
    mclw_internal_release_signals(loop);
    for (entry = loop->entries; entry != NULL; entry = entry->next)
        entry->gone = 1;
    mclw_internal_sweep(loop);
    close(loop->wake[0]);
    close(loop->wake[1]);
    pthread_cond_destroy(&loop->idle);
    pthread_mutex_destroy(&loop->mutex);
    mclw_buffer_close(&loop->buffer);
    free(loop->polled);
    free(loop->ready);
    free(loop);
    return 0;
}

void mclw_loop_cleanup(mclw_loop **loop) { mclw_loop_close(loop); }

void mclw_internal_wake(mclw_loop *loop)
{
    int kept = errno;
    ssize_t written = write(loop->wake[1], "", 1);

    (void)written; /* a full pipe is readable, which is all that is wanted */
    errno = kept;
}

void mclw_loop_stop(mclw_loop *loop)
{
    if (loop == NULL)
        return;
    __atomic_store_n(&loop->stop, 1, __ATOMIC_SEQ_CST);
    mclw_internal_wake(loop);
}

static int stopping(mclw_loop *loop) { return __atomic_load_n(&loop->stop, __ATOMIC_SEQ_CST); }

/* One stop ends one run. */
static int take_stop(mclw_loop *loop) { return __atomic_exchange_n(&loop->stop, 0, __ATOMIC_SEQ_CST); }

/* Marks the entry as running its handler, unless somebody removed it. Called before every handler. */
static int enter(mclw_loop *loop, struct entry *entry)
{
    int there;

    pthread_mutex_lock(&loop->mutex);
    there = !entry->gone;
    if (there)
        loop->current = entry->id;
    pthread_mutex_unlock(&loop->mutex);
    return there;
}

static void leave(mclw_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    loop->current = 0;
    pthread_cond_broadcast(&loop->idle);
    pthread_mutex_unlock(&loop->mutex);
}

static void drop(mclw_loop *loop, struct entry *entry)
{
    pthread_mutex_lock(&loop->mutex);
    entry->gone = 1;
    pthread_mutex_unlock(&loop->mutex);
}

/* Takes one message, into the loop's buffer. One at a time, not a batch: what a handler leaves behind by stopping the
 * loop or closing its listener is then still in the queue, or counted as discarded, and never lost in between. */
static int next_record(mclw_loop *loop, struct entry *entry, mcl_received *record)
{
    size_t needed = 1;
    MCLW_ERROR(error);
    int result;

    mclw_buffer_clear(&loop->buffer);
    do {
        if (mclw_internal_reserve(&loop->buffer, needed) != 0)
            return mclw_internal_fail(MCL_ESYSTEM, ENOMEM, "mclw_loop_run: no memory for a message of %zu bytes",
                                      needed);
        result =
            mcl_listener_recv(entry->listener, 0, record, loop->buffer.data, loop->buffer.capacity, &needed, &error);
    } while (result == MCL_EBUFFER);
    if (result == MCL_ECLOSED || result == MCL_EHANDLE)
        return result;
    return mclw_internal_result(result, &error, "mcl_listener_recv");
}

static int deliver_records(mclw_loop *loop, struct entry *entry)
{
    int n, result = 1;

    for (n = 0; n < BURST && result > 0 && !stopping(loop) && enter(loop, entry); n++) {
        mcl_received record;

        result = next_record(loop, entry, &record);
        if (result > 0)
            entry->on_record(entry->context, &record);
        leave(loop);
    }
    /* No memory may be a passing state: the message is still queued, and the program decides. Anything else says
     * that this listener gives no messages any more. */
    if (result < 0 && result != MCL_ESYSTEM)
        drop(loop, entry);
    return result == MCL_ESYSTEM ? result : 0;
}

static void deliver_event(mclw_loop *loop, struct entry *entry, short events)
{
    if (stopping(loop) || !enter(loop, entry))
        return;
    entry->on_event(entry->context, entry->fd, events);
    leave(loop);
    if (events & POLLNVAL)
        drop(loop, entry);
}

/* Lists what to poll: the pipe, then every entry. Returns the count of entries, or -1 without memory. */
static long list_entries(mclw_loop *loop)
{
    struct entry *entry;
    size_t count = 0;

    pthread_mutex_lock(&loop->mutex);
    mclw_internal_sweep(loop);
    for (entry = loop->entries; entry != NULL; entry = entry->next)
        count++;
    if (loop->room < count + 1) {
        struct pollfd *polled = realloc(loop->polled, (count + 1) * sizeof *polled);
        struct entry **ready = realloc(loop->ready, (count + 1) * sizeof *ready);

        loop->polled = polled != NULL ? polled : loop->polled;
        loop->ready = ready != NULL ? ready : loop->ready;
        if (polled == NULL || ready == NULL) {
            pthread_mutex_unlock(&loop->mutex);
            return -1;
        }
        loop->room = count + 1;
    }
    loop->polled[0].fd = loop->wake[0];
    loop->polled[0].events = POLLIN;
    count = 0;
    for (entry = loop->entries; entry != NULL; entry = entry->next) {
        count++;
        loop->ready[count] = entry;
        loop->polled[count].fd = entry->fd;
        loop->polled[count].events = entry->events;
    }
    pthread_mutex_unlock(&loop->mutex);
    return (long)count;
}

/* Waits and hands out once. Returns 1 when something was ready, 0 when the time was over first, or an error. */
static int one_round(mclw_loop *loop, size_t count, int timeout_ms)
{
    char bytes[64];
    size_t i;
    int ready = poll(loop->polled, count + 1, timeout_ms), result = 0;

    if (ready < 0 && errno == EINTR)
        return 1; /* its handler may have stopped the loop, and if not, the wait goes on */
    if (ready < 0)
        return mclw_internal_fail(MCL_ESYSTEM, errno, "mclw_loop_run: poll: %s", strerror(errno));
    if (ready == 0)
        return 0;
    if (loop->polled[0].revents != 0)
        while (read(loop->wake[0], bytes, sizeof bytes) == (ssize_t)sizeof bytes)
            continue;
    for (i = 1; i <= count && result == 0; i++) {
        if (loop->polled[i].revents == 0)
            continue;
        if (loop->ready[i]->listener != NULL)
            result = deliver_records(loop, loop->ready[i]);
        else
            deliver_event(loop, loop->ready[i], loop->polled[i].revents);
    }
    return result < 0 ? result : 1;
}

static int run(mclw_loop *loop, int timeout_ms)
{
    int64_t end = mclw_internal_now_ms() + timeout_ms, left = timeout_ms;
    int result;

    for (;;) {
        long count = list_entries(loop);

        /* Taken before the wait, so that a stop that comes in between has its byte in the pipe. */
        if (take_stop(loop))
            return MCLW_STOPPED;
        if (count < 0)
            return mclw_internal_fail(MCL_ESYSTEM, ENOMEM, "mclw_loop_run: no memory");
        if (count == 0 && timeout_ms < 0)
            return MCLW_EMPTY;
        result = one_round(loop, (size_t)count, (int)left);
        if (result < 0)
            return result;
        if (timeout_ms < 0)
            continue;
        left = end - mclw_internal_now_ms();
        if (result == 0 || left <= 0)
            return take_stop(loop) ? MCLW_STOPPED : MCLW_TIMEOUT;
    }
}

int mclw_loop_run(mclw_loop *loop, int timeout_ms)
{
    int result, running;

    if (loop == NULL)
        return mclw_internal_fail(MCL_EHANDLE, 0, "mclw_loop_run: the loop is NULL");
    pthread_mutex_lock(&loop->mutex);
    running = loop->running;
    if (!running) {
        loop->running = 1;
        loop->runner = pthread_self();
    }
    pthread_mutex_unlock(&loop->mutex);
    if (running)
        return mclw_internal_fail(MCL_EBUSY, 0,
                                  "mclw_loop_run: it runs already, on another thread or below its own "
                                  "handler");
    result = run(loop, timeout_ms < 0 ? -1 : timeout_ms);
    pthread_mutex_lock(&loop->mutex);
    mclw_internal_sweep(loop);
    loop->running = 0;
    pthread_mutex_unlock(&loop->mutex);
    return result;
}

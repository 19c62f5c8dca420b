/* loop_entries.c - what a loop listens to: adding and removing, from any thread. */
#define _POSIX_C_SOURCE 200809L
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void mclw_internal_sweep(mclw_loop *loop)
{
    struct entry **at = &loop->entries;

    while (*at != NULL) {
        struct entry *entry = *at;

        if (!entry->gone) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        if (entry->listener != NULL)
            close(entry->fd);
        free(entry);
    }
}

/* The entry of a listener, or of a descriptor where `listener` is NULL. With the mutex held. */
static struct entry **find(mclw_loop *loop, const mcl_listener *listener, int fd)
{
    struct entry **at = &loop->entries;

    while (*at != NULL && ((*at)->gone || (*at)->listener != listener || (listener == NULL && (*at)->fd != fd)))
        at = &(*at)->next;
    return at;
}

/* At the end, so that they are served in the order in which they were added. Returns 0 when it is there already. */
static int insert(mclw_loop *loop, const struct entry *model, int *system)
{
    struct entry *entry = malloc(sizeof *entry), **at;
    int taken;

    *system = entry == NULL ? ENOMEM : 0;
    if (entry == NULL)
        return 0;
    *entry = *model;
    pthread_mutex_lock(&loop->mutex);
    taken = *find(loop, model->listener, model->fd) != NULL;
    if (!taken) {
        for (at = &loop->entries; *at != NULL; at = &(*at)->next)
            continue;
        entry->id = ++loop->last_id;
        *at = entry;
    }
    pthread_mutex_unlock(&loop->mutex);
    if (taken)
        free(entry);
    else
        mclw_internal_wake(loop);
    return !taken;
}

/* The loop polls a duplicate of the listener's descriptor. The number of the original may belong to something else
 * as soon as another thread closes the listener, and poll() would then wait on that for ever; the duplicate goes on
 * being the listener's, and readable once it is closed. Asking again after dup() makes sure of what was duplicated. */
static int duplicate_fd(mcl_listener *listener, int *fd)
{
    MCLW_ERROR(error);
    int original = mcl_listener_fd(listener, &error), system;

    if (original < 0)
        return mclw_internal_result(original, &error, "mcl_listener_fd");
    *fd = fcntl(original, F_DUPFD_CLOEXEC, 0);
    system = errno;
    original = mcl_listener_fd(listener, &error);
    if (original < 0) {
        if (*fd >= 0)
            close(*fd);
        return mclw_internal_result(original, &error, "mcl_listener_fd");
    }
    if (*fd < 0)
        return mclw_internal_fail(system == EMFILE ? MCL_EDESCRIPTORS : MCL_ESYSTEM, system, "mclw_loop_add: %s",
                                  strerror(system));
    return 0;
}

int mclw_loop_add(mclw_loop *loop, mcl_listener *listener, mclw_handler handler, void *context)
{
    struct entry entry;
    int result, system;
    MCLW_ERROR(error);

    if (loop == NULL)
        return mclw_internal_fail(MCL_EHANDLE, 0, "mclw_loop_add: the loop is NULL");
    if (handler == NULL)
        return mclw_internal_fail(MCL_EINVAL, 0, "mclw_loop_add: the handler is NULL");
    result = mcl_listener_wait(listener, 0, &error); /* says whether callbacks are subscribed */
    if (result < 0 && result != MCL_EINTR)
        return mclw_internal_result(result, &error, "mcl_listener_wait");

    memset(&entry, 0, sizeof entry);
    entry.listener = listener;
    entry.events = POLLIN;
    entry.on_record = handler;
    entry.context = context;
    result = duplicate_fd(listener, &entry.fd);
    if (result < 0)
        return result;
    if (insert(loop, &entry, &system))
        return 0;
    close(entry.fd);
    if (system != 0)
        return mclw_internal_fail(MCL_ESYSTEM, system, "mclw_loop_add: no memory");
    return mclw_internal_fail(MCL_EEXISTS, 0,
                              "mclw_loop_add: the listener is in the loop already; remove it first "
                              "to change its handler");
}

int mclw_loop_add_fd(mclw_loop *loop, int fd, short events, mclw_fd_handler handler, void *context)
{
    struct entry entry;
    int system;

    if (loop == NULL)
        return mclw_internal_fail(MCL_EHANDLE, 0, "mclw_loop_add_fd: the loop is NULL");
    if (handler == NULL || fd < 0)
        return mclw_internal_fail(MCL_EINVAL, 0, "mclw_loop_add_fd: %s",
                                  handler == NULL ? "the handler is NULL" : "a descriptor is not negative");
    memset(&entry, 0, sizeof entry);
    entry.fd = fd;
    entry.events = events;
    entry.on_event = handler;
    entry.context = context;
    if (insert(loop, &entry, &system))
        return 0;
    if (system != 0)
        return mclw_internal_fail(MCL_ESYSTEM, system, "mclw_loop_add_fd: no memory");
    return mclw_internal_fail(MCL_EEXISTS, 0, "mclw_loop_add_fd: descriptor %d is in the loop already", fd);
}

/* Waits until the handler of `id` has returned, MCL_CLOSE_WAIT_MS at most. With the mutex held. */
static int wait_idle(mclw_loop *loop, uint64_t id)
{
    struct timespec end;
    int expired = 0;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += MCL_CLOSE_WAIT_MS / 1000;
    end.tv_nsec += MCL_CLOSE_WAIT_MS % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    while (loop->current == id && expired == 0)
        expired = pthread_cond_timedwait(&loop->idle, &loop->mutex, &end);
    return loop->current != id;
}

/* Returns 1 when it was there, 0 when not, -1 when its handler still runs. */
static int take_out(mclw_loop *loop, const mcl_listener *listener, int fd)
{
    struct entry *entry;
    int result = 0;

    pthread_mutex_lock(&loop->mutex);
    entry = *find(loop, listener, fd);
    if (entry != NULL) {
        uint64_t id = entry->id;

        entry->gone = 1;
        result = 1;
        if (!loop->running)
            mclw_internal_sweep(loop);
        else if (!pthread_equal(loop->runner, pthread_self()) && !wait_idle(loop, id))
            result = -1;
    }
    pthread_mutex_unlock(&loop->mutex);
    if (result != 0)
        mclw_internal_wake(loop); /* what is polled has changed */
    return result;
}

static int removed(int result, const char *operation)
{
    if (result < 0)
        return mclw_internal_fail(MCL_EBUSY, 0,
                                  "%s: its handler still runs; it is removed, but what the handler "
                                  "uses must not be freed yet",
                                  operation);
    return result > 0 ? 0 : mclw_internal_fail(MCL_EUNKNOWN, 0, "%s: it is not in this loop", operation);
}

int mclw_loop_remove(mclw_loop *loop, mcl_listener *listener)
{
    int result;

    if (loop == NULL || listener == NULL)
        return mclw_internal_fail(MCL_EHANDLE, 0, "mclw_loop_remove: the %s is NULL",
                                  loop == NULL ? "loop" : "listener");
    result = take_out(loop, listener, -1);
    if (result == 0 && mcl_listener_fd(listener, NULL) < 0)
        return MCL_EUNKNOWN; /* it was closed, and left by itself */
    return removed(result, "mclw_loop_remove");
}

int mclw_loop_remove_fd(mclw_loop *loop, int fd)
{
    if (loop == NULL)
        return mclw_internal_fail(MCL_EHANDLE, 0, "mclw_loop_remove_fd: the loop is NULL");
    return removed(take_out(loop, NULL, fd), "mclw_loop_remove_fd");
}

#include "hot.h"
#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int hot_open_signal(hot_signal *s)
{
    if (atomic_load(&s->fd) >= 0)
        return 0;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    shim_descriptor_add(fd);
    s->is_set = 0;
    atomic_store(&s->fd, fd);
    return 0;
}

void hot_close_signal(hot_signal *s)
{
    int fd = atomic_exchange(&s->fd, -1);
    if (fd < 0)
        return;
    shim_descriptor_remove(fd);
    close(fd);
}

static void set(hot_signal *s)
{
    uint64_t one = 1;
    int fd = atomic_load(&s->fd);
    if (fd >= 0)
        syscall(SYS_write, fd, &one, sizeof one); /* write() is a point at which a thread can be cancelled */
}

static void clear(hot_signal *s)
{
    uint64_t count;
    syscall(SYS_read, atomic_load(&s->fd), &count, sizeof count);
}

static void show(hot_signal *s, int value)
{
    if (atomic_load(&s->fd) < 0 || s->is_set == value)
        return;
    s->is_set = value;
    if (value)
        set(s);
    else
        clear(s);
}

/* A system call each, so only for who may be polling now; who begins to poll refreshes. */
static void refresh(hot_listener *l, int turns)
{
    int queued = l->waiting != NULL || l->in_go > 0;
    if (l->polling == 0 && !l->lent && !l->closing)
        return;
    show(&l->owners, l->closing || turns || queued || l->subscriptions != NULL);
    show(&l->worker, l->closing || turns || (l->subscriptions != NULL ? queued : !l->lent));
}

void hot_refresh(hot_listener *l)
{
    refresh(l, atomic_load(&l->turns));
    int turns = atomic_load(&l->turns);
    if (turns > 0) { /* one that came meanwhile may have been cleared */
        l->owners.is_set = l->worker.is_set = 0;
        refresh(l, turns);
    }
}

/* On Go's thread that follows the network, which must not wait for the lock: who holds it may be waiting for Go. */
int shim_hot_descriptor(hot_listener *l, int fd)
{
    if (l->fd < 0) { /* the first one, while it is being opened */
        l->fd = fd;
        return 0;
    }
    atomic_fetch_add(&l->references, 1);
    atomic_fetch_add(&l->turns, 1);
    set(&l->owners);
    set(&l->worker);
    return 1;
}

/* Is there something to poll for? 0; 1: look again at once; or -errno. `lock` is locked. */
static int prepare(hot_listener *l, hot_signal *s, struct pollfd fds[2])
{
    if (l->closing || atomic_load(&l->turns) > 0) /* the socket is closed, or about to be */
        return 1;
    int code = hot_open_signal(s);
    if (code < 0)
        return code;
    l->polling++;
    hot_refresh(l);
    fds[0] = (struct pollfd){.fd = l->fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = atomic_load(&s->fd), .events = POLLIN};
    return 0;
}

static int begin_poll(hot_listener *l, hot_signal *s, struct pollfd fds[2])
{
    int opens = atomic_load(&s->fd) < 0;
    if (opens)
        fork_hold();
    pthread_mutex_lock(&l->lock);
    int code = prepare(l, s, fds);
    pthread_mutex_unlock(&l->lock);
    if (opens)
        fork_release();
    return code;
}

static void end_poll(hot_listener *l)
{
    pthread_mutex_lock(&l->lock);
    if (--l->polling == 0)
        pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static void end_cancelled_poll(void *of)
{
    end_poll(of);
    hot_leave(of);
}

#define FAILED_MS 10

int hot_poll(hot_listener *l, int for_thread, int64_t deadline, const sigset_t *open, int cancel)
{
    struct pollfd fds[2];
    struct timespec left;
    int code = begin_poll(l, for_thread ? &l->worker : &l->owners, fds);
    if (code != 0)
        return code;
    int64_t due = atomic_load(&l->due), until = deadline;
    if (atomic_exchange(&l->failed, 0)) { /* it is most likely there still */
        fds[0].fd = -1; /* is passed over: poll(2) */
        due = wait_now() + FAILED_MS;
    }
    if (due != 0 && (until < 0 || due < until))
        until = due;
    int ready;
    pthread_cleanup_push(end_cancelled_poll, l);
    pthread_setcancelstate(cancel, NULL);
    ready = ppoll(fds, 2, wait_left(until, &left), open);
    if (ready < 0)
        ready = -errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cleanup_pop(0);
    if (!atomic_load(&fork_happened)) /* else the lock may be another thread's for ever */
        end_poll(l);
    return ready < 0 ? ready : ready > 0 || until != deadline;
}

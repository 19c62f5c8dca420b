#include "hot.h"
#include "callback.h"
#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Handles ---- */

#define BUCKETS 1024
static struct bucket {
    pthread_mutex_t lock;
    hot_listener *first;
} table[BUCKETS];

__attribute__((constructor)) static void make_table(void)
{
    for (int i = 0; i < BUCKETS; i++)
        pthread_mutex_init(&table[i].lock, NULL);
}

static struct bucket *bucket_of(uintptr_t handle)
{
    return &table[(handle * UINT64_C(0x9e3779b97f4a7c15)) >> 54]; /* Fibonacci hashing: 10 bits */
}

void hot_add(hot_listener *l, uintptr_t handle, const shim_limits *limits)
{
    struct bucket *b = bucket_of(handle);
    hot_lock_taking(l);
    l->handle = handle;
    l->message_max = limits->message_max;
    l->objects_max = limits->objects_max > 0 ? (uint64_t)limits->objects_max : UINT64_MAX;
    pthread_mutex_unlock(&l->taking);
    pthread_mutex_lock(&b->lock);
    l->next = b->first;
    b->first = l;
    pthread_mutex_unlock(&b->lock);
    atomic_fetch_add(&l->references, 1);
    shim_hot_turn(l); /* if the network has changed meanwhile */
}

hot_listener *hot_enter(uintptr_t handle)
{
    struct bucket *b = bucket_of(handle);
    pthread_mutex_lock(&b->lock);
    hot_listener *l = b->first;
    while (l != NULL && l->handle != handle)
        l = l->next;
    if (l != NULL)
        atomic_fetch_add(&l->references, 1);
    pthread_mutex_unlock(&b->lock);
    return l;
}

static void hot_remove(hot_listener *l)
{
    struct bucket *b = bucket_of(l->handle);
    pthread_mutex_lock(&b->lock);
    hot_listener **at = &b->first;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    pthread_mutex_unlock(&b->lock);
    hot_leave(l);
}

/* ---- Memory ---- */

static size_t topic_size(const shim_listener_options *o, size_t i)
{
    return o->topic_sizes != NULL && o->topic_sizes[i] != MCL_NUL ? o->topic_sizes[i] : strlen(o->topics[i]);
}

static int copy_topics(hot_listener *l, const shim_listener_options *o)
{
    size_t bytes = 0, n = o->topic_count;
    for (size_t i = 0; i < n; i++)
        bytes += topic_size(o, i);
    l->topics = calloc(n + 1, sizeof *l->topics);
    l->topic_sizes = calloc(n + 1, sizeof *l->topic_sizes);
    l->topic_bytes = malloc(bytes + 1);
    if (l->topics == NULL || l->topic_sizes == NULL || l->topic_bytes == NULL)
        return 0;
    char *at = l->topic_bytes;
    for (size_t i = 0; i < n; i++) {
        l->topics[i] = at;
        l->topic_sizes[i] = topic_size(o, i);
        if (l->topic_sizes[i] > 0) /* an empty one may be NULL */
            memcpy(at, o->topics[i], l->topic_sizes[i]);
        at += l->topic_sizes[i];
    }
    l->topic_count = n;
    return 1;
}

void hot_leave(hot_listener *l)
{
    if (atomic_fetch_sub(&l->references, 1) > 1)
        return;
    free(l->topic_bytes);
    free(l->topics);
    free(l->topic_sizes);
    hot_close_signal(&l->owners);
    hot_close_signal(&l->worker);
    pthread_mutex_destroy(&l->gate);
    pthread_mutex_destroy(&l->taking);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->changed);
    free(l);
}

hot_listener *hot_new(const shim_listener_options *options)
{
    hot_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->references = 1;
    l->all_to_go = options->type != 0;
    l->fd = -1;
    atomic_store(&l->owners.fd, -1);
    atomic_store(&l->worker.fd, -1);
    l->asked = BATCH;
    pthread_mutex_init(&l->gate, NULL);
    pthread_mutex_init(&l->taking, NULL);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (copy_topics(l, options))
        return l;
    hot_leave(l);
    return NULL;
}

/* While a thread has locks, no handler of the program may run on it, since that may fork or call the library, and it must not be
 * cancelled. */
typedef struct quiet {
    sigset_t signals;
    int cancel;
} quiet;

static quiet be_quiet(void)
{
    quiet before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before.cancel);
    signals_block(&before.signals);
    return before;
}

static void end_quiet(const quiet *before)
{
    signals_restore(&before->signals);
    pthread_setcancelstate(before->cancel, NULL);
}

/* ---- Errors ---- */

static int closed(const char *function, mcl_error *error)
{
    return guard_fail(error, MCL_ECLOSED, function, "the mcl_listener is closed: open a new one");
}

/* -errno, of what was being done. */
static int system_failed(int code, const char *what, const char *function, mcl_error *error)
{
    if (code != -EMFILE && code != -ENFILE)
        return guard_errno(error, -code, function, what);
    guard_fail(error, MCL_EDESCRIPTORS, function,
               "no descriptor is left (%s): close something, or raise the limit (`ulimit -n`)", strerror(-code));
    if (error != NULL)
        error->system = -code;
    return MCL_EDESCRIPTORS;
}

/* May the owner take messages? `lock` is locked. */
static int ownable(const hot_listener *l, const char *function, mcl_error *error)
{
    if (l->closing)
        return closed(function, error);
    if (l->subscriptions != NULL)
        return guard_fail(error, MCL_EBUSY, function,
                          "callbacks are subscribed: unsubscribe them, or let them have the messages");
    return 0;
}

static int check_ownable(hot_listener *l, const char *function, mcl_error *error)
{
    pthread_mutex_lock(&l->lock);
    int code = ownable(l, function, error);
    pthread_mutex_unlock(&l->lock);
    return code;
}

/* ---- Callbacks ---- */

int hot_subscribe(hot_listener *l, const mcl_callback *callback, uint64_t *id, const char *function, mcl_error *error)
{
    subscription *s = calloc(1, sizeof *s);
    if (s == NULL)
        return guard_errno(error, ENOMEM, function, "allocate a callback");
    s->user = *callback;
    sigset_t before;
    signals_block(&before);
    /* Not while an owner has messages in hand that it may put back: callbacks would get later ones first. */
    hot_lock_taking(l);
    fork_hold(); /* who forks may be polling, and be waited for by who has `taking` */
    pthread_mutex_lock(&l->lock);
    int code = l->closing ? closed(function, error) : 0;
    int system = code < 0 ? 0 : hot_start(l);
    int added = code == 0 && system == 0;
    if (added) {
        subscription **at = &l->subscriptions;
        while (*at != NULL)
            at = &(*at)->next;
        *at = s;
        s->id = ++l->last_id;
        if (id != NULL)
            *id = s->id;
        hot_refresh(l);
    }
    pthread_mutex_unlock(&l->lock);
    fork_release();
    pthread_mutex_unlock(&l->taking);
    signals_restore(&before);
    if (!added)
        free(s);
    return system < 0 ? system_failed(system, "start a thread", function, error) : code;
}

static struct timespec a_second_from_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += MCL_CLOSE_WAIT_MS / 1000;
    return at;
}

int hot_unsubscribe(hot_listener *l, uint64_t id, const char *function, mcl_error *error)
{
    quiet before = be_quiet();
    pthread_mutex_lock(&l->lock);
    int code = 0;
    subscription **at = &l->subscriptions;
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    subscription *s = *at;
    int drop = 0;
    if (l->closing) {
        code = closed(function, error);
    } else if (s == NULL) {
        code = guard_fail(error, MCL_EUNKNOWN, function,
                          "no callback has the number %llu: give the number that subscribing returned, once",
                          (unsigned long long)id);
    } else {
        *at = s->next;
        s->removed = 1;
        hot_refresh(l); /* what stays is the owner's now */
        drop = l->running != id;
        int late = 0;
        const struct timespec until = a_second_from_now();
        /* Also for what the thread has in hand: it is the owner's now, and comes first. */
        while (!late && !hot_runs_here(l) && (l->running == id || (l->subscriptions == NULL && l->in_hand)))
            late = pthread_cond_timedwait(&l->changed, &l->lock, &until) == ETIMEDOUT;
        if (late && l->running == id)
            code =
                guard_fail(error, MCL_EBUSY, function,
                           "the callback still runs after a second: let callbacks return; it is removed all the same");
    }
    pthread_mutex_unlock(&l->lock);
    end_quiet(&before);
    if (drop)
        hot_drop(s);
    return code;
}

/* ---- Owners ---- */

int hot_fd(hot_listener *l, const char *function, mcl_error *error)
{
    sigset_t before;
    signals_block(&before);
    fork_hold();
    pthread_mutex_lock(&l->lock);
    int code = l->closing ? closed(function, error) : 0;
    int system = 0;
    if (code == 0 && !l->lent) {
        system = hot_open_signal(&l->owners);
        l->lent = system == 0; /* before the thread looks */
        if (system == 0)
            system = hot_start(l);
        l->lent = system == 0;
        hot_refresh(l);
    }
    if (code == 0 && system == 0)
        code = l->owners.fd;
    pthread_mutex_unlock(&l->lock);
    fork_release();
    signals_restore(&before);
    return system < 0 ? system_failed(system, "start a thread", function, error) : code;
}

/* What is done once there may be something: the number of messages, or 0. */
typedef int look_for(hot_listener *l, void *context);

static int look_only(hot_listener *l, void *context)
{
    batch *b;
    hot_lock_taking(l);
    int there = hot_take(l, &b);
    if (there)
        hot_settle(l, b);
    pthread_mutex_unlock(&l->taking);
    return there;
}

struct wanted {
    size_t most;
    batch **out;
};

static int look_and_take(hot_listener *l, void *context)
{
    const struct wanted *w = context;
    hot_lock_taking(l);
    l->most = w->most;
    int there = hot_take(l, w->out);
    l->most = 0;
    pthread_mutex_unlock(&l->taking);
    return there;
}

struct copied {
    mcl_received *record;
    unsigned char *buffer;
    size_t size;
    size_t *needed;
};

static int look_and_copy(hot_listener *l, void *context)
{
    const struct copied *to = context;
    batch *b;
    hot_lock_taking(l);
    int code = hot_take(l, &b);
    if (code != 0) {
        code = hot_copy(&b->messages[b->first], to->record, to->buffer, to->size, to->needed);
        hot_count(l, b, code == 1, 0);
        hot_settle(l, b);
    }
    pthread_mutex_unlock(&l->taking);
    return code;
}

/* What came was nothing for who waits, and so it may go on for long, as in a flood: may the wait? 1, 0 when the time is over, or
 * -EINTR. ppoll itself looks at signals only where nothing is ready. */
static int goes_on(int64_t deadline, const sigset_t *open)
{
    const struct timespec none = {0, 0};
    if (ppoll(NULL, 0, &none, open) < 0)
        return -errno;
    return deadline < 0 || wait_now() < deadline;
}

static int look_or_wait(hot_listener *l, int timeout_ms, look_for *look, void *context, batch *done,
                        const char *function, mcl_error *error)
{
    int64_t deadline = timeout_ms == 0 ? 0 : wait_deadline(timeout_ms);
    quiet before = be_quiet();
    int code = done != NULL ? hot_hand_end(done, done->shown, 0, function, error) : 0;
    int ready = code == 0;
    for (int polled = 0; code == 0 && (code = check_ownable(l, function, error)) == 0 && ready > 0; polled = 1) {
        /* To read and find nothing costs as much as to poll: where there was nothing before, that comes first. */
        if ((polled || timeout_ms == 0 || atomic_load(&l->full)) && (code = look(l, context)) != 0)
            break;
        ready = timeout_ms == 0 ? 0 : hot_poll(l, 0, deadline, &before.signals, before.cancel);
        if (ready > 0 && polled)
            ready = goes_on(deadline, &before.signals);
        if (atomic_load(&fork_happened)) { /* by a handler */
            code = guard_start(function, error);
            break;
        }
    }
    end_quiet(&before);
    if (code != 0 || ready >= 0)
        return code;
    return ready == -EINTR ? wait_interrupted(function, error) : system_failed(ready, "poll", function, error);
}

int hot_take_or_wait(hot_listener *l, int timeout_ms, size_t most, batch **b, const char *function, mcl_error *error)
{
    struct wanted wanted = {most, b};
    batch *done = *b;
    *b = NULL;
    return look_or_wait(l, timeout_ms, look_and_take, &wanted, done, function, error);
}

int hot_wait(hot_listener *l, int timeout_ms, const char *function, mcl_error *error)
{
    return look_or_wait(l, timeout_ms, look_only, NULL, NULL, function, error);
}

int hot_receive(hot_listener *l, int timeout_ms, mcl_received *record, unsigned char *buffer, size_t size,
                size_t *needed, const char *function, mcl_error *error)
{
    struct copied to = {record, buffer, size, needed};
    return look_or_wait(l, timeout_ms, look_and_copy, &to, NULL, function, error);
}

/* ---- Counters ---- */

/* Adds what is counted here. `lock` is locked. */
static void add_counters(const hot_listener *l, mcl_listener_stats *stats)
{
    stats->datagrams += l->datagrams;
    stats->bytes += l->bytes;
    stats->filtered += l->filtered;
    stats->joined += l->joined;
    stats->messages += l->messages;
    stats->delivered += l->delivered;
    stats->rejected += l->rejected;
    stats->discarded += l->discarded;
    stats->queued += l->messages - l->delivered - l->rejected - l->discarded;
    stats->queued_bytes += l->queued_bytes;
}

int hot_stats(hot_listener *l, mcl_listener_stats *stats, const char *function, mcl_error *error)
{
    quiet before = be_quiet();
    hot_lock_taking(l);
    hot_pump(l); /* what has arrived and waits in the socket is queued, too */
    pthread_mutex_lock(&l->lock);
    int code = l->closing ? closed(function, error) : mclgo_listener_get_stats(l->handle, stats, error);
    if (code == 0)
        add_counters(l, stats);
    pthread_mutex_unlock(&l->lock);
    pthread_mutex_unlock(&l->taking);
    end_quiet(&before);
    return code;
}

/* ---- Closing ---- */

/* Takes all subscriptions, those that run excepted. `lock` is locked. */
static subscription *take_subscriptions(hot_listener *l)
{
    subscription *idle = NULL, **end = &idle;
    while (l->subscriptions != NULL) {
        subscription *s = l->subscriptions;
        l->subscriptions = s->next;
        s->next = NULL;
        s->removed = 1;
        if (l->running == s->id)
            continue; /* the thread drops it */
        *end = s;
        end = &s->next;
    }
    return idle;
}

int hot_close(hot_listener *l, mcl_listener_stats *stats)
{
    quiet before = be_quiet();
    hot_lock_taking(l);
    pthread_mutex_lock(&l->lock);
    int first = !l->closing;
    subscription *idle = NULL;
    int here = hot_runs_here(l);
    if (first) {
        l->closing = 1;
        idle = take_subscriptions(l);
        hot_refresh(l);
        while (l->polling > 0)
            pthread_cond_wait(&l->changed, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    pthread_mutex_unlock(&l->taking);
    if (!first) {
        end_quiet(&before);
        return MCL_ECLOSED;
    }
    while (idle != NULL) {
        subscription *s = idle;
        idle = s->next;
        hot_drop(s);
    }
    int busy = 0;
    const struct timespec until = a_second_from_now();
    pthread_mutex_lock(&l->lock);
    while (!here && l->has_thread && !busy)
        busy = pthread_cond_timedwait(&l->changed, &l->lock, &until) == ETIMEDOUT && l->has_thread;
    batch *waiting = l->waiting;
    l->waiting = NULL;
    l->closing = 2;
    l->discarded = l->messages - l->delivered - l->rejected;
    l->queued_bytes = 0;
    pthread_mutex_unlock(&l->lock);
    while (waiting != NULL) {
        batch *b = waiting;
        waiting = b->next;
        b->first = b->count;
        hot_settle(l, b);
    }
    int code = mclgo_listener_close(l->handle, stats);
    pthread_mutex_lock(&l->lock);
    add_counters(l, stats);
    pthread_mutex_unlock(&l->lock);
    hot_close_signal(&l->owners); /* nobody is left who polls it; what is in hand may keep the rest for long */
    if (!busy && !here)
        hot_close_signal(&l->worker);
    hot_remove(l);
    end_quiet(&before);
    return code == MCL_OK && busy ? MCL_EBUSY : code;
}

#include "hot.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>

int hot_runs_here(hot_listener *l)
{
    return l->has_thread && pthread_equal(l->thread, pthread_self());
}

void hot_drop(subscription *s)
{
    if (s->user.drop != NULL)
        s->user.drop(s->user.context);
    free(s);
}

/* Those that were subscribed when the message was taken, save those removed since. `lock` is locked, and let go for calls. */
static void call_all(hot_listener *l, const mcl_received *message)
{
    const uint64_t last = l->last_id;
    uint64_t id = 0;
    for (;;) {
        subscription *s = l->subscriptions;
        while (s != NULL && s->id <= id)
            s = s->next;
        if (s == NULL || s->id > last)
            return;
        id = s->id;
        l->running = id;
        pthread_mutex_unlock(&l->lock);
        s->user.call(s->user.context, message);
        pthread_mutex_lock(&l->lock);
        int removed = s->removed;
        if (removed) {
            pthread_mutex_unlock(&l->lock);
            hot_drop(s);
            pthread_mutex_lock(&l->lock);
        }
        l->running = 0;
        if (removed)
            pthread_cond_broadcast(&l->changed);
    }
}

static void set_in_hand(hot_listener *l, int in_hand)
{
    pthread_mutex_lock(&l->lock);
    l->in_hand = in_hand;
    if (!in_hand)
        pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static void deliver(hot_listener *l, batch *b)
{
    pthread_mutex_lock(&l->lock);
    while (b->first < b->count && l->subscriptions != NULL && !l->closing) {
        const mcl_received *message = &b->messages[b->first++];
        l->delivered++;
        l->queued_bytes -= message->topic_size + message->payload_size;
        call_all(l, message);
    }
    pthread_mutex_unlock(&l->lock);
    hot_settle(l, b);
    set_in_hand(l, 0);
}

enum work { END, CALL, PUMP };

static enum work next_work(hot_listener *l)
{
    pthread_mutex_lock(&l->lock);
    enum work work = l->closing ? END : l->subscriptions != NULL ? CALL : l->lent ? PUMP : END;
    if (work == END) {
        if (l->closing == 2) /* hot_close has not waited */
            hot_close_signal(&l->worker);
        l->has_thread = 0;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return work;
}

static void *run(void *of)
{
    hot_listener *l = of;
    enum work work;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    while ((work = next_work(l)) != END) {
        batch *b = NULL;
        hot_lock_taking(l);
        if (work == PUMP)
            hot_pump(l);
        else if (hot_take(l, &b))
            set_in_hand(l, 1);
        int again = l->full;
        pthread_mutex_unlock(&l->taking);
        if (b != NULL)
            deliver(l, b);
        if (!again)
            hot_poll(l, 1, -1, NULL, PTHREAD_CANCEL_DISABLE); /* it has its eventfd, and signals are blocked */
    }
    hot_leave(l);
    return NULL;
}

int hot_start(hot_listener *l)
{
    if (l->has_thread)
        return 0;
    int code = hot_open_signal(&l->worker);
    if (code < 0)
        return code;
    pthread_attr_t attributes;
    code = pthread_attr_init(&attributes);
    if (code != 0)
        return -code;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    atomic_fetch_add(&l->references, 1);
    l->has_thread = 1;
    code = pthread_create(&l->thread, &attributes, run, l); /* it inherits the mask: signals are blocked */
    pthread_attr_destroy(&attributes);
    if (code != 0) {
        l->has_thread = 0;
        atomic_fetch_sub(&l->references, 1);
    }
    return -code;
}

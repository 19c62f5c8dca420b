#include "hot.h"
#include "wait.h"

#include <errno.h>

void hot_lock_taking(hot_listener *l)
{
    pthread_mutex_lock(&l->gate);
    pthread_mutex_lock(&l->taking);
    pthread_mutex_unlock(&l->gate);
}

/* How many messages to take, at most so many. */
static size_t wanted(const hot_listener *l, size_t most)
{
    return l->most > 0 && l->most < most ? l->most : most;
}

/* ---- What Go has ---- */

static void note(hot_listener *l, const shim_fed *fed)
{
    l->to_go = fed->again;
    l->due = fed->wait_ms > 0 ? wait_now() + fed->wait_ms : 0;
    pthread_mutex_lock(&l->lock);
    l->in_go = fed->queued;
    hot_refresh(l);
    pthread_mutex_unlock(&l->lock);
}

/* Signals are blocked on the listener's thread already; a call more costs little beside Go. */
static void feed(hot_listener *l, const batch *b)
{
    shim_fed fed = {0};
    if (GO(mclgo_listener_feed(l->handle, b == NULL ? NULL : (const_record *)b->messages, b == NULL ? 0 : b->count,
                               &fed)) == 0)
        note(l, &fed);
}

/* Takes what waits in Go's queue: its messages are counted here from now on, in the same moment. */
static int borrow(hot_listener *l, batch *b)
{
    sigset_t before;
    uint64_t datagrams = 0;
    size_t left = 0;
    signals_block(&before);
    pthread_mutex_lock(&l->lock);
    int n = l->closing ? 0
                       : mclgo_listener_lend(l->handle, (shim_record *)b->messages, wanted(l, BATCH), &datagrams, &left,
                                             &b->lent);
    if (n > 0) {
        b->first = 0;
        b->count = (size_t)n;
        b->number = ++l->batches;
        l->datagrams += datagrams;
        l->joined += datagrams;
        l->messages += (uint64_t)n;
        for (int i = 0; i < n; i++)
            l->queued_bytes += b->messages[i].topic_size + b->messages[i].payload_size;
    }
    l->in_go = left;
    hot_refresh(l);
    pthread_mutex_unlock(&l->lock);
    signals_restore(&before);
    return n > 0;
}

static void free_batch(hot_listener *l, batch *b)
{
    if (b->lent != 0)
        GO((mclgo_listener_give_back(b->lent), 0));
    batch_free(b);
}

/* ---- The socket ---- */

/* What one read should bring at most: what the processor's second cache holds. */
#define READ_BYTES (256 << 10)
#define READ_MIN 4

static void adapt(hot_listener *l, const batch *b, int n, int asked)
{
    size_t bytes = 0;
    for (int i = 0; i < n; i++)
        bytes += b->headers[i].msg_len;
    size_t fit = READ_BYTES / (bytes / (size_t)n + 1);
    l->full = n == asked;
    l->asked = fit < READ_MIN ? READ_MIN : fit > BATCH ? BATCH : (int)fit;
}

/* Takes the batch apart, and counts it. 0: it is for Go, as it was. */
static int parse(hot_listener *l, batch *b)
{
    if (l->all_to_go || l->to_go || b->timeless)
        return 0;
    size_t kept = 0, filtered = 0, n = b->count;
    uint64_t bytes = 0, queued = 0;
    for (size_t i = 0; i < n; i++) {
        mcl_received *r = &b->messages[i];
        bytes += r->payload_size;
        switch (hot_parse(l, r)) {
        case HOT_UNSURE:
            batch_describe(b);
            return 0;
        case HOT_FILTERED:
            filtered++;
            break;
        case HOT_MESSAGE:
            queued += r->topic_size + r->payload_size;
            if (kept != i)
                b->messages[kept] = *r;
            kept++;
        }
    }
    b->count = kept;
    pthread_mutex_lock(&l->lock);
    b->number = ++l->batches;
    l->datagrams += n;
    l->bytes += bytes;
    l->filtered += filtered;
    l->joined += kept;
    l->messages += kept;
    l->queued_bytes += queued;
    pthread_mutex_unlock(&l->lock);
    return 1;
}

/* Another socket takes the place of one that has been found empty. It closes that, which nobody may be polling then. */
static void turn(hot_listener *l)
{
    pthread_mutex_lock(&l->lock);
    while (l->polling > 0)
        pthread_cond_wait(&l->changed, &l->lock); /* each is woken by `turns`, and none begins */
    pthread_mutex_unlock(&l->lock);
    int fd = GO(mclgo_listener_turn(l->handle));
    pthread_mutex_lock(&l->lock);
    if (fd >= 0)
        l->fd = fd;
    atomic_fetch_sub(&l->turns, 1); /* there may be another one behind */
    l->owners.is_set = l->worker.is_set = 1; /* past hot_refresh */
    hot_refresh(l);
    pthread_mutex_unlock(&l->lock);
}

/* Reads once. Returns how many entries, 0 for none. */
static int read_socket(hot_listener *l, batch *b)
{
    int asked = (int)wanted(l, (size_t)l->asked);
    int n = batch_read(b, l->fd, asked);
    if (n > 0) {
        adapt(l, b, n, asked);
        return n;
    }
    l->full = 0;
    if (n == -EAGAIN && atomic_load(&l->turns) > 0)
        turn(l);
    else if (n != -EAGAIN && n != -EINTR && n != 0) {
        GO((mclgo_listener_read_failed(l->handle, -n), 0));
        l->failed = 1;
    }
    return 0;
}

/* ---- Both ---- */

static int is_closing(hot_listener *l)
{
    pthread_mutex_lock(&l->lock);
    int closing = l->closing;
    pthread_mutex_unlock(&l->lock);
    return closing;
}

int hot_take(hot_listener *l, batch **out)
{
    pthread_mutex_lock(&l->lock);
    int closing = l->closing;
    batch *b = *out = closing ? NULL : l->waiting;
    if (b != NULL) {
        l->waiting = b->next;
        hot_refresh(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (closing || b != NULL)
        return !closing;
    b = batch_new();
    if (b == NULL) {
        l->failed = 1;
        return 0;
    }
    if (l->due != 0 && wait_now() >= l->due)
        feed(l, NULL);
    if (l->in_go == 0 && read_socket(l, b) > 0 && !parse(l, b)) {
        feed(l, b);
        b->count = 0;
    }
    if (l->in_go > 0)
        borrow(l, b);
    if (b->count > 0) {
        *out = b;
        return 1;
    }
    batch_free(b);
    return 0;
}

#define PUMP_READS 64 /* at a time */

void hot_pump(hot_listener *l)
{
    batch *b = is_closing(l) ? NULL : batch_new();
    if (b == NULL) {
        l->failed = 1;
        return;
    }
    int more = 1;
    for (int i = 0; i < PUMP_READS && more; i++) {
        more = read_socket(l, b) > 0;
        if (b->count > 0)
            feed(l, b);
        b->count = 0;
    }
    if (l->due != 0 && wait_now() >= l->due)
        feed(l, NULL);
    batch_free(b);
}

int hot_count(hot_listener *l, batch *b, size_t delivered, size_t rejected)
{
    pthread_mutex_lock(&l->lock);
    size_t end = b->first + delivered + rejected;
    for (; b->first < end; b->first++)
        if (l->closing < 2)
            l->queued_bytes -= b->messages[b->first].topic_size + b->messages[b->first].payload_size;
    int discarded = l->closing == 2;
    if (!discarded) {
        l->delivered += delivered;
        l->rejected += rejected;
    }
    pthread_mutex_unlock(&l->lock);
    return discarded;
}

void hot_settle(hot_listener *l, batch *b)
{
    pthread_mutex_lock(&l->lock);
    int keep = b->first < b->count && !l->closing;
    if (keep) {
        batch **at = &l->waiting;
        while (*at != NULL && (*at)->number < b->number)
            at = &(*at)->next;
        b->next = *at;
        *at = b;
        hot_refresh(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (!keep)
        free_batch(l, b);
}

/* On a thread of Go's, perhaps: nobody may be taking anything, and the old socket is to be closed all the same. */
void shim_hot_turn(hot_listener *l)
{
    hot_lock_taking(l);
    while (atomic_load(&l->turns) > 0 && l->handle != 0 && !is_closing(l))
        hot_pump(l);
    pthread_mutex_unlock(&l->taking);
    hot_leave(l);
}

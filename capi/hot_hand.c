#include "hot.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>

/* A batch in the hands of the program, found by a number. */
typedef struct hand {
    struct hand *next;
    uint64_t number;
    uintptr_t handle;
    hot_listener *listener; /* NULL: it is Go's */
    batch *batch;
    size_t count;
} hand;

static pthread_mutex_t hands_lock = PTHREAD_MUTEX_INITIALIZER;
static hand *hands;
static uint64_t last_number;

static void keep(hand *h)
{
    pthread_mutex_lock(&hands_lock);
    h->number = ++last_number;
    h->next = hands;
    hands = h;
    pthread_mutex_unlock(&hands_lock);
}

/* Takes the program's hand from it, to be settled: NULL with a code when it is none, or has fewer messages than `done`. */
static hand *find(uintptr_t handle, uint64_t number, size_t done, const char *function, mcl_error *error, int *code)
{
    pthread_mutex_lock(&hands_lock);
    hand **at = &hands;
    while (*at != NULL && ((*at)->number != number || (*at)->handle != handle))
        at = &(*at)->next;
    hand *h = *at;
    size_t count = h != NULL ? h->count : 0;
    int fits = h != NULL && done <= count;
    if (fits)
        *at = h->next;
    pthread_mutex_unlock(&hands_lock);
    if (fits)
        return h;
    *code = GO(mclgo_listener_check(handle, function, error));
    if (*code < 0)
        return NULL;
    *code = h != NULL
                ? guard_fail(error, MCL_EINVAL, function, "%zu delivered and rejected are more than the %zu in hand",
                             done, count)
                : guard_fail(error, MCL_EUNKNOWN, function,
                             "hand %llu was not taken from this listener, or is settled already: settle each once",
                             (unsigned long long)number);
    return NULL;
}

static int settle(hand *h, size_t delivered, size_t rejected, const char *function, mcl_error *error)
{
    int code = 0;
    sigset_t before;
    signals_block(&before); /* a handler may fork, which waits for locks */
    if (h->listener == NULL) {
        code = GO(mclgo_hand_settle(h->batch->lent, delivered, rejected, function, error));
        batch_free(h->batch);
    } else {
        if (hot_count(h->listener, h->batch, delivered, rejected) != 0)
            code = guard_fail(error, MCL_ECLOSED, function,
                              "the mcl_listener has been closed: the messages were discarded");
        hot_settle(h->listener, h->batch);
        hot_leave(h->listener);
    }
    free(h);
    signals_restore(&before);
    return code;
}

static void put_back(hot_listener *l, batch *b)
{
    if (l != NULL) {
        hot_settle(l, b);
        return;
    }
    GO(mclgo_hand_settle(b->lent, 0, 0, __func__, NULL));
    batch_free(b);
}

static int take_from_go(uintptr_t handle, int timeout_ms, size_t most, batch **out, const char *function,
                        mcl_error *error)
{
    batch *b = batch_new();
    if (b == NULL)
        return guard_errno(error, ENOMEM, function, "allocate a batch");
    int64_t deadline = wait_deadline(timeout_ms);
    sigset_t open;
    signals_block(&open);
    int code;
    do {
        code = mclgo_listener_take(handle, (shim_record *)b->messages, most, &b->lent, function, error);
        b->count = code > 0 ? (size_t)code : 0;
        if (code == 0)
            code = wait_once(mclgo_listener_wait_begin, (void *)handle, deadline, &open, function, error);
    } while (b->count == 0 && code > 0);
    signals_restore(&open);
    if (b->count == 0)
        batch_free(b);
    *out = b;
    return code;
}

static void show(hand *h, mcl_hand *to)
{
    batch *b = h->batch;
    h->count = b->count - b->first;
    if (to->most > 0 && h->count > to->most)
        h->count = to->most; /* the others go back when it is settled */
    to->stream = to->wants_stream == MCL_ON ? batch_stream(b, h->count, &to->stream_size) : NULL;
    if (to->stream == NULL)
        to->stream_size = 0;
    to->records = b->messages + b->first;
    to->count = h->count;
    keep(h);
    to->number = h->number;
}

int hot_hand_take(hot_listener *l, uintptr_t handle, int timeout_ms, mcl_hand *shown, const char *function,
                  mcl_error *error)
{
    if (shown->number != 0) {
        int failed = 0;
        hand *before = find(handle, shown->number, 0, function, error, &failed);
        if (before == NULL)
            return failed;
        shown->number = shown->count = 0;
        CHECK(settle(before, before->count, 0, function, error));
    }
    batch *b = NULL;
    int code = l != NULL ? hot_take_or_wait(l, timeout_ms, shown->most, &b, function, error)
                         : take_from_go(handle, timeout_ms, shown->most, &b, function, error);
    if (code <= 0 || b == NULL)
        return code;
    hand *h = calloc(1, sizeof *h);
    if (h == NULL) {
        put_back(l, b);
        return guard_errno(error, ENOMEM, function, "allocate a hand");
    }
    h->batch = b;
    h->handle = handle;
    h->listener = l;
    if (l != NULL)
        atomic_fetch_add(&l->references, 1);
    show(h, shown);
    return (int)shown->count;
}

int hot_hand_settle(uintptr_t handle, mcl_hand *shown, size_t delivered, size_t rejected, const char *function,
                    mcl_error *error)
{
    int code = 0;
    size_t done = delivered + rejected < delivered ? SIZE_MAX : delivered + rejected;
    hand *h = find(handle, shown->number, done, function, error, &code);
    if (h == NULL)
        return code;
    shown->number = shown->count = 0;
    return settle(h, delivered, rejected, function, error);
}

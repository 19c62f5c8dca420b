#include "hot.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>

/* A hand is a batch in the hands of the program, whose pointer to it may be any: it is looked up. */
typedef struct hand {
    mcl_hand shown;
    struct hand *next;
    uintptr_t handle;
    hot_listener *listener; /* NULL: it is Go's */
    batch *batch;
} hand;

static pthread_mutex_t hands_lock = PTHREAD_MUTEX_INITIALIZER;
static hand *hands;

static void keep(hand *h)
{
    pthread_mutex_lock(&hands_lock);
    h->next = hands;
    hands = h;
    pthread_mutex_unlock(&hands_lock);
}

/* Takes the program's hand from it, to be settled: NULL with a code when it is none, or has fewer messages than `done`. */
static hand *find(uintptr_t handle, const mcl_hand *shown, size_t done, const char *function, mcl_error *error,
                  int *code)
{
    pthread_mutex_lock(&hands_lock);
    hand **at = &hands;
    while (*at != NULL && (&(*at)->shown != shown || (*at)->handle != handle))
        at = &(*at)->next;
    hand *h = *at;
    size_t count = h != NULL ? h->shown.count : 0;
    int fits = h != NULL && done <= count;
    if (fits)
        *at = h->next;
    pthread_mutex_unlock(&hands_lock);
    if (fits)
        return h;
    *code = GO(mclgo_listener_check(handle, function, error));
    if (*code < 0)
        return NULL;
    *code = h != NULL ? guard_fail(error, MCL_EINVAL, function, "%zu delivered and rejected are more than the %zu in hand",
                                   done, count)
                      : guard_fail(error, MCL_EUNKNOWN, function,
                                   "the hand is none that was taken from this listener, or settled already: give each once");
    return NULL;
}

static int settle(hand *h, size_t delivered, size_t rejected, const char *function, mcl_error *error)
{
    int code = 0;
    if (h->listener == NULL) {
        code = GO(mclgo_hand_settle(h->batch->lent, delivered, rejected, function, error));
        batch_free(h->batch);
    } else {
        if (hot_count(h->listener, h->batch, delivered, rejected) != 0)
            code = guard_fail(error, MCL_ECLOSED, function, "the mcl_listener has been closed: the messages were discarded");
        hot_settle(h->listener, h->batch);
        hot_leave(h->listener);
    }
    free(h);
    return code;
}

static int take_from_go(uintptr_t handle, int timeout_ms, batch *b, const char *function, mcl_error *error)
{
    int64_t deadline = wait_deadline(timeout_ms);
    sigset_t open;
    signals_block(&open);
    int code;
    do {
        code = mclgo_listener_take(handle, (shim_record *)b->messages, &b->lent, function, error);
        b->count = code > 0 ? (size_t)code : 0;
        if (code == 0)
            code = wait_once(mclgo_listener_wait_begin, (void *)handle, deadline, &open, function, error);
    } while (b->count == 0 && code > 0);
    signals_restore(&open);
    return code;
}

int hot_hand_take(hot_listener *l, uintptr_t handle, int timeout_ms, const mcl_hand **shown, const char *function,
                  mcl_error *error)
{
    if (*shown != NULL) {
        int failed = 0;
        hand *before = find(handle, *shown, 0, function, error, &failed);
        if (before == NULL)
            return failed;
        *shown = NULL;
        CHECK(settle(before, before->shown.count, 0, function, error));
    }
    hand *h = calloc(1, sizeof *h);
    int code = h == NULL ? -1 : 0;
    if (h != NULL && l != NULL)
        code = hot_take_or_wait(l, timeout_ms, &h->batch, function, error);
    else if (h != NULL && (h->batch = batch_new()) != NULL)
        code = take_from_go(handle, timeout_ms, h->batch, function, error);
    if (h == NULL || (code == 0 && l == NULL && h->batch == NULL))
        code = guard_errno(error, ENOMEM, function, "allocate a hand");
    if (code <= 0) {
        if (h != NULL && l == NULL && h->batch != NULL)
            batch_free(h->batch);
        free(h);
        return code;
    }
    h->handle = handle;
    h->listener = l;
    if (l != NULL)
        atomic_fetch_add(&l->references, 1);
    h->shown.records = h->batch->messages + h->batch->first;
    h->shown.count = h->batch->count - h->batch->first;
    keep(h);
    *shown = &h->shown;
    return (int)h->shown.count;
}

int hot_hand_settle(uintptr_t handle, const mcl_hand *shown, size_t delivered, size_t rejected,
                    const char *function, mcl_error *error)
{
    int code = 0;
    size_t done = delivered + rejected < delivered ? SIZE_MAX : delivered + rejected;
    hand *h = find(handle, shown, done, function, error, &code);
    return h == NULL ? code : settle(h, delivered, rejected, function, error);
}

#include "hot.h"
#include "wait.h"

#include <errno.h>
#include <string.h>

/* Batches in the hands of the program, found by a number. */
static pthread_mutex_t hands_lock = PTHREAD_MUTEX_INITIALIZER;
static batch *hands;
static uint64_t last_hand;

static void keep(batch *b)
{
    pthread_mutex_lock(&hands_lock);
    b->hand = ++last_hand;
    b->next = hands;
    hands = b;
    pthread_mutex_unlock(&hands_lock);
}

/* Takes the program's hand from it, to be settled: NULL with a code when it is none, or has fewer messages than `done`. */
static batch *find(uintptr_t handle, uint64_t hand, size_t done, const char *function, mcl_error *error, int *code)
{
    pthread_mutex_lock(&hands_lock);
    batch **at = &hands;
    while (*at != NULL && ((*at)->hand != hand || (*at)->handle != handle))
        at = &(*at)->next;
    batch *b = *at;
    size_t count = b != NULL ? b->shown : 0;
    int fits = b != NULL && done <= count;
    if (fits)
        *at = b->next;
    pthread_mutex_unlock(&hands_lock);
    if (fits)
        return b;
    *code = GO(mclgo_listener_check(handle, function, error));
    if (*code < 0)
        return NULL;
    *code = b != NULL
                ? guard_fail(error, MCL_EINVAL, function, "%zu delivered and rejected are more than the %zu in hand",
                             done, count)
                : guard_fail(error, MCL_EUNKNOWN, function,
                             "hand %llu was not taken from this listener, or is settled already: settle each once",
                             (unsigned long long)hand);
    return NULL;
}

int hot_hand_end(batch *b, size_t delivered, size_t rejected, const char *function, mcl_error *error)
{
    int code = 0;
    hot_listener *l = b->listener;
    if (l == NULL) {
        code = mclgo_hand_settle(b->lent, delivered, rejected, function, error);
        batch_free(b);
    } else {
        if (hot_count(l, b, delivered, rejected) != 0)
            code = guard_fail(error, MCL_ECLOSED, function,
                              "the mcl_listener has been closed: the messages were discarded");
        hot_settle(l, b);
        hot_leave(l);
    }
    return code;
}

/* With signals blocked: a handler may fork, which waits for locks. */
static int settle(batch *b, size_t delivered, size_t rejected, const char *function, mcl_error *error)
{
    return GO(hot_hand_end(b, delivered, rejected, function, error));
}

static int take_from_go(uintptr_t handle, int timeout_ms, size_t most, batch **out, const char *function,
                        mcl_error *error)
{
    batch *b = batch_new();
    if (b == NULL)
        return guard_errno(error, ENOMEM, function, "allocate a batch");
    b->listener = NULL;
    int64_t deadline = wait_deadline(timeout_ms);
    sigset_t open;
    signals_block(&open);
    int code;
    do {
        code = mclgo_listener_take(handle, (shim_record *)b->messages, most, &b->lent, function, error);
        b->count = code > 0 ? (size_t)code : 0;
    } while (code == 0 &&
             (code = wait_once(mclgo_listener_wait_begin, (void *)handle, deadline, &open, function, error)) > 0);
    signals_restore(&open);
    if (b->count == 0) {
        batch_free(b);
        b = NULL;
    }
    *out = b;
    return code;
}

static void show(batch *b, mcl_hand *to)
{
    b->shown = b->count - b->first;
    if (to->most > 0 && b->shown > to->most)
        b->shown = to->most; /* the others go back when it is settled */
    to->stream = to->wants_stream == MCL_ON ? batch_stream(b, b->shown, &to->stream_size) : NULL;
    if (to->stream == NULL)
        to->stream_size = 0;
    to->records = b->messages + b->first;
    to->count = b->shown;
    keep(b);
    to->number = b->hand;
}

int hot_hand_take(hot_listener *l, uintptr_t handle, int timeout_ms, mcl_hand *shown, const char *function,
                  mcl_error *error)
{
    batch *b = NULL;
    int code = 0;
    if (shown->number != 0) {
        b = find(handle, shown->number, 0, function, error, &code);
        if (b == NULL)
            return code;
        shown->number = shown->count = 0;
    }
    if (l != NULL) {
        code = hot_take_or_wait(l, timeout_ms, shown->most, &b, function, error);
    } else {
        if (b != NULL)
            CHECK(settle(b, b->shown, 0, function, error));
        b = NULL;
        code = take_from_go(handle, timeout_ms, shown->most, &b, function, error);
    }
    if (code <= 0 || b == NULL)
        return code;
    b->handle = handle;
    b->listener = l;
    if (l != NULL)
        atomic_fetch_add(&l->references, 1);
    show(b, shown);
    return (int)shown->count;
}

int hot_copy(const mcl_received *message, mcl_received *to, unsigned char *buffer, size_t size, size_t *needed)
{
    *needed = message->topic_size + message->payload_size;
    if (*needed > size)
        return MCL_EBUFFER;
    *to = *message;
    if (message->topic != NULL) {
        memcpy(buffer, message->topic, message->topic_size);
        to->topic = (const char *)buffer;
        buffer += message->topic_size;
    }
    memcpy(buffer, message->payload, message->payload_size);
    to->payload = buffer;
    return 1;
}

int hot_hand_receive(hot_listener *l, uintptr_t handle, int timeout_ms, mcl_received *record, unsigned char *buffer,
                     size_t size, size_t *needed, const char *function, mcl_error *error)
{
    size_t takes = 0;
    int code;
    if (l != NULL) {
        code = hot_receive(l, timeout_ms, record, buffer, size, &takes, function, error);
    } else {
        batch *b = NULL;
        code = take_from_go(handle, timeout_ms, 1, &b, function, error);
        if (code > 0 && b != NULL) {
            code = hot_copy(b->messages, record, buffer, size, &takes);
            int settled = settle(b, code == 1, 0, function, error);
            if (settled < 0)
                code = settled;
        }
    }
    if (code != MCL_EBUFFER)
        return code;
    if (needed != NULL)
        *needed = takes;
    return guard_fail(error, MCL_EBUFFER, function, "the buffer has %zu bytes, %zu are needed: give a larger one", size,
                      takes);
}

int hot_hand_settle(uintptr_t handle, mcl_hand *shown, size_t delivered, size_t rejected, const char *function,
                    mcl_error *error)
{
    int code = 0;
    size_t done = delivered + rejected < delivered ? SIZE_MAX : delivered + rejected;
    batch *b = find(handle, shown->number, done, function, error, &code);
    if (b == NULL)
        return code;
    shown->number = shown->count = 0;
    return settle(b, delivered, rejected, function, error);
}

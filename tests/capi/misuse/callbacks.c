/* callbacks.c - callbacks that look at all they are given, and call any function in turn. */
#include "play.h"

typedef struct subscription {
    struct subscription *next;
    atomic_int calls, running, drops;
    int subscribed; /* the call that gave it succeeded: 1; failed: -1; runs: 0 */
    unsigned every; /* one call of so many calls something itself */
} subscription;

static _Atomic(subscription *) all;
static atomic_long calls_seen, drops_seen;

static unsigned sum(const void *bytes, size_t size)
{
    unsigned total = 0;
    for (size_t i = 0; i < size; i++)
        total += ((const uint8_t *)bytes)[i];
    return total;
}

static volatile unsigned sink;

static void call(void *context, const mcl_received *record)
{
    subscription *s = context;
    player *p = borrow_player();
    if (s->drops != 0)
        fail(p, "a callback is called after its drop");
    if (s->running++ != 0)
        fail(p, "a callback is called twice at a time");
    if (record->payload == NULL || record->payload_size == 0)
        fail(p, "a callback is given no payload");
    sink = sum(record->payload, record->payload_size) + sum(record->topic, record->topic_size);
    s->calls++;
    calls_seen++;
    if (p->depth < 3 && below(p, s->every) == 0)
        for (uint64_t n = below(p, 3); n > 0; n--)
            play_any(p);
    s->running--;
    return_player(p);
}

static void drop(void *context)
{
    subscription *s = context;
    player *p = borrow_player();
    if (s->running != 0)
        fail(p, "drop while the callback runs");
    if (s->drops++ != 0)
        fail(p, "a second drop");
    drops_seen++;
    if (p->depth < 3 && chance(p, 20))
        play_any(p);
    return_player(p);
}

const mcl_callback *draw_in_callback(player *p)
{
    if (chance(p, 1))
        return NULL;
    subscription *s = calloc(1, sizeof *s);
    s->every = 1 + (unsigned)below(p, 20);
    s->next = all;
    while (!atomic_compare_exchange_weak(&all, &s->next, s))
        ;
    p->subscription = s;
    mcl_callback c = {s, chance(p, 97) ? call : NULL, drop};
    return in_room(p, &c, sizeof c);
}

void judge_subscription(player *p, int result)
{
    if (p->subscription != NULL)
        p->subscription->subscribed = result >= 0 ? 1 : -1;
}

int callbacks_open(void)
{
    int open = 0;
    for (subscription *s = all; s != NULL; s = s->next)
        open += s->subscribed == 1 && s->drops == 0;
    return open;
}

void callbacks_report(void)
{
    player *p = borrow_player();
    int subscribed = 0;
    for (subscription *s = all, *next; s != NULL; s = next) {
        next = s->next;
        subscribed += s->subscribed == 1;
        if (s->subscribed == 1 && s->drops != 1)
            fail(p, "a callback was dropped %d times", s->drops);
        if (s->subscribed != 1 && s->drops + s->calls != 0)
            fail(p, "a callback that was refused was called or dropped");
        free(s);
    }
    printf("%d callbacks, called %ld times\n", subscribed, calls_seen);
    return_player(p);
}

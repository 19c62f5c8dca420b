/* Callbacks: what they see, when `drop` runs, and everything that they may do to their own listener. */
#include "test.h"

/* A callback that counts, and does something the first time. */
typedef struct counter {
    atomic_int calls, drops, running;
    mcl_listener *listener;
    mcl_broadcaster *broadcaster;
    uint64_t id;
    void (*first)(struct counter *);
    pthread_t thread;
} counter;

static void count(void *context, const mcl_received *record)
{
    counter *c = context;
    CHECK(record->payload != NULL && record->payload_size > 0);
    CHECK(c->drops == 0);
    EQUAL(0, c->running++); /* one at a time */
    c->thread = pthread_self();
    if (c->calls == 0 && c->first != NULL)
        c->first(c);
    c->running--;
    c->calls++;
}

static void dropped(void *context)
{
    counter *c = context;
    EQUAL(0, c->running);
    c->drops++;
}

static mcl_callback callback_of(counter *c)
{
    return (mcl_callback){c, count, dropped};
}

static void subscribe(counter *c, mcl_listener *l)
{
    mcl_callback callback = callback_of(c);
    c->listener = l;
    MUST(mcl_listener_subscribe(l, &callback, &c->id, &error));
    memset(&callback, 0xff, sizeof callback); /* the library has its own copy */
}

static mcl_listener_options mode;

static void simple(void)
{
    counter one = {0}, two = {0}, late = {0};
    mcl_listener *l = listen_with(&mode);
    mcl_broadcaster *b = broadcast_with(NULL);
    subscribe(&one, l);
    subscribe(&two, l);
    CHECK(one.id != two.id);
    for (int i = 0; i < 100; i++)
        MUST(mcl_broadcaster_publish_int(b, "t", 1, i, &error));
    CHECK(reaches(&one.calls, 100) && reaches(&two.calls, 100));
    CHECK(!pthread_equal(one.thread, pthread_self()));

    MUST(mcl_listener_unsubscribe(l, one.id, &error));
    EQUAL(1, one.drops);
    FAILS(MCL_EUNKNOWN, mcl_listener_unsubscribe(l, one.id, &error));
    FAILS(MCL_EUNKNOWN, mcl_listener_unsubscribe(l, 12345, &error));
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    CHECK(reaches(&two.calls, 101));
    EQUAL(100, one.calls);

    mcl_listener_stats s = {.size = sizeof s};
    EQUAL(MCL_OK, mcl_listener_close(l, &s));
    EQUAL(1, one.drops);
    EQUAL(1, two.drops);
    EQUAL(101, s.messages);
    EQUAL(101, s.delivered);
    EQUAL(0, s.discarded);
    mcl_callback callback = callback_of(&late);
    FAILS(MCL_ECLOSED, mcl_listener_subscribe(l, &callback, NULL, &error));
    EQUAL(0, late.drops);
    MUST(mcl_broadcaster_close(b));
}

static void refused(void)
{
    mcl_listener *l = listen_with(&mode);
    mcl_callback nothing = {NULL, NULL, dropped}, without_drop = {&(counter){0}, count, NULL};
    mcl_received r;
    char buffer[10];
    FAILS(MCL_EINVAL, mcl_listener_subscribe(l, &nothing, NULL, &error));
    SAYS("call");
    FAILS(MCL_EINVAL, mcl_listener_subscribe(l, NULL, NULL, &error));
    MUST(mcl_listener_subscribe(l, &without_drop, NULL, &error));
    FAILS(MCL_EBUSY, mcl_listener_wait(l, 0, &error));
    FAILS(MCL_EBUSY, mcl_listener_recv(l, 0, &r, buffer, sizeof buffer, NULL, &error));
    SAYS("unsubscribe");
    EQUAL(MCL_OK, mcl_listener_close(l, NULL));
}

/* What was queued before the first subscription reaches it first. */
static void backlog(void)
{
    counter c = {0};
    mcl_listener *l = listen_with(&mode);
    mcl_broadcaster *b = broadcast_with(NULL);
    for (int i = 0; i < 5; i++)
        MUST(mcl_broadcaster_publish_int(b, "t", 1, i, &error));
    EQUAL(1, mcl_listener_wait(l, 5000, &error));
    subscribe(&c, l);
    CHECK(reaches(&c.calls, 5));
    MUST(mcl_listener_unsubscribe(l, c.id, &error));
    mcl_listener_stats s = {.size = sizeof s};
    EQUAL(0, mcl_listener_wait(l, 0, &error)); /* the owner may receive again */
    EQUAL(MCL_OK, mcl_listener_close(l, &s));
    EQUAL(5, s.delivered);
    MUST(mcl_broadcaster_close(b));
}

/* Who waits for a message is told when a callback takes them over. */
static atomic_int waiting;

static void *waits(void *l)
{
    waiting++;
    FAILS(MCL_EBUSY, mcl_listener_wait(l, 10000, &error));
    return NULL;
}

static void subscribe_under_waiter(void)
{
    counter c = {0};
    pthread_t thread;
    mcl_listener *l = listen_with(&mode);
    waiting = 0;
    CHECK(pthread_create(&thread, NULL, waits, l) == 0);
    CHECK(reaches(&waiting, 1));
    usleep(20000); /* into its wait, most likely */
    subscribe(&c, l);
    pthread_join(thread, NULL);
    EQUAL(MCL_OK, mcl_listener_close(l, NULL));
}

/* ---- What a callback may do ---- */

static void close_it(counter *c)
{
    EQUAL(MCL_OK, mcl_listener_close(c->listener, NULL)); /* MCL_EBUSY, had it waited for itself */
    EQUAL(MCL_ECLOSED, mcl_listener_close(c->listener, NULL));
    FAILS(MCL_ECLOSED, mcl_listener_fd(c->listener, &error));
    EQUAL(0, c->drops);
}

static void unsubscribe_it(counter *c)
{
    MUST(mcl_listener_unsubscribe(c->listener, c->id, &error));
    FAILS(MCL_EUNKNOWN, mcl_listener_unsubscribe(c->listener, c->id, &error));
    EQUAL(0, c->drops);
}

static counter second;

static void subscribe_another(counter *c)
{
    second = (counter){0};
    subscribe(&second, c->listener);
}

static void publish_from_it(counter *c)
{
    MUST(mcl_broadcaster_publish_int(c->broadcaster, "t", 1, 2, &error));
    mcl_listener_stats s = {.size = sizeof s};
    MUST(mcl_listener_get_stats(c->listener, &s, &error));
}

static void try_inside(void (*first)(counter *), int calls, int dropped_by_itself)
{
    counter c = {.first = first};
    c.broadcaster = broadcast_with(NULL);
    mcl_listener *l = listen_with(&mode);
    subscribe(&c, l);
    MUST(mcl_broadcaster_publish_int(c.broadcaster, "t", 1, 1, &error));
    CHECK(reaches(&c.calls, calls));
    if (dropped_by_itself)
        CHECK(reaches(&c.drops, 1));
    if (first == subscribe_another) {
        MUST(mcl_broadcaster_publish_int(c.broadcaster, "t", 1, 1, &error));
        CHECK(reaches(&second.calls, 1));
    }
    EQUAL(first == close_it ? MCL_ECLOSED : MCL_OK, mcl_listener_close(l, NULL));
    EQUAL(1, c.drops);
    if (first == subscribe_another)
        EQUAL(1, second.drops);
    MUST(mcl_broadcaster_close(c.broadcaster));
}

/* ---- Closing while a callback runs ---- */

static atomic_int may_return;

static void hang(counter *c)
{
    (void)c;
    CHECK(reaches(&may_return, 1));
}

static void close_while_it_runs(void)
{
    counter c = {.first = hang}, d = {.first = hang};
    mcl_broadcaster *b = broadcast_with(NULL);
    mcl_listener *l = listen_with(&mode), *m = listen_with(&mode);
    may_return = 0;
    subscribe(&c, l);
    subscribe(&d, m);
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    CHECK(reaches(&c.running, 1) && reaches(&d.running, 1));
    double begun = seconds();
    FAILS(MCL_EBUSY, mcl_listener_unsubscribe(m, d.id, &error));
    CHECK(seconds() - begun >= MCL_CLOSE_WAIT_MS / 1000.0 - 0.05);
    mcl_listener_stats s = {.size = sizeof s};
    begun = seconds();
    EQUAL(MCL_EBUSY, mcl_listener_close(l, &s));
    CHECK(seconds() - begun >= MCL_CLOSE_WAIT_MS / 1000.0 - 0.05);
    EQUAL(1, s.delivered);
    EQUAL(MCL_ECLOSED, mcl_listener_close(l, NULL));
    EQUAL(0, c.drops);
    EQUAL(0, d.drops);
    may_return = 1;
    CHECK(reaches(&c.drops, 1) && reaches(&d.drops, 1));
    EQUAL(MCL_OK, mcl_listener_close(m, NULL));
    EQUAL(1, c.drops);
    EQUAL(1, d.drops);
    MUST(mcl_broadcaster_close(b));
}

/* A close from a callback must not wait for a call in flight that itself waits for that callback. */
static counter waited_for;

static void *unsubscribe_from_outside(void *unused)
{
    (void)unused;
    int code = mcl_listener_unsubscribe(waited_for.listener, waited_for.id, &error);
    CHECK(code == MCL_OK || code == MCL_ECLOSED || code == MCL_EUNKNOWN);
    return NULL;
}

static void close_under_unsubscribe(counter *c)
{
    pthread_t other;
    CHECK(pthread_create(&other, NULL, unsubscribe_from_outside, NULL) == 0);
    pthread_detach(other);
    usleep(50000); /* lets it get into its wait; when it does not, the test shows less */
    close_it(c);
}

static void close_under_waiter(void)
{
    waited_for = (counter){.first = close_under_unsubscribe};
    mcl_broadcaster *b = broadcast_with(NULL);
    subscribe(&waited_for, listen_with(&mode));
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    CHECK(reaches(&waited_for.drops, 1));
    EQUAL(1, waited_for.calls);
    MUST(mcl_broadcaster_close(b));
}

/* `drop` may use its listener too, wherever it runs. */
static void drop_closes(void *context)
{
    counter *c = context;
    c->drops++;
    int code = mcl_listener_close(c->listener, NULL);
    CHECK(code == MCL_OK || code == MCL_ECLOSED);
}

static void close_from_drop(int by_unsubscribe)
{
    counter c = {0};
    mcl_callback callback = {&c, count, drop_closes};
    c.listener = listen_with(&mode);
    MUST(mcl_listener_subscribe(c.listener, &callback, &c.id, &error));
    if (by_unsubscribe)
        MUST(mcl_listener_unsubscribe(c.listener, c.id, &error));
    else
        EQUAL(MCL_OK, mcl_listener_close(c.listener, NULL));
    EQUAL(1, c.drops);
    EQUAL(MCL_ECLOSED, mcl_listener_close(c.listener, NULL));
}

int main(void)
{
    for (int queued = 0; queued < 2; queued++) {
        mode = (mcl_listener_options)MCL_LISTENER_OPTIONS_INIT;
        mode.queued = queued ? MCL_ON : MCL_OFF;
        simple();
        refused();
        backlog();
        subscribe_under_waiter();
        try_inside(close_it, 1, 1);
        try_inside(unsubscribe_it, 1, 1);
        try_inside(subscribe_another, 1, 0);
        try_inside(publish_from_it, 2, 0);
        close_while_it_runs();
        close_under_waiter();
        close_from_drop(0);
        close_from_drop(1);
    }
    return report("callbacks");
}

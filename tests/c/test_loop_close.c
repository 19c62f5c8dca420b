/* Listeners that are closed, removed and added while the loop runs: by their own handler, by another one's, and by
 * other threads. */
#define _GNU_SOURCE
#include "check.h"
#include "hook.h"
#include "wait.h"

#include <pthread.h>

static void publish_many(const char *address, int count)
{
    mclw_auto_broadcaster out = mclw_broadcast(address, 26000, NULL);
    int i;

    for (i = 1; i <= count; i++)
        mclw_publish_int(out, NULL, i);
}

struct scene {
    mclw_loop *loop;
    mcl_listener *own, *other;
    int calls, other_calls;
};

static void on_close_self(void *context, const mcl_received *record)
{
    struct scene *scene = context;

    scene->calls++;
    CHECK_INT(mclw_listener_close(&scene->own), 0);
    CHECK_INT(mclw_read_int(record, NULL, 0), 1); /* the record outlives its listener, until the handler returns */
}

static void test_handler_closes_itself(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    struct scene scene = {NULL, NULL, NULL, 0, 0};

    scene.own = mclw_listen("ff15::a", 26000, NULL);
    REQUIRE(mclw_loop_add(loop, scene.own, on_close_self, &scene) == 0);
    publish_many("ff15::a", 3);
    wait_queued(scene.own, 3);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    CHECK_INT(scene.calls, 1);
    CHECK(scene.own == NULL);
}

static void on_remove_self(void *context, const mcl_received *record)
{
    struct scene *scene = context;

    (void)record;
    scene->calls++;
    CHECK_INT(mclw_loop_remove(scene->loop, scene->own), 0);
}

/* Removed, not closed: what was not handled is still the listener's. */
static void test_handler_removes_itself(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener own = mclw_listen("ff15::a", 26000, NULL);
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    struct scene scene = {NULL, NULL, NULL, 0, 0};
    mcl_received record;

    scene.loop = loop;
    scene.own = own;
    REQUIRE(mclw_loop_add(loop, own, on_remove_self, &scene) == 0);
    publish_many("ff15::a", 3);
    wait_queued(own, 3);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    CHECK_INT(scene.calls, 1);
    CHECK_INT(mclw_recv(own, 0, &record, &buffer), 1);
    CHECK_INT(mclw_read_int(&record, NULL, 0), 2);
    CHECK_REPORTED(mclw_loop_remove(loop, own), MCL_EUNKNOWN);
    CHECK_SILENT(mclw_loop_add(loop, own, on_remove_self, &scene), 0); /* and may come back */
    CHECK_REPORTED(mclw_loop_add(loop, own, on_remove_self, &scene), MCL_EEXISTS);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    CHECK_INT(scene.calls, 2);
}

static void on_never(void *context, const mcl_received *record)
{
    struct scene *scene = context;

    (void)record;
    scene->other_calls++;
}

static void on_close_other(void *context, const mcl_received *record)
{
    struct scene *scene = context;

    (void)record;
    scene->calls++;
    CHECK_INT(mclw_listener_close(&scene->other), 0);
    CHECK_INT(mclw_listener_close(&scene->own), 0);
}

/* Both are ready in the same round; the first one's handler closes both. */
static void test_handler_closes_another(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    struct scene scene = {NULL, NULL, NULL, 0, 0};

    scene.own = mclw_listen("ff15::a", 26000, NULL);
    scene.other = mclw_listen("ff15::b", 26000, NULL);
    REQUIRE(mclw_loop_add(loop, scene.own, on_close_other, &scene) == 0);
    REQUIRE(mclw_loop_add(loop, scene.other, on_never, &scene) == 0);
    publish_many("ff15::b", 1);
    publish_many("ff15::a", 1);
    wait_queued(scene.own, 1);
    wait_queued(scene.other, 1);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    CHECK_INT(scene.calls, 1);
    CHECK_INT(scene.other_calls, 0);
}

static void on_add(void *context, const mcl_received *record)
{
    struct scene *scene = context;

    (void)record;
    scene->calls++;
    CHECK_INT(mclw_loop_add(scene->loop, scene->other, on_close_other, scene), 0);
    CHECK_INT(mclw_loop_remove(scene->loop, scene->own), 0);
}

static void test_handler_adds(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    struct scene scene = {NULL, NULL, NULL, 0, 0};

    scene.loop = loop;
    scene.own = mclw_listen("ff15::a", 26000, NULL);
    scene.other = mclw_listen("ff15::b", 26000, NULL);
    REQUIRE(mclw_loop_add(loop, scene.own, on_add, &scene) == 0);
    publish_many("ff15::b", 1);
    publish_many("ff15::a", 1);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    CHECK_INT(scene.calls, 2);
}

struct closer {
    mcl_listener *listener;
    long runner;
};

static void *close_when_polling(void *context)
{
    struct closer *closer = context;

    wait_asleep(closer->runner);
    CHECK_INT(mclw_listener_close(&closer->listener), 0);
    return NULL;
}

static void test_closed_by_thread(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    struct scene scene = {NULL, NULL, NULL, 0, 0};
    int round;

    for (round = 0; round < 50; round++) {
        struct closer closer;
        pthread_t thread;

        closer.listener = mclw_listen("ff15::a", 26000, NULL);
        closer.runner = this_thread();
        REQUIRE(mclw_loop_add(loop, closer.listener, on_never, &scene) == 0);
        pthread_create(&thread, NULL, close_when_polling, &closer);
        CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
        pthread_join(thread, NULL);
    }
}

/* Closed while the loop does not look, its descriptor's number given to something else that never becomes ready: the
 * loop must not wait on that. */
static void test_descriptor_reused(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mcl_listener *closed = mclw_listen("ff15::a", 26000, NULL), *stale = closed;
    struct scene scene = {NULL, NULL, NULL, 0, 0};
    int fds[64], i, number = mcl_listener_fd(closed, NULL), reused = 0;

    REQUIRE(mclw_loop_add(loop, closed, on_never, &scene) == 0);
    CHECK_SILENT(mclw_listener_close(&closed), 0);
    for (i = 0; i < 64; i += 2) {
        REQUIRE(pipe(&fds[i]) == 0);
        reused |= fds[i] == number || fds[i + 1] == number;
    }
    CHECK(reused);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    CHECK_SILENT(mclw_loop_remove(loop, stale), MCL_EUNKNOWN); /* it left by itself */
    CHECK_INT(scene.other_calls, 0);
    for (i = 0; i < 64; i++)
        close(fds[i]);
}

struct changer {
    struct scene *scene;
    long runner;
};

static void *add_when_polling(void *context)
{
    struct changer *changer = context;
    struct scene *scene = changer->scene;

    wait_asleep(changer->runner);
    CHECK_INT(mclw_loop_add(scene->loop, scene->other, on_close_other, scene), 0);
    return NULL;
}

static void *remove_when_polling(void *context)
{
    struct changer *changer = context;

    wait_asleep(changer->runner);
    CHECK_INT(mclw_loop_remove(changer->scene->loop, changer->scene->own), 0);
    return NULL;
}

/* A loop that waits without end notices at once what another thread adds or removes. */
static void test_changed_by_thread(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    struct scene scene = {NULL, NULL, NULL, 0, 0};
    struct changer changer;
    pthread_t thread;

    changer.scene = &scene;
    changer.runner = this_thread();
    scene.loop = loop;
    scene.own = mclw_listen("ff15::a", 26000, NULL);
    scene.other = mclw_listen("ff15::b", 26000, NULL);
    REQUIRE(mclw_loop_add(loop, scene.own, on_never, &scene) == 0);
    publish_many("ff15::b", 1);
    wait_queued(scene.other, 1);
    pthread_create(&thread, NULL, add_when_polling, &changer);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY); /* its handler closes both */
    pthread_join(thread, NULL);
    CHECK_INT(scene.calls, 1);

    scene.own = mclw_listen("ff15::a", 26000, NULL);
    REQUIRE(mclw_loop_add(loop, scene.own, on_never, &scene) == 0);
    pthread_create(&thread, NULL, remove_when_polling, &changer);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    pthread_join(thread, NULL);
    CHECK_SILENT(mclw_listener_close(&scene.own), 0);
}

struct remover {
    mclw_loop *loop;
    mcl_listener *listener;
    long handler_waits_for; /* the remover's thread */
    int finished;           /* the handler has returned */
    int result;
    int in_handler;
    int hold; /* until mclw_loop_remove has given up */
};

static void on_slow(void *context, const mcl_received *record)
{
    struct remover *remover = context;

    (void)record;
    __atomic_store_n(&remover->in_handler, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&remover->handler_waits_for, __ATOMIC_SEQ_CST) == 0)
        sched_yield();
    wait_asleep(__atomic_load_n(&remover->handler_waits_for, __ATOMIC_SEQ_CST)); /* in mclw_loop_remove, so waiting */
    while (remover->hold && __atomic_load_n(&remover->result, __ATOMIC_SEQ_CST) == 1)
        sched_yield();
    __atomic_store_n(&remover->finished, 1, __ATOMIC_SEQ_CST);
}

static void *run_loop(void *context)
{
    struct remover *remover = context;

    CHECK_INT(mclw_loop_run(remover->loop, -1), MCLW_EMPTY);
    return NULL;
}

/* After mclw_loop_remove has returned, the handler's context may be freed. */
static void test_remove_waits(int for_ever)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener in = mclw_listen("ff15::a", 26000, NULL);
    struct remover remover;
    pthread_t thread;
    int result;

    memset(&remover, 0, sizeof remover);
    remover.loop = loop;
    remover.result = 1;
    remover.hold = for_ever;
    REQUIRE(mclw_loop_add(loop, in, on_slow, &remover) == 0);
    publish_many("ff15::a", 2);
    wait_queued(in, 2);
    pthread_create(&thread, NULL, run_loop, &remover);
    while (!__atomic_load_n(&remover.in_handler, __ATOMIC_SEQ_CST))
        sched_yield();
    __atomic_store_n(&remover.handler_waits_for, this_thread(), __ATOMIC_SEQ_CST);
    reports = 0;
    result = mclw_loop_remove(loop, in);
    CHECK_INT(__atomic_load_n(&remover.finished, __ATOMIC_SEQ_CST), !for_ever);
    CHECK_INT(result, for_ever ? MCL_EBUSY : 0);
    CHECK_INT(reports, for_ever ? 1 : 0);
    __atomic_store_n(&remover.result, result, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
}

static void ignore(void *context, const mcl_received *record) { (void)context, (void)record; }

/* A listener with callbacks gives a loop nothing: refused at once, or when they come later, left out. */
static void test_callbacks_subscribed(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener in = mclw_listen("ff15::a", 26000, NULL);
    mcl_callback callback = {NULL, ignore, NULL};
    uint64_t id = 0;

    REQUIRE(mcl_listener_subscribe(in, &callback, &id, NULL) >= 0);
    CHECK_REPORTED(mclw_loop_add(loop, in, on_never, NULL), MCL_EBUSY);
    CHECK_INT(mcl_listener_unsubscribe(in, id, NULL), 0);
    CHECK_SILENT(mclw_loop_add(loop, in, on_never, NULL), 0);
}

int main(void)
{
    mclw_on_error(remember, NULL);
    test_handler_closes_itself();
    test_handler_removes_itself();
    test_handler_closes_another();
    test_handler_adds();
    test_closed_by_thread();
    test_descriptor_reused();
    test_changed_by_thread();
    test_remove_waits(0);
    test_remove_waits(1);
    test_callbacks_subscribed();
    return done();
}

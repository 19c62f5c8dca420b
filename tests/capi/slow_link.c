/* Publishing over a link that is stuck: how long it waits, what signals do meanwhile, and what becomes of large messages. */
#include "test.h"

#include <sys/wait.h>

enum { SMALL = 5000, LARGE = 300000 };

static char small[SMALL], large[LARGE], copy[LARGE];
static atomic_int handled, forks, done;

static void shell(const char *command)
{
    if (system(command) != 0) {
        fprintf(stderr, "failed: %s\n", command);
        exit(1);
    }
}

static void make_stuck(void)
{
    shell("tc qdisc replace dev slow0 root tbf rate 8bit burst 5000 limit 10000000");
}

static void set_free(void)
{
    shell("tc qdisc delete dev slow0 root");
}

static mcl_connection slow(void)
{
    mcl_connection c = group();
    c.interface_ = "slow0";
    c.send_buffer = 1 << 16;
    return c;
}

static mcl_broadcaster *broadcast_slowly(int32_t coalesce_us)
{
    mcl_connection c = slow();
    mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
    mcl_broadcaster *b;
    o.coalesce_us = coalesce_us;
    MUST(mcl_broadcaster_open(&c, &o, &b, &error));
    return b;
}

static mcl_listener *listen_slowly(void)
{
    mcl_connection c = slow();
    mcl_listener *l;
    MUST(mcl_listener_open(&c, NULL, &l, &error));
    return l;
}

/* An array32 of `size` bytes in all, of numbers from `first` on. */
static void fill(char *packed, size_t size, int first)
{
    size_t count = size - 5;
    packed[0] = (char)0xdd;
    for (int i = 0; i < 4; i++)
        packed[1 + i] = (char)(count >> (24 - 8 * i));
    for (size_t i = 0; i < count; i++)
        packed[5 + i] = (char)((first + i) & 0x7f);
}

static int publish_small(mcl_broadcaster *b, int timeout_ms)
{
    return mcl_broadcaster_publish_within(b, NULL, 0, small, SMALL, timeout_ms, &error);
}

static int publish_large(mcl_broadcaster *b, int timeout_ms)
{
    return mcl_broadcaster_publish_within(b, NULL, 0, large, LARGE, timeout_ms, &error);
}

/* Publishes until there is no room, and returns how many. */
static int fill_up(mcl_broadcaster *b)
{
    int count = 0;
    make_stuck();
    while (publish_small(b, 0) == 1)
        count++;
    return count;
}

static void handle(int signal)
{
    (void)signal;
    handled++;
}

/* Sends SIGUSR1 to the thread of its argument every few milliseconds until `done`. */
static void *pester(void *thread)
{
    while (!done) {
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
        usleep(3000);
    }
    return NULL;
}

static pthread_t main_thread, pesterer;

static void start_pestering(void)
{
    done = 0;
    pthread_create(&pesterer, NULL, pester, &main_thread);
}

static void stop_pestering(void)
{
    done = 1;
    pthread_join(pesterer, NULL);
}

static void no_longer_than_it_is_told(void)
{
    mcl_broadcaster *b = broadcast_slowly(0);
    int count = fill_up(b);
    mcl_item items[3] = {{NULL, 0, small, SMALL}, {NULL, 0, small, SMALL}, {NULL, 0, small, SMALL}};
    size_t sent = 7;
    CHECK(count > 0);
    EQUAL(0, publish_small(b, 0));
    double begun = seconds();
    EQUAL(0, publish_small(b, 60));
    CHECK(seconds() - begun >= 0.05);
    EQUAL(0, mcl_broadcaster_publish_many_within(b, items, 3, &sent, 20, &error));
    EQUAL(0, sent);
    EQUAL(1, mcl_broadcaster_flush_within(b, 0, &error)); /* nothing waits */
    start_pestering();
    FAILS(MCL_EINTR, mcl_broadcaster_publish_within(b, NULL, 0, small, SMALL, -1, &error));
    FAILS(MCL_EINTR, mcl_broadcaster_publish_many_within(b, items, 3, &sent, -1, &error));
    stop_pestering();
    EQUAL(0, sent);
    mcl_broadcaster_stats s = {.size = sizeof s};
    MUST(mcl_broadcaster_get_stats(b, &s, &error));
    EQUAL(count, s.messages);
    EQUAL(0, s.send_errors);
    set_free();
    EQUAL(1, mcl_broadcaster_publish_many_within(b, items, 3, &sent, 10000, &error));
    EQUAL(3, sent);
    MUST(mcl_broadcaster_close(b));
}

static void *free_after_signals(void *unused)
{
    (void)unused;
    for (int before = handled; handled < before + 3;) {
        pthread_kill(main_thread, SIGUSR1);
        usleep(3000);
    }
    set_free();
    return NULL;
}

static void without_a_limit_it_goes_on(void)
{
    mcl_broadcaster *b = broadcast_slowly(0);
    pthread_t thread;
    int before = handled;
    fill_up(b);
    pthread_create(&thread, NULL, free_after_signals, NULL);
    MUST(mcl_broadcaster_publish_bytes(b, NULL, 0, small, SMALL, &error));
    pthread_join(thread, NULL);
    CHECK(handled >= before + 3);
    MUST(mcl_broadcaster_close(b));
}

static void large_ones_go_on_leaving(void)
{
    mcl_broadcaster *b = broadcast_slowly(0);
    mcl_listener *l = listen_slowly();
    mcl_received r;
    static char buffer[LARGE + 100];
    for (int pestered = 0; pestered < 2; pestered++) {
        make_stuck();
        fill(large, LARGE, pestered);
        memcpy(copy, large, LARGE);
        if (pestered)
            start_pestering();
        EQUAL(MCL_LEAVING, publish_large(b, pestered ? -1 : 20));
        fill(large, LARGE, 50); /* it is the caller's again */
        if (pestered)
            FAILS(MCL_EINTR, mcl_broadcaster_flush_within(b, -1, &error));
        else
            EQUAL(0, mcl_broadcaster_flush_within(b, 20, &error));
        EQUAL(0, publish_large(b, 0));
        if (pestered)
            stop_pestering();
        set_free();
        MUST(mcl_broadcaster_flush(b, &error));
        EQUAL(1, mcl_listener_recv(l, 10000, &r, buffer, sizeof buffer, NULL, &error));
        CHECK(r.payload_size == LARGE && memcmp(r.payload, copy, LARGE) == 0);
    }
    mcl_broadcaster_stats s = {.size = sizeof s};
    MUST(mcl_broadcaster_get_stats(b, &s, &error));
    EQUAL(2, s.messages);
    MUST(mcl_listener_close(l, NULL));
    MUST(mcl_broadcaster_close(b));
}

static void *publish_for_ever(void *broadcaster)
{
    int code;
    do
        code = mcl_broadcaster_publish_bytes(broadcaster, NULL, 0, small, SMALL, &error);
    while (code == MCL_OK);
    EQUAL(MCL_ECLOSED, code);
    return NULL;
}

static void closing(void)
{
    for (int coalesced = 0; coalesced < 2; coalesced++) {
        mcl_broadcaster *b = broadcast_slowly(coalesced ? 1000000 : 0);
        pthread_t threads[3];
        fill_up(b);
        for (int i = 0; i < 3; i++)
            pthread_create(&threads[i], NULL, publish_for_ever, b);
        usleep(50000); /* for them to wait, most likely */
        /* What it runs in ends when the call has, and not before. */
        pthread_cancel(threads[0]);
        double begun = seconds();
        int code = mcl_broadcaster_close(b);
        CHECK(code == (coalesced ? MCL_ETIMEOUT : MCL_OK) || code == MCL_OK);
        CHECK(seconds() - begun < 10);
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
    }
    mcl_broadcaster *b = broadcast_slowly(0);
    make_stuck();
    EQUAL(MCL_LEAVING, publish_large(b, 20));
    MUST(mcl_broadcaster_close(b));
}

static void fork_here(int signal)
{
    (void)signal;
    if (fork() == 0)
        forks++;
}

/* A handler may fork: in the child the call that it interrupted is one in a child. */
static void forking(void)
{
    mcl_broadcaster *b = broadcast_slowly(0);
    int status = -1;
    fill_up(b);
    signal(SIGALRM, fork_here);
    ualarm(20000, 0);
    int code = publish_small(b, -1);
    if (forks > 0)
        _exit(code == MCL_EFORKED ? 0 : 1);
    EQUAL(MCL_EINTR, code);
    wait(&status);
    EQUAL(0, status);
    MUST(mcl_broadcaster_close(b));
}

int main(void)
{
    struct sigaction action = {.sa_handler = handle};
    shell("ip link add slow0 type veth peer name slow1 && ip link set slow0 up && ip link set slow1 up && "
          "ip -6 address add fd00::1/64 dev slow0 nodad");
    main_thread = pthread_self();
    sigaction(SIGUSR1, &action, NULL);
    fill(small, SMALL, 0);
    no_longer_than_it_is_told();
    without_a_limit_it_goes_on();
    large_ones_go_on_leaving();
    closing();
    forking();
    return report("slow_link");
}

/* Much of everything: a message of 64 MiB, a thousand listeners, and no descriptor left. */
#include "test.h"

#include <sys/resource.h>

static void large_messages(void)
{
    mcl_connection c = group();
    c.recv_buffer = 512 << 20; /* as much as the system grants */
    mcl_listener *l;
    mcl_broadcaster *b = broadcast_with(NULL);
    MUST(mcl_listener_open(&c, NULL, &l, &error));
    size_t whole = MCL_MESSAGE_MAX_DEFAULT, size = whole - 5;
    unsigned char *sent = malloc(size + 1), *got = malloc(whole + 1);
    for (size_t i = 0; i < size + 1; i++)
        sent[i] = (unsigned char)(i * 2654435761u >> 13);
    mcl_received r;
    size_t needed = 0;
    int code = 0;
    /* Where the system grants a small buffer, a fragment may be lost. */
    for (int try = 0; try < 20 && code == 0; try++) {
        MUST(mcl_broadcaster_publish_bytes(b, "large", 5, sent, size, &error));
        code = mcl_listener_wait(l, 2000, &error);
    }
    EQUAL(1, code);
    FAILS(MCL_EBUFFER, mcl_listener_recv(l, 0, &r, got, whole, &needed, &error));
    EQUAL(whole + 5, needed);
    free(got);
    got = malloc(needed);
    EQUAL(1, mcl_listener_recv(l, 0, &r, got, needed, &needed, &error));
    EQUAL(whole, r.payload_size);
    CHECK(((unsigned char *)r.payload)[0] == 0xc6 && memcmp((char *)r.payload + 5, sent, size) == 0);

    FAILS(MCL_ETOOLARGE, mcl_broadcaster_publish_bytes(b, "large", 5, sent, size + 1, &error));
    SAYS("67108864");
    EQUAL(0, mcl_listener_wait(l, 100, &error));
    free(sent);
    free(got);
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

static atomic_int arrived;

static void count(void *context, const mcl_received *record)
{
    (void)context, (void)record;
    arrived++;
}

static void a_thousand_listeners(void)
{
    enum { MANY = 1000 };
    static mcl_listener *all[MANY];
    struct rlimit files;
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    mcl_connection c = group();
    c.recv_buffer = 100000;
    for (int i = 0; i < MANY; i++)
        MUST(mcl_listener_open(&c, NULL, &all[i], &error));
    mcl_broadcaster *b = broadcast_with(NULL);
    mcl_callback callback = {NULL, count, NULL};
    for (int i = 0; i < MANY; i += 2)
        MUST(mcl_listener_subscribe(all[i], &callback, NULL, &error));
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    CHECK(reaches(&arrived, MANY / 2));
    for (int i = 1; i < MANY; i += 2)
        EQUAL(1, mcl_listener_wait(all[i], 10000, &error));
    for (int i = 0; i < MANY; i++)
        EQUAL(MCL_OK, mcl_listener_close(all[i], NULL));
    EQUAL(MANY / 2, arrived);
    MUST(mcl_broadcaster_close(b));
}

static void no_descriptor_left(void)
{
    enum { FEW = 200 };
    struct rlimit before, few;
    mcl_connection c = group();
    mcl_listener *all[FEW], *none;
    mcl_broadcaster *b, *spare = broadcast_with(NULL);
    int n = 0, code;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    few = before;
    few.rlim_cur = 64;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    while (n < FEW && (code = mcl_listener_open(&c, NULL, &all[n], &error)) == 0)
        n++;
    CHECK(n > 10 && n < 64);
    EQUAL(MCL_EDESCRIPTORS, code);
    while (dup(0) >= 0) /* the very last; what opening fails at may need two */
        ;
    FAILS(MCL_EDESCRIPTORS, mcl_listener_open(&c, NULL, &none, &error));
    SAYS("ulimit -n");
    EQUAL(EMFILE, error.system);
    FAILS(MCL_EDESCRIPTORS, mcl_broadcaster_open(&c, NULL, &b, &error));
    CHECK(none == NULL && b == NULL);
    /* What is open goes on; only a first wait needs one more. */
    MUST(mcl_broadcaster_publish_int(spare, "t", 1, 1, &error));
    mcl_listener_stats s = {.size = sizeof s};
    while (s.queued_bytes == 0)
        MUST(mcl_listener_get_stats(all[0], &s, &error));
    EQUAL(1, mcl_listener_wait(all[0], 0, &error));
    mcl_received r;
    char buffer[10];
    EQUAL(1, mcl_listener_recv(all[0], 0, &r, buffer, sizeof buffer, NULL, &error));
    FAILS(MCL_EDESCRIPTORS, mcl_listener_wait(all[0], 1, &error));
    MUST(mcl_listener_close(all[--n], NULL));
    EQUAL(0, mcl_listener_wait(all[0], 0, &error));
    while (n > 0)
        EQUAL(MCL_OK, mcl_listener_close(all[--n], NULL));
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_broadcaster_close(spare));
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

int main(void)
{
    large_messages();
    a_thousand_listeners();
    no_descriptor_left();
    return report("limits");
}

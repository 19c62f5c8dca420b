/* zmq.c - ZeroMQ.
 *
 *     zmq send, zmq receive  --mode epgm | tcp
 *
 * epgm is its multicast (PGM over UDP of IPv4; needs a libzmq with OpenPGM). tcp is PUB and SUB over a connection, the
 * way in which it is mostly used. The publisher waits for room where by default it would drop messages, so that what it
 * counts as sent was sent. */
#include "bench.h"
#include <zmq.h>

#define EPGM "epgm://127.0.0.1;239.192.190.156:7668"
#define TCP "tcp://127.0.0.1:7668"
#define PGM_RATE 10000000 /* kilobits a second; the default is 100, which is 12 kB a second */

static void *context;

static void check(const char *what, int result)
{
    if (result < 0)
        bench_fail(what, zmq_strerror(zmq_errno()));
}

static void *open_socket(int type)
{
    int rate = PGM_RATE, buffer = RECV_BUFFER, linger = 0, block = 1;
    void *s = zmq_socket(context, type);

    zmq_setsockopt(s, ZMQ_RATE, &rate, sizeof rate);
    zmq_setsockopt(s, ZMQ_RCVBUF, &buffer, sizeof buffer);
    zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger);
    if (type == ZMQ_XPUB)
        zmq_setsockopt(s, ZMQ_XPUB_NODROP, &block, sizeof block);
    return s;
}

static void send_all(const bench_options *o, int multicast)
{
    size_t length;
    unsigned char *message = bench_message(o->size, &length), subscription[8];
    void *s = open_socket(ZMQ_XPUB);
    bench_sending sending;

    if (multicast) {
        check("zmq_connect " EPGM, zmq_connect(s, EPGM));
    } else {
        check("zmq_bind " TCP, zmq_bind(s, TCP));
        check("a subscriber", zmq_recv(s, subscription, sizeof subscription, 0));
    }
    bench_send_begin(&sending, o);
    for (; bench_send_more(&sending, 1); sending.sent++)
        check("zmq_send", zmq_send(s, message, length, 0));
    bench_send_end(&sending);
    fflush(stdout);
    /* What is queued leaves while it is open: until the receiver has ended, as standard input tells. */
    struct pollfd over = {.fd = STDIN_FILENO, .events = POLLIN};
    poll(&over, 1, -1);
    zmq_close(s);
    free(message);
}

/* Waits until the group is joined, which a thread of ZeroMQ does in its own time. */
static void wait_for_join(void)
{
    for (int i = 0; i < 5000; i++) {
        char line[256];
        int joined = 0;
        FILE *f = fopen("/proc/self/net/igmp", "r");
        while (f != NULL && fgets(line, sizeof line, f) != NULL)
            joined = joined || strstr(line, "9CBEC0EF") != NULL; /* the group, in the byte order of this machine */
        if (f != NULL)
            fclose(f);
        if (joined)
            return;
        usleep(1000);
    }
    bench_fail(EPGM, "the group was not joined");
}

static void receive_all(int multicast)
{
    bench_receiving r = {0};
    int timeout = POLL_MS;
    void *s = open_socket(ZMQ_SUB);
    zmq_msg_t message;

    zmq_msg_init(&message);
    zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0);
    zmq_setsockopt(s, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
    check("zmq_connect", zmq_connect(s, multicast ? EPGM : TCP));
    if (multicast)
        wait_for_join();
    bench_receive_ready(&r);
    for (;;) {
        int n = zmq_msg_recv(&message, s, 0);
        if (n >= 0)
            bench_receive_add(&r, 1, (uint64_t)n);
        else if (zmq_errno() != EAGAIN)
            check("zmq_msg_recv", n);
        else if (bench_receive_over(&r))
            break;
    }
    bench_receive_end(&r, RECV_BUFFER, 0);
    zmq_msg_close(&message);
    zmq_close(s);
}

int main(int argc, char **argv)
{
    bench_options o = bench_parse(argc, argv, "epgm");
    int multicast = strcmp(o.mode, "epgm") == 0;

    if (multicast && !zmq_has("pgm"))
        bench_fail("zmq", "this libzmq has no PGM");
    context = zmq_ctx_new();
    if (strcmp(o.role, "send") == 0)
        send_all(&o, multicast);
    else if (strcmp(o.role, "receive") == 0)
        receive_all(multicast);
    else
        bench_fail(o.role, "no role of this program");
    zmq_ctx_term(context);
    return 0;
}

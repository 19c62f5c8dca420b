/* bare.c - what the kernel allows: bare sockets, and nothing around them.
 *
 *     bare send     --mode sendto | parts (sendmsg, of the first two bytes and the rest) | sendmmsg | gso
 *     bare receive  --mode recv | recvmmsg | gro | join (recvmmsg, and puts together what came in fragments)
 *     bare ping, bare pong
 *
 * Senders' sockets are connected. All but recv have the receive time and the drop counter on; recv has nothing. sendto
 * sends a message that is too large for a datagram in fragments, each by a call of its own. */
#include "bench.h"
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#define DATAGRAM_MAX 65535
#define GSO_BYTES_MAX 65000 /* of all segments in one call: they travel as one IP packet inside the kernel */

static void set(int fd, int level, int name, int value)
{
    bench_check("setsockopt", setsockopt(fd, level, name, &value, sizeof value));
}

static struct sockaddr_in6 address(const bench_options *o, int port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET6, o->group, &a.sin6_addr) != 1)
        bench_fail(o->group, "no IPv6 address");
    return a;
}

static int sender(const bench_options *o, int port)
{
    struct sockaddr_in6 to = address(o, port);
    int fd = (int)bench_check("socket", socket(AF_INET6, SOCK_DGRAM, 0));
    bench_check("connect", connect(fd, (struct sockaddr *)&to, sizeof to));
    return fd;
}

static int receiver(const bench_options *o, int port)
{
    struct sockaddr_in6 at = address(o, port);
    struct ipv6_mreq group = {.ipv6mr_multiaddr = at.sin6_addr};
    struct timeval timeout = {.tv_usec = POLL_MS * 1000};
    int fd = (int)bench_check("socket", socket(AF_INET6, SOCK_DGRAM, 0));
    int size = RECV_BUFFER;

    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) /* needs CAP_NET_ADMIN */
        set(fd, SOL_SOCKET, SO_RCVBUF, size);
    bench_check("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout));
    bench_check("join", setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group));
    bench_check("bind", bind(fd, (struct sockaddr *)&at, sizeof at));
    return fd;
}

/* ---- Fragments: [nil, packet, packets, fragment] ---- */

#define FRAGMENT 60000 /* bytes */
#define FRAGMENT_HEAD_MAX 32

/* The codes of the integers in which a message's number is written, as libmcl does; 0: the integer is its own code. */
static const unsigned char forms[] = {0, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3};
#define FORMS (sizeof forms)

/* The bytes that follow an integer's code. */
static size_t integer_size(unsigned code)
{
    return code < 0x80 ? 0 : (size_t)1 << (code & 3);
}

/* Writes a value below 128, and returns what follows. */
static unsigned char *put(unsigned char *p, unsigned char form, unsigned value)
{
    size_t n = integer_size(form);
    memset(p, 0, n);
    p[0] = form;
    p[n] = (unsigned char)value;
    return p + n + 1;
}

static const unsigned char *get(const unsigned char *p, unsigned *value)
{
    size_t n = integer_size(p[0]);
    *value = p[n];
    return p + n + 1;
}

/* Numbers count as those of libmcl: the first is a multiple of 5, no other one is. */
static unsigned number_of(uint64_t message)
{
    unsigned n = (unsigned)(message % 64);
    return message == 0 ? 5 : n / 4 * 5 + n % 4 + 1;
}

static void send_fragments(int fd, const unsigned char *payload, size_t size, uint64_t message)
{
    static unsigned char data[FRAGMENT_HEAD_MAX + FRAGMENT];
    unsigned packets = (unsigned)(size / FRAGMENT + 1), number = number_of(message);
    for (unsigned k = 1; k <= packets; k++) {
        size_t part = k < packets ? FRAGMENT : size % FRAGMENT;
        unsigned char *p = data;
        *p++ = 0x94; /* msgpack: an array of 4 */
        *p++ = 0xc0; /* nil */
        p = put(p, forms[number % FORMS], k);
        p = put(p, forms[number / FORMS], packets);
        *p++ = 0xda; /* a string, which may be cut anywhere */
        *p++ = (unsigned char)(part >> 8);
        *p++ = (unsigned char)part;
        memcpy(p, payload + (k - 1) * (size_t)FRAGMENT, part);
        bench_check("sendto", sendto(fd, data, (size_t)(p - data) + part, 0, NULL, 0));
    }
}

/* Copies a fragment to its place. Returns the bytes of the message when that was its last one, or else 0. */
static size_t join(const unsigned char *data, size_t size)
{
    static unsigned char *message;
    static unsigned have; /* the first ones: over loopback they come in order */
    unsigned packet, packets;
    const unsigned char *p = get(get(data + 2, &packet), &packets) + 3;
    size_t part = size - (size_t)(p - data);

    if (message == NULL)
        message = malloc((size_t)128 * FRAGMENT);
    if (packet == 1)
        have = 0;
    if (packet != have + 1)
        return 0; /* one was lost */
    memcpy(message + have++ * (size_t)FRAGMENT, p, part);
    return have == packets ? (packets - 1) * (size_t)FRAGMENT + part : 0;
}

/* ---- Sending ---- */

static void send_each(int fd, const bench_options *o, unsigned char *message, size_t length)
{
    bench_sending s;
    bench_send_begin(&s, o);
    for (; bench_send_more(&s, 1); s.sent++)
        if (length <= FRAGMENT)
            bench_check("sendto", sendto(fd, message, length, 0, NULL, 0));
        else
            send_fragments(fd, message + MESSAGE_HEAD, length - MESSAGE_HEAD, s.sent);
    bench_send_end(&s);
}

static void send_parts(int fd, const bench_options *o, unsigned char *message, size_t length)
{
    struct iovec parts[2] = {{message, 2}, {message + 2, length - 2}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    bench_sending s;
    bench_send_begin(&s, o);
    for (; bench_send_more(&s, 1); s.sent++)
        bench_check("sendmsg", sendmsg(fd, &header, 0));
    bench_send_end(&s);
}

static void send_batches(int fd, const bench_options *o, unsigned char *message, size_t length)
{
    struct mmsghdr headers[BATCH_MAX];
    struct iovec part = {message, length};
    bench_sending s;

    memset(headers, 0, sizeof headers);
    for (int i = 0; i < o->batch; i++) {
        headers[i].msg_hdr.msg_iov = &part;
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    bench_send_begin(&s, o);
    while (bench_send_more(&s, o->batch))
        s.sent += (uint64_t)bench_check("sendmmsg", sendmmsg(fd, headers, (unsigned)o->batch, 0));
    bench_send_end(&s);
}

static void send_segments(int fd, const bench_options *o, unsigned char *message, size_t length)
{
    size_t fit = GSO_BYTES_MAX / length;
    int n = fit < (size_t)o->batch ? (int)fit : o->batch;
    bench_sending s;

    if (n < 2) { /* one datagram fills a packet */
        send_each(fd, o, message, length);
        return;
    }
    set(fd, SOL_UDP, UDP_SEGMENT, (int)length);
    unsigned char *all = malloc((size_t)n * length);
    for (int i = 0; i < n; i++)
        memcpy(all + (size_t)i * length, message, length);
    bench_send_begin(&s, o);
    for (; bench_send_more(&s, n); s.sent += (uint64_t)n)
        bench_check("send", send(fd, all, (size_t)n * length, 0));
    bench_send_end(&s);
    free(all);
}

static void send_all(const bench_options *o)
{
    size_t length;
    unsigned char *message = bench_message(o->size, &length);
    int fd = sender(o, o->port);

    /* A receiver that takes the processor is not to slow what comes to it, as it would not slow another machine. */
    if (o->rate > 0)
        setpriority(PRIO_PROCESS, 0, -10); /* only root may */
    while (bench_send_turn(o)) {
        if (strcmp(o->mode, "sendto") == 0)
            send_each(fd, o, message, length);
        else if (strcmp(o->mode, "parts") == 0)
            send_parts(fd, o, message, length);
        else if (strcmp(o->mode, "sendmmsg") == 0)
            send_batches(fd, o, message, length);
        else if (strcmp(o->mode, "gso") == 0)
            send_segments(fd, o, message, length);
        else
            bench_fail(o->mode, "no mode of sending");
    }
    free(message);
}

/* ---- Receiving ---- */

static void receive_each(int fd, bench_receiving *r)
{
    static unsigned char data[DATAGRAM_MAX];
    for (;;) {
        ssize_t n = recv(fd, data, sizeof data, 0);
        if (n >= 0)
            bench_receive_add(r, 1, (uint64_t)n);
        else if (errno != EAGAIN && errno != EINTR)
            bench_check("recv", n);
        else if (bench_receive_over(r))
            return;
    }
}

/* What a receiver learns from a datagram's control messages. */
typedef struct control {
    struct timespec time;
    uint32_t dropped;
    int segment; /* bytes of each datagram but the last; 0: it is one datagram */
} control;

static void read_control(struct msghdr *h, control *c)
{
    c->segment = 0;
    for (struct cmsghdr *m = CMSG_FIRSTHDR(h); m != NULL; m = CMSG_NXTHDR(h, m)) {
        if (m->cmsg_level == SOL_SOCKET && m->cmsg_type == SCM_TIMESTAMPNS)
            memcpy(&c->time, CMSG_DATA(m), sizeof c->time);
        else if (m->cmsg_level == SOL_SOCKET && m->cmsg_type == SO_RXQ_OVFL)
            memcpy(&c->dropped, CMSG_DATA(m), sizeof c->dropped);
        else if (m->cmsg_level == SOL_UDP && m->cmsg_type == UDP_GRO)
            memcpy(&c->segment, CMSG_DATA(m), sizeof c->segment);
    }
}

static uint32_t receive_batches(int fd, bench_receiving *r, int joins)
{
    static struct mmsghdr headers[BATCH_MAX];
    static struct iovec parts[BATCH_MAX];
    static unsigned char controls[BATCH_MAX][128];
    static struct sockaddr_in6 from[BATCH_MAX];
    unsigned char *data = malloc((size_t)BATCH_MAX * DATAGRAM_MAX);
    control c = {0};

    for (int i = 0; i < BATCH_MAX; i++) {
        parts[i] = (struct iovec){data + (size_t)i * DATAGRAM_MAX, DATAGRAM_MAX};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_name = &from[i]};
    }
    for (;;) {
        for (int i = 0; i < BATCH_MAX; i++) {
            headers[i].msg_hdr.msg_control = controls[i];
            headers[i].msg_hdr.msg_controllen = sizeof controls[i];
            headers[i].msg_hdr.msg_namelen = sizeof from[i];
        }
        int n = recvmmsg(fd, headers, BATCH_MAX, MSG_WAITFORONE, NULL);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                bench_check("recvmmsg", n);
            if (bench_receive_over(r))
                break;
            continue;
        }
        uint64_t messages = 0, bytes = 0;
        for (int i = 0; i < n; i++) {
            read_control(&headers[i].msg_hdr, &c);
            unsigned size = headers[i].msg_len, segment = (unsigned)c.segment;
            if (joins) {
                size_t whole = join(parts[i].iov_base, size);
                messages += whole > 0;
                bytes += whole;
                continue;
            }
            messages += segment == 0 ? 1 : (size + segment - 1) / segment;
            bytes += size;
        }
        if (messages > 0)
            bench_receive_add(r, messages, bytes);
    }
    free(data);
    return c.dropped;
}

static void receive_all(const bench_options *o)
{
    bench_receiving r = {0};
    int fd = receiver(o, o->port), buffer;
    socklen_t size = sizeof buffer;
    uint32_t dropped = 0;

    bench_check("SO_RCVBUF", getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, &size));
    if (strcmp(o->mode, "recv") != 0) {
        set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
        set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    }
    if (strcmp(o->mode, "gro") == 0)
        set(fd, SOL_UDP, UDP_GRO, 1);
    bench_receive_ready(&r);
    if (strcmp(o->mode, "recv") == 0)
        receive_each(fd, &r);
    else
        dropped = receive_batches(fd, &r, strcmp(o->mode, "join") == 0);
    bench_receive_end(&r, buffer / 2, dropped); /* the kernel doubles what is asked for: socket(7) */
}

/* ---- Round trips ---- */

/* Sends each datagram back, on the next port, until its standard input ends. */
static void pong(const bench_options *o)
{
    static unsigned char data[DATAGRAM_MAX];
    int in = receiver(o, o->port), out = sender(o, o->port + 1);
    struct pollfd over = {.fd = STDIN_FILENO, .events = POLLIN};

    puts("ready");
    fflush(stdout);
    for (;;) {
        ssize_t n = recv(in, data, sizeof data, 0);
        if (n >= 0)
            bench_check("send", send(out, data, (size_t)n, 0));
        else if (poll(&over, 1, 0) > 0)
            return;
    }
}

static void ping(const bench_options *o)
{
    static unsigned char data[DATAGRAM_MAX];
    size_t length;
    unsigned char *message = bench_message(o->size, &length);
    int in = receiver(o, o->port + 1), out = sender(o, o->port);
    bench_trips t = {.times = malloc((size_t)o->count * sizeof(double))};

    for (long i = 0; i < o->count; i++) {
        double began = bench_clock();
        bench_check("send", send(out, message, length, 0));
        ssize_t n = -1;
        for (int wait = 0; n < 0 && wait < TRIP_MAX_MS; wait += POLL_MS)
            n = recv(in, data, sizeof data, 0);
        if (n < 0)
            t.lost++;
        else
            t.times[t.count++] = bench_clock() - began;
    }
    bench_trips_end(&t);
    free(t.times);
    free(message);
}

int main(int argc, char **argv)
{
    bench_options o = bench_parse(argc, argv, "sendto");

    if (strcmp(o.role, "send") == 0)
        send_all(&o);
    else if (strcmp(o.role, "receive") == 0)
        receive_all(&o);
    else if (strcmp(o.role, "ping") == 0)
        ping(&o);
    else if (strcmp(o.role, "pong") == 0)
        pong(&o);
    else
        bench_fail(o.role, "no role of this program");
    return 0;
}

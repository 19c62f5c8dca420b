/* A close waits for those who just publish by the shortcut (capi/shortcut.h): else its socket's number may be another
 * file's by the time they send. The moment between is made as long as wanted, since the library sends by syscall(), of
 * which this program has its own. */
#include "test.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static __thread int is_held; /* this thread's next send waits at the gate */
static atomic_int at_gate, opened, last_sent;
static atomic_int trains; /* that were sent, or refused */
static int no_trains; /* as interfaces refuse them that leave checksums to the processor */

/* As glibc's, which it takes the place of; sendto() is not called by it, and takes the same way into the kernel. */
long syscall(long number, ...)
{
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_sendto && is_held) {
        is_held = 0;
        at_gate = 1;
        while (!opened)
            usleep(1000);
        long n = sendto((int)a[0], (void *)a[1], (size_t)a[2], (int)a[3], NULL, 0);
        last_sent = (int)n;
        return n;
    }
    if (number == SYS_sendto)
        return sendto((int)a[0], (void *)a[1], (size_t)a[2], (int)a[3], NULL, 0);
    if (number == SYS_sendmsg) {
        trains++;
        if (no_trains) {
            errno = EIO;
            return -1;
        }
        return sendmsg((int)a[0], (void *)a[1], (int)a[2]);
    }
    if (number == SYS_read)
        return read((int)a[0], (void *)a[1], (size_t)a[2]);
    if (number == SYS_write)
        return write((int)a[0], (void *)a[1], (size_t)a[2]);
    if (number == SYS_recvmmsg)
        return recvmmsg((int)a[0], (void *)a[1], (unsigned)a[2], (int)a[3], NULL);
    if (number == SYS_gettid)
        return gettid();
    fprintf(stderr, "syscall %ld is not known here\n", number);
    abort();
}

static mcl_broadcaster *b;
static atomic_int closed;

static void *publishes(void *unused)
{
    (void)unused;
    is_held = 1;
    MUST(mcl_broadcaster_publish(b, "held", 4, "\x07", 1, &error));
    return NULL;
}

static void *closes(void *unused)
{
    (void)unused;
    MUST(mcl_broadcaster_close(b));
    closed = 1;
    return NULL;
}

static int publishes_by_train(mcl_listener *l, const char *topic, const void *payload, size_t size, size_t count)
{
    static char buffer[2000];
    mcl_item items[65];
    int before = trains;
    size_t sent;
    for (size_t i = 0; i < count; i++)
        items[i] = (mcl_item){topic, topic != NULL ? strlen(topic) : 0, payload, size};
    MUST(mcl_broadcaster_publish_many(b, items, count, &sent, &error));
    EQUAL(count, sent);
    int by_train = trains - before;
    for (size_t i = 0; i < count; i++) {
        mcl_received r;
        EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));
        EQUAL(topic != NULL ? strlen(topic) : 7, r.topic_size);
    }
    return by_train;
}

/* A batch of small messages is one call. */
static void what_goes_by_train(mcl_listener *l)
{
    static uint8_t bytes[1300] = {0xc5}, text[50] = {0xd9, 48};
    mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
    o.topic = "default";
    b = broadcast_with(&o);
    EQUAL(0, publishes_by_train(l, NULL, "\x07", 1, 64)); /* it connects */
    EQUAL(1, publishes_by_train(l, NULL, "\x07", 1, 2));
    EQUAL(1, publishes_by_train(l, NULL, text, sizeof text, 64));
    EQUAL(1, publishes_by_train(l, "named", text, sizeof text, 64));
    EQUAL(0, publishes_by_train(l, NULL, "\x07", 1, 1));
    EQUAL(0, publishes_by_train(l, NULL, "\x07", 1, 65));
    const size_t header = 2 + 7;
    for (size_t size = 1232 - header - 1; size <= 1232 - header + 1; size++) {
        bytes[1] = (uint8_t)((size - 3) >> 8);
        bytes[2] = (uint8_t)(size - 3);
        EQUAL(size + header <= 1232, publishes_by_train(l, NULL, bytes, size, 6));
    }
    EQUAL(1232 - header, bytes[1] * 256 + bytes[2] + 3 - 1);
    EQUAL(0, publishes_by_train(l, NULL, bytes, 1232 - header + 1, 7)); /* more than 8 kB */
    MUST(mcl_broadcaster_close(b));
}

/* Where the interface takes no trains, that is not asked again and again, and each message arrives. */
static void interfaces_without_trains(mcl_listener *l)
{
    b = broadcast_with(NULL);
    EQUAL(0, publishes_by_train(l, "train", "\x07", 1, 64)); /* it connects */
    EQUAL(1, publishes_by_train(l, "train", "\x07", 1, 64));
    no_trains = 1;
    EQUAL(1, publishes_by_train(l, "train", "\x07", 1, 64));
    EQUAL(0, publishes_by_train(l, "train", "\x07", 1, 64));
    mcl_broadcaster_stats s = {.size = sizeof s};
    MUST(mcl_broadcaster_get_stats(b, &s, &error));
    EQUAL(4 * 64, s.messages);
    EQUAL(0, s.send_errors);
    MUST(mcl_broadcaster_close(b));
}

int main(void)
{
    pthread_t publisher, closer;
    mcl_received r;
    char buffer[100];
    mcl_listener *l = listen_with(NULL);
    what_goes_by_train(l);
    interfaces_without_trains(l);
    b = broadcast_with(NULL);
    MUST(mcl_broadcaster_publish(b, "first", 5, "\xc0", 1, &error)); /* connects; those after it take the shortcut */
    EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));

    CHECK(pthread_create(&publisher, NULL, publishes, NULL) == 0);
    CHECK(reaches(&at_gate, 1));
    CHECK(pthread_create(&closer, NULL, closes, NULL) == 0);
    for (int i = 0; i < 200 && !closed; i++)
        usleep(1000); /* it never closes; one that does not wait has time to */
    EQUAL(0, closed);
    /* New files, of which one would get the socket's number. */
    int taken[8], other[2];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, other) == 0);
    for (int i = 0; i < 8; i++)
        taken[i] = dup(other[0]);
    opened = 1;
    pthread_join(publisher, NULL);
    pthread_join(closer, NULL);
    EQUAL(2 + 4 + 1, last_sent);
    EQUAL(-1, recv(other[1], buffer, sizeof buffer, MSG_DONTWAIT)); /* it did not get what was published */
    EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));
    EQUAL(4, r.topic_size);
    EQUAL(7, *(const char *)r.payload);
    FAILS(MCL_ECLOSED, mcl_broadcaster_publish(b, NULL, 0, "\xc0", 1, &error));
    for (int i = 0; i < 8; i++)
        close(taken[i]);
    close(other[0]), close(other[1]);
    MUST(mcl_listener_close(l, NULL));
    return report("shortcut_close");
}

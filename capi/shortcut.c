#define _GNU_SOURCE /* syscall */
#include "shortcut.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* udp(7) */
#endif

/* A slot is found by a hash of the handle, and is one broadcaster's: another one whose hash is the same goes the long way.
 * Handles do not come again, so that a stale one finds nothing. */
struct shortcut {
    _Atomic uintptr_t handle; /* 0: free, or no longer to be used */
    atomic_int taken; /* it belongs to a broadcaster that is open */
    atomic_int calls; /* that use it; only those that found the handle after they were counted */
    int fd;
    int kernel_trains; /* the kernel takes them apart */
    atomic_int trains; /* and the interface has not refused one */
    int verbatim;
    int64_t message_max;
    uint64_t objects_max;
    _Atomic size_t fragment_size; /* a larger datagram goes the long way */
    char *topic; /* the default one, or NULL */
    size_t topic_size;
    _Atomic uint64_t network; /* the state in which the socket was connected */
    _Atomic uint64_t messages, bytes;
};

#define SLOTS 4096
static struct shortcut slots[SLOTS];

static struct shortcut *slot_of(uintptr_t handle)
{
    return &slots[(handle * UINT64_C(0x9e3779b97f4a7c15)) >> 52]; /* Fibonacci hashing: 12 bits */
}

static _Atomic uint64_t network_state = 1; /* a new slot's is 0: the first message goes the long way, which connects */

void shim_network_changed(void)
{
    atomic_fetch_add(&network_state, 1);
}

uint64_t shortcut_network(void)
{
    return atomic_load(&network_state);
}

void shortcut_add(uintptr_t handle, const shim_socket *socket, const char *topic, size_t topic_size)
{
    struct shortcut *s = slot_of(handle);
    int taken = 0;
    if (socket->fd < 0 || !atomic_compare_exchange_strong(&s->taken, &taken, 1))
        return;
    int segment;
    socklen_t segment_size = sizeof segment;
    s->fd = socket->fd;
    /* Linux 4.18 and later. Others would send the whole as one datagram. */
    s->kernel_trains = getsockopt(s->fd, IPPROTO_UDP, UDP_SEGMENT, &segment, &segment_size) == 0;
    atomic_store(&s->trains, 0); /* shortcut_ready tells */
    s->verbatim = socket->verbatim;
    s->message_max = socket->message_max;
    s->objects_max = socket->objects_max > 0 ? (uint64_t)socket->objects_max : UINT64_MAX;
    atomic_store(&s->fragment_size, MCL_FRAGMENT_SIZE);
    s->topic = NULL;
    s->topic_size = topic_size;
    if (topic != NULL) {
        s->topic = malloc(topic_size + 1);
        if (s->topic == NULL) {
            atomic_store(&s->taken, 0);
            return;
        }
        memcpy(s->topic, topic, topic_size);
    }
    atomic_store(&s->network, 0);
    atomic_store(&s->messages, 0);
    atomic_store(&s->bytes, 0);
    atomic_store(&s->handle, handle);
}

void shortcut_remove(uintptr_t handle)
{
    struct shortcut *s = slot_of(handle);
    uintptr_t mine = handle;
    if (handle == 0 || !atomic_compare_exchange_strong(&s->handle, &mine, 0))
        return;
    /* Each is a moment before its end: it waits for nothing. */
    for (int i = 0; atomic_load(&s->calls) > 0; i++) {
        const struct timespec moment = {0, 20000};
        if (i < 100)
            sched_yield();
        else
            nanosleep(&moment, NULL);
    }
    free(s->topic);
    atomic_store(&s->taken, 0);
}

shortcut *shortcut_enter(uintptr_t handle)
{
    struct shortcut *s = slot_of(handle);
    if (handle == 0 || atomic_load_explicit(&s->handle, memory_order_relaxed) != handle)
        return NULL;
    atomic_fetch_add(&s->calls, 1);
    if (atomic_load(&s->handle) == handle)
        return s;
    shortcut_leave(s);
    return NULL;
}

void shortcut_leave(shortcut *s)
{
    atomic_fetch_sub(&s->calls, 1);
}

#define HEADER_MAX 6 /* before the topic */
#define COPY_MAX 4096 /* larger datagrams are sent from two places, which costs 0.2 us, and copying no less */
#define TOPIC_MAX 1024 /* longer ones go the long way */

/* [topic, ...: an array of 2, and the header of the topic as the encoders of msgpack 0.4 write it. */
static size_t put_header(uint8_t *out, const char *topic, size_t topic_size)
{
    out[0] = 0x92;
    if (topic == NULL) {
        out[1] = 0xc0;
        return 2;
    }
    size_t size = 2;
    if (topic_size < 32) {
        out[1] = (uint8_t)(0xa0 | topic_size);
    } else {
        out[1] = 0xda;
        out[2] = (uint8_t)(topic_size >> 8);
        out[3] = (uint8_t)topic_size;
        size = 4;
    }
    memcpy(out + size, topic, topic_size);
    return size + topic_size;
}

/* Is it a str8 alone, as msgpack makes of a text of 32 to 255 bytes? Encoders of msgpack 0.4, whose decoders know no str8, make
 * it a raw16. One amid other objects goes the long way. */
static int is_str8(const uint8_t *packed, size_t size)
{
    return size >= 2 && packed[0] == 0xd9 && packed[1] == size - 2;
}

/* By syscall(): send() is a point at which a thread can be cancelled, and would leave the slot in use for ever. */
static long send_datagram(int fd, uint8_t *datagram, size_t header_size, const void *packed, size_t size)
{
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (header_size + size <= COPY_MAX) {
        memcpy(datagram + header_size, packed, size);
        return syscall(SYS_sendto, fd, datagram, header_size + size, flags, NULL, 0);
    }
    struct iovec parts[2] = {{datagram, header_size}, {(void *)packed, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return syscall(SYS_sendmsg, fd, &message, flags);
}

/* A message as it leaves: a header, and an object that is the caller's. */
struct datagram {
    size_t header_size; /* 0: it must go the long way */
    const uint8_t *object;
    size_t size;
};

/* Writes the header, of at most HEADER_MAX bytes and the topic. */
static struct datagram make_datagram(const shortcut *s, uint8_t *header, const char *topic, size_t topic_size,
                                     const void *packed, size_t size)
{
    const struct datagram none = {0, NULL, 0};
    const uint8_t *object = packed;
    int str8 = !s->verbatim && is_str8(object, size);
    size_t limit = atomic_load_explicit(&s->fragment_size, memory_order_relaxed);
    if (size > limit || (int64_t)size + str8 > s->message_max ||
        !(str8 || scan_is_plain(object, size, s->verbatim, s->objects_max)))
        return none;
    size_t header_size = put_header(header, topic, topic_size);
    if (str8) { /* its length, in two bytes, instead of its code */
        header[header_size++] = 0xda;
        header[header_size++] = 0;
    }
    size -= (size_t)str8;
    if (header_size + size > limit)
        return none;
    return (struct datagram){header_size, object + str8, size};
}

static int is_connected(shortcut *s)
{
    return atomic_load_explicit(&s->network, memory_order_acquire) == shortcut_network();
}

static void count_sent(shortcut *s, size_t messages, size_t bytes)
{
    atomic_fetch_add_explicit(&s->messages, messages, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->bytes, bytes, memory_order_relaxed);
}

int shortcut_publish(shortcut *s, const char *topic, size_t topic_size, const void *packed, size_t size)
{
    if (!is_connected(s))
        return 0;
    if (topic == NULL) {
        topic = s->topic;
        topic_size = s->topic_size;
    }
    uint8_t datagram[COPY_MAX];
    if (topic != NULL && topic_size > TOPIC_MAX)
        return 0;
    struct datagram d = make_datagram(s, datagram, topic, topic_size, packed, size);
    if (d.header_size == 0 || send_datagram(s->fd, datagram, d.header_size, d.object, d.size) < 0)
        return 0;
    count_sent(s, 1, d.header_size + d.size);
    return 1;
}

/* What fits any link of IPv6, whose MTU is 1280 at least (RFC 8200, section 5): the kernel fragments no train. */
#define SEGMENT_MAX 1232
#define TRAIN_MAX 64 /* datagrams; newer kernels take 128 */
#define TRAIN_BYTES 8192 /* in all: on the caller's stack */

/* Datagrams of one size behind each other, the last of which may be shorter. */
struct train {
    size_t segment, used;
    uint8_t bytes[TRAIN_BYTES];
};

static int add_datagram(const shortcut *s, struct train *t, const mcl_item *item, int last)
{
    const char *topic = item->topic != NULL ? item->topic : s->topic;
    size_t topic_size = item->topic != NULL ? item->topic_size : s->topic != NULL ? s->topic_size : 0;
    size_t room = sizeof t->bytes - t->used;
    if (topic_size > TOPIC_MAX || item->payload_size > SEGMENT_MAX ||
        HEADER_MAX + topic_size + item->payload_size > room)
        return 0;
    struct datagram d = make_datagram(s, t->bytes + t->used, topic, topic_size, item->payload, item->payload_size);
    size_t size = d.header_size + d.size;
    if (t->used == 0)
        t->segment = size;
    if (d.header_size == 0 || size > SEGMENT_MAX || size > t->segment || (size < t->segment && !last))
        return 0;
    memcpy(t->bytes + t->used + d.header_size, d.object, d.size);
    t->used += size;
    return 1;
}

static long send_train(int fd, struct train *t)
{
    union {
        struct cmsghdr header; /* for its alignment */
        uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control;
    memset(&control, 0, sizeof control);
    control.header.cmsg_len = CMSG_LEN(sizeof(uint16_t));
    control.header.cmsg_level = IPPROTO_UDP;
    control.header.cmsg_type = UDP_SEGMENT;
    const uint16_t segment = (uint16_t)t->segment;
    memcpy(CMSG_DATA(&control.header), &segment, sizeof segment);
    struct iovec all = {t->bytes, t->used};
    struct msghdr message = {
        .msg_iov = &all, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    return syscall(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int shortcut_publish_many(shortcut *s, const mcl_item *items, size_t count)
{
    if (count < 2 || count > TRAIN_MAX || items->payload_size > TRAIN_BYTES / count || !atomic_load(&s->trains) ||
        !is_connected(s))
        return 0;
    struct train t;
    t.segment = t.used = 0;
    for (size_t i = 0; i < count; i++)
        if (!add_datagram(s, &t, &items[i], i + 1 == count))
            return 0;
    if (send_train(s->fd, &t) < 0) {
        /* EIO: the interface leaves checksums to the processor. The others as netio has them (trainLimit.lower). */
        if (errno == EIO || errno == EINVAL || errno == EMSGSIZE)
            atomic_store_explicit(&s->trains, 0, memory_order_relaxed);
        return 0;
    }
    count_sent(s, count, t.used);
    return 1;
}

void shortcut_limit(uintptr_t handle, size_t size)
{
    shortcut *s = shortcut_enter(handle);
    if (s == NULL)
        return;
    atomic_store(&s->fragment_size, size);
    shortcut_leave(s);
}

void shortcut_ready(uintptr_t handle, uint64_t network)
{
    shortcut *s = shortcut_enter(handle);
    if (s == NULL)
        return;
    if (atomic_load(&s->network) != network)
        atomic_store(&s->trains, s->kernel_trains); /* the interface may be another one */
    atomic_store_explicit(&s->network, network, memory_order_release);
    shortcut_leave(s);
}

void shortcut_count(uintptr_t handle, mcl_broadcaster_stats *stats)
{
    shortcut *s = shortcut_enter(handle);
    if (s == NULL)
        return;
    uint64_t messages = atomic_load(&s->messages);
    stats->messages += messages;
    stats->datagrams += messages;
    stats->bytes += atomic_load(&s->bytes);
    shortcut_leave(s);
}

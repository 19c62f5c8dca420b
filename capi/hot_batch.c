#include "hot.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104 /* udp(7) */
#endif
#ifndef SCM_TIMESTAMPING
#define SCM_TIMESTAMPING SO_TIMESTAMPING
#endif

#define ROOM (1 << 16) /* the largest datagram without jumbograms */
/* From one to the next: were it a power of two, all would be put into the same few sets of the cache. */
#define STRIDE (ROOM + 4096 + 192)
#define MAPPED ((size_t)BATCH * STRIDE + STREAM_SIZE) /* of which the kernel gives the pages that are written to */

/* A few are kept, so that a listener that sleeps holds none. */
#define KEPT 4
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static batch *pool;
static int pooled;

static batch *from_pool(void)
{
    pthread_mutex_lock(&pool_lock);
    batch *b = pool;
    if (b != NULL) {
        pool = b->next;
        pooled--;
    }
    pthread_mutex_unlock(&pool_lock);
    return b;
}

/* The batch itself is malloc's, for leak checkers: what is in hand keeps its listener. */
static batch *make(void)
{
    batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->memory = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (b->memory == MAP_FAILED) {
        free(b);
        return NULL;
    }
    for (int i = 0; i < BATCH; i++) {
        b->places[i] = (struct iovec){b->memory + (size_t)i * STRIDE, ROOM};
        b->headers[i].msg_hdr = (struct msghdr){.msg_iov = &b->places[i],
                                                .msg_iovlen = 1,
                                                .msg_name = &b->senders[i],
                                                .msg_namelen = sizeof b->senders[i],
                                                .msg_control = b->control[i],
                                                .msg_controllen = CONTROL_SIZE};
    }
    return b;
}

batch *batch_new(void)
{
    batch *b = from_pool();
    if (b == NULL && (b = make()) == NULL)
        return NULL;
    b->next = NULL;
    b->first = b->count = 0;
    b->lent = 0;
    return b;
}

void batch_free(batch *b)
{
    pthread_mutex_lock(&pool_lock);
    int keep = pooled < KEPT;
    if (keep) {
        b->next = pool;
        pool = b;
        pooled++;
    }
    pthread_mutex_unlock(&pool_lock);
    if (keep)
        return;
    munmap(b->memory, MAPPED);
    free(b);
}

/* What the kernel says of a datagram, or of a train: the size of each in it, save of the last, which may be shorter. */
static size_t read_control(struct msghdr *h, mcl_received *to)
{
    size_t segment = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
            struct timespec at; /* the first of three: by software */
            memcpy(&at, CMSG_DATA(c), sizeof at);
            to->time_received = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            to->interface_index = info.ipi6_ifindex;
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int size;
            memcpy(&size, CMSG_DATA(c), sizeof size);
            segment = size > 0 ? (size_t)size : 0;
        }
    }
    return segment;
}

static void describe(batch *b, int entry)
{
    struct msghdr *h = &b->headers[entry].msg_hdr;
    mcl_received first = {.sender_port = ntohs(b->senders[entry].sin6_port)};
    memcpy(first.sender, &b->senders[entry].sin6_addr, sizeof first.sender);
    size_t segment = read_control(h, &first), left = b->headers[entry].msg_len;
    const unsigned char *data = b->places[entry].iov_base;
    b->timeless |= first.time_received == 0;
    do {
        size_t size =
            segment > 0 && segment < left && b->count + (size_t)(BATCH - entry) < BATCH_RECORDS ? segment : left;
        mcl_received *r = &b->messages[b->count++];
        *r = first;
        r->payload = data;
        r->payload_size = size;
        data += size;
        left -= size;
    } while (left > 0);
}

void batch_describe(batch *b)
{
    b->first = b->count = 0;
    b->timeless = 0;
    for (int i = 0; i < b->used; i++)
        describe(b, i);
}

static int is_contiguous(const mcl_received *r)
{
    return r->topic == NULL || r->topic + r->topic_size == r->payload;
}

const void *batch_stream(batch *b, size_t count, size_t *size)
{
    mcl_received *records = b->messages + b->first;
    *size = 0;
    for (size_t i = 0; i < count; i++) {
        if (records[i].payload_size > STREAMED_MAX || records[i].topic_size > STREAMED_MAX)
            return NULL;
        *size += records[i].topic_size + records[i].payload_size;
    }
    if (count == 1 && is_contiguous(records))
        return records->topic != NULL ? (const void *)records->topic : records->payload;
    if (*size > STREAM_SIZE)
        return NULL;
    unsigned char *stream = b->memory + (size_t)BATCH * STRIDE, *at = stream;
    for (size_t i = 0; i < count; i++) {
        mcl_received *r = &records[i];
        if (r->topic != NULL) {
            memmove(at, r->topic, r->topic_size); /* it may lie there already, further behind */
            r->topic = (const char *)at;
            at += r->topic_size;
        }
        memmove(at, r->payload, r->payload_size);
        r->payload = at;
        at += r->payload_size;
    }
    return stream;
}

int batch_read(batch *b, int fd, int most)
{
    for (int i = 0; i < b->used; i++) { /* which the kernel has written to */
        b->headers[i].msg_hdr.msg_namelen = sizeof b->senders[i];
        b->headers[i].msg_hdr.msg_controllen = CONTROL_SIZE;
    }
    b->used = 0;
    /* By syscall(): recvmmsg() is a point at which a thread can be cancelled. */
    long n = syscall(SYS_recvmmsg, fd, b->headers, most, MSG_DONTWAIT, NULL);
    if (n < 0)
        return -errno;
    b->used = (int)n;
    batch_describe(b);
    return (int)n;
}

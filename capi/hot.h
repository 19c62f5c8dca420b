/* hot.h - receiving without Go. For the C half only.
 *
 * Who wants data waits for it: the thread that calls a listener blocks in the kernel by itself, or, for callbacks, one C
 * thread a listener. Whole datagrams whose payload is plain are taken apart and counted here; all others (fragments,
 * message types, what is malformed or unusual) go to Go, a batch by one call (mcl.Listener.Feed), and what comes of them
 * is lent back (mcl.Listener.Lend). What is here can be too careful, but must never be wrong: the wire package decides.
 *
 * Why: at 1,000 messages a second it is the threads that are woken that cost. A thread in the kernel takes 10 us a message;
 * Go's netpoller wakes three more and takes 64, and one crossing into Go a message, behind a thread that waits in C, 80.
 *
 * Listeners with a queue of their own (mcl_listener_options.queued) are Go's, and so are those that stop reading when it is
 * full (MCL_BLOCK). */
#ifndef MCL_HOT_H
#define MCL_HOT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* struct mmsghdr, ppoll, syscall: include this first */
#endif

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

#include "guard.h"

/* ---- hot_batch.c: datagrams as they were read ---- */

#define BATCH SHIM_LENT_MAX /* datagrams, or trains of them, that one system call reads */
#define BATCH_RECORDS 8192 /* what is taken apart of them: a train has 128 at most (UDP_MAX_SEGMENTS, linux/udp.h) */
#define CONTROL_SIZE 128

struct hot_listener;

typedef struct batch {
    struct batch *next; /* in a list, the oldest first */
    uint64_t number; /* of the listener's batches */
    size_t first, count; /* messages[first] to messages[count - 1] are in hand */
    uint64_t lent; /* Go's memory is behind it, and known by this number; 0: it is its own */
    int used; /* entries that the kernel wrote to */
    int timeless; /* some bear no time of arrival */
    mcl_received messages[BATCH_RECORDS];
    struct mmsghdr headers[BATCH];
    struct iovec places[BATCH];
    struct sockaddr_in6 senders[BATCH];
    _Alignas(8) unsigned char control[BATCH][CONTROL_SIZE];
    unsigned char *memory; /* of BATCH datagrams, and of a stream */

    /* In the program's hands (hot_hand.c): */
    uint64_t hand; /* its number */
    uintptr_t handle;
    struct hot_listener *listener; /* NULL: it is Go's */
    size_t shown; /* messages of them, from the first on */
} batch;

/* A batch without messages, or NULL when there is no memory. */
batch *batch_new(void);
void batch_free(batch *b);

/* Reads what is there, up to `most` entries, and describes each datagram as a message whose payload it is. Returns how many
 * entries were read, or -errno. batch_describe does the latter again. */
int batch_read(batch *b, int fd, int most);
void batch_describe(batch *b);

/* Lays the messages from the first on, `count` of them, one behind the other, each after its topic. Returns where, or NULL when
 * they are too large. */
#define STREAM_SIZE (512 << 10)
#define STREAMED_MAX (16 << 10) /* bytes of a message */
const void *batch_stream(batch *b, size_t count, size_t *size);

/* ---- hot_hand.c ---- */

/* `l` is NULL for a listener of Go's. */
int hot_hand_take(struct hot_listener *l, uintptr_t handle, int timeout_ms, mcl_hand *hand, const char *function,
                  mcl_error *error);
/* Ends a hand, which becomes the batch's owner's again. Signals are blocked. */
int hot_hand_end(batch *b, size_t delivered, size_t rejected, const char *function, mcl_error *error);
int hot_hand_receive(struct hot_listener *l, uintptr_t handle, int timeout_ms, mcl_received *record,
                     unsigned char *buffer, size_t size, size_t *needed, const char *function, mcl_error *error);
/* Copies a message, its topic and payload into the buffer: 1, or MCL_EBUFFER, with how many bytes it takes. */
int hot_copy(const mcl_received *message, mcl_received *to, unsigned char *buffer, size_t size, size_t *needed);
int hot_hand_settle(uintptr_t handle, mcl_hand *hand, size_t delivered, size_t rejected, const char *function,
                    mcl_error *error);

/* ---- hot_listener.c ---- */

typedef struct subscription {
    struct subscription *next;
    mcl_callback user;
    uint64_t id;
    int removed;
} subscription;

/* An eventfd that polls readable, or not. */
typedef struct hot_signal {
    atomic_int fd; /* -1 before it is needed */
    int is_set;
} hot_signal;

struct hot_listener {
    struct hot_listener *next; /* in the table */
    uintptr_t handle;
    atomic_int references;

    /* Set once. */
    int all_to_go; /* a message type: Go checks each */
    int64_t message_max;
    uint64_t objects_max;
    size_t topic_count; /* 0: all */
    char *topic_bytes; /* of all topics */
    char **topics;
    size_t *topic_sizes;

    atomic_int turns; /* so many other sockets are to be read once this one is empty */

    /* `taking` is locked by who takes messages out of the socket, or out of what waits; it protects what follows. Locked
     * before `lock`, and never for long. Who waits for it has `gate` meanwhile: a mutex goes to who asks for it first, which in
     * a stream would always be the thread that has just had it. */
    pthread_mutex_t gate, taking;
    int fd;
    int asked; /* entries of the next read */
    size_t most; /* messages that are wanted; 0: any number */
    atomic_int full; /* the last read brought so many: there may be more */
    atomic_int failed; /* reading has: the next poll leaves the socket alone for a moment */
    int to_go; /* Go wants to see the next batch, whatever it holds */
    size_t in_go; /* messages that wait in Go's queue; changed with `lock`, too */
    _Atomic int64_t due; /* when Go wants to be called, in ms of the monotonic clock; 0: never */

    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t changed; /* a callback has returned, the thread has ended, or nobody polls any more */
    int closing; /* 1, and 2 once the counters are final */
    int polling; /* threads that poll fd */
    hot_signal owners, worker; /* wake owners and the thread */
    batch *waiting; /* what was taken and put back, the oldest first */
    uint64_t batches; /* so far */
    subscription *subscriptions; /* in order */
    uint64_t running; /* number of the callback that the thread is in; 0: none */
    uint64_t last_id;
    int lent; /* somebody may poll `owners` at any time: what arrives is read in the background */
    int has_thread;
    int in_hand; /* the thread has messages that it may put back */
    pthread_t thread;
    uint64_t datagrams, bytes, filtered, messages;
    uint64_t joined; /* datagrams of the messages: one each, or several that Go has joined */
    uint64_t delivered, rejected, discarded;
    uint64_t queued_bytes; /* in hand, and waiting here */
};

hot_listener *hot_new(const shim_listener_options *options);
void hot_leave(hot_listener *l); /* gives a reference back */

/* An open listener is found by its handle; NULL: it is Go's, or none. Each hot_enter needs a hot_leave. */
void hot_add(hot_listener *l, uintptr_t handle, const shim_limits *limits);
hot_listener *hot_enter(uintptr_t handle);

/* The functions of mcl.h, for such a listener. */
int hot_subscribe(hot_listener *l, const mcl_callback *callback, uint64_t *id, const char *function, mcl_error *error);
int hot_unsubscribe(hot_listener *l, uint64_t id, const char *function, mcl_error *error);
int hot_fd(hot_listener *l, const char *function, mcl_error *error);
int hot_wait(hot_listener *l, int timeout_ms, const char *function, mcl_error *error);
/* Copies the oldest message: 1, 0 when the time is over, or a code; MCL_EBUFFER without a text. */
int hot_receive(hot_listener *l, int timeout_ms, mcl_received *record, unsigned char *buffer, size_t size,
                size_t *needed, const char *function, mcl_error *error);
/* Ends the hand *b as delivered, if it is not NULL; then waits for messages and takes them: 1, 0 when the time is over, or a
 * code. Nothing is in *b but on 1. One call, as to block signals twice would cost as much as to wait. */
int hot_take_or_wait(hot_listener *l, int timeout_ms, size_t most, batch **b, const char *function, mcl_error *error);
int hot_stats(hot_listener *l, mcl_listener_stats *stats, const char *function, mcl_error *error);
int hot_close(hot_listener *l, mcl_listener_stats *stats);

/* ---- hot_take.c ---- */

void hot_lock_taking(hot_listener *l); /* in turn with others */

/* Takes the oldest messages, without waiting: 1, or 0 when there is none. `taking` is locked. */
int hot_take(hot_listener *l, batch **b);
/* Reads what has arrived into Go's queue. `taking` is locked. */
void hot_pump(hot_listener *l);
/* Counts the first messages of a batch as delivered, and those behind them as rejected. 1: they have been discarded. */
int hot_count(hot_listener *l, batch *b, size_t delivered, size_t rejected);
/* Ends what hot_take began: the messages that are left in hand are put back, or discarded when it is closed. */
void hot_settle(hot_listener *l, batch *b);

/* ---- hot_thread.c ---- */

/* Starts the thread, if there is none. `lock` is locked. */
int hot_start(hot_listener *l);
int hot_runs_here(hot_listener *l); /* is this the thread? `lock` is locked */
void hot_drop(subscription *s);

/* ---- hot_wake.c ---- */

/* Has the eventfds tell what their owners wait for. `lock` is locked. */
void hot_refresh(hot_listener *l);
int hot_open_signal(hot_signal *s); /* 0 or -errno. Between fork_hold and fork_release */
void hot_close_signal(hot_signal *s);
/* Polls the socket and an eventfd, until the deadline (as of wait_deadline) or until Go wants to be called. `open` is the mask
 * of signals to wait with, `cancel` the state of pthread_setcancelstate: a thread can be cancelled here, and only here, since
 * elsewhere it has locks. Returns 1: look again; 0: the time is over; -errno. */
int hot_poll(hot_listener *l, int for_thread, int64_t deadline, const sigset_t *open, int cancel);

/* ---- hot_parse.c ---- */

enum hot_kind { HOT_MESSAGE, HOT_FILTERED, HOT_UNSURE };
/* Takes a datagram apart in place. */
enum hot_kind hot_parse(const hot_listener *l, mcl_received *datagram);

#endif

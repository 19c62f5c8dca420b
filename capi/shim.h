/* shim.h - what the C and the Go half of the library share.
 *
 * The C half defines every function of mcl.h: it refuses a forked child, checks pointers and sizes, brings
 * structs to the library's own size, and calls Go. The Go half (mclgo_*, declared by cgo) translates and calls
 * package mcl. Handles cross as uintptr_t: garbage converted to a Go pointer can stop Go's garbage collector.
 */
#ifndef MCL_SHIM_H
#define MCL_SHIM_H

#include "mcl.h"

/* const as a part of a type's name is all that cgo carries into the prototypes of its exports. */
typedef const char const_char;
typedef const unsigned char const_byte;
typedef const mcl_connection const_connection;
typedef const size_t const_size;
typedef const uintptr_t const_handle;
typedef const mcl_log_writer_options const_log_options;
typedef const mcl_log_reader_options const_log_read_options;
typedef const_char *const const_text;

/* The options without their handle, which crosses apart as a number. */
typedef struct shim_broadcaster_options {
    const char *topic;
    size_t topic_size;
    uintptr_t type;
    int32_t verbatim;
    int32_t coalesce_us;
} shim_broadcaster_options;

typedef struct shim_listener_options {
    const char *const *topics;
    const size_t *topic_sizes;
    size_t topic_count;
    uintptr_t type;
    int32_t queued;
    int32_t policy;
    int64_t queue_messages;
    int64_t queue_bytes;
    int32_t quiet;
} shim_listener_options;

typedef const shim_broadcaster_options const_broadcaster_options;
typedef const shim_listener_options const_listener_options;

/* mcl_item as Go reads it, with numbers for pointers, as below. */
typedef struct shim_item {
    uintptr_t topic;
    size_t topic_size;
    uintptr_t payload;
    size_t payload_size;
} shim_item;
typedef const shim_item const_item;

/* mcl_received as Go writes it: with numbers for pointers, since Go's garbage collector would look at what a
 * pointer field in C memory held before, and the caller's memory may hold anything. */
typedef struct shim_record {
    uintptr_t topic;
    size_t topic_size;
    uintptr_t payload;
    size_t payload_size;
    int64_t time_received;
    uint8_t sender[16];
    uint32_t sender_port;
    uint32_t interface_index;
} shim_record;

/* What is given of mcl_log_record and mcl_log_header, likewise. */
typedef struct shim_log_record {
    int64_t elapsed;
    uintptr_t topic;
    size_t topic_size;
    uintptr_t payload;
    size_t payload_size;
    uintptr_t type_name;
} shim_log_record;

typedef struct shim_log_header {
    size_t size;
    int64_t created;
    int64_t end;
    uintptr_t text;
    uintptr_t version;
    uintptr_t revision;
    uintptr_t type_name;
    uintptr_t path;
} shim_log_header;

/* A listener that C reads (hot.h), and what feeding it left (mcl.Fed). */
typedef struct hot_listener hot_listener;
typedef struct shim_fed {
    size_t queued;
    int64_t wait_ms;
    int32_t again;
} shim_fed;
typedef const shim_record const_record;
#define SHIM_LENT_MAX 64 /* messages that are lent at a time */

/* Limits of an open connection; objects_max 0: any number. */
typedef struct shim_limits {
    int64_t message_max;
    int64_t objects_max;
} shim_limits;

/* hot_wake.c, for Go: a socket was opened for it. 1: it takes the place of another one, and shim_hot_turn must follow. */
int shim_hot_descriptor(hot_listener *listener, int fd);
void shim_hot_turn(hot_listener *listener); /* hot_take.c */

/* How a publish waits, and what ended that. */
typedef struct shim_wait {
    const void *open; /* the mask of signals of the caller */
    int64_t deadline; /* as of wait_deadline */
    int32_t not_at_all;
    int32_t goes_on; /* when a signal handler has run */
    int32_t interrupted; /* it did, and that ended the wait */
} shim_wait;

/* wait.c, for Go: waits until the descriptor (-1: none) is writable, for at most so many nanoseconds. Returns 0 when the caller
 * does not want to wait any longer. */
int shim_wait_on(shim_wait *wait, int fd, int64_t most);

/* By which a broadcaster's small messages may leave without Go (shortcut.h). */
typedef struct shim_socket {
    int fd; /* -1: they must not */
    int32_t verbatim;
    int64_t message_max;
    int64_t objects_max; /* 0: any number */
} shim_socket;

/* shortcut.c, for Go: sockets may be connected wrongly now. */
void shim_network_changed(void);

/* log.c, for Go: seconds by which local time, as C knows it, is ahead of UTC at a moment. */
long shim_utc_offset(int64_t seconds);

/* A subscribed callback. */
typedef struct shim_callback shim_callback;

/* callback.c, for Go */
void shim_call(shim_callback *callback, const void *topic, size_t topic_size, int has_topic, const void *payload,
               size_t payload_size, int64_t time_received, uint64_t sender_high, uint64_t sender_low,
               uint32_t sender_port, uint32_t interface_index);
void shim_drop(shim_callback *callback);
void shim_callback_free(shim_callback *callback);
int shim_callback_runs_here(shim_callback *callback);

/* start.c, for Go: it has begun, and may be called if it is open. */
void shim_go_has_begun(int is_open);

/* handle.c, for Go: the tokens of closed handles, which stay reserved for a while. They are kept here as well so that leak
 * checkers, which do not see Go's memory, do not take them for lost. */
#define SHIM_QUARANTINE 4096
extern uintptr_t shim_quarantine[SHIM_QUARANTINE];
void shim_token_keep(uintptr_t token);

/* fork.c, for Go */
void fork_hold(void); /* see guard.h */
void fork_release(void);
void shim_descriptor_add(int fd);
void shim_descriptor_remove(int fd);

#endif

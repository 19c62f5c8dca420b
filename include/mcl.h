/* mcl.h - the C interface of libmcl: messages over IPv6 UDP multicast.
 *
 * A connection is an IPv6 multicast address and a UDP port. A broadcaster publishes on it, a listener
 * receives from it; there is no broker and nothing to configure. What travels is one msgpack object (the
 * payload) with an optional topic. README.md has the shortest publisher and subscriber. What is received can be
 * recorded in log files, read from them, and replayed in the recorded timing.
 *
 * CONVENTIONS
 *   Results   Functions return an int: >= 0 is success (sometimes a count), < 0 is one of the MCL_E...
 *             codes. mcl_strerror() gives a code's meaning. Most functions also take an `mcl_error *`,
 *             which may be NULL; on failure it receives a text that names the operation, what it was done
 *             to, and the remedy. On success it is left alone. Besides the codes that it names, a function may return
 *             MCL_EINVAL (an argument is NULL or out of its range), MCL_EHANDLE and MCL_ECLOSED where it takes a
 *             handle, MCL_EFORKED, MCL_EINTERNAL, and MCL_EDESCRIPTORS until the library has the two descriptors
 *             that it needs for itself; and no other. It takes these when it is loaded, or when it is called and there
 *             are some.
 *   Handles   mcl_broadcaster, mcl_listener, mcl_type, mcl_message, mcl_log_writer, mcl_log_reader, mcl_recorder
 *             and mcl_replay are opaque. A handle that is NULL, closed, of another kind, or no handle at all gives
 *             MCL_EHANDLE or MCL_ECLOSED, never a crash, and never meets another object: on 64-bit systems no handle's
 *             number is given out twice. Each *_open, *_new, *_create, *_define or *_find is
 *             paired with exactly one *_close.
 *   Memory    The caller owns every buffer. The library keeps none of the caller's memory after a call
 *             returns, and hands none of its own out, save the constant strings and the mcl_received that
 *             a callback sees while it runs.
 *   Strings   Names and addresses end in NUL. Topics, keys and string values are bytes with a size, since
 *             legacy processes send any byte in them; MCL_NUL as the size means "up to the NUL".
 *   Options   An options struct begins with its size; use its MCL_..._INIT. Zero in a field means the
 *             default. A size that is smaller than the library's (an older header) is accepted; a larger
 *             one is, as long as what the library does not know is zero.
 *   Threads   Every function may be called from any thread at any time, on the same handle too, closing
 *             included: a call that loses the race against a close returns MCL_ECLOSED. An mcl_message is
 *             the exception: it must not be changed by one thread while another uses it.
 *   Signals   The library's threads block all signals that a program can handle, so that handlers run on
 *             the program's own threads; and one that comes while a function runs is handled when that
 *             returns, or at once while it waits for a message, for a replay or for room to publish. What takes
 *             a timeout returns MCL_EINTR when a handler ran; other publishes and flushes go on waiting. No
 *             function may be called from a signal handler, nor left by longjmp. A process that is started from
 *             within a callback inherits the blocked signals: unblock them first. The library handles SIGSEGV,
 *             SIGBUS and SIGFPE once it is loaded, to return a null pointer of its own as MCL_EINTERNAL. Any other
 *             fault, in a callback or at a wrong pointer that it was given too, goes to the handler that was there
 *             before, which is installed again for that, or ends the process by that signal. A handler that is
 *             installed later replaces the library's; faults in the library are then that handler's. Handlers of
 *             other signals stay as they are.
 *   fork      In a child made by fork() without exec(), every function but mcl_version, mcl_strerror and
 *             mcl_malformed_name returns MCL_EFORKED, and the sockets and log files inherited from the parent are
 *             closed (of numbers below 1,048,576); what the parent has not written yet, the child never writes. exec()
 *             is not affected.
 *   Time      Waits take milliseconds; one that is over is no error but a 0, save that of a close: MCL_ETIMEOUT.
 *             Moments are nanoseconds since the Unix epoch, times in logs nanoseconds since the log's origin.
 *   Errors of the operating system are given in mcl_error.system as an errno value.
 *
 * Whatever is written here as a number is the only place it is written: the constants of the other
 * languages are generated from this file. It is long because it is the manual, too.
 */
#ifndef MCL_H
#define MCL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ---- */

#define MCL_VERSION "0.1.0"
#define MCL_VERSION_NUMBER 100 /* major * 10000 + minor * 100 + patch */

/* The version of the library that is running, as "major.minor.patch". Never fails. */
const char *mcl_version(void);

/* ---- Errors ---- */

enum mcl_code {
    MCL_OK = 0,
    MCL_EINVAL = -1,      /* an argument is out of its range */
    MCL_EHANDLE = -2,     /* not a handle of this kind */
    MCL_ECLOSED = -3,     /* the object is closed */
    MCL_EADDRESS = -4,    /* not an IPv6 multicast address */
    MCL_EINTERFACE = -5,  /* no such network interface */
    MCL_EROUTE = -6,      /* the network has no route for multicast */
    MCL_EFORMAT = -7,     /* not exactly one well-formed msgpack object, or no line of a log */
    MCL_ETOOLARGE = -8,   /* the message is larger than the limit */
    MCL_EBUFFER = -9,     /* the buffer is too small; the needed size is given */
    MCL_ETIMEOUT = -10,   /* the time is over */
    MCL_EINTR = -11,      /* a signal handler ran while waiting */
    MCL_EFORKED = -12,    /* the library was loaded before a fork */
    MCL_EUNKNOWN = -13,   /* no such name, key or callback */
    MCL_EEXISTS = -14,    /* the name or the connection is taken */
    MCL_ETYPE = -15,      /* the value or message is of another type */
    MCL_EBUSY = -16,      /* in use: callbacks are subscribed, or one is still running */
    MCL_EDESCRIPTORS = -17, /* the process or the system has no descriptor left */
    MCL_ENOBUFS = -18,    /* the system has no memory for sending now */
    MCL_ESYSTEM = -19,    /* another error of the operating system */
    MCL_EINTERNAL = -20   /* a defect of libmcl: please report it */
};

#define MCL_ERROR_TEXT_MAX 1000 /* bytes of an error's text, its NUL included */

typedef struct mcl_error {
    int32_t code;   /* one of MCL_E... */
    int32_t system; /* errno, or 0 */
    char text[MCL_ERROR_TEXT_MAX]; /* UTF-8, ends in NUL */
} mcl_error;

/* The meaning of a code in a few words; "unknown error" for what is none. Never NULL. */
const char *mcl_strerror(int code);

/* ---- Limits and defaults ---- */

#define MCL_PORT_DEFAULT 26000
#define MCL_PORT_MIN 1024
#define MCL_PORT_MAX 65535
#define MCL_HOPS_DEFAULT 3
#define MCL_HOPS_MAX 255
#define MCL_FRAGMENT_SIZE 60000            /* by default, a larger message travels in fragments of this many bytes */
#define MCL_FRAGMENT_SIZE_MAX 65000        /* no legacy process reads a larger datagram */
#define MCL_FRAGMENTS_MAX 131072           /* of a message */
#define MCL_MESSAGE_MAX_DEFAULT 67108864   /* 64 MiB */
#define MCL_MESSAGE_MAX_LIMIT 1073741824   /* 1 GiB: the most that can be asked for */
#define MCL_REASSEMBLY_BYTES_DEFAULT 268435456 /* 256 MiB */
#define MCL_REASSEMBLY_BYTES_LIMIT 1125899906842624 /* 1 PiB */
#define MCL_REASSEMBLY_AGE_MS_DEFAULT 5000
#define MCL_REASSEMBLY_AGE_MS_LIMIT 86400000 /* a day */
#define MCL_RECV_BUFFER_DEFAULT 4194304    /* 4 MiB */
#define MCL_BUFFER_LIMIT 1073741823        /* of a socket's buffer */
#define MCL_QUEUE_MESSAGES_DEFAULT 262144
#define MCL_QUEUE_BYTES_DEFAULT 268435456  /* 256 MiB */
#define MCL_DEPTH_MAX 512                  /* arrays and maps in each other */
#define MCL_COALESCE_US_MAX 1000000        /* a second */
#define MCL_LOAD_ADDRESSES 838860800       /* 800 MiB of addresses (ulimit -v), which loading the library takes at least */
#define MCL_OPEN_DESCRIPTORS 10            /* that opening something takes for a moment, at most; it keeps fewer */
#define MCL_CLOSE_WAIT_MS 1000             /* how long a close waits for a callback, or for room to send */

#define MCL_NUL ((size_t)-1) /* as the size of a string: up to its NUL */

/* ---- Connections ---- */

#define MCL_HOPS_HOST (-1) /* hops: never leave this host */
#define MCL_ON 1
#define MCL_OFF (-1)

/* Where to publish or listen, and how. Copied by whatever takes it. Zero in a field means its default;
 * only `size` and `url` must be set.
 *
 * Unset fields may be steered from outside: MCL_INTERFACE, MCL_HOPS (0 to 255; 0 never leaves the host)
 * and MCL_RCVBUF (bytes) in the environment replace the defaults of interface, hops and recv_buffer.
 *
 * Networks change, and what is open follows, without the program's doing: an interface goes down, is deleted and made
 * anew, gets another address or appears late; a route comes or moves. Data flows again, both ways, within two seconds
 * of the network being able to carry it. Until then a publish fails with MCL_EROUTE, and is counted in send_errors. An
 * interface that is named is waited for by its name, and is the only one used; without one, the kernel's choice for the
 * group is followed. A listener is where its settings' interface_index says. */
typedef struct mcl_connection {
    size_t size;            /* sizeof(mcl_connection) */
    const char *url;        /* an IPv6 multicast address such as "ff15::1"; "ff12::1%eth0" names an interface */
    const char *interface_; /* name, also of one that does not exist yet, or decimal index; NULL or "": the kernel picks
                               by its routing table */
    int32_t port;           /* MCL_PORT_MIN to MCL_PORT_MAX; 0: MCL_PORT_DEFAULT */
    int32_t hops;           /* 1 to MCL_HOPS_MAX, or MCL_HOPS_HOST; 0: MCL_HOPS_DEFAULT */
    int32_t loopback;       /* MCL_ON or MCL_OFF: do listeners on this host receive it; 0: MCL_ON */
    int32_t reassembly_age_ms; /* an incomplete message that got nothing for so long is evicted; 0: default */
    int64_t recv_buffer;    /* bytes of socket buffer to ask for; 0: MCL_RECV_BUFFER_DEFAULT */
    int64_t send_buffer;    /* bytes of socket buffer to ask for; 0: what the system gives */
    int64_t message_max;    /* bytes of the largest payload sent or accepted; 0: MCL_MESSAGE_MAX_DEFAULT */
    int64_t reassembly_bytes; /* bytes that incomplete messages may hold; 0: MCL_REASSEMBLY_BYTES_DEFAULT */
    int64_t objects_max;    /* msgpack objects of the largest payload sent or accepted: each key, value, array and map is
                               one. It bounds what a message takes when it is decoded, which may be a hundred times its
                               bytes (SECURITY.md). 0: any number; MCL_MESSAGE_MAX_LIMIT at most */
} mcl_connection;

#define MCL_CONNECTION_INIT {sizeof(mcl_connection), NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/* What was asked for and what the kernel granted. */
typedef struct mcl_settings {
    size_t size;               /* in: sizeof(mcl_settings) */
    int32_t interface_index;   /* a listener's: where it is a member of the group now; 0: nowhere. A broadcaster's: the
                                  one that is named; 0: none is, or it does not exist now */
    int32_t port;              /* of the group */
    int32_t local_port;        /* of the socket: a broadcaster's source port */
    int32_t hops;              /* 0 to MCL_HOPS_MAX (broadcasters) */
    int32_t loopback;          /* MCL_ON or MCL_OFF (broadcasters) */
    int32_t reserved;
    int64_t recv_buffer_asked; /* bytes (listeners) */
    int64_t recv_buffer;       /* bytes granted, in the same unit as asked */
    int64_t send_buffer_asked; /* bytes (broadcasters) */
    int64_t send_buffer;
    int64_t message_max;
    int64_t reassembly_bytes;
    int64_t reassembly_age_ms;
    int64_t objects_max;
} mcl_settings;

/* Checks a connection as opening something on it would, without touching the network.
 * Errors: MCL_EADDRESS, MCL_EINVAL (a field out of range; the text names it). An interface is looked up
 * only when something is opened. */
int mcl_connection_check(const mcl_connection *connection, mcl_error *error);

/* ---- Message types and messages ---- */

typedef struct mcl_type mcl_type;
typedef struct mcl_message mcl_message;

/* Defines a message type and registers it by its name in this process.
 *   name        not empty, not "Message"
 *   mandatory   `count` keys that every message of the type has; not "mandatory" or "connection", no key twice
 *   connection  where its messages travel; no other type may have an equal one (same address and port)
 * Gives a handle in *type. Errors: MCL_EINVAL, MCL_EADDRESS, MCL_EEXISTS. */
int mcl_type_define(const char *name, const char *const *mandatory, size_t count, const mcl_connection *connection,
                    mcl_type **type, mcl_error *error);

/* Makes a message type that is not registered: other types are not looked at, and mcl_type_find does not find it.
 * Otherwise as mcl_type_define. Errors: MCL_EINVAL, MCL_EADDRESS. */
int mcl_type_new(const char *name, const char *const *mandatory, size_t count, const mcl_connection *connection,
                 mcl_type **type, mcl_error *error);

/* Finds a type by its name. Gives a new handle in *type. Errors: MCL_EUNKNOWN. */
int mcl_type_find(const char *name, mcl_type **type, mcl_error *error);

/* Writes the names of all types, sorted, each ended by NUL, into `buffer` of `size` bytes, and the bytes
 * that takes into *needed (may be NULL). Returns their count. Errors: MCL_EBUFFER. */
int mcl_type_list(char *buffer, size_t size, size_t *needed, mcl_error *error);

/* Forgets a type by its name; handles to it, and what is open on it, go on. Errors: MCL_EUNKNOWN. */
int mcl_type_remove(const char *name, mcl_error *error);

/* Writes the type's name, ended by NUL. *needed (may be NULL) receives its size with the NUL.
 * Errors: MCL_EBUFFER. */
int mcl_type_name(mcl_type *type, char *buffer, size_t size, size_t *needed, mcl_error *error);

/* Writes the mandatory keys, each ended by NUL, as mcl_type_list does. Returns their count. */
int mcl_type_mandatory(mcl_type *type, char *buffer, size_t size, size_t *needed, mcl_error *error);

/* Gives the handle back; the type stays registered. */
int mcl_type_close(mcl_type *type);

/* A new message of a type: every mandatory key is nil, `name` is the type's, `timestamp` is now (seconds
 * since the Unix epoch, UTC). */
int mcl_message_new(mcl_type *type, mcl_message **message, mcl_error *error);

/* A message from its msgpack map. `name` and `timestamp` are added where missing.
 * Errors: MCL_EFORMAT (not one msgpack map), MCL_ETYPE (a mandatory key is missing, or `name` is another
 * type's; the text says which). */
int mcl_message_decode(mcl_type *type, const void *packed, size_t size, mcl_message **message, mcl_error *error);

/* Gives the message back. */
int mcl_message_close(mcl_message *message);

/* Checks bytes that came from elsewhere as every function does that takes packed data, before a decoder sees them: they are
 * exactly one msgpack object, nested no deeper than MCL_DEPTH_MAX, and none of its maps has keys that were chosen so that a
 * dict of Python's would take very long. Errors: MCL_EFORMAT (the text says which). */
int mcl_packed_check(const void *packed, size_t size, mcl_error *error);

/* Set a key's value, adding the key when it is new. `name` cannot be changed (MCL_EINVAL). The timestamp is
 * left alone: mcl_message_touch sets it to now. key_size may be MCL_NUL, as may a string's size. */
int mcl_message_set_nil(mcl_message *message, const char *key, size_t key_size, mcl_error *error);
int mcl_message_set_bool(mcl_message *message, const char *key, size_t key_size, int value, mcl_error *error);
int mcl_message_set_int(mcl_message *message, const char *key, size_t key_size, int64_t value, mcl_error *error);
int mcl_message_set_uint(mcl_message *message, const char *key, size_t key_size, uint64_t value, mcl_error *error);
int mcl_message_set_double(mcl_message *message, const char *key, size_t key_size, double value, mcl_error *error);
int mcl_message_set_string(mcl_message *message, const char *key, size_t key_size, const char *value, size_t size,
                           mcl_error *error);
int mcl_message_set_bytes(mcl_message *message, const char *key, size_t key_size, const void *value, size_t size,
                          mcl_error *error);
/* One nested value that is msgpack already. Errors: MCL_EFORMAT. */
int mcl_message_set_packed(mcl_message *message, const char *key, size_t key_size, const void *packed, size_t size,
                           mcl_error *error);
int mcl_message_touch(mcl_message *message, mcl_error *error);

enum mcl_kind {
    MCL_KIND_NIL = 0,
    MCL_KIND_BOOL = 1,
    MCL_KIND_INT = 2,    /* negative */
    MCL_KIND_UINT = 3,   /* zero or positive */
    MCL_KIND_DOUBLE = 4,
    MCL_KIND_STRING = 5, /* msgpack str: text, or any bytes from a legacy sender */
    MCL_KIND_BYTES = 6,  /* msgpack bin */
    MCL_KIND_ARRAY = 7,
    MCL_KIND_MAP = 8,
    MCL_KIND_EXT = 9
};

/* The number of keys, `name` and `timestamp` included. */
int mcl_message_count(mcl_message *message, mcl_error *error);

/* Writes the key at `index` (0 to count - 1, in the message's order) without a NUL, and its size into
 * *needed. A key that is no string is given as its msgpack. Errors: MCL_EINVAL, MCL_EBUFFER. */
int mcl_message_key(mcl_message *message, size_t index, void *buffer, size_t size, size_t *needed, mcl_error *error);

/* The kind of a key's value, one of MCL_KIND_.... Errors: MCL_EUNKNOWN when there is no such key. */
int mcl_message_kind(mcl_message *message, const char *key, size_t key_size, mcl_error *error);

/* Get a key's value. Errors: MCL_EUNKNOWN (no such key), MCL_ETYPE (its value is of another kind, or does not
 * fit: int and uint give each other's values where they fit, double gives integers too, string and bytes each
 * other). The string, bytes and packed forms write the value without a NUL, and its size into *needed;
 * MCL_EBUFFER, with nothing written to `buffer`, when that is more than `size`. */
int mcl_message_get_bool(mcl_message *message, const char *key, size_t key_size, int *value, mcl_error *error);
int mcl_message_get_int(mcl_message *message, const char *key, size_t key_size, int64_t *value, mcl_error *error);
int mcl_message_get_uint(mcl_message *message, const char *key, size_t key_size, uint64_t *value, mcl_error *error);
int mcl_message_get_double(mcl_message *message, const char *key, size_t key_size, double *value, mcl_error *error);
int mcl_message_get_string(mcl_message *message, const char *key, size_t key_size, char *buffer, size_t size,
                           size_t *needed, mcl_error *error);
int mcl_message_get_bytes(mcl_message *message, const char *key, size_t key_size, void *buffer, size_t size,
                          size_t *needed, mcl_error *error);
int mcl_message_get_packed(mcl_message *message, const char *key, size_t key_size, void *buffer, size_t size,
                           size_t *needed, mcl_error *error);

/* Writes the message as its msgpack map, or as JSON text (UTF-8, without a NUL), and its size into *needed.
 * In JSON, bytes that are no UTF-8 become U+FFFD, NaN and infinities become null, bin becomes base64, as do keys that are
 * arrays, maps or extensions; other keys that are no strings become their text.
 * Errors: MCL_EBUFFER. */
int mcl_message_encode(mcl_message *message, void *buffer, size_t size, size_t *needed, mcl_error *error);
int mcl_message_json(mcl_message *message, char *buffer, size_t size, size_t *needed, mcl_error *error);

/* ---- Broadcasters ---- */

typedef struct mcl_broadcaster mcl_broadcaster;

typedef struct mcl_broadcaster_options {
    size_t size;       /* sizeof(mcl_broadcaster_options) */
    const char *topic; /* the default topic; NULL: none */
    size_t topic_size; /* bytes; 0 or MCL_NUL: up to its NUL */
    mcl_type *type;    /* publish only messages of this type; NULL: anything */
    int32_t verbatim;  /* MCL_ON: packed payloads go out exactly as given; 0 or MCL_OFF: strings of 32 to 255 bytes
                          are written as legacy encoders write them (raw16 instead of str8: the same value) */
    int32_t coalesce_us; /* 0: each message leaves before its publish returns. Otherwise microseconds, up to
                          MCL_COALESCE_US_MAX, for which a message that fits into a datagram may wait for others, so that
                          they leave together at a fraction of the cost. What waits is sent when that time is over (or
                          as soon after it as the system wakes a thread), when 64 messages or 60,000 bytes wait, by
                          mcl_broadcaster_flush and by closing. An error in sending it is counted, and returned by the
                          next call of these or the next publish, which then sends nothing */
} mcl_broadcaster_options;

#define MCL_BROADCASTER_OPTIONS_INIT {sizeof(mcl_broadcaster_options), NULL, MCL_NUL, NULL, 0, 0}

/* Opens a broadcaster.
 *   connection  where to publish; may be NULL when options->type gives one
 *   options     may be NULL
 * A missing route or interface is no error here, since it may appear later; each publish reports it.
 * Errors: MCL_EADDRESS, MCL_EINVAL, MCL_EINTERFACE (that cannot be the name of one, or a group of one link needs it, or
 * there is none of that index), MCL_EDESCRIPTORS, MCL_ESYSTEM. */
int mcl_broadcaster_open(const mcl_connection *connection, const mcl_broadcaster_options *options,
                         mcl_broadcaster **broadcaster, mcl_error *error);

/* Publish one payload. `topic` NULL means the default topic; topic_size may be MCL_NUL. The payload has left
 * for the kernel when the call returns 0. It waits while the socket's buffer is full, and while another thread publishes
 * something large: seconds on a slow link, and on one that is stuck until the broadcaster is closed. Signal handlers run
 * meanwhile. mcl_broadcaster_publish_within waits no longer than it is told.
 * Errors, with nothing sent: MCL_ECLOSED, MCL_EFORMAT (mcl_packed_check tells of what), MCL_ETOOLARGE,
 * MCL_ETYPE (the broadcaster has a type, and this is no message of it), MCL_EROUTE (the network cannot carry it now:
 * the text says why, and has the `ip` command that mends it), MCL_ENOBUFS, MCL_ESYSTEM. A large message may have gone
 * out in part after the last three; receivers drop such a part. Publishing works again as soon as the network does. */
int mcl_broadcaster_publish(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, const void *packed,
                            size_t size, mcl_error *error);
int mcl_broadcaster_publish_message(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                    mcl_message *message, mcl_error *error);
int mcl_broadcaster_publish_nil(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, mcl_error *error);
int mcl_broadcaster_publish_bool(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, int value,
                                 mcl_error *error);
int mcl_broadcaster_publish_int(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, int64_t value,
                                mcl_error *error);
int mcl_broadcaster_publish_uint(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, uint64_t value,
                                 mcl_error *error);
int mcl_broadcaster_publish_double(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, double value,
                                   mcl_error *error);
int mcl_broadcaster_publish_string(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                   const char *value, size_t size, mcl_error *error);
int mcl_broadcaster_publish_bytes(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                  const void *value, size_t size, mcl_error *error);

#define MCL_LEAVING 2 /* the rest of a large message leaves by itself */

/* Does what mcl_broadcaster_publish does, and waits for timeout_ms milliseconds at most: < 0 for ever, 0 not at all.
 * Returns 1, or 0 when the time is over and nothing was sent. MCL_LEAVING: a part of a large message has left, and then the
 * time was over, or a signal handler ran. The rest leaves by itself, from a copy and before what is published later;
 * mcl_broadcaster_flush waits for it, and returns its error if it fails; closing ends it.
 * Errors: those of mcl_broadcaster_publish, and MCL_EINTR with nothing sent. */
int mcl_broadcaster_publish_within(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                   const void *packed, size_t size, int timeout_ms, mcl_error *error);

/* One message of mcl_broadcaster_publish_many. */
typedef struct mcl_item {
    const char *topic;   /* NULL: the default topic */
    size_t topic_size;   /* may be MCL_NUL */
    const void *payload; /* one msgpack object */
    size_t payload_size;
} mcl_item;

/* Publishes `count` messages in order, by few system calls: neighbours of one size leave in one piece, up to 64 at a
 * time, where the kernel can take that apart (UDP_SEGMENT, Linux 4.18 and later) and each fits the MTU. On the wire they
 * are what as many calls of mcl_broadcaster_publish make of them. It is for what is at hand at once: nothing slows it
 * down to what receivers can take, save that messages of more than 2 MB are paced.
 *   sent  may be NULL; receives how many have left whole, from the first on: on an error, too
 * Errors: those of mcl_broadcaster_publish, of which MCL_EFORMAT, MCL_ETYPE, MCL_ETOOLARGE, MCL_EINVAL and MCL_ECLOSED
 * are found before anything is sent. The text tells which message it was. */
int mcl_broadcaster_publish_many(mcl_broadcaster *broadcaster, const mcl_item *items, size_t count, size_t *sent,
                                 mcl_error *error);

/* Does what mcl_broadcaster_publish_many does, and waits as mcl_broadcaster_publish_within does. Returns 1, or 0 when the time
 * is over before all have left: *sent tells how many have. MCL_LEAVING: all are taken, and the last one is still leaving.
 * Errors: those of mcl_broadcaster_publish_many, and MCL_EINTR, with *sent as for 0. */
int mcl_broadcaster_publish_many_within(mcl_broadcaster *broadcaster, const mcl_item *items, size_t count, size_t *sent,
                                        int timeout_ms, mcl_error *error);

/* Sets how many bytes of a large message a fragment takes, and how many bytes a datagram has at most that takes a message
 * whole: 1 to MCL_FRAGMENT_SIZE_MAX; MCL_FRAGMENT_SIZE until it is set. Smaller ones are for networks that lose packets: a
 * datagram larger than the network's packets is lost with any of them. It holds for what is published after it. A message that
 * makes more than MCL_FRAGMENTS_MAX of them is MCL_ETOOLARGE. Errors: MCL_EINVAL, MCL_ECLOSED. */
int mcl_broadcaster_set_fragment_size(mcl_broadcaster *broadcaster, int bytes, mcl_error *error);

/* Sends what waits to be coalesced, and waits until that has left, and what leaves by itself (MCL_LEAVING).
 * Errors: those of sending it, or what waited before; MCL_ECLOSED. */
int mcl_broadcaster_flush(mcl_broadcaster *broadcaster, mcl_error *error);

/* Does what mcl_broadcaster_flush does, for timeout_ms milliseconds at most: < 0 for ever, 0 not at all. Returns 1, or 0 when
 * the time is over: what has not left goes on waiting. Errors: those of mcl_broadcaster_flush, and MCL_EINTR. */
int mcl_broadcaster_flush_within(mcl_broadcaster *broadcaster, int timeout_ms, mcl_error *error);

typedef struct mcl_broadcaster_stats {
    size_t size;          /* in: sizeof(mcl_broadcaster_stats) */
    uint64_t messages;    /* published whole */
    uint64_t datagrams;   /* handed to the kernel */
    uint64_t bytes;       /* in those datagrams */
    uint64_t send_errors; /* publishes that failed while sending */
} mcl_broadcaster_stats;

int mcl_broadcaster_get_stats(mcl_broadcaster *broadcaster, mcl_broadcaster_stats *stats, mcl_error *error);
int mcl_broadcaster_get_settings(mcl_broadcaster *broadcaster, mcl_settings *settings, mcl_error *error);

/* Closes. A publish that waits on another thread ends with MCL_ECLOSED, and no call is left when this returns. What
 * waits to be coalesced is sent, within MCL_CLOSE_WAIT_MS; an error in that (MCL_ETIMEOUT, ...) is returned, and the
 * broadcaster is closed all the same. */
int mcl_broadcaster_close(mcl_broadcaster *broadcaster);

/* ---- Listeners ---- */

typedef struct mcl_listener mcl_listener;

enum mcl_policy { /* what happens to messages beyond the queue's limit */
    MCL_DROP_OLDEST = 1,
    MCL_DROP_NEWEST = 2,
    MCL_BLOCK = 3 /* stop reading the socket: the kernel drops, and counts */
};

typedef struct mcl_listener_options {
    size_t size;               /* sizeof(mcl_listener_options) */
    const char *const *topics; /* deliver only these topics; NULL: all, those without a topic too */
    const size_t *topic_sizes; /* bytes of each; NULL: they end in NUL */
    size_t topic_count;        /* 0: all */
    mcl_type *type;            /* deliver only messages of this type, also those packed in a string or bytes, as what that
                                  holds; others are counted as rejected; NULL: anything */
    int32_t queued;            /* MCL_ON: receiving goes on in the background, and the queue holds what arrives while a
                                  callback runs, or while nobody receives. 0 or MCL_OFF: the thread that wants data
                                  reads the socket itself, which costs least; what arrives while it is busy waits in the
                                  kernel's buffer (recv_buffer), and what does not fit there is dropped, and counted as
                                  dropped_kernel */
    int32_t policy;            /* enum mcl_policy; 0: MCL_DROP_OLDEST */
    int64_t queue_messages;    /* messages that may wait; 0: MCL_QUEUE_MESSAGES_DEFAULT */
    int64_t queue_bytes;       /* bytes of payload and topic that may wait; 0: MCL_QUEUE_BYTES_DEFAULT. One message
                                  may always wait, whatever its size */
    int32_t quiet;             /* MCL_ON: write nothing to stderr. 0 or MCL_OFF: messages that do not fit the type, a
                                  socket that fails, and a network that has no place for the group, are told there,
                                  each at most once a second */
    int32_t reserved;
} mcl_listener_options;

#define MCL_LISTENER_OPTIONS_INIT {sizeof(mcl_listener_options), NULL, NULL, 0, NULL, 0, 0, 0, 0, 0, 0}

/* One received message. What it points to belongs to the library while a callback runs and while it is in hand, and to the
 * caller's buffer after mcl_listener_recv. */
typedef struct mcl_received {
    const char *topic;     /* NULL: it has none. Not ended by NUL */
    size_t topic_size;
    const void *payload;   /* one msgpack object, checked to be well formed */
    size_t payload_size;
    int64_t time_received; /* nanoseconds since the Unix epoch, when the kernel received its last datagram */
    uint8_t sender[16];    /* IPv6 address */
    uint32_t sender_port;
    uint32_t interface_index; /* it came in by; 0: unknown */
} mcl_received;

/* Opens a listener: joins the group. What arrives from now on waits for callbacks, or for who receives.
 *   connection  where to listen; may be NULL when options->type gives one
 *   options     may be NULL
 * Then either subscribe callbacks, or receive (recv, take); not both at once.
 *
 * Threads: a listener without a queue of its own (queued) has none. Who receives waits in the kernel for its socket, and
 * while callbacks are subscribed, or its descriptor was asked for (mcl_listener_fd), one thread of the library does,
 * which ends when it is closed or the last callback is gone. With a queue, or MCL_BLOCK, Go's runtime reads the socket
 * and calls back. When nothing arrives nothing wakes any of them, except what is incomplete (reassembly_age_ms), and
 * changes of the network.
 * A missing route or interface is no error here: it is told on stderr, unless quiet, and waited for; the group is joined
 * within two seconds of when it can be. Later changes of the network are followed likewise.
 * Errors: MCL_EADDRESS, MCL_EINVAL, MCL_EINTERFACE (that cannot be the name of one, or a group of one link needs it, or
 * there is none of that index), MCL_EDESCRIPTORS, MCL_ESYSTEM. */
int mcl_listener_open(const mcl_connection *connection, const mcl_listener_options *options, mcl_listener **listener,
                      mcl_error *error);

/* A callback. `call` runs on a thread of the library, one at a time for a listener, in order of arrival, with
 * no lock held: it may call any function of this file, and may close, subscribe to and unsubscribe from its own
 * listener. It must not call longjmp or throw through the library. `drop` (may be NULL) runs exactly once, after
 * the last `call` has returned: when it is unsubscribed, or its listener is closed. */
typedef struct mcl_callback {
    void *context;
    void (*call)(void *context, const mcl_received *record);
    void (*drop)(void *context);
} mcl_callback;

/* Adds a callback, and gives a number for unsubscribing in *id (may be NULL). What has been queued so far is
 * delivered to the first one. It may run before this returns, and so before *id is written. On an error, `drop` is
 * not called. Errors: MCL_EINVAL (no `call`), MCL_ECLOSED, MCL_EDESCRIPTORS, MCL_ESYSTEM (no thread, no memory). */
int mcl_listener_subscribe(mcl_listener *listener, const mcl_callback *callback, uint64_t *id, mcl_error *error);

/* Removes a callback. When it returns, the callback is not running and will not run again, unless it is called
 * from a callback of this listener. Errors: MCL_EUNKNOWN, MCL_EBUSY (the callback still runs after
 * MCL_CLOSE_WAIT_MS; it is removed all the same, and `drop` runs when it has returned). */
int mcl_listener_unsubscribe(mcl_listener *listener, uint64_t id, mcl_error *error);

/* A descriptor that poll() reports readable while messages are queued, and for good once the listener is
 * closing. Only to be polled; it belongs to the listener and is gone when mcl_listener_close returns, while a
 * dup() of it stays readable then. From the first call on, what arrives is received in the background and queued.
 * Errors: MCL_ECLOSED, MCL_EDESCRIPTORS, MCL_ESYSTEM (no thread can be started). */
int mcl_listener_fd(mcl_listener *listener, mcl_error *error);

/* Waits until a message is queued. timeout_ms < 0 waits for ever. Returns 1, or 0 when the time is over.
 * Errors: MCL_EINTR, MCL_ECLOSED, MCL_EBUSY (callbacks are subscribed), MCL_EDESCRIPTORS (at the first wait). */
int mcl_listener_wait(mcl_listener *listener, int timeout_ms, mcl_error *error);

/* Waits like mcl_listener_wait, then receives one message: *record, with its topic and payload in `buffer` of
 * `size` bytes. Returns 1, or 0 when the time is over. MCL_EBUFFER when it is too small: *needed (may be NULL) has the
 * size, and nothing is consumed. */
int mcl_listener_recv(mcl_listener *listener, int timeout_ms, mcl_received *record, void *buffer, size_t size,
                      size_t *needed, mcl_error *error);

/* Messages in hand: taken, and neither delivered nor rejected yet. What it points to belongs to the library. Begin with
 * MCL_HAND_INIT. */
typedef struct mcl_hand {
    size_t size;               /* sizeof(mcl_hand) */
    uint64_t number;           /* 0: nothing is in hand */
    size_t count;              /* messages */
    const mcl_received *records;
    const void *stream;        /* if asked for: all of them one behind the other, each after its topic, and records point
                                  there; NULL: they take more than 512 kB, or one more than 16 kB */
    size_t stream_size;        /* bytes */
    size_t most;               /* in: messages at most; 0: all that one read brought, or 64 of a queue. A read brings what
                                  left in one piece as a whole: the rest of that waits until the hand is settled */
    int32_t wants_stream;      /* in: MCL_ON; 0 or MCL_OFF: no */
    int32_t reserved;
} mcl_hand;

#define MCL_HAND_INIT {sizeof(mcl_hand), 0, 0, NULL, NULL, 0, 0, 0, 0}

/* Waits like mcl_listener_wait, then takes the oldest messages into *hand. Nothing is copied: records lie in the library's
 * memory until the hand is settled, also when the listener is closed before. Returns their count, or 0 when the time is over.
 * What was in *hand before is settled as delivered first, so that a stream costs a call for many messages. Unless that fails
 * (MCL_EUNKNOWN, MCL_ECLOSED), nothing is in hand on every result but a count.
 * Several threads may take, each with a hand of its own: each gets other messages. What is in hand counts as queued.
 * Errors: those of mcl_listener_wait, MCL_EUNKNOWN (what was in hand is not of this listener, or settled already),
 * MCL_ESYSTEM (no memory). */
int mcl_listener_take(mcl_listener *listener, int timeout_ms, mcl_hand *hand, mcl_error *error);

/* Ends a take: the first `delivered` of the messages in hand count as delivered, the `rejected` ones behind them as rejected,
 * and the rest is queued again, before all others. Then nothing is in hand, on MCL_ECLOSED too.
 * Errors: MCL_EUNKNOWN (hand->number is not of a hand of this listener, or settled already), MCL_EINVAL (more than it has:
 * nothing is settled), MCL_ECLOSED (it was closed, and discarded them). */
int mcl_listener_settle(mcl_listener *listener, mcl_hand *hand, size_t delivered, size_t rejected, mcl_error *error);

enum mcl_malformed {              /* why a datagram was dropped */
    MCL_MALFORMED_MSGPACK = 0,    /* no msgpack, or cut short */
    MCL_MALFORMED_SHAPE = 1,      /* no array of 2 or 4 as messages are, or its elements have wrong types */
    MCL_MALFORMED_TRAILING = 2,   /* bytes after the array */
    MCL_MALFORMED_TOPIC = 3,      /* the topic is neither nil nor a string */
    MCL_MALFORMED_PACKET = 4,     /* `packet` outside 1 to `packets` */
    MCL_MALFORMED_PACKETS = 5,    /* `packets` is 0, or more than any message of message_max bytes has */
    MCL_MALFORMED_DEPTH = 6,      /* nested deeper than MCL_DEPTH_MAX */
    MCL_MALFORMED_SIZE = 7,       /* the payload is larger than message_max */
    MCL_MALFORMED_REASSEMBLED = 8, /* all fragments are there, but joined they are not one msgpack object */
    MCL_MALFORMED_KEYS = 9,       /* a map's keys were chosen so that a dict of Python's would take very long */
    MCL_MALFORMED_OBJECTS = 10    /* the payload has more objects than objects_max */
};
#define MCL_MALFORMED_COUNT 11

/* Counters since the listener was opened. Asking for them also queues what waits in the socket, if nobody is receiving it
 * just then. Two sums hold at every moment, exactly:
 *   datagrams = malformed[all] + filtered + repeated + evicted + assembling + joined
 *   messages  = delivered + rejected + dropped_queue + discarded + queued
 * `joined` counts the datagrams that made up the `messages`, one or several each. */
typedef struct mcl_listener_stats {
    size_t size;             /* in: sizeof(mcl_listener_stats) */
    uint64_t datagrams;      /* read from the socket */
    uint64_t bytes;          /* in those datagrams */
    uint64_t filtered;       /* datagrams of other topics */
    uint64_t repeated;       /* fragments that were there already */
    uint64_t evicted;        /* fragments of messages that never became complete, or could be mixtures of two (SECURITY.md) */
    uint64_t assembling;     /* fragments held now */
    uint64_t joined;         /* datagrams that made up whole messages */
    uint64_t messages;       /* whole messages */
    uint64_t delivered;      /* to callbacks, or taken by recv */
    uint64_t rejected;       /* did not fit the message type */
    uint64_t dropped_queue;  /* by the policy, at the queue's limit */
    uint64_t discarded;      /* still queued when it was closed */
    uint64_t queued;         /* now; what was just read, and is being put there, included, and what is in hand */
    uint64_t queued_bytes;   /* now: of what waits, and of what is in hand */
    uint64_t dropped_kernel; /* datagrams that the kernel dropped before the library could read them: at least so many.
                                Of a train, which it queues and drops in one piece, it counts one, and tells nothing of
                                how many there were: up to 64 small messages of one mcl_broadcaster_publish_many or of
                                coalesce_us, or fragments of a size that was set to less than 32 kB. All else is counted
                                exactly */
    uint64_t messages_evicted; /* messages that never became complete */
    uint64_t assembling_bytes; /* memory that incomplete messages hold now */
    uint64_t malformed[16];  /* datagrams, by enum mcl_malformed */
} mcl_listener_stats;

int mcl_listener_get_stats(mcl_listener *listener, mcl_listener_stats *stats, mcl_error *error);
int mcl_listener_get_settings(mcl_listener *listener, mcl_settings *settings, mcl_error *error);

/* A cause's name, such as "trailing"; NULL for what is none. */
const char *mcl_malformed_name(int cause);

/* Closes: leaves the group, wakes every waiter with MCL_ECLOSED, discards (and counts) what is queued, and waits
 * for a running callback. Called from a callback of the same listener it does not wait. Returns MCL_EBUSY when a
 * callback still runs after MCL_CLOSE_WAIT_MS: the listener is closed all the same. The handle is stale after it
 * in every case. `stats` (may be NULL, else with its size set) receives the final counters. */
int mcl_listener_close(mcl_listener *listener, mcl_listener_stats *stats);

/* ---- Log files ---- */

/* A log is a text file: a header, then a line for each message. While it is written it is called PREFIX.tmp, and
 * PREFIX.log when it is complete. A log that is split is PREFIX_000.log, PREFIX_001.log, ..., of which only the first
 * has a header. What is written can be read by others at once, in a .tmp too. */

#define MCL_LOG_VERSION "1.0" /* of the format */

typedef struct mcl_log_writer mcl_log_writer;
typedef struct mcl_log_reader mcl_log_reader;

typedef struct mcl_log_writer_options {
    size_t size;             /* sizeof(mcl_log_writer_options) */
    const char *type_name;   /* name of the message type that is logged; NULL or "": raw data */
    const char *revision;    /* of the recording program, say; NULL or "": none. No line feeds, here and above */
    int64_t time_origin;     /* nanoseconds since the Unix epoch from which elapsed times count, if has_time_origin */
    int32_t has_time_origin; /* MCL_ON; 0 or MCL_OFF: the origin is the first entry's time */
    int32_t reserved;
    int64_t max_entries;     /* a new file after so many entries; 0: never */
    int64_t max_time;        /* a new file for an entry so many nanoseconds later than the first of the file, or
                                earlier (a clock was set back); 0: never */
    int32_t existing;        /* what becomes of a log of this prefix that exists: one of MCL_LOG_... */
    int32_t unbuffered;      /* MCL_ON: an entry is in the file when mcl_log_writer_write returns; 0 or MCL_OFF: a second later */
} mcl_log_writer_options;

#define MCL_LOG_WRITER_OPTIONS_INIT {sizeof(mcl_log_writer_options), NULL, NULL, 0, 0, 0, 0, 0, 0, 0}

/* What becomes of a log that has the prefix of a new one.
 *
 * MCL_LOG_MOVE: when the new one takes its name, each file of the old one gets ".1" behind its name, or the next number
 * that is free, so that no reader takes it for a log. stderr tells, once.
 *
 * MCL_LOG_CONTINUE: it is gone on with, by the time origin in its header: a split log with its next file, which has no
 * header; another in its file, which is called .tmp again meanwhile. Where there is none, a log is begun. Errors:
 * MCL_ETYPE (it is of another type), MCL_EFORMAT (it has no header, or ends amid a line).
 *
 * A .tmp of the prefix (of a split log: of its first file) may be in use: it is MCL_EEXISTS with each of them. */
enum mcl_log_existing {
    MCL_LOG_REFUSE = 0, /* it is an error: MCL_EEXISTS */
    MCL_LOG_MOVE = 1,
    MCL_LOG_CONTINUE = 2
};

/* Counters of a log that is written. Each entry is in one of entries, buffered and dropped. */
typedef struct mcl_log_writer_stats {
    size_t size;       /* in: sizeof(mcl_log_writer_stats) */
    uint64_t entries;  /* whole in files */
    uint64_t bytes;    /* in files, headers included */
    uint64_t buffered; /* in no file yet */
    uint64_t dropped;  /* lost because they could not be written */
    uint64_t errors;   /* attempts to write that failed */
    uint64_t files;    /* begun */
} mcl_log_writer_stats;

/* Prepares a log. Its file is created by the first entry.
 *   prefix   path of the file without ".log"; its folder must exist, and no log of that prefix: see mcl_log_existing
 *   options  may be NULL
 * Errors: MCL_EINVAL, MCL_EEXISTS (there is such a log, or one that was not completed), MCL_ESYSTEM (there is no such
 * folder, it cannot be written to, ...; errno in error->system); with MCL_LOG_CONTINUE also MCL_ETYPE and MCL_EFORMAT. */
int mcl_log_writer_open(const char *prefix, const mcl_log_writer_options *options, mcl_log_writer **writer, mcl_error *error);

/* Adds an entry.
 *   topic          of topic_size bytes, which may be MCL_NUL; NULL: none, which a log does not tell from an empty one
 *   packed         the payload: one msgpack object of `size` bytes
 *   time_received  nanoseconds since the Unix epoch
 * Entries are buffered, and written when there are 64 KiB of them, or a second after the first, or by a flush: of a
 * process that is killed, or exits without closing, at most the last second is missing, and nothing where the log is
 * unbuffered. When the disk is full, or its
 * folder is gone, this still succeeds: it is tried again about once a second, some megabytes are held until then, and
 * beyond them entries are dropped and counted. mcl_log_writer_get_stats tells.
 * Errors, with nothing added: MCL_EFORMAT (packed), MCL_EINVAL, MCL_ECLOSED. */
int mcl_log_writer_write(mcl_log_writer *writer, const char *topic, size_t topic_size, const void *packed, size_t size,
                  int64_t time_received, mcl_error *error);

/* Hands what is buffered to the operating system. Errors, with what could not be written kept: MCL_ESYSTEM, MCL_EEXISTS
 * (another has taken the name meanwhile), MCL_EDESCRIPTORS. */
int mcl_log_writer_flush(mcl_log_writer *writer, mcl_error *error);

/* Gives the counters, and in *last (may be NULL) why writing fails at present; last->code is MCL_OK and its text empty
 * when it does not. */
int mcl_log_writer_get_stats(mcl_log_writer *writer, mcl_log_writer_stats *stats, mcl_error *last, mcl_error *error);

/* Closes: flushes, has the disk keep it (fsync), and gives the file its final name, which is never one that is taken.
 * The handle is stale after it in every case. An error tells what could not be written or renamed: MCL_ESYSTEM,
 * MCL_EEXISTS, MCL_EDESCRIPTORS, as of mcl_log_writer_flush; also of an earlier file of a split log, which may then not be on the
 * disk. `stats` (may be NULL, else with its size set) receives the final counters. */
int mcl_log_writer_close(mcl_log_writer *writer, mcl_log_writer_stats *stats, mcl_error *error);

typedef struct mcl_log_reader_options {
    size_t size;          /* sizeof(mcl_log_reader_options) */
    int64_t min_time;     /* nanoseconds elapsed: entries before are skipped, if has_min_time */
    int64_t max_time;     /* nanoseconds elapsed: entries after are skipped, if has_max_time */
    int32_t has_min_time; /* MCL_ON; 0 or MCL_OFF: no limit */
    int32_t has_max_time; /* MCL_ON; 0 or MCL_OFF: no limit */
    int32_t refuse_raw;   /* of directories: MCL_ON: a log of raw data is an error; 0 or MCL_OFF: it is skipped */
    int32_t reserved;
} mcl_log_reader_options;

#define MCL_LOG_READER_OPTIONS_INIT {sizeof(mcl_log_reader_options), 0, 0, 0, 0, 0, 0}

/* One entry of a log. */
typedef struct mcl_log_record {
    int64_t elapsed;       /* nanoseconds since the log's time origin; may be negative */
    const char *topic;     /* not ended by NUL; NULL (when it is given) or of size 0: none */
    size_t topic_size;
    const void *payload;   /* one msgpack object */
    size_t payload_size;
    const char *type_name; /* of the message type of its log, ended by NUL; "": raw data */
} mcl_log_record;

/* Opens a log: by its prefix, which stands for PREFIX.log, or else PREFIX.tmp, or else all files of a split log; or by
 * the name of one file, whatever it is called.
 *   options  may be NULL
 * Errors: MCL_EINVAL (min_time is more than max_time, ...), MCL_EFORMAT (it begins with neither a header nor an entry,
 * or is of another version),
 * MCL_ESYSTEM (there is none, it is a directory, ...; errno in error->system), MCL_EDESCRIPTORS. */
int mcl_log_reader_open(const char *path, const mcl_log_reader_options *options, mcl_log_reader **reader, mcl_error *error);

/* Opens all logs of a directory, to be read as one in order of time. Where there are none, as when nothing arrived while
 * it was recorded, there is nothing to read. Errors: as mcl_log_reader_open; MCL_EINVAL also when they have different time
 * origins; MCL_ETYPE (one is of raw data, with refuse_raw). */
int mcl_log_reader_open_directory(const char *path, const mcl_log_reader_options *options, mcl_log_reader **reader,
                           mcl_error *error);

/* Reads up to `count` entries: records[0..n-1], with what they point to in `buffer` of `size` bytes. Returns n, which
 * may be less than count where the buffer is full; 0 at the end. Calls from several threads take turns.
 * Errors: MCL_EBUFFER when not even the first entry fits: *needed (may be NULL) has its size, and nothing is consumed.
 * MCL_EFORMAT: a line that is no entry (the text names the file and the line), once all entries before it were read;
 * the next call goes on with the line after it. MCL_ESYSTEM, MCL_EDESCRIPTORS. MCL_EBUSY: a replay reads from it. */
int mcl_log_reader_read(mcl_log_reader *reader, mcl_log_record *records, size_t count, void *buffer, size_t size,
                 size_t *needed, mcl_error *error);

/* Returns 1 when there is something left to read (an entry, or an error), else 0. Errors: MCL_EBUSY. */
int mcl_log_reader_pending(mcl_log_reader *reader, mcl_error *error);

/* Goes back to the beginning. Errors: MCL_EBUSY, MCL_EDESCRIPTORS, MCL_ESYSTEM, MCL_EFORMAT (another file is there now). */
int mcl_log_reader_reset(mcl_log_reader *reader, mcl_error *error);

typedef struct mcl_log_header {
    size_t size;           /* in: sizeof(mcl_log_header) */
    int64_t created;       /* the time origin: nanoseconds since the Unix epoch */
    int64_t end;           /* offset of the first entry: bytes */
    const char *text;      /* the lines of the header as they stand in the file. This and the next end in NUL */
    const char *version;   /* of the format */
    const char *revision;  /* "": none */
    const char *type_name; /* "": raw data */
    const char *path;      /* of the file */
} mcl_log_header;

/* Gives a log's header, with what it points to in `buffer` of `size` bytes.
 *   index  0 for a log; for a directory 0 to n - 1, in order of name
 * *needed (may be NULL) receives the size of what is put into the buffer. Errors: MCL_EUNKNOWN (there is no such log,
 * or it has no header), MCL_EBUFFER. */
int mcl_log_reader_get_header(mcl_log_reader *reader, size_t index, mcl_log_header *header, void *buffer, size_t size,
                       size_t *needed, mcl_error *error);

/* Counts entries that were left out so far because the file ends amid them, as after a power cut. */
int mcl_log_reader_torn(mcl_log_reader *reader, uint64_t *count, mcl_error *error);

/* Closes. Errors: MCL_EBUSY: a replay reads from it: close that first. */
int mcl_log_reader_close(mcl_log_reader *reader);

/* Makes a directory for the logs of a recording: ROOT/<YYYYMMDD>T<HHMMSS>_<hostname>, in local time, with _1, _2, ...
 * behind it when there is one, and writes its path, ended by NUL.
 *   root         a directory
 *   time_origin  of its name: nanoseconds since the Unix epoch
 * *needed (may be NULL) receives the path's size with the NUL. Errors: MCL_EBUFFER (nothing is made), MCL_ESYSTEM. */
int mcl_log_make_directory(const char *root, int64_t time_origin, char *buffer, size_t size, size_t *needed,
                           mcl_error *error);

/* ---- Recorders ---- */

/* A recorder listens and logs, on threads of the library alone: what the program does meanwhile cannot delay it. */
typedef struct mcl_recorder mcl_recorder;

typedef struct mcl_recorder_options {
    size_t size;                          /* sizeof(mcl_recorder_options) */
    const mcl_log_writer_options *log;           /* may be NULL. type_name NULL: that of listener->type */
    const mcl_listener_options *listener; /* topics, type, limits of the queue that decouples a slow disk; `queued` has
                                             no meaning. quiet MCL_ON: nothing is written to stderr, about failing to
                                             write a log neither. May be NULL */
} mcl_recorder_options;

#define MCL_RECORDER_OPTIONS_INIT {sizeof(mcl_recorder_options), NULL, NULL}

/* Records a connection into a log.
 *   prefix      as for mcl_log_writer_open
 *   connection  where to listen; may be NULL when options->listener->type gives one
 *   options     may be NULL
 * An entry's time is when the kernel received the message. All that arrives is logged, whether it fits the type or not:
 * that is for the header, and for whoever reads the log. Errors: those of mcl_log_writer_open and mcl_listener_open. */
int mcl_recorder_open(const char *prefix, const mcl_connection *connection, const mcl_recorder_options *options,
                      mcl_recorder **recorder, mcl_error *error);

/* Records `count` message types, each on its connection and into a log of its name, in a new directory as
 * mcl_log_make_directory makes. All logs have one time origin: that of options->log, or now.
 *   root     a directory
 *   types    handles, which may be closed afterwards; at least one, no name twice, and none that begins with '.' or holds '/'
 *   options  may be NULL; log->type_name and listener->type must be NULL
 * Opens all or none. Errors: those of mcl_recorder_open. */
int mcl_recorder_open_network(const char *root, mcl_type *const *types, size_t count,
                              const mcl_recorder_options *options, mcl_recorder **recorder, mcl_error *error);

/* Writes the path of the directory that holds the logs, ended by NUL. *needed (may be NULL) receives its size with the
 * NUL. Errors: MCL_EBUFFER. */
int mcl_recorder_directory(mcl_recorder *recorder, char *buffer, size_t size, size_t *needed, mcl_error *error);

/* Gives the counters.
 *   index     of the log, in the order of `types`; -1: the sums of all
 *   log, listener, last  each may be NULL; *last receives why writing fails at present, as in mcl_log_writer_get_stats
 * At every moment, exactly: listener->delivered == log->entries + log->buffered + log->dropped.
 * Errors: MCL_EINVAL. */
int mcl_recorder_get_stats(mcl_recorder *recorder, int index, mcl_log_writer_stats *log, mcl_listener_stats *listener,
                           mcl_error *last, mcl_error *error);

/* Closes: leaves the group, logs what is queued, and closes the logs as mcl_log_writer_close does. The handle is stale after
 * it in every case. An error, one of those of mcl_log_writer_close, tells what could not be written. `log` and `listener` (may be
 * NULL) receive the sums. */
int mcl_recorder_close(mcl_recorder *recorder, mcl_log_writer_stats *log, mcl_listener_stats *listener, mcl_error *error);

/* ---- Replay ---- */

/* A replay publishes a log's entries in the order and timing of their recording, on threads of the library alone. */
typedef struct mcl_replay mcl_replay;

#define MCL_REPLAY_BUFFER_DEFAULT 5000
#define MCL_REPLAY_SPEED_MIN 0.000000001
#define MCL_REPLAY_SPEED_MAX 1000000000

enum mcl_replay_state {
    MCL_REPLAY_STOPPED = 0, /* not started, or stopped */
    MCL_REPLAY_RUNNING = 1,
    MCL_REPLAY_PAUSED = 2,
    MCL_REPLAY_FINISHED = 3 /* all is published */
};

typedef struct mcl_replay_options {
    size_t size;    /* sizeof(mcl_replay_options) */
    int64_t buffer; /* entries that are read ahead, or may be pushed ahead; 0: MCL_REPLAY_BUFFER_DEFAULT */
    int32_t quiet;  /* MCL_ON: write nothing to stderr. 0 or MCL_OFF: lines that are no entry, and failing to publish,
                       are told there, at most once a second */
    int32_t reserved;
    int64_t linger; /* nanoseconds that it is running still when the last entry is published, so that listeners of this
                       program have it by the end; 0: none */
} mcl_replay_options;

#define MCL_REPLAY_OPTIONS_INIT {sizeof(mcl_replay_options), 0, 0, 0, 0}

/* Counters since the replay was opened. At every moment, exactly: read = published + errors + buffered + discarded. */
typedef struct mcl_replay_stats {
    size_t size;        /* in: sizeof(mcl_replay_stats) */
    uint64_t read;      /* entries (and lines that are none) read, or pushed */
    uint64_t published;
    uint64_t errors;    /* could not be read or published */
    uint64_t buffered;  /* are read and wait for their time */
    uint64_t discarded; /* were waiting when the replay was stopped or closed */
    int64_t late_max;   /* nanoseconds: the most that an entry was late */
} mcl_replay_stats;

/* Opens a replay, which is stopped.
 *   reader   what to replay, from where it stands. Until the replay is closed it cannot be read, reset or closed
 *            (MCL_EBUSY). NULL: the entries are pushed
 *   speed    MCL_REPLAY_SPEED_MIN to MCL_REPLAY_SPEED_MAX: 2 is twice as fast as recorded; 0: as fast as possible
 *   options  may be NULL
 * Errors: MCL_EINVAL, MCL_EBUSY (another replay has the reader), MCL_EDESCRIPTORS. */
int mcl_replay_open(mcl_log_reader *reader, double speed, const mcl_replay_options *options, mcl_replay **replay,
                    mcl_error *error);

/* Has entries of a type published by a broadcaster. Without it, entries go out by one that the replay opens on the
 * registered type of that name; an entry for which there is none is an error that is counted.
 *   type_name    ended by NUL; "" for entries of raw data
 *   broadcaster  must stay open until the replay is closed; NULL: forget it */
int mcl_replay_target(mcl_replay *replay, const char *type_name, mcl_broadcaster *broadcaster, mcl_error *error);

/* Adds an entry, which is copied, to a replay that has no reader. Waits while as many as options.buffer are waiting
 * (or 64 MiB); timeout_ms < 0 waits for ever, 0 not at all. Returns 1, or 0 when the time is over and nothing was taken.
 * Errors: MCL_EFORMAT (the payload), MCL_EINVAL (the replay has a reader, ...), MCL_ECLOSED (after mcl_replay_end, or
 * the replay was stopped while this waited), MCL_EINTR, MCL_EDESCRIPTORS (at the first wait). */
int mcl_replay_push(mcl_replay *replay, const mcl_log_record *record, int timeout_ms, mcl_error *error);

/* Nothing more is pushed: when all is published, the replay is finished. Errors: MCL_EINVAL (it has a reader). */
int mcl_replay_end(mcl_replay *replay, mcl_error *error);

/* Start begins at the next entry, or goes on after a pause. Pause halts recorded time. Stop ends the replay and resets
 * its reader (what was pushed and is not published is discarded); a start then begins anew, as it does after the end.
 * Each returns 1, or 0 when there was nothing to do: it runs already, does not run, is stopped. Errors of a start: those of
 * mcl_log_reader_reset. */
int mcl_replay_start(mcl_replay *replay, mcl_error *error);
int mcl_replay_pause(mcl_replay *replay, mcl_error *error);
int mcl_replay_stop(mcl_replay *replay, mcl_error *error);

/* Sets the speed, as in mcl_replay_open, from now on; while it runs, too. Errors: MCL_EINVAL. */
int mcl_replay_set_speed(mcl_replay *replay, double speed, mcl_error *error);

/* The state, one of MCL_REPLAY_.... */
int mcl_replay_get_state(mcl_replay *replay, mcl_error *error);

/* Returns 1 when something is left to be published, else 0. */
int mcl_replay_pending(mcl_replay *replay, mcl_error *error);

/* Waits until the replay is finished or stopped. timeout_ms < 0 waits for ever. Returns 1, or 0 when the time is over.
 * Errors: MCL_EINTR, MCL_ECLOSED, MCL_EDESCRIPTORS (at the first wait). */
int mcl_replay_wait(mcl_replay *replay, int timeout_ms, mcl_error *error);

int mcl_replay_get_stats(mcl_replay *replay, mcl_replay_stats *stats, mcl_error *error);

/* Closes: stops, and wakes every waiter with MCL_ECLOSED. The reader can be used again: reset it, for what was read
 * ahead is lost. `stats` (may be NULL, else with its size set) receives the final counters. */
int mcl_replay_close(mcl_replay *replay, mcl_replay_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* MCL_H */

/* mclw.h - libmcl in few lines of C.
 *
 * mcl.h is the contract: every value that can be got or set, every error. This wrapper is what one would write on
 * top of it in each program: opening in one line, closing that is hard to forget, receive buffers that grow, one
 * poll() loop for many listeners, messages by key, logs, and one place where errors go. It works on mcl.h's own handles,
 * so the two mix freely: where a line of the wrapper says too little, write the mcl_ call.
 *
 * CONVENTIONS
 *   Results   As in mcl.h: >= 0 is success, < 0 one of MCL_E.... What opens something gives NULL instead.
 *   Errors    Each failure goes once to the hook (mclw_on_error), on the thread that made the call, before the call
 *             returns; the first hook prints it on stderr. Not failures, so never reported: a time that is over
 *             (0), a signal while waiting (MCL_EINTR), a listener that was closed while waiting (MCL_ECLOSED), and
 *             a key that is missing or of another type where a default was given.
 *             Memory that cannot be had is MCL_ESYSTEM with ENOMEM in mcl_error.system.
 *   NULL      Anywhere a handle or pointer is asked for, NULL gives MCL_EHANDLE or MCL_EINVAL, never a crash,
 *             unless the function says what NULL means. Closing NULL does nothing.
 *   Closing   Every close takes the address of the variable and sets it to NULL, so closing twice is harmless.
 *             A variable declared mclw_auto_... is closed when its scope ends (not by exit() or longjmp()).
 *   Threads   Functions on mcl.h's handles keep its rule: from any thread at any time. A mclw_buffer belongs to one
 *             thread at a time. A mclw_loop is described with it.
 *
 * C11 and C++ also get mclw_set, mclw_get, mclw_read, mclw_pack, mclw_publish and mclw_close, which pick the
 * function by the type of the value; they are in mclw_generic.h. C99 writes the long names.
 *
 * One header, longer than most files here, since it is the wrapper's manual and is read from top to bottom.
 */
#ifndef MCLW_H
#define MCLW_H

#include "mcl.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ---- */

/* Receives every failure. It may call any function; a failure inside it comes back to it. `error` is the library's
 * while it runs. */
typedef void (*mclw_error_hook)(void *context, const mcl_error *error);

/* Sets the hook for the whole process; NULL: nothing is reported. A call on another thread may still be in the old
 * hook when this returns. */
void mclw_on_error(mclw_error_hook hook, void *context);

/* Two hooks to choose from: the first one, the text as a line on stderr; and that, then exit(1). */
void mclw_error_print(void *context, const mcl_error *error);
void mclw_error_exit(void *context, const mcl_error *error);

/* ---- Opening and closing ---- */

/* Open with the defaults of mcl.h; for other settings fill a mcl_connection and call mcl_..._open.
 *   address  an IPv6 multicast address such as "ff15::1", or with an interface, "ff12::1%eth0"
 *   port     MCL_PORT_MIN to MCL_PORT_MAX; 0: MCL_PORT_DEFAULT
 *   topic    ends in NUL. Broadcaster: the default topic, NULL: none. Listener: only this topic, NULL: all
 * NULL on failure; the errors are those of mcl_broadcaster_open and mcl_listener_open. */
mcl_broadcaster *mclw_broadcast(const char *address, int port, const char *topic);
mcl_listener *mclw_listen(const char *address, int port, const char *topic);

/* The same for the messages of one type, where the type says; other messages are refused, or not delivered. The
 * type may be closed before them. */
mcl_broadcaster *mclw_broadcast_type(mcl_type *type);
mcl_listener *mclw_listen_type(mcl_type *type);

/* Defines a message type, as mcl_type_define.
 *   name            not empty, not "Message"
 *   keys            the mandatory keys with spaces between them, "gyro accel"; NULL or "": none
 *   address, port   where its messages travel, as above
 * NULL on failure. mclw_find gives the type that this process defined under a name. */
mcl_type *mclw_define(const char *name, const char *keys, const char *address, int port);
mcl_type *mclw_find(const char *name);

/* Close, and set the variable to NULL. Return 0, or what mcl_..._close returned. A listener's wait for a running
 * callback, at most MCL_CLOSE_WAIT_MS, is mcl.h's. */
int mclw_broadcaster_close(mcl_broadcaster **broadcaster);
int mclw_listener_close(mcl_listener **listener);
int mclw_type_close(mcl_type **type);
int mclw_message_close(mcl_message **message);

/* ---- Growing memory ---- */

/* Bytes that grow as needed: for receiving, and for building msgpack. Read `data` and `size`; the functions write
 * them. Belongs to one thread at a time. */
typedef struct mclw_buffer {
    unsigned char *data;
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes there are */
    int failed;      /* 0, or the code of the first mclw_pack_... that failed */
} mclw_buffer;

#define MCLW_BUFFER_INIT {NULL, 0, 0, 0}

/* Empties it, and forgets a failure; its memory is kept. */
void mclw_buffer_clear(mclw_buffer *buffer);

/* Frees its memory; it is as MCLW_BUFFER_INIT then, and can be used again. Returns 0. */
int mclw_buffer_close(mclw_buffer *buffer);

/* ---- Receiving one by one ---- */

/* Waits for one message, and receives it into `buffer`, which grows to what the message needs.
 *   timeout_ms  milliseconds; 0: only what is queued; < 0: for ever
 *   record      what it points to is in `buffer`: it lives until that is next used
 * Returns 1, or 0 when the time is over. Errors: MCL_ECLOSED (not reported), MCL_EINTR (not reported), MCL_EBUSY
 * (callbacks are subscribed), MCL_EHANDLE, MCL_EINVAL, MCL_ESYSTEM. */
int mclw_recv(mcl_listener *listener, int timeout_ms, mcl_received *record, mclw_buffer *buffer);

/* 1 when the record has this topic (ends in NUL; NULL: has none), else 0. */
int mclw_topic_is(const mcl_received *record, const char *topic);

/* ---- A loop over many listeners ---- */

/* One poll() that hands out messages of many listeners and events of the program's own descriptors.
 *
 * Handlers run one at a time on the thread that called mclw_loop_run, with no lock held. They may call any function
 * of mclw.h and mcl.h but mclw_loop_close and mclw_loop_run of their own loop; they may close and remove their own
 * listener, after which they are not called for it again. They must not throw or longjmp out of the loop.
 * All functions of a loop may be called from any thread, save that mclw_loop_close must be the last call.
 *
 * The loop does not own what is added to it. A listener that is closed, by whom and on which thread ever, leaves the
 * loop by itself. A descriptor of the program is removed before it is closed. */
typedef struct mclw_loop mclw_loop;

/* `record` and what it points to live until the handler returns. */
typedef void (*mclw_handler)(void *context, const mcl_received *record);

/* `events` is what poll() reported, POLLIN, POLLOUT, POLLHUP and so on. POLLNVAL (the descriptor is not open) comes
 * once, and the descriptor is removed after it. */
typedef void (*mclw_fd_handler)(void *context, int fd, short events);

/* NULL on failure: MCL_ESYSTEM, MCL_EDESCRIPTORS (it needs two, and one more for each listener). */
mclw_loop *mclw_loop_new(void);

/* Frees the loop, and gives back the signals of mclw_loop_stop_on. The listeners stay open. MCL_EBUSY, with nothing
 * done and the variable left alone, while the loop runs. */
int mclw_loop_close(mclw_loop **loop);

/* Adds a listener. Errors: MCL_EINVAL (no handler), MCL_EEXISTS (it is there already), MCL_EHANDLE, MCL_ECLOSED,
 * MCL_EBUSY (callbacks are subscribed to it), MCL_EDESCRIPTORS, MCL_ESYSTEM. */
int mclw_loop_add(mclw_loop *loop, mcl_listener *listener, mclw_handler handler, void *context);

/* Adds a descriptor of the program, to be polled for `events` (POLLIN, POLLOUT or both). Errors: MCL_EINVAL (no
 * handler, or fd < 0), MCL_EEXISTS, MCL_ESYSTEM. */
int mclw_loop_add_fd(mclw_loop *loop, int fd, short events, mclw_fd_handler handler, void *context);

/* Remove. When they return, the handler is not running and will not run again, unless they are called from it.
 * Errors: MCL_EUNKNOWN (not in this loop), MCL_EBUSY (it still runs after MCL_CLOSE_WAIT_MS; it is removed all the
 * same). A listener that was closed left by itself: when the loop has not noticed yet this gives 0, else
 * MCL_EUNKNOWN, neither reported. */
int mclw_loop_remove(mclw_loop *loop, mcl_listener *listener);
int mclw_loop_remove_fd(mclw_loop *loop, int fd);

enum mclw_run {
    MCLW_TIMEOUT = 0, /* the time is over */
    MCLW_STOPPED = 1, /* mclw_loop_stop was called */
    MCLW_EMPTY = 2    /* no listener and no descriptor is left, and the time has no end */
};

/* Runs handlers until stopped.
 *   timeout_ms  milliseconds in all; 0: what is ready now, one round of at most 64 messages a listener; < 0: no end
 * A program with work of its own calls it in a loop of its own: while (mclw_loop_run(loop, 10) == MCLW_TIMEOUT)
 * step(). With nothing in the loop that is a clock which a signal can stop. Messages that have not been handled when it
 * returns wait for the next run. Returns one of MCLW_.... Errors: MCL_EBUSY (it runs already), MCL_ESYSTEM. */
int mclw_loop_run(mclw_loop *loop, int timeout_ms);

/* Makes mclw_loop_run return after the handler that is running; the next run, when none is. From any thread, any
 * handler and any signal handler: it is async-signal-safe and keeps errno. NULL does nothing. */
void mclw_loop_stop(mclw_loop *loop);

/* From now until the loop is closed, a signal such as SIGINT stops the loop instead of what it did before.
 * One loop a signal. Errors: MCL_EINVAL (no signal that can be handled), MCL_EEXISTS (another loop has it). */
int mclw_loop_stop_on(mclw_loop *loop, int signal_number);

/* ---- Messages by key ---- */

/* Keys end in NUL. As with mcl.h's messages, one thread must not change a message that another uses. */

/* A new message of a type, or the one that a record holds. NULL on failure. */
mcl_message *mclw_message(mcl_type *type);
mcl_message *mclw_message_of(mcl_type *type, const mcl_received *record);

/* Set a key. Errors: those of mcl_message_set_.... `true` and `false` are ints in C before C23, so for a literal
 * write mclw_set_bool. Floats become an array of 4-byte floats, doubles one of 8-byte floats. */
int mclw_set_nil(mcl_message *message, const char *key);
int mclw_set_bool(mcl_message *message, const char *key, int value);
int mclw_set_int(mcl_message *message, const char *key, int64_t value);
int mclw_set_uint(mcl_message *message, const char *key, uint64_t value);
int mclw_set_double(mcl_message *message, const char *key, double value);
int mclw_set_string(mcl_message *message, const char *key, const char *value);
int mclw_set_bytes(mcl_message *message, const char *key, const void *value, size_t size);
int mclw_set_doubles(mcl_message *message, const char *key, const double *values, size_t count);
int mclw_set_floats(mcl_message *message, const char *key, const float *values, size_t count);
int mclw_set_buffer(mcl_message *message, const char *key, const mclw_buffer *packed);

/* Get a key's value, or `fallback` where it is missing, or of a type that does not fit (mcl_message_get_...). */
int mclw_get_bool(mcl_message *message, const char *key, int fallback);
int64_t mclw_get_int(mcl_message *message, const char *key, int64_t fallback);
uint64_t mclw_get_uint(mcl_message *message, const char *key, uint64_t fallback);
double mclw_get_double(mcl_message *message, const char *key, double fallback);

/* Copies a string (or bytes) and a NUL into `buffer` of `size` bytes, cut where it does not fit. `fallback` (NULL:
 * "") where it is missing or no string. Returns the bytes of the whole text, as snprintf does: it was cut when that
 * is >= size. `buffer` may be NULL when size is 0. */
size_t mclw_get_string(mcl_message *message, const char *key, char *buffer, size_t size, const char *fallback);

/* Copy an array of numbers, the first `count` of it. Return how many it has, so that `== 3` asks for a whole vector;
 * integers are converted. Not reported, and `values` left as it was: MCL_EUNKNOWN (no such key), MCL_ETYPE (no
 * array, or not all of it numbers). */
int mclw_get_doubles(mcl_message *message, const char *key, double *values, size_t count);
int mclw_get_floats(mcl_message *message, const char *key, float *values, size_t count);

/* ---- Payloads without a message type ---- */

/* One msgpack object inside memory of someone else: it lives as long as that does. A value of size 0 means that
 * there is none; every function takes it. Any bytes are safe to look at, well formed or not. */
typedef struct mclw_value {
    const unsigned char *data;
    size_t size;
} mclw_value;

/* The value of a key in a record's map; key NULL: the whole payload. Of a key that is there twice, the last. */
mclw_value mclw_value_of(const mcl_received *record, const char *key);

mclw_value mclw_value_key(mclw_value map, const char *key);     /* none when there is no such key */
mclw_value mclw_value_item(mclw_value array, size_t index);     /* none when index >= count */
size_t mclw_value_count(mclw_value value);                      /* of an array, or keys of a map; else 0 */
int mclw_value_kind(mclw_value value);                          /* MCL_KIND_..., or MCL_EUNKNOWN: none */
const char *mclw_value_bytes(mclw_value value, size_t *size);   /* of a string or bin, no NUL; else NULL and 0 */

/* The value, or `fallback` where it does not fit, by the same rules as mclw_get_.... */
int mclw_value_bool(mclw_value value, int fallback);
int64_t mclw_value_int(mclw_value value, int64_t fallback);
uint64_t mclw_value_uint(mclw_value value, uint64_t fallback);
double mclw_value_double(mclw_value value, double fallback);
size_t mclw_value_string(mclw_value value, char *buffer, size_t size, const char *fallback);
int mclw_value_doubles(mclw_value value, double *values, size_t count);
int mclw_value_floats(mclw_value value, float *values, size_t count);

/* mclw_value_...(mclw_value_of(record, key), ...) in one call. */
int mclw_read_bool(const mcl_received *record, const char *key, int fallback);
int64_t mclw_read_int(const mcl_received *record, const char *key, int64_t fallback);
uint64_t mclw_read_uint(const mcl_received *record, const char *key, uint64_t fallback);
double mclw_read_double(const mcl_received *record, const char *key, double fallback);
size_t mclw_read_string(const mcl_received *record, const char *key, char *buffer, size_t size, const char *fallback);
int mclw_read_doubles(const mcl_received *record, const char *key, double *values, size_t count);
int mclw_read_floats(const mcl_received *record, const char *key, float *values, size_t count);

/* Append one msgpack object to `buffer`. An array is followed by its `count` objects, a map by `count` pairs of key
 * and value. After the first failure a buffer takes nothing more, and publishing it gives that failure's code, so
 * that only the publishing needs a check. Errors: MCL_EINVAL (more than 2^32 - 1 bytes or items), MCL_ESYSTEM. */
int mclw_pack_nil(mclw_buffer *buffer);
int mclw_pack_bool(mclw_buffer *buffer, int value);
int mclw_pack_int(mclw_buffer *buffer, int64_t value);
int mclw_pack_uint(mclw_buffer *buffer, uint64_t value);
int mclw_pack_float(mclw_buffer *buffer, float value);
int mclw_pack_double(mclw_buffer *buffer, double value);
int mclw_pack_string(mclw_buffer *buffer, const char *value); /* ends in NUL */
int mclw_pack_text(mclw_buffer *buffer, const char *value, size_t size);
int mclw_pack_bytes(mclw_buffer *buffer, const void *value, size_t size);
int mclw_pack_array(mclw_buffer *buffer, size_t count);
int mclw_pack_map(mclw_buffer *buffer, size_t count);
int mclw_pack_doubles(mclw_buffer *buffer, const double *values, size_t count);
int mclw_pack_floats(mclw_buffer *buffer, const float *values, size_t count);

/* ---- Publishing ---- */

/* Publish one payload. `topic` ends in NUL; NULL: the broadcaster's default. Errors: those of
 * mcl_broadcaster_publish. */
int mclw_publish_message(mcl_broadcaster *broadcaster, const char *topic, mcl_message *message);
int mclw_publish_buffer(mcl_broadcaster *broadcaster, const char *topic, const mclw_buffer *packed);
int mclw_publish_nil(mcl_broadcaster *broadcaster, const char *topic);
int mclw_publish_bool(mcl_broadcaster *broadcaster, const char *topic, int value);
int mclw_publish_int(mcl_broadcaster *broadcaster, const char *topic, int64_t value);
int mclw_publish_uint(mcl_broadcaster *broadcaster, const char *topic, uint64_t value);
int mclw_publish_double(mcl_broadcaster *broadcaster, const char *topic, double value);
int mclw_publish_string(mcl_broadcaster *broadcaster, const char *topic, const char *value); /* ends in NUL */
int mclw_publish_bytes(mcl_broadcaster *broadcaster, const char *topic, const void *value, size_t size);
int mclw_publish_doubles(mcl_broadcaster *broadcaster, const char *topic, const double *values, size_t count);
int mclw_publish_floats(mcl_broadcaster *broadcaster, const char *topic, const float *values, size_t count);

/* ---- Logs, recording, replay ---- */

/* Open with the defaults of mcl.h; for other settings (splitting, a window of time, a queue) fill its options and call
 * mcl_log_writer_open, mcl_log_reader_open, mcl_recorder_open and mcl_replay_open. NULL on failure; the errors are those of these. */

/* Begins a log, PREFIX.log. type_name is that of the message type; NULL: raw data. mclw_log_write adds what was
 * received, with its time. */
mcl_log_writer *mclw_log_create(const char *prefix, const char *type_name);
int mclw_log_write(mcl_log_writer *writer, const mcl_received *record);

/* Opens a log by its prefix or file, or all logs of a directory, to be read as one in order of time. */
mcl_log_reader *mclw_log_open(const char *path);

/* Reads one entry into `buffer`, which grows to what it needs. What the entry points to lives until that is next used.
 * Returns 1, or 0 at the end. Errors: MCL_EFORMAT (a line that is none: the next call goes on after it), and those of
 * mcl_log_reader_read. */
int mclw_log_read(mcl_log_reader *reader, mcl_log_record *entry, mclw_buffer *buffer);

/* An entry as a record, for mclw_read_..., mclw_topic_is, mclw_message_of and the like. It points to what the entry
 * points to. time_received is the time since the log's origin, and an empty topic is none. */
mcl_received mclw_log_record(const mcl_log_record *entry);

/* Record in the background until closed: what arrives on a connection, into PREFIX.log; or `count` message types, each
 * into a log of its name, in a new directory below `root`, whose path mcl_recorder_directory gives. */
mcl_recorder *mclw_record(const char *prefix, const char *address, int port);
mcl_recorder *mclw_record_types(const char *root, mcl_type *const *types, size_t count);

/* Opens a replay of what a reader has, on the message types that this process defined under the names in the log; for
 * others, and for raw data, mcl_replay_target names a broadcaster.
 *   speed  1: as recorded; 2: twice as fast; 0: as fast as possible */
mcl_replay *mclw_replay(mcl_log_reader *reader, double speed);

/* Starts a replay (unless it runs already) and waits until it is finished or stopped.
 *   timeout_ms  milliseconds; 0: only starts it; < 0: for ever
 * Returns 1, or 0 when the time is over and it goes on in the background. Errors: MCL_EINTR, MCL_ECLOSED (neither
 * reported), and those of mcl_replay_start and mcl_replay_wait. */
int mclw_replay_run(mcl_replay *replay, int timeout_ms);

/* Close, and set the variable to NULL. Return 0, or what the function of mcl.h returned: of a log, and of a recorder,
 * what could not be written. MCL_EBUSY, with nothing done and the variable left alone, for a reader that a replay has. */
int mclw_log_writer_close(mcl_log_writer **writer);
int mclw_log_reader_close(mcl_log_reader **reader);
int mclw_recorder_close(mcl_recorder **recorder);
int mclw_replay_close(mcl_replay **replay);

/* ---- Closing by scope ---- */

/* mclw_auto_listener imu = mclw_listen(...); closes imu when its scope ends. Needs the cleanup attribute of gcc and
 * clang; elsewhere the names are missing, since an empty one would leak without a word. */
#if defined(__GNUC__) || defined(__clang__)
#define MCLW_HAS_AUTO 1
void mclw_broadcaster_cleanup(mcl_broadcaster **broadcaster);
void mclw_listener_cleanup(mcl_listener **listener);
void mclw_type_cleanup(mcl_type **type);
void mclw_message_cleanup(mcl_message **message);
void mclw_log_writer_cleanup(mcl_log_writer **writer);
void mclw_log_reader_cleanup(mcl_log_reader **reader);
void mclw_recorder_cleanup(mcl_recorder **recorder);
void mclw_replay_cleanup(mcl_replay **replay);
void mclw_buffer_cleanup(mclw_buffer *buffer);
void mclw_loop_cleanup(mclw_loop **loop);
/* With the pointer in a type of its own, so that `mclw_auto_listener a = ..., b = ...;` is two pointers. */
typedef mcl_broadcaster *mclw_broadcaster_pointer;
typedef mcl_listener *mclw_listener_pointer;
typedef mcl_type *mclw_type_pointer;
typedef mcl_message *mclw_message_pointer;
typedef mcl_log_writer *mclw_log_writer_pointer;
typedef mcl_log_reader *mclw_log_reader_pointer;
typedef mcl_recorder *mclw_recorder_pointer;
typedef mcl_replay *mclw_replay_pointer;
typedef mclw_loop *mclw_loop_pointer;
#define mclw_auto_broadcaster __attribute__((cleanup(mclw_broadcaster_cleanup))) mclw_broadcaster_pointer
#define mclw_auto_listener __attribute__((cleanup(mclw_listener_cleanup))) mclw_listener_pointer
#define mclw_auto_type __attribute__((cleanup(mclw_type_cleanup))) mclw_type_pointer
#define mclw_auto_message __attribute__((cleanup(mclw_message_cleanup))) mclw_message_pointer
#define mclw_auto_log_writer __attribute__((cleanup(mclw_log_writer_cleanup))) mclw_log_writer_pointer
#define mclw_auto_log_reader __attribute__((cleanup(mclw_log_reader_cleanup))) mclw_log_reader_pointer
#define mclw_auto_recorder __attribute__((cleanup(mclw_recorder_cleanup))) mclw_recorder_pointer
#define mclw_auto_replay __attribute__((cleanup(mclw_replay_cleanup))) mclw_replay_pointer
#define mclw_auto_buffer __attribute__((cleanup(mclw_buffer_cleanup))) mclw_buffer
#define mclw_auto_loop __attribute__((cleanup(mclw_loop_cleanup))) mclw_loop_pointer
#endif

#ifdef __cplusplus
}
#endif

#include "mclw_generic.h"

#endif /* MCLW_H */

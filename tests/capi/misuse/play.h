/* play.h - random calls of every function of mcl.h, and what must hold after each.
 *
 * A player makes one call after the other, each of arguments that are drawn from the seed, the player's number and the
 * call's: so "thread 2, call 7" of a seed is always the same function with the same arguments, save the handles, which
 * are those that are there at the time. With one thread all is repeated exactly. */
#ifndef PLAY_H
#define PLAY_H

#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mcl.h"

/* In the header's order, which calls.c checks. */
enum kind {
    KIND_type,
    KIND_message,
    KIND_broadcaster,
    KIND_listener,
    KIND_log_writer,
    KIND_log_reader,
    KIND_recorder,
    KIND_replay,
    KINDS
};
extern const char *const kind_names[KINDS];

/* ---- Handles (pool.c) ---- */

/* A handle that was opened once. It stays known for good: a number that comes again would be a mistake. */
typedef struct handle {
    struct handle *next; /* of the same hash */
    void *value;
    int kind;
    int open;         /* until a close has returned that closed it */
    int closers;      /* closing calls that run, or have closed it */
    uint64_t opened;  /* tick before the call that opened it */
    uint64_t closed;  /* tick after the call that closed it */
    uint64_t serial;  /* what tells the object from others; 0: nothing does */
    int readers;      /* calls that look at this message; -1: one changes it */
    char path[512];   /* what is to be removed when it is closed: a log's prefix or a recording's folder */
} handle;

enum how { USE, USE_OR_NULL, CHANGE, CLOSE };

/* A handle that a call was given. */
typedef struct use {
    void *value;
    handle *known; /* NULL: garbage, or NULL */
    int kind;      /* that the call wants */
    enum how how;
    int counted;   /* in known->readers */
} use;

/* ---- Players ---- */

enum { USES = 12, ROOMS = 20, ROOM_SIZE = 1 << 18 };

typedef struct player {
    uint64_t seed;   /* of this call */
    int thread;      /* -1 in callbacks */
    uint64_t number; /* of the call */
    int depth;       /* 0: a thread of the program; more: inside of callbacks */

    const struct function *function;
    char *text;   /* the call as far as it is drawn, for people. It is in a file, so that it survives a crash */
    size_t used;  /* of text */
    use uses[USES];
    int use_count;
    int withdrawn;     /* handles may have been given, or not */
    size_t size;       /* of what was drawn last */
    mcl_error *error;  /* given to the call; NULL: none */
    void **opened;     /* where the call puts a new handle; NULL: nowhere */
    uint64_t serial;   /* of what is opened */
    char path[512];    /* and what is to be removed when it is closed */
    struct subscription *subscription;
    mcl_hand hand;     /* what it has taken */
    size_t *needed;    /* given to the call */
    char *room_at;     /* the last room given, and its size */
    size_t room;
    uint64_t tick;     /* when the call began */
    int endless;       /* it may wait for ever */
    atomic_int_least64_t began; /* milliseconds; 0: no call runs */
    handle *waits_on;  /* of an endless call */

    char *rooms;       /* ROOMS times ROOM_SIZE bytes, each with a page behind it that must not be touched */
    int rooms_used;
    struct player *next_free;
} player;

typedef struct function {
    const char *name;
    int (*play)(player *);
    uint32_t codes; /* that the header allows, as CODE(...) */
    int most;       /* the largest result that it allows */
    int opens;      /* a kind, or -1 */
    int closes;     /* likewise */
} function;

#define CODE(code) (UINT32_C(1) << -(code))

/* calls.c, generated */
extern const function functions[];
extern const int function_count;
int close_handle(int kind, void *value);

/* pool.c */
void *draw_handle(player *p, int kind, enum how how);
void *draw_opened_handle(player *p, int kind);
#define draw_opened(p, kind) ((void *)draw_opened_handle(p, kind))
void judge_handles(player *p, int result);
uint64_t tick(void);
int live_count(int kind);
handle *any_live(int kind); /* NULL: there is none */
void withdraw(player *p, int first); /* what was drawn from the first on may not be given after all */
void give(player *p, handle *h, enum how how, int kind);

/* objects.c: what tells an object from others, asked of the library */
uint64_t serial_of(int kind, void *value, int *code);
void mark(mcl_message *message, uint64_t serial);
void remove_path(const char *path);
extern const char *scratch, *vectors;

/* draw.c: arguments. What is drawn lies directly before a page that must not be touched. */
uint64_t random_bits(player *p);
#define below(p, n) (random_bits(p) % (n))
#define chance(p, percent) (below(p, 1000) < (unsigned)((percent) * 10))
void say(player *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *in_room(player *p, const void *data, size_t size); /* data NULL: filled with 0xa5 */
void check_rooms(player *p);

const char *draw_text_name(player *p);
const char *draw_text_key(player *p);
const char *draw_text_topic(player *p);
const char *draw_text_value(player *p);
const char *draw_text_prefix(player *p);
const char *draw_text_path(player *p);
const char *draw_text_root(player *p);
const char *draw_text_type_name(player *p);
const char *const *draw_texts_mandatory(player *p);
const void *draw_bytes_packed(player *p);
const void *draw_bytes_value(player *p);
#define drawn_size(p) ((p)->size)
void *draw_room(player *p);
size_t *draw_out_size(player *p);
int *draw_out_int(player *p);
int64_t *draw_out_int64(player *p);
uint64_t *draw_out_uint64(player *p);
double *draw_out_double(player *p);
int draw_int_code(player *p);
int draw_int_cause(player *p);
int draw_int_index(player *p);
int draw_int_value(player *p);
int draw_int_timeout_ms(player *p);
int draw_int_bytes(player *p);
int64_t draw_int64_value(player *p);
int64_t draw_int64_time_origin(player *p);
int64_t draw_int64_time_received(player *p);
uint64_t draw_uint64_value(player *p);
uint64_t draw_uint64_id(player *p);
double draw_double_value(player *p);
double draw_double_speed(player *p);
size_t draw_size_index(player *p);
size_t draw_size_delivered(player *p);
size_t draw_size_rejected(player *p);
mcl_error *draw_error(player *p);
mcl_error *draw_last(player *p);

/* structs.c: arguments that are structs */
const mcl_connection *draw_in_connection(player *p);
const mcl_broadcaster_options *draw_in_broadcaster_options(player *p);
const mcl_listener_options *draw_in_listener_options(player *p);
const mcl_log_writer_options *draw_in_log_writer_options(player *p);
const mcl_log_reader_options *draw_in_log_reader_options(player *p);
const mcl_log_record *draw_in_log_record(player *p);
const mcl_recorder_options *draw_in_recorder_options(player *p);
const mcl_item *draw_ins_item(player *p); /* with the count that is said of them */
const mcl_replay_options *draw_in_replay_options(player *p);
mcl_type *const *draw_handles(player *p, int kind);
mcl_broadcaster_stats *draw_out_broadcaster_stats(player *p);
mcl_listener_stats *draw_out_listener_stats(player *p);
mcl_hand *draw_out_hand(player *p);
mcl_log_writer_stats *draw_out_log_writer_stats(player *p);
mcl_replay_stats *draw_out_replay_stats(player *p);
mcl_log_header *draw_out_log_header(player *p);
mcl_settings *draw_out_settings(player *p);
mcl_received *draw_out_received(player *p);
mcl_received *draw_outs_record(player *p);
mcl_log_record *draw_outs_log_record(player *p);

/* callbacks.c */
const mcl_callback *draw_in_callback(player *p);
void judge_subscription(player *p, int result);
int callbacks_open(void);   /* subscriptions whose drop is still to come */
void callbacks_report(void);

/* player.c */
player *player_new(int thread);
void play(player *p, const function *f);
void play_close(player *p, handle *h);
void play_any(player *p);
void begin(player *p);
int look_at_text(player *p, const char *text);
void fail(player *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void watch(player *watcher); /* wakes endless calls, and ends a program that hangs */
player *borrow_player(void);
void return_player(player *p);
extern uint64_t seed;
extern const char *trace_folder;
extern atomic_int failures;
extern atomic_long calls_made, results_of[2]; /* good and bad */
int play_missed(player *p); /* a function that has never succeeded, or never failed; 0 when there is none */
int functions_missed(void);
int64_t now_ms(void);

#endif

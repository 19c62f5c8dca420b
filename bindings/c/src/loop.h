/* loop.h - what a loop is made of, for the files that make it. Not installed.
 *
 * The list of entries is guarded by `mutex`. Only the thread that runs the loop frees entries while it runs (others
 * mark them `gone`), so what it has polled on stays valid until it looks again, with no lock held around poll() or
 * a handler. */
#ifndef MCLW_LOOP_H
#define MCLW_LOOP_H

#include "internal.h"

#include <poll.h>
#include <pthread.h>

struct entry {
    struct entry *next;
    uint64_t id;            /* never given twice, unlike the address of an entry */
    mcl_listener *listener; /* NULL: a descriptor of the program */
    int fd;                 /* of a listener: a duplicate that the loop owns; see mclw_loop_add */
    short events;
    int gone;               /* removed, freed when the loop next looks */
    mclw_handler on_record;
    mclw_fd_handler on_event;
    void *context;
};

struct mclw_loop {
    pthread_mutex_t mutex;
    pthread_cond_t idle;  /* `current` has become 0 */
    struct entry *entries;
    uint64_t last_id;
    uint64_t current;     /* the entry whose handler runs, or 0 */
    int running;
    pthread_t runner;     /* valid while running */
    int wake[2];          /* a pipe: a byte makes poll() return */
    int stop;             /* set and taken with the __atomic builtins, since signal handlers set it */
    struct pollfd *polled; /* of the running thread, as is the rest */
    struct entry **ready;
    size_t room;
    mclw_buffer buffer;
};

/* Makes poll() return, to look at the entries or at `stop` again. Async-signal-safe; keeps errno. */
void mclw_internal_wake(mclw_loop *loop);

/* Frees the entries that are gone. With the mutex held, by the running thread or while none runs. */
void mclw_internal_sweep(mclw_loop *loop);

#endif

/* guard.h - what each public function begins and ends with. For the C half only. */
#ifndef MCL_GUARD_H
#define MCL_GUARD_H

#include <signal.h>
#include <stdatomic.h>

#include "shim.h"
#include "_cgo_export.h"

/* Writes an error as "FUNCTION: text" (printf's format), and gives its code back. */
int guard_fail(mcl_error *error, int code, const char *function, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Writes an error of the operating system: what was being done, and errno's text. */
int guard_errno(mcl_error *error, int system, const char *function, const char *what);

extern atomic_int fork_happened; /* fork.c: this is the child of a fork */
extern atomic_int guard_is_open; /* start.c: Go may be called; it has started, and this is no child of a fork */
int guard_start(const char *function, mcl_error *error);

/* Begins each function: nothing of Go may be called in the child of a fork, nor before it has the descriptors that it ends
 * the process without. */
#define ENTER(error)                                                                                                   \
    do {                                                                                                               \
        if (__builtin_expect(!atomic_load_explicit(&guard_is_open, memory_order_relaxed), 0))                          \
            CHECK(guard_start(__func__, error));                                                                       \
    } while (0)

/* Makes a call into Go with the program's signals blocked on this thread.
 *
 * Go runs on a stack of its own, of a few kB. A handler that was installed without SA_ONSTACK (as by signal(), by
 * most C programs, and by Python before 3.10) and runs in that moment writes beyond it, into other goroutines'
 * memory: the process crashes later and elsewhere. A signal that comes meanwhile is handled when the call is over.
 * It costs two system calls, some 0.1 to 0.4 us; what waits (listener_wait.c) waits in C, with signals open. */
#define GO(call)                                                                                                       \
    ({                                                                                                                 \
        sigset_t before_;                                                                                              \
        signals_block(&before_);                                                                                       \
        int result_ = (call);                                                                                          \
        signals_restore(&before_);                                                                                     \
        result_;                                                                                                       \
    })

/* The same for a call that opens descriptors: no other thread can fork before they are noted. */
#define GO_OPENING(call)                                                                                               \
    GO(({                                                                                                              \
        fork_hold();                                                                                                   \
        int opened_ = (call);                                                                                          \
        fork_release();                                                                                                \
        opened_;                                                                                                       \
    }))

/* signals.c */
void signals_block(sigset_t *before);
void signals_restore(const sigset_t *before);

/* fork.c. Signals must be blocked: a handler that forks would wait for what it interrupted. */
void fork_hold(void);
void fork_release(void);

/* Refuses a NULL where something must be pointed to. */
int guard_need(const void *pointer, const char *what, const char *function, mcl_error *error);

/* Bring a string (whose size may be MCL_NUL), or bytes, to a pointer and a size that can be trusted as far as
 * they can be: never NULL, and a size that fits an object. Both are 0 or the code of an error. */
int guard_string(const char **text, size_t *size, const char *what, const char *function, mcl_error *error);
int guard_bytes(const void **bytes, size_t size, const char *what, const char *function, mcl_error *error);
/* A topic is a string, save that NULL is none. */
int guard_topic(const char **topic, size_t *size, const char *function, mcl_error *error);

/* A field that is MCL_ON, MCL_OFF or 0. */
int guard_switch(int32_t value, const char *what, const char *function, mcl_error *error);

#define CHECK(condition_code)                                                                                          \
    do {                                                                                                               \
        int code_ = (condition_code);                                                                                  \
        if (code_ < 0)                                                                                                 \
            return code_;                                                                                              \
    } while (0)
#define NEED(pointer, error) CHECK(guard_need(pointer, #pointer, __func__, error))
#define STRING(text, size, error) CHECK(guard_string(&(text), &(size), #text, __func__, error))
#define BYTES(bytes, size, error) CHECK(guard_bytes(&(bytes), size, #bytes, __func__, error))
#define TOPIC(topic, size, error) CHECK(guard_topic(&(topic), &(size), __func__, error))
#define BUFFER(buffer, size, error)                                                                                    \
    do {                                                                                                               \
        const void *bytes_ = (buffer);                                                                                 \
        CHECK(guard_bytes(&bytes_, size, #buffer, __func__, error));                                                   \
        (buffer) = (void *)bytes_;                                                                                     \
    } while (0)

/* Copies an input struct of the caller's version into `own`, of the library's. */
int guard_input(void *own, size_t own_size, const void *given, const char *what, const char *function,
                mcl_error *error);
/* Checks the size of an output struct of the caller's version; then copies the library's into it. */
int guard_output(const void *given, const char *what, const char *function, mcl_error *error);
void guard_copy_out(void *given, const void *own, size_t own_size);

#define INPUT(own, given, error) CHECK(guard_input(&(own), sizeof(own), given, #given, __func__, error))

#endif

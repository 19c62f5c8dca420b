/* wait.h - waits that signals end. For the C half only. */
#ifndef MCL_WAIT_H
#define MCL_WAIT_H

#include "guard.h"

/* Begins a wait for something that the object of a handle has: returns 1 when it is there, or a code; or 0, with a
 * descriptor that becomes readable. Then the handle is in use until mclgo_wait_end. */
typedef int wait_begin(uintptr_t handle, int *fd, const char *function, mcl_error *error);

/* Waits until begin returns 1, which may no longer hold then: another thread may take what is there. Returns 1, or 0
 * when the time is over. */
int wait_for(wait_begin *begin, const void *handle, int timeout_ms, const char *function, mcl_error *error);

/* The parts of it. Signals must be blocked, and `open` be the mask of the program. wait_once does not look whether it is
 * there when the descriptor has become readable. */
#define WAIT_LOOK_AGAIN 2
int64_t wait_deadline(int timeout_ms); /* -1: none */
int wait_once(wait_begin *begin, const void *handle, int64_t deadline, const sigset_t *open, const char *function,
              mcl_error *error);

/* Now, in ms of the monotonic clock; and what is left until a deadline in the form that ppoll takes. */
int64_t wait_now(void);
struct timespec *wait_left(int64_t deadline, struct timespec *left);

int wait_interrupted(const char *function, mcl_error *error); /* MCL_EINTR, with its text */

/* Makes a call into Go that may wait by `wait`, a shim_wait. */
#define GO_WAITING(wait, function, call)                                                                               \
    ({                                                                                                                 \
        sigset_t before_;                                                                                              \
        signals_block(&before_);                                                                                       \
        (wait).open = &before_;                                                                                        \
        int waited_ = (call);                                                                                          \
        signals_restore(&before_);                                                                                     \
        if (__builtin_expect(atomic_load_explicit(&fork_happened, memory_order_relaxed), 0))                           \
            waited_ = guard_start(function, error);                                                                    \
        waited_;                                                                                                       \
    })

#endif

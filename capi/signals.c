/* Signals belong to the program. Two things keep them off Go's stacks, where a handler would do harm (guard.h):
 * Go's threads begin with everything blocked, because each inherits the mask of the one that starts it, and the
 * first is started by a constructor of Go between the two constructors here; and calls from the program's threads
 * into Go run with the same mask.
 *
 * Not blocked are the signals that a thread raises by what it does. Go turns its own into panics, which the library
 * reports as MCL_EINTERNAL; and the kernel kills a process that blocks one it is due. SIGSYS is among them for programs
 * that run under a seccomp filter and emulate what it traps.
 *
 * Go itself would unblock SIGCHLD, SIGPROF, SIGSTKFLT and signal 34 on its threads; the build leaves that out of its
 * runtime (internal/overlay). SIGURG, by which Go interrupts its own long loops, is left alone too, by the setting
 * asyncpreemptoff (Makefile): no loop here is so long that it must be.
 *
 * What stays of Go is its handlers for the synchronous signals, which pass on what did not happen in Go. */
#include "guard.h"

#include <pthread.h>

static sigset_t blocked;
static sigset_t at_load;

/* Go installs handlers of its own for these, which it does not need here. */
static const int given_back[] = {SIGPIPE, SIGURG};
#define GIVEN_BACK (sizeof given_back / sizeof *given_back)
static struct sigaction actions_at_load[GIVEN_BACK];

void signals_block(sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, &blocked, before);
}

void signals_restore(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* Constructors with a priority run before those without, of which Go's is one. */
__attribute__((constructor(101))) static void before_go(void)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof synchronous / sizeof *synchronous; i++)
        sigdelset(&blocked, synchronous[i]);
    signals_block(&at_load);
    for (size_t i = 0; i < GIVEN_BACK; i++)
        sigaction(given_back[i], NULL, &actions_at_load[i]);
}

/* Without a priority, in the order of linking: Go's object comes first. tests/capi/signals.c sees to it. */
__attribute__((constructor)) static void after_go(void)
{
    for (size_t i = 0; i < GIVEN_BACK; i++)
        sigaction(given_back[i], &actions_at_load[i], NULL);
    signals_restore(&at_load);
}

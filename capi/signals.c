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
#define _GNU_SOURCE /* sigisemptyset, syscall */
#include "guard.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static sigset_t blocked;
static sigset_t at_load;

/* Go installs handlers of its own for these, which it does not need here. */
static const int given_back[] = {SIGPIPE, SIGURG};
#define GIVEN_BACK (sizeof given_back / sizeof *given_back)
static struct sigaction actions_at_load[GIVEN_BACK];

/* Tells whether a signal waits that this thread will take with the mask `before`, though another could. */
static int is_due(const sigset_t *before)
{
    sigset_t pending;
    if (sigpending(&pending) != 0 || sigisemptyset(&pending) || getpid() == syscall(SYS_gettid))
        return 0;
    for (int signal = 1; signal < NSIG; signal++)
        if (sigismember(&pending, signal) == 1 && sigismember(before, signal) == 0)
            return 1;
    return 0;
}

void signals_block(sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, &blocked, before);
}

/* A signal for the process goes to its first thread, when that does not block it; programs rely on it (in Python, only
 * a handler that ran there ends a sleep). But the kernel hands one that is still on its way to whichever thread unblocks
 * it first, and a thread that publishes does that all the time: of 200 signals, 137 went astray. So a thread that sees one
 * pending gives the first thread a millisecond to take it. */
void signals_restore(const sigset_t *before)
{
    const struct timespec moment = {0, 50000};
    for (int i = 0; i < 20 && is_due(before); i++)
        nanosleep(&moment, NULL);
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

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
 * runtime (tools/overlay). SIGURG, by which Go interrupts its own long loops, is left alone too, by the setting
 * asyncpreemptoff (Makefile): no loop here is so long that it must be.
 *
 * What stays of Go is its handlers for SIGSEGV, SIGBUS and SIGFPE, for what may be a panic of its own: a nil pointer, a
 * division by zero. Every other fault is the program's, wherever it happens: in its code, in a callback on a thread of
 * Go's, or where the library reads what a wild pointer was given for. Go by itself would end the process by a trace of
 * its goroutines, and by SIGQUIT or SIGABRT. */
#define _GNU_SOURCE /* sigisemptyset, syscall */
#include "guard.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static sigset_t blocked;
static sigset_t at_load;

/* What a thread raises by what it does; of these Go handles the first three. */
static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
#define SYNCHRONOUS (sizeof synchronous / sizeof *synchronous)
#define FAULTS 3

static struct sigaction actions_at_load[NSIG];
static void (*go_handlers[NSIG])(int, siginfo_t *, void *);

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

/* Gives a signal to the program, as if the library had not been loaded: to the handler that was there, with its own flags,
 * mask and stack, or to the system's default action, which ends the process by this signal where it happened. The signal
 * is blocked until the handler returns. Queuing it keeps what is known of it, and repeats what does not happen again by
 * itself, such as kill(2). */
static void give_to_program(int signal, siginfo_t *info, void *context)
{
    sigaction(signal, &actions_at_load[signal], NULL);
    syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), signal, info);
}

/* Go makes a panic of what happened in its own code, and passes on to give_to_program what did not. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    enum { GO_NIL_PAGE = 4096 }; /* runtime/signal_unix.go: beyond, Go gives up */
    int by_kernel = info->si_code > 0 && info->si_code != SI_KERNEL;
    if (by_kernel && (signal == SIGFPE || (uintptr_t)info->si_addr < GO_NIL_PAGE))
        go_handlers[signal](signal, info, context);
    else
        give_to_program(signal, info, context);
}

/* Constructors with a priority run before those without, of which Go's is one. */
__attribute__((constructor(101))) static void before_go(void)
{
    struct sigaction ours = {.sa_sigaction = give_to_program, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&blocked);
    for (size_t i = 0; i < SYNCHRONOUS; i++)
        sigdelset(&blocked, synchronous[i]);
    signals_block(&at_load);
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, NULL, &actions_at_load[signal]);
    for (int i = 0; i < FAULTS; i++)
        sigaction(synchronous[i], &ours, NULL);
}

/* Takes back what Go did to other signals: its handlers for SIGPIPE and SIGURG, which it does not need here, and SA_ONSTACK,
 * by which the program's handlers would run on whatever small stack it has for crashes. Those of signals that come amid
 * Go's code need it.
 *
 * Without a priority, in the order of linking: Go's object comes first. tests/capi/signals.c sees to it. */
__attribute__((constructor)) static void after_go(void)
{
    for (int signal = 1; signal < NSIG; signal++)
        if (sigismember(&blocked, signal) == 1)
            sigaction(signal, &actions_at_load[signal], NULL);
    for (int i = 0; i < FAULTS; i++) {
        struct sigaction action;
        sigaction(synchronous[i], NULL, &action);
        go_handlers[synchronous[i]] = action.sa_sigaction;
        action.sa_sigaction = on_fault;
        sigaction(synchronous[i], &action, NULL);
    }
    signals_restore(&at_load);
}

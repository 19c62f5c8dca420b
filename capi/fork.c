/* A Go runtime does not survive fork(): in the child its threads are missing, and whatever waits for one of them
 * waits for ever. So the child is told apart, and every function refuses there (guard.h). What it inherited of
 * sockets is closed: else it would hold the port and the group, and the kernel's buffers, of a parent that may
 * be long gone. */
#include "guard.h"

#include <pthread.h>
#include <unistd.h>

atomic_int fork_happened;

/* The library's open descriptors, a bit each. A bitmap, since the child may only do what is safe in a signal
 * handler: it reads words that are right at every moment, without a lock. Its 128 KiB cost no memory until used;
 * Linux's own limit for a process is the same by default (fs.nr_open). A higher one is left open in the child. */
#define NOTED_MAX (1 << 20)
#define WORD_BITS 64
static _Atomic uint64_t noted[NOTED_MAX / WORD_BITS];
static atomic_int noted_end; /* no bit is set from this word on */

static pthread_rwlock_t opening = PTHREAD_RWLOCK_INITIALIZER;

void fork_hold(void)
{
    pthread_rwlock_rdlock(&opening);
}

void fork_release(void)
{
    pthread_rwlock_unlock(&opening);
}

void shim_descriptor_add(int fd)
{
    if (fd < 0 || fd >= NOTED_MAX)
        return;
    int end = fd / WORD_BITS + 1;
    int seen = atomic_load(&noted_end);
    while (seen < end && !atomic_compare_exchange_weak(&noted_end, &seen, end))
        ;
    atomic_fetch_or(&noted[fd / WORD_BITS], UINT64_C(1) << fd % WORD_BITS);
}

/* Must be called before the descriptor is closed: afterwards its number may be someone else's. */
void shim_descriptor_remove(int fd)
{
    if (fd >= 0 && fd < NOTED_MAX)
        atomic_fetch_and(&noted[fd / WORD_BITS], ~(UINT64_C(1) << fd % WORD_BITS));
}

static void before_fork(void)
{
    pthread_rwlock_wrlock(&opening);
}

static void in_parent(void)
{
    pthread_rwlock_unlock(&opening);
}

static void in_child(void)
{
    atomic_store(&fork_happened, 1);
    atomic_store(&guard_is_open, 0);
    int end = atomic_load(&noted_end);
    for (int word = 0; word < end; word++) {
        uint64_t bits = atomic_exchange(&noted[word], 0);
        for (; bits != 0; bits &= bits - 1)
            close(word * WORD_BITS + __builtin_ctzll(bits));
    }
    /* Made anew: glibc tells a writer's unlock from a reader's by the thread's id, which has changed. */
    pthread_rwlock_init(&opening, NULL);
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(before_fork, in_parent, in_child);
}

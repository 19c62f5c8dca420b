/* Go must have started before it is called, with the descriptors of its poller: it ends the process where it gets none
 * (core/internal/gopoller). It starts on a thread of its own while the library is loaded, and takes them then, if there are
 * any: most programs have plenty when they begin. Else each call tries, and is refused until it succeeds. */
#include "guard.h"

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

atomic_int guard_is_open;

static atomic_int has_begun;

void shim_go_has_begun(int is_open)
{
    atomic_store(&guard_is_open, is_open);
    atomic_store(&has_begun, 1);
}

int guard_start(const char *function, mcl_error *error)
{
    if (atomic_load(&fork_happened))
        return guard_fail(error, MCL_EFORKED, function,
                          "libmcl was loaded before a fork, and its threads exist only in the parent: "
                          "load the library after the fork, or call exec in the child");
    CHECK(GO_OPENING(mclgo_start(function, error)));
    atomic_store(&guard_is_open, 1);
    return 0;
}

/* Go ends the process where it gets too few addresses, which it reserves on 64-bit systems, with pages of its own state. What
 * the matter is, is told before. */
__attribute__((constructor(101))) static void look_for_addresses(void)
{
    if (sizeof(void *) < 8)
        return;
    void *space = mmap(NULL, MCL_LOAD_ADDRESSES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED)
        dprintf(STDERR_FILENO,
                "libmcl: less than %d MiB of addresses are left (ulimit -v), and Go's runtime needs more to begin: "
                "raise the limit by 2 GiB\n",
                MCL_LOAD_ADDRESSES >> 20);
    else
        munmap(space, MCL_LOAD_ADDRESSES);
}

/* Loading waits, so that the program does not take the descriptors amid it; a second at most, for in glibc 2.34 Go cannot make
 * its threads while a library is loaded (bug 28357 there). */
__attribute__((constructor)) static void wait_for_go(void)
{
    const struct timespec moment = {0, 100000};
    for (int i = 0; i < 10000 && !atomic_load(&has_begun); i++)
        nanosleep(&moment, NULL);
}

/* wait.h - waiting for what happened, instead of for a time in which it should have. Every test runs under a time
 * limit of tests/c/run, so these give up only there. */
#ifndef WAIT_H
#define WAIT_H

#include "mclw.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Until `count` messages wait in the listener's queue. */
static inline void wait_queued(mcl_listener *listener, uint64_t count)
{
    mcl_listener_stats stats;

    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    while (mcl_listener_get_stats(listener, &stats, NULL) >= 0 && stats.queued < count)
        sched_yield();
}

static inline long this_thread(void) { return syscall(SYS_gettid); }

/* Until the thread of this process sleeps, as it does in poll(). /proc/[pid]/stat: the state is after the name. */
static inline void wait_asleep(long thread)
{
    char path[64], line[256], state = 'R';

    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", thread);
    while (state != 'S') {
        FILE *file = fopen(path, "r");
        const char *name_end;

        if (file == NULL)
            return; /* it has ended */
        name_end = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
        state = name_end != NULL ? name_end[2] : 'S';
        fclose(file);
        sched_yield();
    }
}

#endif

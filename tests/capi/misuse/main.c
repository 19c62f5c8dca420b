/* main.c - misuse SEED CALLS THREADS SCRATCH VECTORS: so many calls of random functions from so many threads.
 *   SCRATCH  a folder; a disk in memory is mounted in it (../../netns) for what is written
 *   VECTORS  the folder of the logs to read (tests/vectors)
 * Prints the seed, which repeats the run. */
#include "disk.h"
#include "play.h"

#include <dirent.h>
#include <inttypes.h>

enum { ENOUGH_FOR_ALL = 20000 }; /* calls, in which every function should have succeeded, and failed */

static long calls_each;
static int threads_of_all;
static atomic_int threads_left;

static void *plays(void *of)
{
    player *p = of;
    for (long i = 0; i < calls_each; i++)
        play_any(p);
    /* What chance has left out is tried until it comes about, among other calls, which open and close its objects. */
    for (long i = 0; calls_each * threads_of_all >= ENOUGH_FOR_ALL && i < calls_each && play_missed(p); i++)
        play_any(p);
    threads_left--;
    return NULL;
}

static int entries_of(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;
    while (d != NULL && readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

/* After everything is closed, descriptors come back, be it a moment later. */
static void check_descriptors(int before)
{
    int now = 0;
    for (int i = 0; i < 500; i++) {
        now = entries_of("/proc/self/fd");
        if (now <= before)
            return;
        usleep(20000);
    }
    fprintf(stderr, "FAIL %d descriptors at the end, %d at the beginning\n", now, before);
    failures++;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: misuse SEED CALLS THREADS SCRATCH VECTORS\n");
        return 2;
    }
    seed = strtoull(argv[1], NULL, 0);
    trace_folder = argv[4];
    int threads = atoi(argv[3]);
    calls_each = atol(argv[2]) / (threads > 0 ? threads : 1);
    scratch = small_disk(argv[4]);
    vectors = realpath(argv[5], NULL);
    if (vectors == NULL || chdir(scratch) != 0) { /* so that relative paths are harmless, too */
        perror(argv[5]);
        return 2;
    }
    printf("seed %" PRIu64 "\n", seed);
    fflush(stdout);
    if (calls_each < 1 || threads > 30) {
        fprintf(stderr, "there is nothing to do, or too much\n");
        return 2;
    }

    /* What the library opens once and for good is opened now. */
    mcl_connection c = MCL_CONNECTION_INIT;
    mcl_listener *first;
    c.url = "ff15::1";
    if (mcl_listener_open(&c, NULL, &first, NULL) < 0 || mcl_listener_wait(first, 0, NULL) < 0 ||
        mcl_listener_close(first, NULL) < 0) {
        fprintf(stderr, "no listener can be opened here\n");
        return 2;
    }
    int descriptors = entries_of("/proc/self/fd");

    pthread_t all[30];
    player *watcher = player_new(threads);
    threads_left = threads_of_all = threads;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&all[i], NULL, plays, player_new(i)) != 0)
            return 2;
    while (threads_left > 0) {
        usleep(20000);
        watch(watcher);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(all[i], NULL);

    /* A close from a callback may have to end first, and opens nothing new once all is closed. A reader that a replay has
     * is closed after the replay. */
    int64_t begun = now_ms();
    for (int left = 1; left > 0 && now_ms() - begun < 30000;) {
        left = 0;
        for (int kind = KINDS - 1; kind >= 0; kind--) {
            handle *h = any_live(kind);
            if (h != NULL) {
                left++;
                play_close(watcher, h);
            }
        }
        left += callbacks_open();
        watch(watcher);
        if (left > 0)
            usleep(1000);
    }
    for (int kind = 0; kind < KINDS; kind++)
        if (live_count(kind) != 0)
            fail(watcher, "%d of %s cannot be closed", live_count(kind), kind_names[kind]);
    callbacks_report();
    check_descriptors(descriptors);
    if (calls_each * threads >= ENOUGH_FOR_ALL && functions_missed() > 0)
        failures++;
    printf("%ld calls of %d functions by %d threads, %ld of them refused\n", (long)calls_made, function_count, threads,
           (long)results_of[1]);
    printf("%ld checks, %d failed\n", (long)calls_made, (int)failures);
    return failures != 0;
}

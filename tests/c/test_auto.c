/* A variable declared mclw_auto_... is closed when its scope ends, however it ends. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include "check.h"
#include "hook.h"

#include <limits.h>
#include <time.h>

#ifndef MCLW_HAS_AUTO
#error "gcc and clang have the cleanup attribute"
#endif

static mcl_broadcaster *stale_out;
static mcl_listener *stale_in;
static mcl_type *stale_type;
static mcl_message *stale_message;

static void never(void *context, const mcl_received *record) { (void)context, (void)record; }

static int leave_early(int how)
{
    mclw_auto_type type = mclw_define("Auto", "key", "ff15::9", 0);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, NULL), second = NULL;
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, NULL);
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;

    (void)second;
    CHECK_INT(mclw_loop_add(loop, in, never, NULL), 0);
    mclw_pack_string(&buffer, "memory"); /* the build with AddressSanitizer sees whether it is freed */
    stale_out = out;
    stale_in = in;
    stale_type = type;
    if (how == 0)
        return 0;
    while (loop != NULL) {
        mclw_auto_message message = mclw_message(type);

        stale_message = message;
        if (how == 1)
            break;
        return 2;
    }
    return 1;
}

/* The lowest free descriptor, which is to be no more than this. What follows the network opens some of its own for moments. */
static int lowest_free(int most)
{
    const struct timespec moment = {0, 1000000};
    int i, free_now = -1;

    for (i = 0; i < 5000 && (free_now < 0 || free_now > most); i++) {
        if (i > 0)
            nanosleep(&moment, NULL);
        free_now = dup(0);
        close(free_now);
    }
    return free_now;
}

static int refused(int result) { return result == MCL_EHANDLE || result == MCL_ECLOSED; }

int main(void)
{
    int how, lowest, free_before = INT_MAX;

    mclw_on_error(remember, NULL);
    for (how = 0; how < 3; how++) {
        CHECK_SILENT(leave_early(how), how);
        CHECK(refused(mcl_broadcaster_publish_nil(stale_out, NULL, 0, NULL)));
        CHECK(refused(mcl_listener_fd(stale_in, NULL)));
        CHECK(refused(mcl_message_new(stale_type, &stale_message, NULL)));
        CHECK(how == 0 || refused(mcl_message_count(stale_message, NULL)));
        mcl_type_remove("Auto", NULL);
        /* Listeners and loops leave no descriptor behind, save what the first of a process opens for good. */
        lowest = lowest_free(free_before);
        CHECK(lowest <= free_before);
        free_before = lowest;
    }
    return done();
}

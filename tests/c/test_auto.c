/* A variable declared mclw_auto_... is closed when its scope ends, however it ends. */
#include "check.h"
#include "hook.h"

#ifndef MCLW_HAS_AUTO
#error "gcc and clang have the cleanup attribute"
#endif

static mcl_broadcaster *stale_out;
static mcl_listener *stale_in;
static mcl_type *stale_type;
static mcl_message *stale_message;
static int descriptor;

static void never(void *context, const mcl_record *record) { (void)context, (void)record; }

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
    descriptor = dup(0);
    close(descriptor); /* the lowest free number while everything is open */
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

static int refused(int result) { return result == MCL_EHANDLE || result == MCL_ECLOSED; }

int main(void)
{
    int how, first = -1;

    mclw_on_error(remember, NULL);
    for (how = 0; how < 3; how++) {
        CHECK_SILENT(leave_early(how), how);
        CHECK(refused(mcl_broadcaster_publish_nil(stale_out, NULL, 0, NULL)));
        CHECK(refused(mcl_listener_fd(stale_in, NULL)));
        CHECK(refused(mcl_message_new(stale_type, &stale_message, NULL)));
        CHECK(how == 0 || refused(mcl_message_count(stale_message, NULL)));
        mcl_type_remove("Auto", NULL);
        if (first < 0)
            first = descriptor;
        CHECK_INT(descriptor, first); /* listeners and loops leave no descriptor behind */
    }
    return done();
}

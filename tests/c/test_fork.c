/* In a child made by fork() without exec() the library says that it cannot work there; so does the wrapper, and its loop
 * ends instead of waiting for what will never come. */
#define _GNU_SOURCE
#include "check.h"
#include "hook.h"
#include "wait.h"

#include <sys/wait.h>

static void never(void *context, const mcl_received *record) { (void)context, (void)record, CHECK(!"called"); }

int main(void)
{
    mcl_broadcaster *out = mclw_broadcast("ff15::1", 26000, NULL);
    mcl_listener *in = mclw_listen("ff15::1", 26000, NULL);
    mclw_loop *loop = mclw_loop_new();
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mcl_received record;
    int status = -1;
    pid_t child;

    mclw_on_error(remember, NULL);
    REQUIRE(mclw_loop_add(loop, in, never, NULL) == 0);
    CHECK_INT(mclw_publish_int(out, NULL, 1), 0);
    wait_queued(in, 1); /* the descriptor that the child inherits is readable */
    child = fork();
    if (child == 0) {
        CHECK_REPORTED(mclw_publish_int(out, NULL, 2), MCL_EFORKED);
        CHECK_REPORTED(mclw_recv(in, -1, &record, &buffer), MCL_EFORKED);
        CHECK(mclw_listen("ff15::1", 26000, NULL) == NULL && last_report.code == MCL_EFORKED);
        reports = 0;
        CHECK_INT(mclw_loop_run(loop, -1), MCLW_EMPTY);
        CHECK_INT(reports, 1);
        CHECK_INT(mclw_loop_close(&loop), 0);
        _exit(check_failures != 0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT(mclw_recv(in, 5000, &record, &buffer), 1); /* the parent goes on */
    CHECK_INT(mclw_read_int(&record, NULL, 0), 1);
    CHECK_INT(mclw_loop_close(&loop), 0);
    CHECK_INT(mclw_listener_close(&in), 0);
    CHECK_INT(mclw_broadcaster_close(&out), 0);
    return done();
}

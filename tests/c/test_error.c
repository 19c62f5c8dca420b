/* The hook: who is told, once, what the text says, and what is not told. */
#include "check.h"
#include "hook.h"

#include <sys/wait.h>

static int other_reports;
static void *other_context;

static void other(void *context, const mcl_error *error)
{
    other_reports++;
    other_context = context;
    CHECK(error->code < 0);
    if (other_reports == 1) /* a failure inside the hook comes back to it */
        mclw_publish_int(NULL, NULL, 1);
}

static void test_hook(void)
{
    int here;

    mclw_on_error(other, &here);
    CHECK_INT(mclw_publish_int(NULL, NULL, 1), MCL_EHANDLE);
    CHECK_INT(other_reports, 2);
    CHECK(other_context == &here);

    mclw_on_error(remember, NULL);
    CHECK_REPORTED(mclw_listen("fe80::1", 26000, NULL) == NULL ? last_report.code : 0, MCL_EADDRESS);
    CHECK(strstr(last_report.text, "fe80::1") != NULL); /* says what it was done to */
    CHECK_REPORTED(mclw_broadcast("ff15::1", 80, NULL) == NULL ? last_report.code : 0, MCL_EINVAL);
    CHECK_REPORTED(mclw_listen("ff12::1%no/where", 26000, NULL) == NULL ? last_report.code : 0, MCL_EINTERFACE);
    CHECK(strstr(last_report.text, "no/where") != NULL);

    mclw_on_error(NULL, NULL);
    reports = 0;
    CHECK_INT(mclw_publish_int(NULL, NULL, 1), MCL_EHANDLE);
    CHECK_INT(reports, 0);
    mclw_error_print(NULL, NULL);
}

/* What a program writes to stderr by the hook that is there from the start, or that ends it. A child that is
 * exec()ed anew, since the library does not work in a forked one. */
static int child(const char *program, const char *argument, char *text, size_t size)
{
    char command[8192]; /* more than a path has */
    FILE *stderr_of_child;
    size_t got;

    snprintf(command, sizeof command, "exec '%s' %s 2>&1", program, argument);
    stderr_of_child = popen(command, "r");
    REQUIRE(stderr_of_child != NULL);
    got = fread(text, 1, size - 1, stderr_of_child);
    text[got] = '\0';
    return pclose(stderr_of_child);
}

static void test_ready_made(const char *program)
{
    char text[2000];
    int status = child(program, "print", text, sizeof text);

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(strncmp(text, "mcl_listener_open", 17) == 0 && strstr(text, "fe80::1") != NULL);
    CHECK(text[0] != '\0' && strchr(text, '\n') == text + strlen(text) - 1); /* one line */
    status = child(program, "exit", text, sizeof text);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CHECK(strstr(text, "fe80::1") != NULL);
}

int main(int count, char **arguments)
{
    if (count > 1) {
        if (strcmp(arguments[1], "exit") == 0)
            mclw_on_error(mclw_error_exit, NULL);
        return mclw_listen("fe80::1", 26000, NULL) != NULL;
    }
    test_hook();
    test_ready_made(arguments[0]);
    return done();
}

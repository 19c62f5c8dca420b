/* cc raw.c $(pkg-config --cflags --libs mcl) -o raw
 *
 * The same library without the wrapper: publishes a number to itself. Every call says what went wrong. */
#include <mcl.h>
#include <stdio.h>

static void say(const mcl_error *error) { fprintf(stderr, "%s\n", error->text); }

int main(void)
{
    mcl_connection connection = MCL_CONNECTION_INIT;
    mcl_broadcaster *broadcaster = NULL;
    mcl_listener *listener = NULL;
    mcl_received record;
    mcl_error error;
    unsigned char buffer[1024];
    int result = 1;

    connection.url = "ff15::4";
    connection.hops = MCL_HOPS_HOST; /* never leaves this host */
    if (mcl_listener_open(&connection, NULL, &listener, &error) < 0 ||
        mcl_broadcaster_open(&connection, NULL, &broadcaster, &error) < 0 ||
        mcl_broadcaster_publish_int(broadcaster, "answer", MCL_NUL, 42, &error) < 0) {
        say(&error);
    } else {
        result = mcl_listener_recv(listener, 5000, &record, buffer, sizeof buffer, NULL, &error);
        if (result < 0)
            say(&error);
        else if (result == 0)
            puts("nothing came in five seconds");
        else
            printf("topic %.*s, %d byte of payload: %d\n", (int)record.topic_size, record.topic,
                   (int)record.payload_size, ((const unsigned char *)record.payload)[0]);
        result = result <= 0;
    }
    mcl_broadcaster_close(broadcaster); /* NULL is no handle: an error code that nobody needs here */
    mcl_listener_close(listener, NULL);
    return result;
}

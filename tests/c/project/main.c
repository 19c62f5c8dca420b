/* A program of somebody who has installed the library: hears itself. */
#include <mclw.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, "greeting");
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, "greeting");
    mcl_received record;
    char text[20];

    if (mclw_publish(out, NULL, "hello") < 0 || mclw_recv(in, 5000, &record, &buffer) != 1)
        return 1;
    mclw_read_string(&record, NULL, text, sizeof text, "");
    printf("%s from %s\n", text, mcl_version());
    return strcmp(mcl_version(), MCL_VERSION) != 0;
}

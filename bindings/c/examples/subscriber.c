/* cc subscriber.c $(pkg-config --cflags --libs mclw) -o subscriber
 *
 * Prints what publisher.c publishes, until Ctrl-C. */
#include <mclw.h>
#include <stdio.h>

int main(void)
{
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, NULL);
    mcl_received record;

    while (mclw_recv(in, -1, &record, &buffer) > 0) {
        double gyro[3], temperature = mclw_read(&record, "temperature", 0.0);

        if (mclw_read_array(&record, "gyro", gyro) != 3)
            continue; /* somebody else's message */
        printf("%.2f %.2f %.2f at %.1f degrees\n", gyro[0], gyro[1], gyro[2], temperature);
        fflush(stdout);
    }
    return 1; /* the reason is on stderr */
}

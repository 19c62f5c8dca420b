/* cc publisher.c $(pkg-config --cflags --libs mclw) -o publisher
 *
 * Publishes a rotation rate ten times a second, until Ctrl-C. */
#include <mclw.h>
#include <signal.h>

int main(void)
{
    double gyro[3] = {0.0, 0.0, 0.1}; /* radians a second about x, y and z */
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_type imu = mclw_define("Imu", "gyro", "ff15::1", 26000);
    mclw_auto_broadcaster out = mclw_broadcast_type(imu);

    if (loop == NULL || out == NULL)
        return 1; /* the reason is on stderr */
    mclw_loop_stop_on(loop, SIGINT);
    while (mclw_loop_run(loop, 100) == MCLW_TIMEOUT) {
        mclw_auto_message message = mclw_message(imu);

        gyro[2] += 0.01;
        mclw_set_array(message, "gyro", gyro);
        mclw_set(message, "temperature", 21.5);
        mclw_publish(out, NULL, message);
    }
    return 0;
}

/* cc several.c $(pkg-config --cflags --libs mclw) -o several
 *
 * Listens to an IMU and to commands, and reads lines from stdin, all in one poll(). Drives a motor 50 times a second
 * in between. Ends on Ctrl-C, on the command "stop", or at the end of stdin. */
#include <mclw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct robot {
    mclw_loop *loop;
    double rate; /* radians a second about z */
    double throttle;
};

static void on_imu(void *context, const mcl_received *record)
{
    struct robot *robot = context;
    double gyro[3];

    if (mclw_read_array(record, "gyro", gyro) == 3)
        robot->rate = gyro[2];
}

static void on_command(void *context, const mcl_received *record)
{
    struct robot *robot = context;

    if (mclw_topic_is(record, "stop"))
        mclw_loop_stop(robot->loop);
    else if (mclw_topic_is(record, "throttle"))
        robot->throttle = mclw_read(record, NULL, robot->throttle); /* the payload is the number */
}

static void on_stdin(void *context, int fd, short events)
{
    struct robot *robot = context;
    char line[80];

    (void)events;
    if (read(fd, line, sizeof line) <= 0)
        mclw_loop_stop(robot->loop);
}

int main(void)
{
    mclw_auto_listener imu = mclw_listen("ff15::1", 26000, NULL);
    mclw_auto_listener commands = mclw_listen("ff15::2", 26000, NULL);
    mclw_auto_broadcaster motor = mclw_broadcast("ff15::3", 26000, "motor");
    mclw_auto_loop loop = mclw_loop_new();
    struct robot robot = {loop, 0.0, 0.0};

    if (mclw_loop_add(loop, imu, on_imu, &robot) < 0 || mclw_loop_add(loop, commands, on_command, &robot) < 0 ||
        mclw_loop_add_fd(loop, STDIN_FILENO, POLLIN, on_stdin, &robot) < 0)
        return 1; /* the reason is on stderr */
    mclw_loop_stop_on(loop, SIGINT);
    while (mclw_loop_run(loop, 20) == MCLW_TIMEOUT)
        mclw_publish(motor, NULL, robot.throttle - 0.1 * robot.rate);
    puts("stopped");
    return 0;
}

/* cc recorder.c $(pkg-config --cflags --libs mclw) -o recorder
 *
 * Records what publisher.c publishes, into a new directory below this one, until Ctrl-C. */
#include <mclw.h>
#include <signal.h>
#include <stdio.h>

int main(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_type imu = mclw_define("Imu", "gyro", "ff15::1", 26000);
    mclw_auto_recorder recorder = mclw_record_types(".", &imu, 1); /* more types: an array of them */
    mcl_log_writer_stats stats = {sizeof stats, 0, 0, 0, 0, 0, 0};
    char directory[4096];

    if (loop == NULL || mcl_recorder_directory(recorder, directory, sizeof directory, NULL, NULL) < 0)
        return 1; /* the reason is on stderr */
    printf("recording into %s\n", directory);
    fflush(stdout);
    mclw_loop_stop_on(loop, SIGINT);
    while (mclw_loop_run(loop, 1000) == MCLW_TIMEOUT)
        continue; /* the program's own work, which delays no recording */
    mcl_recorder_get_stats(recorder, -1, &stats, NULL, NULL, NULL);
    printf("%llu messages, %llu lost\n", (unsigned long long)(stats.entries + stats.buffered),
           (unsigned long long)stats.dropped);
    return mclw_recorder_close(&recorder) < 0;
}

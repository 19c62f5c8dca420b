/* cc replayer.c $(pkg-config --cflags --libs mclw) -o replayer
 *
 * replayer PATH: publishes what recorder.c recorded, in its own timing. PATH is a log or a directory of logs. */
#include <mclw.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    mclw_auto_type imu = mclw_define("Imu", "gyro", "ff15::1", 26000); /* where entries of the type "Imu" go */
    mclw_auto_log_reader log = mclw_log_open(count > 1 ? arguments[1] : ".");
    mclw_auto_replay replay = mclw_replay(log, 1.0);
    mcl_replay_stats stats = {sizeof stats, 0, 0, 0, 0, 0, 0};

    if (imu == NULL || mclw_replay_run(replay, -1) != 1 || mcl_replay_get_stats(replay, &stats, NULL) < 0)
        return 1; /* the reason is on stderr */
    printf("%llu messages, %llu errors\n", (unsigned long long)stats.published, (unsigned long long)stats.errors);
    return stats.errors != 0;
}

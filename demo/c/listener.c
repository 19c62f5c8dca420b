/* listener.c - the listener in C: three message types in one poll() loop.
 *
 *     listener LEDGER
 *
 * LEDGER receives a line for each message: type, identity, topic, and when the handler and when the kernel got it. It
 * says `ready` when it listens. It ends when its standard input has said how many messages were sent and all are here,
 * or none came for a while. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drive.h"

#define QUIET_MS 5000 /* after the publisher's end: what has not come by then is lost */

static FILE *ledger;
static long received[TYPES], total, expected = -1;
static mclw_loop *loop;

static void show(int type, const mcl_received *record)
{
    double gyro[3] = {0}, accel[3] = {0}, ranges[1] = {0};
    char fix[16];
    int count;

    printf("%-5s#%-5ld%-7.*s", drive[type].name, received[type], record->topic == NULL ? 1 : (int)record->topic_size,
           record->topic == NULL ? "-" : record->topic);
    switch (type) {
    case IMU:
        mclw_read_array(record, "gyro", gyro);
        mclw_read_array(record, "accel", accel);
        printf("gyro %6.3f %6.3f %6.3f  accel %6.3f %6.3f %6.3f\n", gyro[0], gyro[1], gyro[2], accel[0], accel[1],
               accel[2]);
        break;
    case GPS:
        mclw_read_string(record, "fix", fix, sizeof fix, "?");
        printf("lat %.6f  lon %.6f  speed %.2f  fix %s\n", mclw_read(record, "lat", 0.0), mclw_read(record, "lon", 0.0),
               mclw_read(record, "speed", 0.0), fix);
        break;
    default:
        count = mclw_read_array(record, "ranges", ranges);
        printf("%d ranges, first %.3f\n", count, ranges[0]);
    }
    fflush(stdout);
}

static void on_message(void *context, const mcl_received *record)
{
    int64_t now = nanoseconds(CLOCK_REALTIME);
    int type = (int)(intptr_t)context, every = type == IMU ? 400 : 20;

    fprintf(ledger, "%s\t%" PRId64 "\t", drive[type].name, identity(record->payload, record->payload_size));
    if (record->topic == NULL)
        fputc('-', ledger);
    else
        fwrite(record->topic, 1, record->topic_size, ledger);
    fprintf(ledger, "\t%" PRId64 "\t%" PRId64 "\n", now, record->time_received);
    total++;
    if (received[type]++ % every == 0)
        show(type, record);
    if (total == expected)
        mclw_loop_stop(loop);
}

/* The number of messages, or the end of whoever started this. */
static void on_input(void *context, int fd, short events)
{
    char text[32];

    (void)context, (void)fd, (void)events;
    expected = fgets(text, sizeof text, stdin) == NULL ? 0 : atol(text);
    mclw_loop_stop(loop);
}

int main(int argc, char **argv)
{
    mcl_listener *in[TYPES];
    uint64_t by_queue = 0, by_kernel = 0;
    long before;

    ledger = argc == 2 ? fopen(argv[1], "w") : NULL;
    if (ledger == NULL) {
        fprintf(stderr, "listener: cannot write the ledger: %s\n", argc == 2 ? strerror(errno) : "none given");
        return 1;
    }
    mclw_on_error(mclw_error_exit, NULL);
    loop = mclw_loop_new();
    for (int i = 0; i < TYPES; i++) {
        mclw_auto_type type = mclw_define(drive[i].name, drive[i].keys, drive[i].address, 0);

        in[i] = mclw_listen_type(type);
        mclw_loop_add(loop, in[i], on_message, (void *)(intptr_t)i);
    }
    mclw_loop_add_fd(loop, STDIN_FILENO, POLLIN, on_input, NULL);
    puts("ready");
    fflush(stdout);

    mclw_loop_run(loop, -1);
    mclw_loop_remove_fd(loop, STDIN_FILENO);
    do {
        before = total;
    } while (total < expected && (mclw_loop_run(loop, QUIET_MS) == MCLW_STOPPED || total > before));

    for (int i = 0; i < TYPES; i++) {
        mcl_listener_stats stats = {.size = sizeof stats};

        mcl_listener_close(in[i], &stats);
        by_queue += stats.dropped_queue;
        by_kernel += stats.dropped_kernel;
    }
    if (by_queue + by_kernel > 0)
        printf("dropped: %" PRIu64 " by the queue, %" PRIu64 " by the kernel\n", by_queue, by_kernel);
    mclw_loop_close(&loop);
    return fclose(ledger) == 0 ? 0 : 1;
}

/* publisher.c - publishes a recorded drive at the pace it was recorded.
 *
 *     publisher FOLDER LEDGER SPEED
 *
 * FOLDER holds Imu.log, Gps.log and Scan.log; the payloads in them go out byte for byte. LEDGER receives a line for each
 * message: type, identity, topic, and when it was sent, in nanoseconds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive.h"

struct entry {
    double elapsed; /* seconds since the drive began */
    int type;
    char *topic;    /* NULL: none */
    unsigned char *payload;
    size_t size;
};

static struct entry *entries;
static size_t count;

static void fail(const char *what, const char *about)
{
    fprintf(stderr, "publisher: %s: %s\n", about, what);
    exit(1);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes the hexadecimal digits at `text` in place. */
static size_t decode(char *text, const char *file)
{
    size_t size = 0;

    for (; digit(text[2 * size]) >= 0; size++) {
        if (digit(text[2 * size + 1]) < 0)
            fail("a payload is cut short", file);
        text[size] = (char)(digit(text[2 * size]) << 4 | digit(text[2 * size + 1]));
    }
    return size;
}

/* An entry of a log is: elapsed time, topic in quotes, payload in hexadecimal. Payloads hold no quote. */
static void read_entry(const char *line, int type, const char *file)
{
    char *text = strdup(line), *opening, *closing;
    struct entry *entry;

    entries = realloc(entries, (count + 1) * sizeof *entries);
    if (entries == NULL || text == NULL)
        fail(strerror(ENOMEM), file);
    entry = &entries[count++];
    entry->type = type;
    entry->elapsed = strtod(text, &opening);
    opening = strchr(opening, '\'');
    closing = strrchr(text, '\'');
    if (opening == NULL || closing == opening)
        fail("a line is no entry of a log", file);
    *closing++ = '\0';
    /* A log writes '' for a message that had no topic. */
    entry->topic = opening[1] == '\0' ? NULL : opening + 1;
    closing += strspn(closing, " ");
    entry->size = decode(closing, file);
    entry->payload = (unsigned char *)closing;
}

static void read_log(const char *folder, int type)
{
    char name[4096], *line = NULL;
    size_t capacity = 0;
    FILE *file;

    snprintf(name, sizeof name, "%s/%s.log", folder, drive[type].name);
    file = fopen(name, "r");
    if (file == NULL)
        fail(strerror(errno), name);
    while (getline(&line, &capacity, file) > 0)
        if (line[0] != '#')
            read_entry(line, type, name);
    free(line);
    fclose(file);
}

static int by_time(const void *a, const void *b)
{
    double x = ((const struct entry *)a)->elapsed, y = ((const struct entry *)b)->elapsed;

    return (x > y) - (x < y);
}

static mcl_broadcaster *open_type(int i)
{
    mclw_auto_type type = mclw_define(drive[i].name, drive[i].keys, drive[i].address, 0);
    mcl_broadcaster_options options = MCL_BROADCASTER_OPTIONS_INIT;
    mcl_broadcaster *broadcaster;
    mcl_error error;

    options.type = type;
    options.verbatim = MCL_ON; /* byte for byte as recorded */
    if (mcl_broadcaster_open(NULL, &options, &broadcaster, &error) < 0)
        mclw_error_exit(NULL, &error);
    return broadcaster;
}

static void sleep_until(int64_t when)
{
    struct timespec t = {when / 1000000000, when % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

int main(int argc, char **argv)
{
    mcl_broadcaster *out[TYPES];
    double speed = argc == 4 ? atof(argv[3]) : 0, shown = 0;
    int64_t begin;
    FILE *ledger;

    if (!(speed > 0))
        fail("usage: publisher FOLDER LEDGER SPEED", argv[0]);
    ledger = fopen(argv[2], "w");
    if (ledger == NULL)
        fail(strerror(errno), argv[2]);
    for (int i = 0; i < TYPES; i++) {
        read_log(argv[1], i);
        out[i] = open_type(i);
    }
    qsort(entries, count, sizeof *entries, by_time);
    printf("%zu messages in %.1f s\n", count, count > 0 ? entries[count - 1].elapsed / speed : 0);
    fflush(stdout);

    begin = nanoseconds(CLOCK_MONOTONIC);
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[i];
        mcl_error error;
        int64_t sent;

        sleep_until(begin + (int64_t)(e->elapsed / speed * 1e9));
        sent = nanoseconds(CLOCK_REALTIME);
        if (mcl_broadcaster_publish(out[e->type], e->topic, MCL_NUL, e->payload, e->size, &error) < 0)
            mclw_error_exit(NULL, &error);
        fprintf(ledger, "%s\t%" PRId64 "\t%s\t%" PRId64 "\n", drive[e->type].name, identity(e->payload, e->size),
                e->topic == NULL ? "-" : e->topic, sent);
        if (e->elapsed >= shown + 5) {
            shown += 5;
            printf("%.0f s of the drive, %zu sent\n", shown, i + 1);
            fflush(stdout);
        }
    }
    for (int i = 0; i < TYPES; i++)
        mclw_close(&out[i]);
    if (fclose(ledger) != 0)
        fail(strerror(errno), argv[2]);
    return 0;
}

/* bench.h - what the C programs of the benchmarks share: the command line, pacing, counting, and a line of JSON.
 *
 *     PROGRAM ROLE [--mode M] [--size BYTES] [--seconds S] [--rate PER_SECOND] [--messages N] [--count N] [--batch N]
 *             [--listeners N] [--turns 1] [--streams PER_SECOND:BYTES,...] [--group ADDRESS] [--port P]
 *
 * A receiver writes "ready" once it would miss nothing. When the sender has ended, "sent N" comes on the receiver's
 * standard input; it ends when it has N messages, or when nothing has arrived for a while. Each writes a line of JSON.
 */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECV_BUFFER (4 << 20) /* bytes, for everybody who can be told */
#define BATCH_MAX 64
#define POLL_MS 20       /* how often a receiver looks whether it is over, while nothing arrives */
#define TRIP_MAX_MS 1000 /* after which a round trip is lost */
#define STREAMS_MAX 16

typedef struct bench_stream {
    double rate; /* messages a second */
    size_t size; /* bytes of a message's body */
} bench_stream;

typedef struct bench_options {
    const char *role, *mode, *group;
    int port;
    size_t size;    /* bytes of a message's body */
    double seconds; /* how long to send */
    double rate;    /* messages a second; 0: as fast as it goes */
    long messages;  /* to send at least, unless the time is over before; 0: no end */
    long count;     /* of round trips, or of listeners to open */
    int batch;      /* messages in one call */
    int listeners;
    int turns; /* write "ready", and each time that a line comes on standard input, send for `seconds` */
    int stream_count; /* of several topics at once, each at its rate; 0: one, of `rate` and `size` */
    bench_stream streams[STREAMS_MAX];
} bench_options;

bench_options bench_parse(int argc, char **argv, const char *default_mode);

/* Writes a text and ends the program. */
void bench_fail(const char *what, const char *why);
/* The same with errno, for a system call that gave -1. Otherwise returns what it gave. */
long bench_check(const char *what, long result);

double bench_clock(void); /* seconds, monotonic */
double bench_cpu(void);   /* seconds of one core that this process has used */
double bench_resident(void); /* MiB of memory that this process has now */

/* A message as it is on the wire: [nil, body], with a body of `size` bytes. What follows the first MESSAGE_HEAD bytes
 * is the payload, packed. *length receives the bytes of the whole. */
#define MESSAGE_HEAD 2
unsigned char *bench_message(size_t size, size_t *length);

/* ---- Senders ---- */

typedef struct bench_sending {
    double began, end, interval, due, cpu;
    double dues[STREAMS_MAX];
    uint64_t sent, messages;
} bench_sending;

/* For each time that it is to send: once, or for each of its turns, for which it waits. 0: no more. */
int bench_send_turn(const bench_options *o);
void bench_send_begin(bench_sending *s, const bench_options *o);
/* Waits until the next `n` messages are due; 0 when all is sent, or the time is over. A sender that was held up catches
 * up by a few calls at most: what it sent in a longer burst would be another rate. */
int bench_send_more(bench_sending *s, int n);
/* Waits until a message of one of the streams is due, and returns which; -1 when the time is over. It catches up, so
 * that everybody sends as many. */
int bench_send_stream(bench_sending *s, const bench_options *o);
void bench_send_end(bench_sending *s);

/* ---- Receivers ---- */

typedef struct bench_receiving {
    atomic_uint_fast64_t messages, bytes;
    double first, last; /* arrivals; of one thread, or with a lock of the caller's */
    double cpu;
    int told;           /* how many were sent is known */
    uint64_t sent, seen;
    double quiet_since;
} bench_receiving;

void bench_receive_ready(bench_receiving *r);
void bench_receive_add(bench_receiving *r, uint64_t messages, uint64_t bytes);
/* To be asked every POLL_MS while nothing arrives. */
int bench_receive_over(bench_receiving *r);
/* Asks until it is over, for programs that receive on other threads. */
void bench_receive_wait(bench_receiving *r);
/* buffer: bytes of socket buffer that were granted; dropped: by the kernel, as the receiver knows. 0: unknown. */
void bench_receive_end(bench_receiving *r, long buffer, uint64_t dropped);

/* ---- Round trips ---- */

typedef struct bench_trips {
    double *times; /* seconds */
    long count, lost;
} bench_trips;

void bench_trips_end(bench_trips *t);

#endif

/* drive.h - the message types of the drive, for the publisher and the listener in C. The other languages declare the
 * same ones: demo/go/main.go, demo/python/listener.py. */
#ifndef DRIVE_H
#define DRIVE_H

#include <inttypes.h>
#include <time.h>

#include "mclw.h"

enum { IMU, GPS, SCAN, TYPES };

static const struct {
    const char *name, *keys, *address;
} drive[TYPES] = {
    {"Imu", "gyro accel", "ff15::d1:1"},
    {"Gps", "lat lon speed fix", "ff15::d1:2"},
    {"Scan", "ranges angle_step", "ff15::d1:3"},
};

static inline int64_t nanoseconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What tells one message of a type from another: its `timestamp` in microseconds. */
static inline int64_t identity(const void *packed, size_t size)
{
    mclw_value message = {packed, size};

    return (int64_t)(mclw_value_double(mclw_value_key(message, "timestamp"), 0) * 1e6 + 0.5);
}

#endif

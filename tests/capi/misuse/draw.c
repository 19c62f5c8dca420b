/* draw.c - arguments: right ones, mostly, and every kind of wrong one that a C program can give without breaking C itself.
 *
 * All memory that a call is given ends where a page begins that nobody may touch: a byte read or written beyond it ends
 * the program at once, also where AddressSanitizer does not look. */
#include "play.h"

#include <math.h>
#include <stdarg.h>
#include <sys/mman.h>

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t random_bits(player *p)
{
    p->seed += UINT64_C(0x9e3779b97f4a7c15);
    return mix(p->seed);
}

enum { TEXT = 1000 };

void say(player *p, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(p->text + p->used, TEXT - p->used, format, arguments);
    va_end(arguments);
    p->used += (size_t)n < TEXT - p->used ? (size_t)n : TEXT - 1 - p->used;
}

/* ---- Memory ---- */

enum { CANARY = 32, PAGE = 4096, STRIDE = ROOM_SIZE + PAGE };

static char *room_of(player *p, int i)
{
    if (p->rooms == NULL) {
        p->rooms = mmap(NULL, (size_t)ROOMS * STRIDE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p->rooms == MAP_FAILED) {
            perror("mmap");
            exit(2);
        }
        for (int r = 0; r < ROOMS; r++)
            mprotect(p->rooms + (size_t)r * STRIDE + ROOM_SIZE, PAGE, PROT_NONE);
    }
    return p->rooms + (size_t)i * STRIDE;
}

void *in_room(player *p, const void *data, size_t size)
{
    if (p->rooms_used == ROOMS || size > ROOM_SIZE - CANARY - 8) {
        fail(p, "the test has no room for an argument");
        exit(2);
    }
    char *end = room_of(p, p->rooms_used++) + ROOM_SIZE;
    char *at = end - size;
    memset(at - CANARY, 0x5a, CANARY);
    if (data != NULL)
        memcpy(at, data, size);
    else
        memset(at, 0xa5, size);
    /* The size is kept at the room's beginning, for the check. */
    memcpy(end - ROOM_SIZE, &size, sizeof size);
    return at;
}

void check_rooms(player *p)
{
    for (int r = 0; r < p->rooms_used; r++) {
        char *room = room_of(p, r);
        size_t size;
        memcpy(&size, room, sizeof size);
        for (int i = 1; i <= CANARY; i++)
            if (room[ROOM_SIZE - size - (size_t)i] != 0x5a) {
                fail(p, "wrote %d bytes before its argument %d", i, r);
                break;
            }
    }
    p->rooms_used = 0;
}

/* ---- Strings ---- */

/* Text with its NUL. */
static const char *text(player *p, const char *s)
{
    say(p, strlen(s) < 60 ? "\"%s\", " : "\"%.50s...\", ", s);
    return in_room(p, s, strlen(s) + 1);
}

/* Text whose size is asked for next: without its NUL, or with MCL_NUL as its size. */
static const char *sized(player *p, const char *s)
{
    size_t n = strlen(s);
    unsigned roll = (unsigned)below(p, 100);
    say(p, "\"%.50s\", ", s);
    if (roll < 40) {
        p->size = MCL_NUL;
        return in_room(p, s, n + 1);
    }
    if (roll < 94) {
        p->size = n;
        return in_room(p, s, n);
    }
    if (roll < 97) { /* more than memory can hold */
        p->size = (size_t)PTRDIFF_MAX + 1 + below(p, 1000);
        say(p, "%zu, ", p->size);
        return in_room(p, s, n);
    }
    p->size = roll == 97 ? 0 : roll == 98 ? MCL_NUL : n;
    say(p, "as NULL, %zu, ", p->size);
    return NULL;
}

static const char *one_of(player *p, const char *const *all, size_t n)
{
    return all[below(p, n)];
}
#define ONE_OF(p, ...)                                                                                                 \
    one_of(p, (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static const char *long_text(player *p)
{
    static __thread char buffer[600];
    size_t n = below(p, sizeof buffer);
    memset(buffer, 'x', n);
    buffer[n] = 0;
    return buffer;
}

static const char *type_name(player *p)
{
    return ONE_OF(p, "T0", "T1", "T2", "T3", "T4", "T5", "T6", "T7");
}

const char *draw_text_name(player *p)
{
    if (chance(p, 90))
        return text(p, type_name(p));
    if (chance(p, 20)) {
        say(p, "NULL, ");
        return NULL;
    }
    return text(p, chance(p, 30) ? long_text(p) : ONE_OF(p, "", "Message", "\xff\xfe", "a/b", "line\nfeed", "../x"));
}

const char *draw_text_type_name(player *p)
{
    return chance(p, 20) ? text(p, "") : draw_text_name(p);
}

const char *draw_text_key(player *p)
{
    if (chance(p, 5))
        return sized(p, long_text(p));
    return sized(p, ONE_OF(p, "k0", "k1", "k2", "k3", "k4", "k5", "x", "y", "name", "timestamp", "", "\xff"));
}

const char *draw_text_topic(player *p)
{
    if (chance(p, 30)) {
        p->size = chance(p, 50) ? 0 : chance(p, 80) ? MCL_NUL : 3;
        say(p, "NULL, %zd, ", (ssize_t)p->size);
        return NULL;
    }
    return sized(p, chance(p, 5) ? long_text(p) : ONE_OF(p, "a", "b", "topic", "", "\xff\x00\x01"));
}

const char *draw_text_value(player *p)
{
    return sized(p, chance(p, 30) ? long_text(p) : ONE_OF(p, "", "text", "\xc3\xa9", "\xff\xfe"));
}

static const char *file_named(player *p, const char *folder)
{
    static __thread char name[512];
    snprintf(name, sizeof name, "%s/w%d", folder, (int)below(p, 40));
    return name;
}

const char *draw_text_prefix(player *p)
{
    if (chance(p, 3)) {
        say(p, "NULL, ");
        return NULL;
    }
    if (chance(p, 8))
        return text(p, ONE_OF(p, "", "/", "/nowhere/x", "/proc/x", "/dev/null", "/dev/null/x"));
    const char *name = file_named(p, scratch);
    snprintf(p->path, sizeof p->path, "%s", name);
    return text(p, name);
}

const char *draw_text_path(player *p)
{
    static __thread char name[512];
    if (chance(p, 3)) {
        say(p, "NULL, ");
        return NULL;
    }
    if (chance(p, 8))
        return text(p, ONE_OF(p, "", "/", "/nowhere/x", "/proc", "/dev/null", "/proc/self/mem", "."));
    if (chance(p, 30))
        return text(p, file_named(p, scratch));
    snprintf(name, sizeof name, "%s/%s", vectors,
             ONE_OF(p, "logs", "logs/Imu", "logs/Imu.log", "drive", "drive/Gps", "wire"));
    return text(p, name);
}

const char *draw_text_root(player *p)
{
    if (chance(p, 3)) {
        say(p, "NULL, ");
        return NULL;
    }
    return text(p, chance(p, 5) ? ONE_OF(p, "", "/nowhere", "/proc", "/dev/null") : scratch);
}

const char *const *draw_texts_mandatory(player *p)
{
    enum { MOST = 6 };
    const char *keys[MOST];
    size_t n = below(p, 4);
    if (chance(p, 3)) {
        p->size = chance(p, 50) ? 1 : SIZE_MAX / (1 + below(p, 9));
        say(p, "NULL, %zu, ", p->size);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        keys[i] = chance(p, 95) ? (const char *[]){"x", "y", "k0"}[i]
                                : ONE_OF(p, "x", "mandatory", "connection", "", "\xff", NULL);
    say(p, "%zu keys, ", n);
    p->size = n;
    return in_room(p, keys, n * sizeof *keys);
}

/* ---- Bytes ---- */

/* Writes a msgpack value; returns its size, which is at most `most`. */
static size_t pack(player *p, uint8_t *to, size_t most, int depth)
{
    if (most < 10) {
        to[0] = 0xc0;
        return 1;
    }
    uint64_t number = random_bits(p);
    switch (below(p, depth > 6 ? 6 : 8)) {
    case 0:
        to[0] = (uint8_t[]){0xc0, 0xc2, 0xc3, 0x00, 0x7f, 0xe0, 0xff}[number % 7];
        return 1;
    case 1: /* a number of 8 bytes: float64, uint64, int64 */
        to[0] = (uint8_t[]){0xcb, 0xcf, 0xd3}[number % 3];
        for (int i = 0; i < 8; i++)
            to[1 + i] = (uint8_t)(number >> 8 * i);
        return 9;
    case 2: /* float32, uint32, int32 */
        to[0] = (uint8_t[]){0xca, 0xce, 0xd2}[number % 3];
        memcpy(to + 1, &number, 4);
        return 5;
    case 3: { /* str of up to 31 bytes, with any bytes */
        size_t n = number % (most - 1 < 31 ? most - 1 : 31);
        to[0] = (uint8_t)(0xa0 | n);
        memset(to + 1, (int)(number >> 8 & 0xff), n);
        return 1 + n;
    }
    case 4: { /* bin 16 */
        size_t n = number % (most - 3 < 2000 ? most - 3 : 2000);
        to[0] = 0xc5;
        to[1] = (uint8_t)(n >> 8);
        to[2] = (uint8_t)n;
        memset(to + 3, 7, n);
        return 3 + n;
    }
    case 5: /* ext: fixext 1, a timestamp */
        if (number % 2) {
            memcpy(to, "\xd4\x05\x00", 3);
            return 3;
        }
        memcpy(to, "\xd6\xff\x5a\x4a\xf6\xa5", 6);
        return 6;
    default: { /* array or map of up to 4 */
        int map = (int)(number & 1), n = (int)(number >> 1) % 5;
        size_t used = 1;
        to[0] = (uint8_t)((map ? 0x80 : 0x90) | n);
        for (int i = 0; i < n * (map + 1); i++) {
            if (most - used < 10u * (unsigned)(n * 2 - i + 1)) {
                to[used++] = 0xc0;
                continue;
            }
            used += pack(p, to + used, (most - used) / (unsigned)(n * 2 - i), depth + 1);
        }
        return used;
    }
    }
}

/* A message of some type. */
static size_t pack_message(player *p, uint8_t *to)
{
    uint8_t *at = to;
    *at++ = 0x84;
    memcpy(at, "\xa4name\xa2", 6);
    at += 6;
    memcpy(at, type_name(p), 2);
    at += 2;
    memcpy(at, "\xa1x\x01\xa1y\x02\xa2k0", 9);
    at += 9;
    at += pack(p, at, 100, 3);
    return (size_t)(at - to);
}

const void *draw_bytes_packed(player *p)
{
    static __thread uint8_t buffer[150000];
    unsigned roll = (unsigned)below(p, 100);
    size_t n;
    if (roll < 2) {
        p->size = roll == 0 ? 0 : 5;
        say(p, "NULL, %zu, ", p->size);
        return NULL;
    }
    if (roll < 45) {
        n = pack_message(p, buffer);
    } else if (roll < 90) {
        n = pack(p, buffer, 1000, 0);
    } else if (roll < 91) { /* goes out in fragments */
        n = 70000 + below(p, 70000);
        memset(buffer, 1, n);
        memcpy(buffer, (uint8_t[]){0xc6, 0, (uint8_t)((n - 5) >> 16), (uint8_t)((n - 5) >> 8), (uint8_t)(n - 5)}, 5);
    } else if (roll < 94) { /* cut short */
        n = pack(p, buffer, 1000, 0);
        n = below(p, n + 1);
    } else if (roll < 97) { /* arrays in arrays, deeper than allowed, or just not */
        n = MCL_DEPTH_MAX - 3 + below(p, 6);
        memset(buffer, 0x91, n);
        buffer[n++] = 0xc0;
    } else {
        n = below(p, 100);
        for (size_t i = 0; i < n; i++)
            buffer[i] = (uint8_t)random_bits(p);
    }
    p->size = n;
    if (chance(p, 0.5))
        p->size = (size_t)PTRDIFF_MAX + 1 + n;
    say(p, "%zu bytes 0x%02x..., ", p->size, n > 0 ? buffer[0] : 0);
    return in_room(p, buffer, n);
}

const void *draw_bytes_value(player *p)
{
    return draw_text_value(p);
}

/* ---- Room for results ---- */

void *draw_room(player *p)
{
    unsigned roll = (unsigned)below(p, 100);
    size_t n = below(p, 5) == 0 ? below(p, 40) : chance(p, 95) ? 3000 : 200000;
    p->size = n;
    if (roll < 3) {
        p->size = roll == 0 ? 0 : n;
        say(p, "NULL, %zu, ", p->size);
        p->room = 0;
        p->room_at = NULL;
        return NULL;
    }
    if (roll == 3)
        p->size = (size_t)PTRDIFF_MAX + 1 + n;
    say(p, "room of %zu, ", p->size);
    p->room = p->size;
    return p->room_at = in_room(p, NULL, n);
}

/* What a result is written to; at times nothing. */
static void *out(player *p, size_t size)
{
    if (chance(p, 3)) {
        say(p, "NULL, ");
        return NULL;
    }
    return in_room(p, NULL, size);
}

size_t *draw_out_size(player *p)
{
    return p->needed = out(p, sizeof *p->needed);
}

int *draw_out_int(player *p)
{
    return out(p, sizeof(int));
}

int64_t *draw_out_int64(player *p)
{
    return out(p, sizeof(int64_t));
}

uint64_t *draw_out_uint64(player *p)
{
    return out(p, sizeof(uint64_t));
}

double *draw_out_double(player *p)
{
    return out(p, sizeof(double));
}

mcl_error *draw_last(player *p)
{
    return out(p, sizeof(mcl_error));
}

mcl_error *draw_error(player *p)
{
    return p->error = out(p, sizeof(mcl_error));
}

/* ---- Numbers ---- */

static int64_t number(player *p)
{
    int64_t n;
    switch (below(p, 4)) {
    case 0:
        n = (int64_t)below(p, 10) - 5;
        break;
    case 1:
        n = (int64_t[]){INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, UINT32_MAX, 0}[below(p, 6)];
        break;
    case 2:
        n = (int64_t)random_bits(p);
        break;
    default:
        n = (int64_t)below(p, 100000);
    }
    say(p, "%lld, ", (long long)n);
    return n;
}

int draw_int_code(player *p)
{
    return (int)number(p);
}

int draw_int_cause(player *p)
{
    return (int)number(p);
}

int draw_int_value(player *p)
{
    return (int)number(p);
}

int64_t draw_int64_value(player *p)
{
    return number(p);
}

uint64_t draw_uint64_value(player *p)
{
    return (uint64_t)number(p);
}

static int64_t moment(player *p)
{
    return chance(p, 80) ? INT64_C(1700000000000000000) + (int64_t)below(p, 1000000000) : number(p);
}

int64_t draw_int64_time_origin(player *p)
{
    return moment(p);
}

int64_t draw_int64_time_received(player *p)
{
    return moment(p);
}

int draw_int_index(player *p)
{
    int n = chance(p, 90) ? (int)below(p, 4) - 1 : (int)number(p);
    say(p, "%d, ", n);
    return n;
}

size_t draw_size_index(player *p)
{
    size_t n = chance(p, 90) ? below(p, 4) : (size_t)number(p);
    say(p, "%zu, ", n);
    return n;
}

size_t draw_size_delivered(player *p)
{
    size_t n = p->hand.count > 0 && chance(p, 80) ? below(p, p->hand.count + 1) : (size_t)number(p);
    say(p, "%zu, ", n);
    return n;
}

size_t draw_size_rejected(player *p)
{
    return chance(p, 80) ? 0 : draw_size_delivered(p);
}

uint64_t draw_uint64_id(player *p)
{
    uint64_t n = chance(p, 90) ? below(p, 6) : (uint64_t)number(p);
    say(p, "%llu, ", (unsigned long long)n);
    return n;
}

double draw_double_value(player *p)
{
    double d = (double[]){0, -0.0, 1.5, NAN, INFINITY, -INFINITY, 1e308, 5e-324}[below(p, 8)];
    say(p, "%g, ", d);
    return d;
}

double draw_double_speed(player *p)
{
    double d = chance(p, 85) ? (double[]){0, 1, 100, MCL_REPLAY_SPEED_MAX, MCL_REPLAY_SPEED_MIN}[below(p, 5)]
                             : (double[]){NAN, INFINITY, -1, 1e-300, 1e300, MCL_REPLAY_SPEED_MAX * 1.01}[below(p, 6)];
    say(p, "%g, ", d);
    return d;
}

int draw_int_bytes(player *p)
{
    int n = chance(p, 85) ? 1 + (int)below(p, MCL_FRAGMENT_SIZE_MAX) : (int)number(p);
    say(p, "%d bytes, ", n);
    return n;
}

int draw_int_timeout_ms(player *p)
{
    /* A callback that waits for ever would be stuck by its own doing. */
    if (p->depth == 0 && chance(p, 2)) {
        p->endless = 1;
        say(p, "for ever, ");
        return chance(p, 50) ? -1 : (int)number(p) | INT32_MIN;
    }
    int ms = chance(p, 70) ? 0 : (int)below(p, 4);
    say(p, "%d ms, ", ms);
    return ms;
}

/* Is it one msgpack object? (https://github.com/msgpack/msgpack/blob/master/spec.md) What the answer 0 leaves open, the
 * wire package of the core decides, which has the causes as well. tests/capi/shortcut.c compares the two. */
#include "shortcut.h"

#define DEPTH 16 /* of what is looked at; deeper ones are left to Go */
/* Maps of so many keys are left to Go, which looks at their hashes (core/internal/wire/keys.go); of fewer, where there are exts. */
#define KEYS UINT64_C(256)
#define KEYS_EXTENDED UINT64_C(16)

static uint64_t big_endian(const uint8_t *bytes, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* What follows the first byte of the codes 0xc0 to 0xdf. */
static const struct {
    uint8_t fixed; /* bytes of the object without its data, its first one included; 0: no msgpack */
    uint8_t length_bytes; /* of the number behind the first byte: */
    uint8_t each; /* objects for each that it counts; 0: it counts bytes of data */
} formats[32] = {
    [0x00] = {1, 0, 0},  [0x02] = {1, 0, 0}, [0x03] = {1, 0, 0}, /* nil, false, true */
    [0x04] = {2, 1, 0},  [0x05] = {3, 2, 0}, [0x06] = {5, 4, 0}, /* bin */
    [0x07] = {3, 1, 0},  [0x08] = {4, 2, 0}, [0x09] = {6, 4, 0}, /* ext */
    [0x0a] = {5, 0, 0},  [0x0b] = {9, 0, 0}, /* float */
    [0x0c] = {2, 0, 0},  [0x0d] = {3, 0, 0}, [0x0e] = {5, 0, 0}, [0x0f] = {9, 0, 0}, /* uint */
    [0x10] = {2, 0, 0},  [0x11] = {3, 0, 0}, [0x12] = {5, 0, 0}, [0x13] = {9, 0, 0}, /* int */
    [0x14] = {3, 0, 0},  [0x15] = {4, 0, 0}, [0x16] = {6, 0, 0}, [0x17] = {10, 0, 0}, /* fixext */
    [0x18] = {18, 0, 0}, [0x19] = {2, 1, 0}, [0x1a] = {3, 2, 0}, [0x1b] = {5, 4, 0}, /* str */
    [0x1c] = {3, 2, 1},  [0x1d] = {5, 4, 1}, /* array */
    [0x1e] = {3, 2, 2},  [0x1f] = {5, 4, 2}, /* map */
};

int scan_is_plain(const uint8_t *bytes, size_t size, int str8_too, uint64_t objects_max)
{
    uint64_t left[DEPTH]; /* objects still to come, in each container that is open */
    int depth = 0;
    size_t at = 0;
    uint64_t objects = 1;
    int has_ext = 0, has_wide = 0;
    left[0] = 1;
    for (;;) {
        while (left[depth] == 0)
            if (depth-- == 0)
                return at == size && objects <= objects_max && !(has_ext && has_wide);
        if (at >= size)
            return 0;
        left[depth]--;
        uint8_t code = bytes[at];
        uint64_t data = 1, children = 0;
        if (code < 0x80 || code >= 0xe0) {
            at++;
            continue;
        }
        if (code < 0x90)
            children = 2 * (uint64_t)(code & 0x0f);
        else if (code < 0xa0)
            children = code & 0x0f;
        else if (code < 0xc0)
            data += code & 0x1f;
        else {
            data = formats[code - 0xc0].fixed;
            int length_bytes = formats[code - 0xc0].length_bytes;
            if (data == 0 || (code == 0xd9 && !str8_too) || size - at < 1u + (unsigned)length_bytes)
                return 0;
            uint64_t length = big_endian(bytes + at + 1, length_bytes);
            if (formats[code - 0xc0].each > 0)
                children = length * formats[code - 0xc0].each;
            else
                data += length;
            has_ext |= (code >= 0xc7 && code <= 0xc9) || (code >= 0xd4 && code <= 0xd8);
            if (code >= 0xde && children >= 2 * KEYS)
                return 0;
            has_wide |= code >= 0xde && children >= 2 * KEYS_EXTENDED;
        }
        if (data > size - at)
            return 0;
        at += data;
        if (children > 0) {
            if (depth + 1 == DEPTH || children > size - at) /* each takes a byte at least */
                return 0;
            left[++depth] = children;
            objects += children;
        }
    }
}

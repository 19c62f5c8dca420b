/* value.c - looking at msgpack where it lies. Nothing is copied or allocated, and no byte outside of the value is
 * read whatever its bytes are: a view may be of memory that the library never checked. */
#include "internal.h"

#include <string.h>

static const mclw_value none = {NULL, 0};

/* The first byte of an object and what belongs to it. */
struct head {
    int kind;        /* MCL_KIND_... */
    size_t size;     /* bytes of the head itself */
    uint64_t body;   /* bytes after it: of a string, bin or ext */
    uint64_t items;  /* objects after it: of an array, two a key of a map */
    uint64_t bits;   /* a number as it is stored, negative ones widened */
    int is_float;    /* the number takes 4 bytes, not 8 */
};

static uint64_t big_endian(const unsigned char *from, unsigned width)
{
    uint64_t number = 0;

    while (width-- > 0)
        number = number << 8 | *from++;
    return number;
}

/* The forms 0xc0 to 0xdf: the kind, and how many bytes of number follow. Width 0 and MCL_KIND_NIL but for 0xc0 is
 * msgpack's unused 0xc1. */
static const struct form {
    unsigned char kind, width;
} forms[32] = {
    /* clang-format off */
    {MCL_KIND_NIL, 0},    {MCL_KIND_NIL, 0},    {MCL_KIND_BOOL, 0},   {MCL_KIND_BOOL, 0},
    {MCL_KIND_BYTES, 1},  {MCL_KIND_BYTES, 2},  {MCL_KIND_BYTES, 4},  {MCL_KIND_EXT, 1},
    {MCL_KIND_EXT, 2},    {MCL_KIND_EXT, 4},    {MCL_KIND_DOUBLE, 4}, {MCL_KIND_DOUBLE, 8},
    {MCL_KIND_UINT, 1},   {MCL_KIND_UINT, 2},   {MCL_KIND_UINT, 4},   {MCL_KIND_UINT, 8},
    {MCL_KIND_INT, 1},    {MCL_KIND_INT, 2},    {MCL_KIND_INT, 4},    {MCL_KIND_INT, 8},
    {MCL_KIND_EXT, 0},    {MCL_KIND_EXT, 0},    {MCL_KIND_EXT, 0},    {MCL_KIND_EXT, 0},
    {MCL_KIND_EXT, 0},    {MCL_KIND_STRING, 1}, {MCL_KIND_STRING, 2}, {MCL_KIND_STRING, 4},
    {MCL_KIND_ARRAY, 2},  {MCL_KIND_ARRAY, 4},  {MCL_KIND_MAP, 2},    {MCL_KIND_MAP, 4},
    /* clang-format on */
};

static void one_byte_form(unsigned byte, struct head *head)
{
    if (byte <= 0x7f) {
        head->kind = MCL_KIND_UINT;
        head->bits = byte;
    } else if (byte >= 0xe0) {
        head->kind = MCL_KIND_INT;
        head->bits = (uint64_t)(int64_t)((int)byte - 256);
    } else if (byte <= 0x8f) {
        head->kind = MCL_KIND_MAP;
        head->items = 2 * (uint64_t)(byte & 0x0f);
    } else if (byte <= 0x9f) {
        head->kind = MCL_KIND_ARRAY;
        head->items = byte & 0x0f;
    } else {
        head->kind = MCL_KIND_STRING;
        head->body = byte & 0x1f;
    }
}

/* Widens a signed number of `width` bytes. A positive one in a signed form is a UINT, as in mcl.h. */
static void widen(struct head *head, unsigned width)
{
    uint64_t sign = (uint64_t)1 << (8 * width - 1); /* NOLINT(clang-analyzer-core.BitwiseShift): width is not 0 */

    if (head->bits & sign)
        head->bits |= ~(sign | (sign - 1));
    else
        head->kind = MCL_KIND_UINT;
}

/* Reads the head of the object at `at`, of which `size` bytes are there. Returns 0 when they hold no whole head, or
 * no whole body. */
static int read_head(const unsigned char *at, size_t size, struct head *head)
{
    const struct form *form;
    unsigned byte;

    memset(head, 0, sizeof *head);
    if (size == 0)
        return 0;
    byte = at[0];
    head->size = 1;
    if (byte < 0xc0 || byte > 0xdf) {
        one_byte_form(byte, head);
        return head->body <= size - 1;
    }
    if (byte == 0xc1)
        return 0;
    form = &forms[byte - 0xc0];
    if (form->width > size - 1)
        return 0;
    head->kind = form->kind;
    head->size += form->width;
    head->bits = big_endian(at + 1, form->width);
    switch (form->kind) {
    case MCL_KIND_BOOL:
        head->bits = byte & 1;
        break;
    case MCL_KIND_DOUBLE:
        head->is_float = form->width == 4;
        break;
    case MCL_KIND_INT:
        widen(head, form->width);
        break;
    case MCL_KIND_STRING:
    case MCL_KIND_BYTES:
        head->body = head->bits;
        break;
    case MCL_KIND_EXT: /* a byte of type, then the data, whose size is in the form where no number follows */
        head->body = 1 + (form->width != 0 ? head->bits : (uint64_t)1 << (byte - 0xd4));
        break;
    case MCL_KIND_ARRAY:
        head->items = head->bits;
        break;
    case MCL_KIND_MAP:
        head->items = 2 * head->bits;
        break;
    default:
        break;
    }
    return head->body <= size - head->size;
}

/* The bytes of the object at `at`, all that is in it included; 0 when it is cut short. Counts what is still to come
 * instead of recursing, so that depth costs nothing. */
static size_t whole_size(const unsigned char *at, size_t size)
{
    uint64_t pending = 1;
    size_t used = 0;

    while (pending > 0) {
        struct head head;

        if (!read_head(at + used, size - used, &head))
            return 0;
        used += head.size + (size_t)head.body;
        pending += head.items;
        pending--;
        if (pending > size - used) /* each takes a byte at least */
            return 0;
    }
    return used;
}

static int head_of(mclw_value value, struct head *head)
{
    return value.data != NULL && read_head(value.data, value.size, head);
}

/* Takes the first object off `rest`. */
static mclw_value take(mclw_value *rest)
{
    mclw_value first = {rest->data, whole_size(rest->data, rest->size)};

    rest->data += first.size;
    rest->size -= first.size;
    return first.size != 0 ? first : none;
}

/* What follows the head of an array or map. */
static mclw_value inside(mclw_value value, const struct head *head)
{
    mclw_value rest;

    rest.data = value.data + head->size;
    rest.size = value.size - head->size;
    return rest;
}

mclw_value mclw_value_of(const mcl_received *record, const char *key)
{
    mclw_value payload = none;

    if (record == NULL || record->payload == NULL)
        return none;
    payload.data = record->payload;
    payload.size = record->payload_size;
    return key != NULL ? mclw_value_key(payload, key) : payload;
}

mclw_value mclw_value_key(mclw_value map, const char *key)
{
    mclw_value found = none, rest;
    size_t key_size = key != NULL ? strlen(key) : 0;
    struct head head;

    if (key == NULL || !head_of(map, &head) || head.kind != MCL_KIND_MAP)
        return none;
    rest = inside(map, &head);
    for (; head.items > 0; head.items -= 2) {
        mclw_value name = take(&rest), value = name.size != 0 ? take(&rest) : none;
        const char *text;
        size_t size;

        if (value.size == 0)
            return none; /* cut short: no map at all */
        text = mclw_value_bytes(name, &size);
        if (text != NULL && size == key_size && memcmp(text, key, size) == 0)
            found = value;
    }
    return found;
}

mclw_value mclw_value_item(mclw_value array, size_t index)
{
    mclw_value item = none, rest;
    struct head head;

    if (!head_of(array, &head) || head.kind != MCL_KIND_ARRAY || index >= head.items)
        return none;
    rest = inside(array, &head);
    do {
        item = take(&rest);
    } while (item.size != 0 && index-- > 0);
    return item;
}

size_t mclw_value_count(mclw_value value)
{
    struct head head;

    if (!head_of(value, &head))
        return 0;
    return (size_t)(head.kind == MCL_KIND_MAP ? head.items / 2 : head.items);
}

int mclw_value_kind(mclw_value value)
{
    struct head head;

    return head_of(value, &head) ? head.kind : MCL_EUNKNOWN;
}

const char *mclw_value_bytes(mclw_value value, size_t *size)
{
    struct head head;
    int fits = head_of(value, &head) && (head.kind == MCL_KIND_STRING || head.kind == MCL_KIND_BYTES);

    if (size != NULL)
        *size = fits ? (size_t)head.body : 0;
    return fits ? (const char *)value.data + head.size : NULL;
}

int mclw_value_bool(mclw_value value, int fallback)
{
    struct head head;

    return head_of(value, &head) && head.kind == MCL_KIND_BOOL ? (int)head.bits : fallback;
}

int64_t mclw_value_int(mclw_value value, int64_t fallback)
{
    struct head head;

    if (!head_of(value, &head))
        return fallback;
    if (head.kind == MCL_KIND_INT) /* -1 - ~bits: a cast of what does not fit would be up to the compiler */
        return -1 - (int64_t)~head.bits;
    return head.kind == MCL_KIND_UINT && head.bits <= INT64_MAX ? (int64_t)head.bits : fallback;
}

uint64_t mclw_value_uint(mclw_value value, uint64_t fallback)
{
    struct head head;

    return head_of(value, &head) && head.kind == MCL_KIND_UINT ? head.bits : fallback;
}

static int number(const struct head *head, double *value)
{
    if (head->kind == MCL_KIND_UINT) {
        *value = (double)head->bits;
    } else if (head->kind == MCL_KIND_INT) {
        *value = (double)(-1 - (int64_t)~head->bits);
    } else if (head->kind == MCL_KIND_DOUBLE && head->is_float) {
        uint32_t bits = (uint32_t)head->bits;
        float narrow;
        memcpy(&narrow, &bits, sizeof narrow);
        *value = (double)narrow;
    } else if (head->kind == MCL_KIND_DOUBLE) {
        memcpy(value, &head->bits, sizeof *value);
    } else {
        return 0;
    }
    return 1;
}

double mclw_value_double(mclw_value value, double fallback)
{
    struct head head;
    double result;

    return head_of(value, &head) && number(&head, &result) ? result : fallback;
}

size_t mclw_value_string(mclw_value value, char *buffer, size_t size, const char *fallback)
{
    size_t length, kept;
    const char *text = mclw_value_bytes(value, &length);

    if (text == NULL) {
        text = fallback != NULL ? fallback : "";
        length = strlen(text);
    }
    if (buffer != NULL && size != 0) {
        kept = length < size ? length : size - 1;
        memcpy(buffer, text, kept);
        buffer[kept] = '\0';
    }
    return length;
}

/* Copies numbers to `doubles` or `floats`, whichever is not NULL, once all of them are known to be numbers. */
static int numbers(mclw_value array, double *doubles, float *floats, size_t count)
{
    struct head head, item;
    const unsigned char *at;
    size_t left, i, total;
    double value;

    if (array.size == 0)
        return MCL_EUNKNOWN;
    if (!head_of(array, &head) || head.kind != MCL_KIND_ARRAY || head.items > INT32_MAX)
        return MCL_ETYPE;
    total = (size_t)head.items;
    at = array.data + head.size;
    left = array.size - head.size;
    for (i = 0; i < total; i++, at += item.size, left -= item.size) {
        if (!read_head(at, left, &item) || !number(&item, &value))
            return MCL_ETYPE;
    }
    at = array.data + head.size;
    left = array.size - head.size;
    for (i = 0; i < total && i < count; i++, at += item.size, left -= item.size) {
        read_head(at, left, &item);
        number(&item, &value);
        if (doubles != NULL)
            doubles[i] = value;
        else if (floats != NULL)
            floats[i] = (float)value;
    }
    return (int)total;
}

int mclw_value_doubles(mclw_value value, double *values, size_t count) { return numbers(value, values, NULL, count); }

int mclw_value_floats(mclw_value value, float *values, size_t count) { return numbers(value, NULL, values, count); }

#include "hot.h"
#include "shortcut.h"

#include <string.h>

/* The topic of [topic, payload], as encoders write it. Returns the bytes of it and its header, 0: unsure. */
static size_t cut_topic(const uint8_t *at, size_t left, mcl_received *r)
{
    size_t head, size;
    if (left < 2) /* a payload follows */
        return 0;
    r->topic = NULL;
    r->topic_size = 0;
    if (at[0] == 0xc0)
        return 1;
    if ((at[0] & 0xe0) == 0xa0) {
        head = 1;
        size = at[0] & 0x1f;
    } else if (at[0] == 0xd9 || at[0] == 0xc4) { /* str8, bin8 */
        head = 2;
        size = at[1];
    } else if ((at[0] == 0xda || at[0] == 0xc5) && left >= 3) { /* str16, bin16 */
        head = 3;
        size = (size_t)at[1] << 8 | at[2];
    } else {
        return 0;
    }
    if (head + size > left)
        return 0;
    r->topic = (const char *)at + head;
    r->topic_size = size;
    return head + size;
}

static int is_wanted(const hot_listener *l, const mcl_received *r)
{
    if (l->topic_count == 0)
        return 1;
    if (r->topic == NULL)
        return 0;
    for (size_t i = 0; i < l->topic_count; i++)
        if (l->topic_sizes[i] == r->topic_size && memcmp(l->topics[i], r->topic, r->topic_size) == 0)
            return 1;
    return 0;
}

/* The checks of wire.Parse, of which only what is certain passes. Go filters only what is well-formed, so the payload is looked
 * at first. */
enum hot_kind hot_parse(const hot_listener *l, mcl_received *datagram)
{
    const uint8_t *at = datagram->payload;
    size_t left = datagram->payload_size;
    if (left < 3 || at[0] != 0x92)
        return HOT_UNSURE;
    mcl_received r = *datagram;
    size_t topic = cut_topic(at + 1, left - 1, &r);
    if (topic == 0)
        return HOT_UNSURE;
    r.payload = at + 1 + topic;
    r.payload_size = left - 1 - topic;
    if ((int64_t)r.payload_size > l->message_max || !scan_is_plain(r.payload, r.payload_size, 1, l->objects_max))
        return HOT_UNSURE;
    if (!is_wanted(l, &r))
        return HOT_FILTERED;
    *datagram = r;
    return HOT_MESSAGE;
}

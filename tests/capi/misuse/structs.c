/* structs.c - arguments that are structs: as a program of this header gives them, of an older and a newer one, and
 * uninitialized. A struct that says it is shorter is shorter: what it has not must not be read. */
#include "play.h"

/* Puts options where the library finds them, with the size that they are to say. */
static void *options(player *p, void *own, size_t size)
{
    char longer[1000] = {0};
    unsigned roll = (unsigned)below(p, 200);
    size_t given = size;
    if (roll < 2) {
        say(p, "NULL, ");
        return NULL;
    }
    memcpy(longer, own, size);
    if (roll == 2) /* of an older header */
        given = sizeof(size_t) * (1 + below(p, size / sizeof(size_t)));
    else if (roll == 3) /* of a newer one, with nothing in what it has more */
        given = size + 8 * (1 + below(p, 10));
    else if (roll == 4) { /* and with something */
        given = size + 8 * (1 + below(p, 10));
        longer[size + below(p, given - size)] = 1;
    }
    size_t said = given;
    if (roll == 5)
        said = (size_t[]){0, 1, 7, 5000, SIZE_MAX, (size_t)random_bits(p) | 1 << 20}[below(p, 6)];
    memcpy(longer, &said, sizeof said);
    if (said != size)
        say(p, "(of %zu bytes) ", said);
    return in_room(p, longer, given);
}

/* The same for options that hold handles: those drawn since `first` may not get through. */
static void *options_with_handles(player *p, void *own, size_t size, int first)
{
    size_t *at = options(p, own, size);
    if (at == NULL || *at < size)
        withdraw(p, first);
    return at;
}

/* Room for what the library fills in. */
static void *result(player *p, size_t size)
{
    unsigned roll = (unsigned)below(p, 100);
    size_t given = size;
    if (roll == 0) {
        say(p, "NULL, ");
        return NULL;
    }
    if (roll == 1)
        given = sizeof(size_t) * (1 + below(p, size / sizeof(size_t)));
    else if (roll == 2)
        given = size + 8 * below(p, 10);
    size_t *at = in_room(p, NULL, given);
    *at = roll == 3 ? (size_t[]){0, 1, 7, 5000, SIZE_MAX}[below(p, 5)] : given;
    if (*at != size)
        say(p, "(of %zu bytes) ", *at);
    return at;
}

static int32_t on_off(player *p)
{
    return chance(p, 97) ? (int32_t)below(p, 3) - 1 : (int32_t)random_bits(p);
}

/* An object that can be told from others by a limit that is its own. */
static int64_t own_limit(player *p)
{
    static atomic_int_least64_t next;
    p->serial = 1000000 + (uint64_t)(atomic_fetch_add(&next, 1) % 60000000);
    return (int64_t)p->serial;
}

static const mcl_connection *connection(player *p, int any_limit)
{
    static const char *const urls[] = {"ff15::1", "ff15::1", "ff15::1", "ff12::1%lo", "ff11::1"};
    static const char *const bad[] = {"", "fe80::1", "127.0.0.1", "ff15::1%nowhere", "x", "ff15::1%", "::", NULL};
    char url[300];
    mcl_connection c = MCL_CONNECTION_INIT;
    const char *given = chance(p, 96) ? urls[below(p, 5)] : bad[below(p, 8)];
    if (given != NULL) {
        snprintf(url, sizeof url, "%s", given);
        c.url = in_room(p, url, strlen(url) + 1);
    }
    c.port = chance(p, 97) ? 26000 + (int32_t)(below(p, 6) == 0) : (int32_t)random_bits(p);
    c.message_max = any_limit ? (int64_t)below(p, 2) * 100000 : own_limit(p);
    if (chance(p, 10))
        c.interface_ = in_room(p, chance(p, 80) ? "lo" : "no", 3);
    if (chance(p, 10))
        c.hops = chance(p, 80) ? MCL_HOPS_HOST : (int32_t)random_bits(p);
    if (chance(p, 10))
        c.loopback = on_off(p);
    if (chance(p, 20))
        c.recv_buffer = chance(p, 80) ? 1 << 16 : (int64_t)random_bits(p);
    if (chance(p, 10))
        c.send_buffer = chance(p, 80) ? 1 << 16 : (int64_t)random_bits(p);
    if (chance(p, 10))
        c.objects_max = chance(p, 80) ? 1000 : (int64_t)random_bits(p);
    if (chance(p, 10))
        c.reassembly_bytes = chance(p, 80) ? 1 << 20 : (int64_t)random_bits(p);
    if (chance(p, 10))
        c.reassembly_age_ms = chance(p, 80) ? 50 : (int32_t)random_bits(p);
    say(p, "{%s, %d}, ", given != NULL ? given : "NULL", (int)c.port);
    const mcl_connection *at = options(p, &c, sizeof c);
    if (at == NULL || at->size != sizeof c)
        p->serial = 0; /* the limit may not get through */
    return at;
}

const mcl_connection *draw_in_connection(player *p)
{
    /* A type's limit is one of its connection; what tells types apart is their name. */
    return connection(p, p->function->opens == KIND_type);
}

const mcl_broadcaster_options *draw_in_broadcaster_options(player *p)
{
    mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
    int first = p->use_count;
    say(p, "{");
    /* With its NUL always: its size may be 0, or beyond an older header's struct. */
    if (chance(p, 60)) {
        o.topic = in_room(p, "topic", 6);
        o.topic_size = chance(p, 95) ? (size_t[]){0, MCL_NUL, 5, 3}[below(p, 4)] : SIZE_MAX / 2 + 1;
    }
    if (chance(p, 30))
        o.type = draw_handle(p, KIND_type, USE_OR_NULL);
    o.verbatim = on_off(p);
    say(p, "}, ");
    return options_with_handles(p, &o, sizeof o, first);
}

static mcl_listener_options listener_options(player *p)
{
    mcl_listener_options o = MCL_LISTENER_OPTIONS_INIT;
    say(p, "{");
    if (chance(p, 20)) {
        const char *topics[3] = {"a", "b", chance(p, 90) ? "" : NULL};
        size_t sizes[3] = {1, MCL_NUL, chance(p, 95) ? 0 : SIZE_MAX / 2 + 1};
        o.topic_count = chance(p, 95) ? below(p, 4) : SIZE_MAX / (1 + below(p, 9));
        if (o.topic_count <= 3) {
            o.topics = in_room(p, topics, o.topic_count * sizeof *topics);
            if (chance(p, 50))
                o.topic_sizes = in_room(p, sizes, o.topic_count * sizeof *sizes);
        }
        say(p, "%zu topics, ", o.topic_count);
    }
    if (chance(p, 20))
        o.type = draw_handle(p, KIND_type, USE_OR_NULL);
    o.queued = on_off(p);
    o.policy = chance(p, 95) ? (int32_t)below(p, 4) : (int32_t)random_bits(p);
    o.queue_messages = chance(p, 95) ? (int64_t)below(p, 1000) : (int64_t)random_bits(p);
    o.queue_bytes = chance(p, 95) ? (int64_t)below(p, 1 << 20) : (int64_t)random_bits(p);
    o.quiet = chance(p, 99) ? MCL_ON : on_off(p);
    say(p, "queued %d, policy %d}, ", (int)o.queued, (int)o.policy);
    return o;
}

const mcl_listener_options *draw_in_listener_options(player *p)
{
    int first = p->use_count;
    mcl_listener_options o = listener_options(p);
    return options_with_handles(p, &o, sizeof o, first);
}

static mcl_log_writer_options log_options(player *p)
{
    mcl_log_writer_options o = MCL_LOG_WRITER_OPTIONS_INIT;
    if (chance(p, 30))
        o.type_name = chance(p, 90) ? in_room(p, "T1", 3) : in_room(p, "\n\xff", 3);
    if (chance(p, 30))
        o.revision = chance(p, 90) ? in_room(p, "r1", 3) : in_room(p, "\n\xff", 3);
    o.time_origin = chance(p, 50) ? INT64_C(1700000000000000000) : (int64_t)random_bits(p);
    o.has_time_origin = on_off(p);
    o.max_entries = chance(p, 80) ? (int64_t)below(p, 2) * 10 : (int64_t)random_bits(p);
    o.max_time = chance(p, 80) ? (int64_t)below(p, 2) * 1000000000 : (int64_t)random_bits(p);
    o.existing = chance(p, 95) ? (int32_t)below(p, 3) : (int32_t)random_bits(p);
    o.unbuffered = on_off(p);
    return o;
}

const mcl_log_writer_options *draw_in_log_writer_options(player *p)
{
    mcl_log_writer_options o = log_options(p);
    return options(p, &o, sizeof o);
}

const mcl_recorder_options *draw_in_recorder_options(player *p)
{
    mcl_recorder_options o = MCL_RECORDER_OPTIONS_INIT;
    mcl_log_writer_options log = log_options(p);
    int first = p->use_count;
    mcl_listener_options listener = listener_options(p);
    if (strcmp(p->function->name, "mcl_recorder_open_network") == 0 && chance(p, 95)) {
        log.type_name = NULL;
        listener.type = NULL;
        withdraw(p, first);
    }
    if (chance(p, 70))
        o.log = options(p, &log, sizeof log);
    if (chance(p, 95))
        o.listener = options_with_handles(p, &listener, sizeof listener, first);
    else
        withdraw(p, first);
    return options_with_handles(p, &o, sizeof o, first);
}

const mcl_log_reader_options *draw_in_log_reader_options(player *p)
{
    mcl_log_reader_options o = MCL_LOG_READER_OPTIONS_INIT;
    o.min_time = (int64_t)below(p, 1000000000);
    o.max_time = chance(p, 90) ? (int64_t)below(p, 100) * 1000000000 : (int64_t)random_bits(p);
    o.has_min_time = chance(p, 80) ? 0 : on_off(p);
    o.has_max_time = chance(p, 80) ? 0 : on_off(p);
    o.refuse_raw = on_off(p);
    return options(p, &o, sizeof o);
}

const mcl_replay_options *draw_in_replay_options(player *p)
{
    mcl_replay_options o = MCL_REPLAY_OPTIONS_INIT;
    o.buffer = chance(p, 90) ? (int64_t)below(p, 20) : (int64_t)random_bits(p);
    o.quiet = chance(p, 99) ? MCL_ON : on_off(p);
    o.linger = chance(p, 90) ? (int64_t)below(p, 2) * 1000000 : (int64_t)random_bits(p);
    return options(p, &o, sizeof o);
}

const mcl_log_record *draw_in_log_record(player *p)
{
    if (chance(p, 1)) {
        say(p, "NULL, ");
        return NULL;
    }
    mcl_log_record r;
    r.elapsed = chance(p, 90) ? (int64_t)below(p, 1000000) : (int64_t)random_bits(p);
    r.topic = draw_text_topic(p);
    r.topic_size = drawn_size(p);
    r.payload = draw_bytes_packed(p);
    r.payload_size = drawn_size(p);
    r.type_name = draw_text_type_name(p);
    return in_room(p, &r, sizeof r);
}

const mcl_item *draw_ins_item(player *p)
{
    mcl_item items[100];
    size_t n = below(p, 4), drawn = n;
    if (chance(p, 2)) {
        p->size = chance(p, 50) ? 1 + below(p, 3) : SIZE_MAX / (1 + below(p, 9));
        say(p, "NULL, %zu, ", p->size);
        return NULL;
    }
    if (n > 0 && chance(p, 20)) /* those of a longer list say the same again */
        n = 1 + below(p, sizeof items / sizeof *items);
    say(p, "%zu items: ", n);
    for (size_t i = 0; i < n && i < drawn; i++) {
        items[i].topic = draw_text_topic(p);
        items[i].topic_size = drawn_size(p);
        items[i].payload = draw_bytes_packed(p);
        items[i].payload_size = drawn_size(p);
    }
    for (size_t i = drawn; i < n; i++)
        items[i] = items[i % drawn];
    p->size = n;
    return in_room(p, items, n * sizeof *items);
}

mcl_type *const *draw_handles(player *p, int kind)
{
    mcl_type *types[3];
    size_t n = chance(p, 50) ? 1 : below(p, 4);
    if (chance(p, 2)) {
        p->size = chance(p, 50) ? 2 : SIZE_MAX / (1 + below(p, 9));
        say(p, "NULL, %zu, ", p->size);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        types[i] = draw_handle(p, kind, USE);
    p->size = n;
    return in_room(p, types, n * sizeof *types);
}

/* ---- Results ---- */

mcl_broadcaster_stats *draw_out_broadcaster_stats(player *p)
{
    return result(p, sizeof(mcl_broadcaster_stats));
}

mcl_listener_stats *draw_out_listener_stats(player *p)
{
    return result(p, sizeof(mcl_listener_stats));
}

/* Mostly the player's own, with what was taken last; its messages must still be there. */
mcl_hand *draw_out_hand(player *p)
{
    volatile size_t sum = 0;
    if (p->hand.size == 0)
        p->hand = (mcl_hand)MCL_HAND_INIT;
    for (size_t i = 0; p->hand.number != 0 && i < p->hand.count; i++)
        for (size_t at = 0; at < p->hand.records[i].payload_size; at++)
            sum += ((const unsigned char *)p->hand.records[i].payload)[at];
    /* What is to be settled is mostly this listener's. */
    if (p->hand.number == 0 && p->use_count > 0 && p->uses[0].known != NULL &&
        strcmp(p->function->name, "mcl_listener_settle") == 0)
        (void)mcl_listener_take(p->uses[0].value, 0, &p->hand, NULL);
    if (chance(p, 85)) {
        say(p, "hand %llu, ", (unsigned long long)p->hand.number);
        p->hand.most = below(p, 4);
        p->hand.wants_stream = on_off(p);
        return &p->hand;
    }
    mcl_hand other = MCL_HAND_INIT;
    other.number = chance(p, 50) ? below(p, 100) : random_bits(p);
    other.size = chance(p, 70) ? sizeof other : below(p, 200);
    if (chance(p, 5)) {
        say(p, "NULL, ");
        return NULL;
    }
    say(p, "hand %llu of %zu bytes, ", (unsigned long long)other.number, other.size);
    return in_room(p, &other, sizeof other);
}

mcl_log_writer_stats *draw_out_log_writer_stats(player *p)
{
    return result(p, sizeof(mcl_log_writer_stats));
}

mcl_replay_stats *draw_out_replay_stats(player *p)
{
    return result(p, sizeof(mcl_replay_stats));
}

mcl_log_header *draw_out_log_header(player *p)
{
    return result(p, sizeof(mcl_log_header));
}

mcl_settings *draw_out_settings(player *p)
{
    return result(p, sizeof(mcl_settings));
}

/* Room for some records, with the count that is said of them. */
static void *records(player *p, size_t each)
{
    size_t n = below(p, 20);
    p->size = n;
    if (chance(p, 2)) {
        p->size = chance(p, 50) ? n : SIZE_MAX - below(p, 3);
        say(p, "NULL, %zu, ", p->size);
        return NULL;
    }
    say(p, "%zu records, ", n);
    return in_room(p, NULL, n * each);
}

mcl_received *draw_out_received(player *p)
{
    return chance(p, 1) ? NULL : in_room(p, NULL, sizeof(mcl_received));
}

mcl_received *draw_outs_record(player *p)
{
    return records(p, sizeof(mcl_received));
}

mcl_log_record *draw_outs_log_record(player *p)
{
    return records(p, sizeof(mcl_log_record));
}

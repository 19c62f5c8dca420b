/* dds.c - Cyclone DDS: RTPS over UDP multicast, best effort, keeping all samples until they are taken.
 *
 *     dds send, dds receive
 *
 * Its settings (CYCLONEDDS_URI) are in ../peers.py. */
#include "bench.h"
#include "sample.h"
#include <dds/dds.h>

static dds_entity_t participant, go; /* go: the receiver tells that it has found the sender's writer */

static dds_entity_t check(const char *what, dds_entity_t result)
{
    if (result < 0)
        bench_fail(what, dds_strretcode(-result));
    return result;
}

static dds_entity_t topic(const char *name)
{
    return check("dds_create_topic", dds_create_topic(participant, &bench_Sample_desc, name, NULL, NULL));
}

static dds_qos_t *qos(int reliable)
{
    dds_qos_t *q = dds_create_qos();
    dds_qset_reliability(q, reliable ? DDS_RELIABILITY_RELIABLE : DDS_RELIABILITY_BEST_EFFORT, DDS_SECS(10));
    dds_qset_history(q, DDS_HISTORY_KEEP_ALL, 0);
    dds_qset_durability(q, reliable ? DDS_DURABILITY_TRANSIENT_LOCAL : DDS_DURABILITY_VOLATILE);
    return q;
}

/* Waits until one of `mask` is so. Returns 0 when the time is over. */
static int wait_for(dds_entity_t entity, uint32_t mask, int ms)
{
    dds_entity_t set = check("dds_create_waitset", dds_create_waitset(participant));
    check("dds_set_status_mask", dds_set_status_mask(entity, mask));
    check("dds_waitset_attach", dds_waitset_attach(set, entity, 0));
    int n = check("dds_waitset_wait", dds_waitset_wait(set, NULL, 0, DDS_MSECS(ms)));
    dds_delete(set);
    return n;
}

static void must_wait_for(const char *what, dds_entity_t entity, uint32_t mask)
{
    if (wait_for(entity, mask, 10000) == 0)
        bench_fail(what, "not within ten seconds");
}

static void send_all(const bench_options *o)
{
    size_t length;
    unsigned char *message = bench_message(o->size, &length);
    bench_Sample sample = {.body = {._maximum = (uint32_t)length, ._length = (uint32_t)length, ._buffer = message}};
    dds_qos_t *fast = qos(0), *sure = qos(1);
    dds_entity_t reader = check("reader", dds_create_reader(participant, go, sure, NULL));
    dds_entity_t writer = check("writer", dds_create_writer(participant, topic("bench"), fast, NULL));
    bench_sending s;

    must_wait_for("a reader", writer, DDS_PUBLICATION_MATCHED_STATUS);
    must_wait_for("the receiver's word", reader, DDS_DATA_AVAILABLE_STATUS);
    bench_send_begin(&s, o);
    for (; bench_send_more(&s, 1); s.sent++)
        check("dds_write", dds_write(writer, &sample));
    bench_send_end(&s);
    dds_delete_qos(fast);
    dds_delete_qos(sure);
    free(message);
}

static void receive_all(void)
{
    dds_qos_t *fast = qos(0), *sure = qos(1);
    bench_receiving r = {0};
    bench_Sample hello = {{0}};
    void *samples[BATCH_MAX] = {NULL};
    dds_sample_info_t infos[BATCH_MAX];
    dds_entity_t writer = check("writer", dds_create_writer(participant, go, sure, NULL));
    dds_entity_t reader = check("reader", dds_create_reader(participant, topic("bench"), fast, NULL));
    dds_entity_t set = check("dds_create_waitset", dds_create_waitset(participant));

    bench_receive_ready(&r);
    must_wait_for("a writer", reader, DDS_SUBSCRIPTION_MATCHED_STATUS);
    check("dds_write", dds_write(writer, &hello));
    r.cpu = bench_cpu();
    check("dds_set_status_mask", dds_set_status_mask(reader, DDS_DATA_AVAILABLE_STATUS));
    check("dds_waitset_attach", dds_waitset_attach(set, reader, 0));
    for (;;) {
        int n = dds_take(reader, samples, infos, BATCH_MAX, BATCH_MAX); /* lends its memory */
        if (n < 0)
            bench_fail("dds_take", dds_strretcode(-n));
        if (n > 0) {
            uint64_t messages = 0, bytes = 0;
            for (int i = 0; i < n; i++)
                if (infos[i].valid_data) {
                    messages++;
                    bytes += ((bench_Sample *)samples[i])->body._length;
                }
            if (messages > 0)
                bench_receive_add(&r, messages, bytes);
            dds_return_loan(reader, samples, n);
        } else if (dds_waitset_wait(set, NULL, 0, DDS_MSECS(POLL_MS)) == 0 && bench_receive_over(&r)) {
            break;
        }
    }
    bench_receive_end(&r, RECV_BUFFER, 0);
    dds_delete_qos(fast);
    dds_delete_qos(sure);
}

int main(int argc, char **argv)
{
    bench_options o = bench_parse(argc, argv, "");

    participant = check("dds_create_participant", dds_create_participant(DDS_DOMAIN_DEFAULT, NULL, NULL));
    go = topic("go");
    if (strcmp(o.role, "send") == 0)
        send_all(&o);
    else if (strcmp(o.role, "receive") == 0)
        receive_all();
    else
        bench_fail(o.role, "no role of this program");
    dds_delete(participant);
    return 0;
}

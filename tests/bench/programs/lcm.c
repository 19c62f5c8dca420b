/* lcm.c - LCM, over UDP multicast of IPv4 (it has no other).
 *
 *     lcm send, lcm receive
 *
 * Its receive buffer is asked to be as large as everybody's, and its queue to have no limit, of which the default is
 * 30 messages. */
#include "bench.h"
#include <lcm/lcm.h>

#define CHANNEL "bench"

static lcm_t *open_lcm(void)
{
    char url[128];
    snprintf(url, sizeof url, "udpm://239.255.190.156:7667?ttl=0&recv_buf_size=%d", RECV_BUFFER);
    lcm_t *l = lcm_create(url);
    if (l == NULL)
        bench_fail("lcm_create", url);
    return l;
}

static void count(const lcm_recv_buf_t *message, const char *channel, void *context)
{
    (void)channel;
    bench_receive_add(context, 1, message->data_size);
}

int main(int argc, char **argv)
{
    bench_options o = bench_parse(argc, argv, "");
    size_t length;
    unsigned char *message = bench_message(o.size, &length);
    lcm_t *l = open_lcm();

    if (strcmp(o.role, "send") == 0) {
        bench_sending s;
        bench_send_begin(&s, &o);
        for (; bench_send_more(&s, 1); s.sent++)
            if (lcm_publish(l, CHANNEL, message, (unsigned)length) < 0)
                bench_fail("lcm_publish", "failed");
        bench_send_end(&s);
    } else if (strcmp(o.role, "receive") == 0) {
        bench_receiving r = {0};
        lcm_subscription_t *subscription = lcm_subscribe(l, CHANNEL, count, &r);
        if (subscription == NULL || lcm_subscription_set_queue_capacity(subscription, 0) < 0)
            bench_fail("lcm_subscribe", "failed");
        lcm_get_fileno(l); /* joins the group, and starts to receive */
        bench_receive_ready(&r);
        for (int n; (n = lcm_handle_timeout(l, POLL_MS)) > 0 || !bench_receive_over(&r);)
            if (n < 0)
                bench_fail("lcm_handle_timeout", "failed");
        bench_receive_end(&r, RECV_BUFFER, 0);
    } else {
        bench_fail(o.role, "no role of this program");
    }
    lcm_destroy(l);
    free(message);
    return 0;
}

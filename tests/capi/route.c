/* A network without a route for multicast, but for the loopback device: run sees to that. Opening works, publishing says
 * what is missing and how to mend it, and once it is mended both work by themselves. */
#include "test.h"

static int shell(const char *command)
{
    return system(command) == 0;
}

int main(void)
{
    mcl_connection c = group();
    mcl_broadcaster *b;
    mcl_listener *l;
    CHECK(shell("ip link set lo up"));
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    FAILS(MCL_EROUTE, mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    SAYS("ip -6 route add");
    CHECK(error.system == ENETUNREACH || error.system == EADDRNOTAVAIL);
    mcl_broadcaster_stats s = {.size = sizeof s};
    MUST(mcl_broadcaster_get_stats(b, &s, &error));
    EQUAL(1, s.send_errors);
    EQUAL(0, s.messages);
    EQUAL(0, s.datagrams);

    mcl_settings set = {.size = sizeof set};
    MUST(mcl_listener_open(&c, NULL, &l, &error));
    MUST(mcl_listener_get_settings(l, &set, &error));
    EQUAL(0, set.interface_index);

    CHECK(shell("ip -6 route add local ff00::/8 dev lo table local"));
    for (int i = 0; i < 500 && mcl_listener_wait(l, 10, &error) == 0; i++)
        MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    EQUAL(1, mcl_listener_wait(l, 0, &error));
    MUST(mcl_listener_get_settings(l, &set, &error));
    EQUAL(1, set.interface_index);
    CHECK(shell("ip link set lo down"));
    FAILS(MCL_EROUTE, mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    SAYS("ip ");
    MUST(mcl_listener_close(l, NULL));
    MUST(mcl_broadcaster_close(b));
    return report("route");
}

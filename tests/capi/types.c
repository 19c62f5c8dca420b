/* Message types: defining, finding, listing, removing. */
#include "test.h"

static mcl_connection at(int port)
{
    mcl_connection c = group();
    c.port = port;
    return c;
}

int main(void)
{
    mcl_connection c = at(3000), other = at(3001), bad = at(3002);
    mcl_type *t, *again, *none;
    const char *keys[] = {"speed", "altitude"};
    char buffer[64];
    size_t needed;

    EQUAL(0, mcl_type_list(NULL, 0, &needed, &error));
    EQUAL(0, needed);

    MUST(mcl_type_define("Plane", keys, 2, &c, &t, &error));
    MUST(mcl_type_find("Plane", &again, &error));
    CHECK(again != t);

    FAILS(MCL_EEXISTS, mcl_type_define("Plane", keys, 2, &other, &none, &error));
    CHECK(none == NULL);
    FAILS(MCL_EEXISTS, mcl_type_define("Boat", keys, 2, &c, &none, &error));
    SAYS("Plane");
    FAILS(MCL_EINVAL, mcl_type_define("", keys, 2, &other, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_define("Message", keys, 2, &other, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_define(NULL, keys, 2, &other, &none, &error));
    SAYS("name is NULL");
    FAILS(MCL_EINVAL, mcl_type_define("Boat", NULL, 2, &other, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_define("Boat", keys, 2, NULL, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_define("Boat", keys, 2, &other, NULL, &error));
    FAILS(MCL_EINVAL, mcl_type_define("Boat", (const char *[]){"a", NULL}, 2, &other, &none, &error));
    SAYS("mandatory[1]");
    FAILS(MCL_EINVAL, mcl_type_define("Boat", (const char *[]){"a", "a"}, 2, &other, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_define("Boat", (const char *[]){"mandatory"}, 1, &other, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_define("Boat", (const char *[]){"connection"}, 1, &other, &none, &error));
    bad.url = "192.0.2.1";
    FAILS(MCL_EADDRESS, mcl_type_define("Boat", keys, 2, &bad, &none, &error));
    SAYS("192.0.2.1");
    MUST(mcl_type_define("Boat", NULL, 0, &other, &none, &error));
    MUST(mcl_type_close(none));

    /* Buffers: what is needed is told, and nothing is written beyond the size. */
    EQUAL(2, mcl_type_list(buffer, sizeof buffer, &needed, &error));
    EQUAL(11, needed);
    CHECK(memcmp(buffer, "Boat\0Plane", 11) == 0);
    memset(buffer, '#', sizeof buffer);
    needed = 0;
    FAILS(MCL_EBUFFER, mcl_type_list(buffer, 10, &needed, &error));
    SAYS("11");
    EQUAL(11, needed);
    CHECK(buffer[0] == '#' && buffer[10] == '#');
    EQUAL(2, mcl_type_list(buffer, 11, NULL, &error));
    CHECK(buffer[11] == '#');
    FAILS(MCL_EBUFFER, mcl_type_list(NULL, 0, &needed, &error));
    FAILS(MCL_EINVAL, mcl_type_list(NULL, 1, &needed, &error));

    MUST(mcl_type_name(t, buffer, sizeof buffer, &needed, &error));
    CHECK(strcmp(buffer, "Plane") == 0 && needed == 6);
    FAILS(MCL_EBUFFER, mcl_type_name(t, buffer, 5, &needed, &error));
    MUST(mcl_type_name(t, buffer, 6, NULL, &error));
    EQUAL(2, mcl_type_mandatory(t, buffer, sizeof buffer, &needed, &error));
    CHECK(needed == 15 && memcmp(buffer, "speed\0altitude", 15) == 0);
    FAILS(MCL_EBUFFER, mcl_type_mandatory(t, buffer, 14, &needed, &error));
    EQUAL(15, needed);

    /* A type that is not registered: others may have its name and connection, and nobody finds it. */
    MUST(mcl_type_new("Plane", keys, 1, &c, &none, &error));
    CHECK(none != NULL && none != t);
    EQUAL(1, mcl_type_mandatory(none, buffer, sizeof buffer, NULL, &error));
    EQUAL(2, mcl_type_mandatory(t, buffer, sizeof buffer, NULL, &error));
    EQUAL(2, mcl_type_list(buffer, sizeof buffer, NULL, &error));
    MUST(mcl_type_close(none));
    MUST(mcl_type_new("Train", NULL, 0, &c, &none, &error));
    MUST(mcl_type_close(none));
    FAILS(MCL_EINVAL, mcl_type_new("", keys, 2, &c, &none, &error));
    CHECK(none == NULL);
    FAILS(MCL_EINVAL, mcl_type_new("Message", keys, 2, &c, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_new(NULL, keys, 2, &c, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_new("Train", NULL, 2, &c, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_new("Train", keys, 2, NULL, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_new("Train", keys, 2, &c, NULL, &error));
    FAILS(MCL_EINVAL, mcl_type_new("Train", (const char *[]){"a", "a"}, 2, &c, &none, &error));
    FAILS(MCL_EADDRESS, mcl_type_new("Train", keys, 2, &bad, &none, &error));

    FAILS(MCL_EUNKNOWN, mcl_type_find("Train", &none, &error));
    SAYS("Train");
    CHECK(none == NULL);
    FAILS(MCL_EUNKNOWN, mcl_type_remove("Train", &error));
    FAILS(MCL_EINVAL, mcl_type_remove(NULL, &error));
    FAILS(MCL_EINVAL, mcl_type_find(NULL, &none, &error));
    FAILS(MCL_EINVAL, mcl_type_find("Plane", NULL, &error));

    /* A handle goes on after its type was forgotten, and each handle on its own. */
    MUST(mcl_type_remove("Plane", &error));
    FAILS(MCL_EUNKNOWN, mcl_type_find("Plane", &none, &error));
    MUST(mcl_type_close(again));
    MUST(mcl_type_name(t, buffer, sizeof buffer, NULL, &error));
    MUST(mcl_type_close(t));
    EQUAL(MCL_ECLOSED, mcl_type_close(t));
    MUST(mcl_type_define("Plane", keys, 2, &c, &t, &error));
    MUST(mcl_type_close(t));
    return report("types");
}

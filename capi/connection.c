#include "guard.h"

const char *mcl_version(void)
{
    return MCL_VERSION;
}

int mcl_connection_check(const mcl_connection *connection, mcl_error *error)
{
    ENTER(error);
    NEED(connection, error);
    mcl_connection own;
    INPUT(own, connection, error);
    return GO(mclgo_connection_check(&own, error));
}

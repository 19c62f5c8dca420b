#include "guard.h"

/* Every function that gives a handle: *out is NULL until it succeeds. */

int mcl_type_define(const char *name, const char *const *mandatory, size_t count, const mcl_connection *connection,
                    mcl_type **type, mcl_error *error)
{
    ENTER(error);
    NEED(type, error);
    *type = NULL;
    NEED(name, error);
    NEED(connection, error);
    if (count > 0)
        NEED(mandatory, error);
    for (size_t i = 0; i < count; i++)
        if (mandatory[i] == NULL)
            return guard_fail(error, MCL_EINVAL, __func__, "mandatory[%zu] is NULL: give %zu keys", i, count);
    mcl_connection own;
    INPUT(own, connection, error);
    uintptr_t handle = 0;
    int code = GO(mclgo_type_define(name, mandatory, count, &own, &handle, error));
    *type = (mcl_type *)handle;
    return code;
}

int mcl_type_find(const char *name, mcl_type **type, mcl_error *error)
{
    ENTER(error);
    NEED(type, error);
    *type = NULL;
    NEED(name, error);
    uintptr_t handle = 0;
    int code = GO(mclgo_type_find(name, &handle, error));
    *type = (mcl_type *)handle;
    return code;
}

int mcl_type_list(char *buffer, size_t size, size_t *needed, mcl_error *error)
{
    ENTER(error);
    BUFFER(buffer, size, error);
    return GO(mclgo_type_list(buffer, size, needed, error));
}

int mcl_type_remove(const char *name, mcl_error *error)
{
    ENTER(error);
    NEED(name, error);
    return GO(mclgo_type_remove(name, error));
}

int mcl_type_name(mcl_type *type, char *buffer, size_t size, size_t *needed, mcl_error *error)
{
    ENTER(error);
    BUFFER(buffer, size, error);
    return GO(mclgo_type_name((uintptr_t)type, buffer, size, needed, error));
}

int mcl_type_mandatory(mcl_type *type, char *buffer, size_t size, size_t *needed, mcl_error *error)
{
    ENTER(error);
    BUFFER(buffer, size, error);
    return GO(mclgo_type_mandatory((uintptr_t)type, buffer, size, needed, error));
}

int mcl_type_close(mcl_type *type)
{
    ENTER(NULL);
    return GO(mclgo_type_close((uintptr_t)type));
}

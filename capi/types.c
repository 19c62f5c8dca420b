#include "guard.h"

/* Every function that gives a handle: *out is NULL until it succeeds. */

typedef int create_type(const char *, const char *const *, size_t, const mcl_connection *, uintptr_t *, mcl_error *);

static int new_type(create_type *create, const char *name, const char *const *mandatory, size_t count,
                    const mcl_connection *connection, mcl_type **type, const char *function, mcl_error *error)
{
    CHECK(guard_need(type, "type", function, error));
    *type = NULL;
    CHECK(guard_need(name, "name", function, error));
    CHECK(guard_need(connection, "connection", function, error));
    if (count > 0)
        CHECK(guard_need(mandatory, "mandatory", function, error));
    for (size_t i = 0; i < count; i++)
        if (mandatory[i] == NULL)
            return guard_fail(error, MCL_EINVAL, function, "mandatory[%zu] is NULL: give %zu keys", i, count);
    mcl_connection own;
    CHECK(guard_input(&own, sizeof own, connection, "connection", function, error));
    uintptr_t handle = 0;
    int code = GO(create(name, mandatory, count, &own, &handle, error));
    *type = (mcl_type *)handle;
    return code;
}

int mcl_type_define(const char *name, const char *const *mandatory, size_t count, const mcl_connection *connection,
                    mcl_type **type, mcl_error *error)
{
    ENTER(error);
    return new_type(mclgo_type_define, name, mandatory, count, connection, type, __func__, error);
}

int mcl_type_new(const char *name, const char *const *mandatory, size_t count, const mcl_connection *connection,
                 mcl_type **type, mcl_error *error)
{
    ENTER(error);
    return new_type(mclgo_type_new, name, mandatory, count, connection, type, __func__, error);
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

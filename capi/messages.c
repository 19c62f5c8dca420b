#include "guard.h"

int mcl_message_new(mcl_type *type, mcl_message **message, mcl_error *error)
{
    ENTER(error);
    NEED(message, error);
    *message = NULL;
    uintptr_t handle = 0;
    int code = GO(mclgo_message_new((uintptr_t)type, &handle, error));
    *message = (mcl_message *)handle;
    return code;
}

int mcl_message_decode(mcl_type *type, const void *packed, size_t size, mcl_message **message, mcl_error *error)
{
    ENTER(error);
    NEED(message, error);
    *message = NULL;
    BYTES(packed, size, error);
    uintptr_t handle = 0;
    int code = GO(mclgo_message_decode((uintptr_t)type, packed, size, &handle, error));
    *message = (mcl_message *)handle;
    return code;
}

int mcl_message_close(mcl_message *message)
{
    ENTER(NULL);
    return GO(mclgo_message_close((uintptr_t)message));
}

int mcl_message_set_nil(mcl_message *message, const char *key, size_t key_size, mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    return GO(mclgo_message_set_nil((uintptr_t)message, key, key_size, error));
}

int mcl_message_set_bool(mcl_message *message, const char *key, size_t key_size, int value, mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    return GO(mclgo_message_set_bool((uintptr_t)message, key, key_size, value, error));
}

int mcl_message_set_int(mcl_message *message, const char *key, size_t key_size, int64_t value, mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    return GO(mclgo_message_set_int((uintptr_t)message, key, key_size, value, error));
}

int mcl_message_set_uint(mcl_message *message, const char *key, size_t key_size, uint64_t value, mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    return GO(mclgo_message_set_uint((uintptr_t)message, key, key_size, value, error));
}

int mcl_message_set_double(mcl_message *message, const char *key, size_t key_size, double value, mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    return GO(mclgo_message_set_double((uintptr_t)message, key, key_size, value, error));
}

int mcl_message_set_string(mcl_message *message, const char *key, size_t key_size, const char *value, size_t size,
                           mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    STRING(value, size, error);
    return GO(mclgo_message_set_string((uintptr_t)message, key, key_size, value, size, error));
}

int mcl_message_set_bytes(mcl_message *message, const char *key, size_t key_size, const void *value, size_t size,
                          mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    BYTES(value, size, error);
    return GO(mclgo_message_set_bytes((uintptr_t)message, key, key_size, value, size, error));
}

int mcl_message_set_packed(mcl_message *message, const char *key, size_t key_size, const void *packed, size_t size,
                           mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    BYTES(packed, size, error);
    return GO(mclgo_message_set_packed((uintptr_t)message, key, key_size, packed, size, error));
}

int mcl_packed_check(const void *packed, size_t size, mcl_error *error)
{
    ENTER(error);
    BYTES(packed, size, error);
    return GO(mclgo_packed_check(packed, size, error));
}

int mcl_message_touch(mcl_message *message, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_message_touch((uintptr_t)message, error));
}

int mcl_message_count(mcl_message *message, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_message_count((uintptr_t)message, error));
}

int mcl_message_key(mcl_message *message, size_t index, void *buffer, size_t size, size_t *needed, mcl_error *error)
{
    ENTER(error);
    BUFFER(buffer, size, error);
    return GO(mclgo_message_key((uintptr_t)message, index, buffer, size, needed, error));
}

int mcl_message_kind(mcl_message *message, const char *key, size_t key_size, mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    return GO(mclgo_message_kind((uintptr_t)message, key, key_size, error));
}

int mcl_message_get_bool(mcl_message *message, const char *key, size_t key_size, int *value, mcl_error *error)
{
    ENTER(error);
    NEED(value, error);
    STRING(key, key_size, error);
    return GO(mclgo_message_get_bool((uintptr_t)message, key, key_size, value, error));
}

int mcl_message_get_int(mcl_message *message, const char *key, size_t key_size, int64_t *value, mcl_error *error)
{
    ENTER(error);
    NEED(value, error);
    STRING(key, key_size, error);
    return GO(mclgo_message_get_int((uintptr_t)message, key, key_size, value, error));
}

int mcl_message_get_uint(mcl_message *message, const char *key, size_t key_size, uint64_t *value, mcl_error *error)
{
    ENTER(error);
    NEED(value, error);
    STRING(key, key_size, error);
    return GO(mclgo_message_get_uint((uintptr_t)message, key, key_size, value, error));
}

int mcl_message_get_double(mcl_message *message, const char *key, size_t key_size, double *value, mcl_error *error)
{
    ENTER(error);
    NEED(value, error);
    STRING(key, key_size, error);
    return GO(mclgo_message_get_double((uintptr_t)message, key, key_size, value, error));
}

int mcl_message_get_string(mcl_message *message, const char *key, size_t key_size, char *buffer, size_t size,
                           size_t *needed, mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    BUFFER(buffer, size, error);
    return GO(mclgo_message_get_string((uintptr_t)message, key, key_size, buffer, size, needed, error));
}

int mcl_message_get_bytes(mcl_message *message, const char *key, size_t key_size, void *buffer, size_t size,
                          size_t *needed, mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    BUFFER(buffer, size, error);
    return GO(mclgo_message_get_bytes((uintptr_t)message, key, key_size, buffer, size, needed, error));
}

int mcl_message_get_packed(mcl_message *message, const char *key, size_t key_size, void *buffer, size_t size,
                           size_t *needed, mcl_error *error)
{
    ENTER(error);
    STRING(key, key_size, error);
    BUFFER(buffer, size, error);
    return GO(mclgo_message_get_packed((uintptr_t)message, key, key_size, buffer, size, needed, error));
}

int mcl_message_encode(mcl_message *message, void *buffer, size_t size, size_t *needed, mcl_error *error)
{
    ENTER(error);
    BUFFER(buffer, size, error);
    return GO(mclgo_message_encode((uintptr_t)message, buffer, size, needed, error));
}

int mcl_message_json(mcl_message *message, char *buffer, size_t size, size_t *needed, mcl_error *error)
{
    ENTER(error);
    BUFFER(buffer, size, error);
    return GO(mclgo_message_json((uintptr_t)message, buffer, size, needed, error));
}

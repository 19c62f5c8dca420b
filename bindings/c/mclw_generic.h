/* mclw_generic.h - one name for all types of value. Included by mclw.h, never by itself.
 *
 *   mclw_set(message, key, value)           value: any integer, float, double, _Bool or string
 *   mclw_get(message, key, fallback)        gives the type of `fallback`, widened: int64_t, uint64_t, double, bool
 *   mclw_read(record, key, fallback)        the same from a record; key NULL: the payload itself
 *   mclw_pack(buffer, value)                appends to a mclw_buffer
 *   mclw_publish(broadcaster, topic, value) also a mcl_message * and a mclw_buffer *
 *   mclw_close(&variable)                   any handle, mclw_buffer or mclw_loop
 *   mclw_set_array, mclw_get_array, mclw_read_array, mclw_pack_array_of, mclw_publish_array
 *                                           take a double[] or float[] whose length the compiler knows; a pointer
 *                                           in its place does not compile, since its length would be a guess
 */
#ifndef MCLW_GENERIC_H
#define MCLW_GENERIC_H

#if defined(__cplusplus)
#if __cplusplus >= 201103L

/* C++ has overloads in place of _Generic. Templates, so that every integer type is met exactly once. */
#include <type_traits>

namespace mclw_detail {
template <class T> using integer_only = typename std::enable_if<
    std::is_integral<T>::value && !std::is_same<T, bool>::value, int>::type;
template <class T> using wide = typename std::conditional<std::is_signed<T>::value, int64_t, uint64_t>::type;
} // namespace mclw_detail

/* `name`(first, second, value) for every type of value, by the functions name_int and so on. */
#define MCLW_OVERLOADS(name, first, second)                                                                         \
    inline int name(first a, second b, bool value) { return name##_bool(a, b, value); }                            \
    inline int name(first a, second b, double value) { return name##_double(a, b, value); }                        \
    inline int name(first a, second b, const char *value) { return name##_string(a, b, value); }                   \
    inline int name##_wide(first a, second b, int64_t value) { return name##_int(a, b, value); }                   \
    inline int name##_wide(first a, second b, uint64_t value) { return name##_uint(a, b, value); }                 \
    template <class T, mclw_detail::integer_only<T> = 0> int name(first a, second b, T value)                      \
    { return name##_wide(a, b, static_cast<mclw_detail::wide<T> >(value)); }                                       \
    template <size_t N> int name##_array(first a, second b, const double (&values)[N])                             \
    { return name##_doubles(a, b, values, N); }                                                                    \
    template <size_t N> int name##_array(first a, second b, const float (&values)[N])                              \
    { return name##_floats(a, b, values, N); }

#define MCLW_GETTERS(name, first)                                                                                   \
    inline bool name(first a, const char *key, bool fallback) { return name##_bool(a, key, fallback) != 0; }       \
    inline double name(first a, const char *key, double fallback) { return name##_double(a, key, fallback); }      \
    inline int64_t name##_wide(first a, const char *key, int64_t fallback) { return name##_int(a, key, fallback); } \
    inline uint64_t name##_wide(first a, const char *key, uint64_t fallback)                                       \
    { return name##_uint(a, key, fallback); }                                                                      \
    template <class T, mclw_detail::integer_only<T> = 0>                                                           \
    mclw_detail::wide<T> name(first a, const char *key, T fallback)                                                \
    { return name##_wide(a, key, static_cast<mclw_detail::wide<T> >(fallback)); }                                  \
    template <size_t N> int name##_array(first a, const char *key, double (&values)[N])                            \
    { return name##_doubles(a, key, values, N); }                                                                  \
    template <size_t N> int name##_array(first a, const char *key, float (&values)[N])                             \
    { return name##_floats(a, key, values, N); }

MCLW_OVERLOADS(mclw_set, mcl_message *, const char *)
MCLW_OVERLOADS(mclw_publish, mcl_broadcaster *, const char *)
MCLW_GETTERS(mclw_get, mcl_message *)
MCLW_GETTERS(mclw_read, const mcl_received *)

#undef MCLW_OVERLOADS
#undef MCLW_GETTERS

inline int mclw_publish(mcl_broadcaster *broadcaster, const char *topic, mcl_message *message)
{
    return mclw_publish_message(broadcaster, topic, message);
}
inline int mclw_publish(mcl_broadcaster *broadcaster, const char *topic, const mclw_buffer *packed)
{
    return mclw_publish_buffer(broadcaster, topic, packed);
}

inline int mclw_pack(mclw_buffer *b, bool value) { return mclw_pack_bool(b, value); }
inline int mclw_pack(mclw_buffer *b, float value) { return mclw_pack_float(b, value); }
inline int mclw_pack(mclw_buffer *b, double value) { return mclw_pack_double(b, value); }
inline int mclw_pack(mclw_buffer *b, const char *value) { return mclw_pack_string(b, value); }
template <class T, mclw_detail::integer_only<T> = 0> int mclw_pack(mclw_buffer *b, T value)
{
    return std::is_signed<T>::value ? mclw_pack_int(b, static_cast<int64_t>(value))
                                    : mclw_pack_uint(b, static_cast<uint64_t>(value));
}
template <size_t N> int mclw_pack_array_of(mclw_buffer *b, const double (&values)[N])
{
    return mclw_pack_doubles(b, values, N);
}
template <size_t N> int mclw_pack_array_of(mclw_buffer *b, const float (&values)[N])
{
    return mclw_pack_floats(b, values, N);
}

inline int mclw_close(mcl_broadcaster **broadcaster) { return mclw_broadcaster_close(broadcaster); }
inline int mclw_close(mcl_listener **listener) { return mclw_listener_close(listener); }
inline int mclw_close(mcl_type **type) { return mclw_type_close(type); }
inline int mclw_close(mcl_message **message) { return mclw_message_close(message); }
inline int mclw_close(mcl_log_writer **writer) { return mclw_log_writer_close(writer); }
inline int mclw_close(mcl_log_reader **reader) { return mclw_log_reader_close(reader); }
inline int mclw_close(mcl_recorder **recorder) { return mclw_recorder_close(recorder); }
inline int mclw_close(mcl_replay **replay) { return mclw_replay_close(replay); }
inline int mclw_close(mclw_buffer *buffer) { return mclw_buffer_close(buffer); }
inline int mclw_close(mclw_loop **loop) { return mclw_loop_close(loop); }

#endif /* C++11 */

#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L

/* The types of C's numbers, each once, and the function that takes them. */
#define MCLW_NUMBERS(prefix)                                                                                        \
    _Bool: prefix##bool, char: prefix##int, signed char: prefix##int, short: prefix##int, int: prefix##int,        \
    long: prefix##int, long long: prefix##int, unsigned char: prefix##uint, unsigned short: prefix##uint,          \
    unsigned: prefix##uint, unsigned long: prefix##uint, unsigned long long: prefix##uint, double: prefix##double

#define MCLW_VALUES(prefix) MCLW_NUMBERS(prefix), char *: prefix##string, const char *: prefix##string

#define mclw_set(message, key, value)                                                                               \
    _Generic((value), MCLW_VALUES(mclw_set_), float: mclw_set_double)(message, key, value)
#define mclw_get(message, key, fallback)                                                                            \
    _Generic((fallback), MCLW_NUMBERS(mclw_get_), float: mclw_get_double)(message, key, fallback)
#define mclw_read(record, key, fallback)                                                                            \
    _Generic((fallback), MCLW_NUMBERS(mclw_read_), float: mclw_read_double)(record, key, fallback)
#define mclw_pack(buffer, value) _Generic((value), MCLW_VALUES(mclw_pack_), float: mclw_pack_float)(buffer, value)
#define mclw_publish(broadcaster, topic, value)                                                                     \
    _Generic((value), MCLW_VALUES(mclw_publish_), float: mclw_publish_double, mcl_message *: mclw_publish_message, \
             mclw_buffer *: mclw_publish_buffer, const mclw_buffer *: mclw_publish_buffer)(broadcaster, topic, value)

#define mclw_close(variable)                                                                                        \
    _Generic((variable), mcl_broadcaster **: mclw_broadcaster_close, mcl_listener **: mclw_listener_close,         \
             mcl_type **: mclw_type_close, mcl_message **: mclw_message_close, mclw_buffer *: mclw_buffer_close,   \
             mcl_log_writer **: mclw_log_writer_close, mcl_log_reader **: mclw_log_reader_close,                   \
             mcl_recorder **: mclw_recorder_close, mcl_replay **: mclw_replay_close,                               \
             mclw_loop **: mclw_loop_close)(variable)

#define MCLW_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The address of an array is of another type than that of a pointer, which is how the pointer is refused. */
#define MCLW_ARRAY(prefix, array)                                                                                   \
    _Generic(&(array), double (*)[MCLW_LENGTH(array)]: prefix##doubles,                                            \
             const double (*)[MCLW_LENGTH(array)]: prefix##doubles, float (*)[MCLW_LENGTH(array)]: prefix##floats, \
             const float (*)[MCLW_LENGTH(array)]: prefix##floats)

#define mclw_set_array(message, key, array) MCLW_ARRAY(mclw_set_, array)(message, key, array, MCLW_LENGTH(array))
#define mclw_get_array(message, key, array) MCLW_ARRAY(mclw_get_, array)(message, key, array, MCLW_LENGTH(array))
#define mclw_read_array(record, key, array) MCLW_ARRAY(mclw_read_, array)(record, key, array, MCLW_LENGTH(array))
#define mclw_pack_array_of(buffer, array) MCLW_ARRAY(mclw_pack_, array)(buffer, array, MCLW_LENGTH(array))
#define mclw_publish_array(broadcaster, topic, array)                                                               \
    MCLW_ARRAY(mclw_publish_, array)(broadcaster, topic, array, MCLW_LENGTH(array))

#endif

#endif /* MCLW_GENERIC_H */

/* internal.h - what the wrapper's files share. Not installed. */
#ifndef MCLW_INTERNAL_H
#define MCLW_INTERNAL_H

#include "mclw.h"

/* Report to the hook, and return `code`. The text is "operation: what is wrong and what to do". */
int mclw_internal_fail(int code, int system, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Passes a result of the library on; a negative one goes to the hook first. A library function that has no
 * mcl_error gives an `error` whose code is 0: then the text is the operation and the code's meaning. */
int mclw_internal_result(int result, const mcl_error *error, const char *operation);

/* An mcl_error to pass to the library. The text need not be cleared, which would cost 1 kB of writing a call. */
#define MCLW_ERROR(name)                                                                                               \
    mcl_error name;                                                                                                    \
    name.code = 0;                                                                                                     \
    name.system = 0;                                                                                                   \
    name.text[0] = '\0'

/* Makes room for `more` bytes after the used ones. Returns 0 or ENOMEM, reporting nothing. */
int mclw_internal_reserve(mclw_buffer *buffer, size_t more);

/* Milliseconds of a clock that nobody sets. */
int64_t mclw_internal_now_ms(void);

/* Gives back what mclw_loop_stop_on installed for this loop; no handler still holds it afterwards. */
void mclw_internal_release_signals(mclw_loop *loop);

#endif

/* options.h - options that several functions take, checked and in the form that Go takes. For the C half only. */
#ifndef MCL_OPTIONS_H
#define MCL_OPTIONS_H

#include "guard.h"

/* `given` may be NULL: the defaults. `what` is its name in the text of an error. */
int options_of_listener(shim_listener_options *own, const mcl_listener_options *given, const char *what,
                        const char *function, mcl_error *error);
int options_of_log(mcl_log_writer_options *own, const mcl_log_writer_options *given, const char *what,
                   const char *function, mcl_error *error);

#endif

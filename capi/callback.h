/* callback.h - a subscribed callback, as the C half keeps it. */
#ifndef MCL_CALLBACK_H
#define MCL_CALLBACK_H

#include "guard.h"

/* NULL when there is no memory. Go gives it back by shim_callback_free. */
shim_callback *callback_new(const mcl_callback *callback);

#endif

/* copy.h - another copy of the library: a file of its own, which dlopen() takes for another library. So a test can set what
 * is there before it is loaded. */
#ifndef COPY_H
#define COPY_H

#include "scratch.h"

#include <dlfcn.h>

static inline const char *copied_library(void)
{
    Dl_info info;
    char command[3 * PATH_MAX];
    const char *copy = in_scratch("libmcl.so.0");
    CHECK(dladdr((void *)mcl_version, &info) != 0);
    snprintf(command, sizeof command, "cp '%s' '%s'", info.dli_fname, copy);
    CHECK(system(command) == 0);
    return copy;
}

#endif

#include "shim.h"

#include <stdlib.h>

uintptr_t shim_quarantine[SHIM_QUARANTINE];

/* Tokens that are never freed, for leak checkers alone. */
static struct kept {
    struct kept *before;
    uintptr_t tokens[510];
} *kept;
static int kept_count; /* of the last block */

/* Calls come one at a time. Without memory, leak checkers report what they would not. */
void shim_token_keep(uintptr_t token)
{
    if (kept == NULL || kept_count == sizeof kept->tokens / sizeof *kept->tokens) {
        struct kept *block = calloc(1, sizeof *block);
        if (block == NULL)
            return;
        block->before = kept;
        kept = block;
        kept_count = 0;
    }
    kept->tokens[kept_count++] = token;
}

#include "shim.h"

uintptr_t shim_quarantine[SHIM_QUARANTINE];

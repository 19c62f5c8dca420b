/* shortcut.h - publishing small messages without a call into Go. For the C half only.
 *
 * A datagram that fits needs nothing that only Go has: a check, a header of some bytes, and one system call. A call into Go
 * makes of send()'s 2.6 us (4 with a receiver on this host) 4.7: 0.65 for blocking signals, the rest for crossing over, for
 * caches that are cold after each system call, and for what Go does around one. With the shortcut it is 2.7.
 *
 * It is taken only where all is sure to be well. Everything else goes the long way, which decides, and has the texts: what is
 * no plain msgpack, strings to be written as legacy encoders do, large messages, message types, coalescing, a network that
 * has changed, and any error of the system call. So what is here can be too careful, but must never be wrong. */
#ifndef MCL_SHORTCUT_H
#define MCL_SHORTCUT_H

#include <stdatomic.h>
#include <stdint.h>

#include "shim.h"

typedef struct shortcut shortcut;

/* Gives an open broadcaster a shortcut, unless there is no room. `socket` must stay open until shortcut_remove returns; the
 * topic, which is copied, is the default one, NULL: none. */
void shortcut_add(uintptr_t handle, const shim_socket *socket, const char *topic, size_t topic_size);

/* Ends it: no call uses it any more when this returns. */
void shortcut_remove(uintptr_t handle);

/* Finds a broadcaster's shortcut, and keeps it until shortcut_leave; NULL when it has none. */
shortcut *shortcut_enter(uintptr_t handle);
void shortcut_leave(shortcut *s);

/* Publishes as mcl_broadcaster_publish does. Returns 1, or 0 with nothing sent: then go the long way. */
int shortcut_publish(shortcut *s, const char *topic, size_t topic_size, const void *packed, size_t size);

/* The same of a batch, as mcl_broadcaster_publish_many: 2 to 64 messages that make datagrams of one size, the last of which may
 * be shorter; of up to 1232 bytes each, and 8 kB in all; sizes of topics are given (not MCL_NUL). They leave by one system call
 * (UDP_SEGMENT), all of them or none. Of larger batches and messages, the long way is a small part of the cost. */
int shortcut_publish_many(shortcut *s, const mcl_item *items, size_t count);

/* Datagrams have this many bytes at most from now on; MCL_FRAGMENT_SIZE before. */
void shortcut_limit(uintptr_t handle, size_t size);

/* The long way has just sent by this socket, which it connects as the network is; it began when the network was in this state. */
uint64_t shortcut_network(void);
void shortcut_ready(uintptr_t handle, uint64_t network);

/* Adds what has been sent by it. */
void shortcut_count(uintptr_t handle, mcl_broadcaster_stats *stats);

/* scan.c: is this, for sure, exactly one msgpack object, nested no deeper than this looks, without str8 (if it must be), of at most
 * so many objects, and without maps whose keys have to be looked at? Every answer but 0 is certain. */
int scan_is_plain(const uint8_t *bytes, size_t size, int str8_too, uint64_t objects_max);

#endif

/* stand_in.c - as much of mcl.h as test_loop_threads.c needs, without a network: a listener is an eventfd that counts
 * what is queued. For ThreadSanitizer only, which cannot run the real library: its shadow memory lies where the Go
 * runtime puts its heap (0xc000000000). */
#include "mcl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LISTENERS = 1000 };

struct mcl_listener {
    int fd, queued, closed;
    char address[32];
};

struct mcl_broadcaster {
    char address[32];
};

/* Guards all of them. Listeners are never freed, so that a stale one is known for what it is. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct mcl_listener listeners[LISTENERS];
static int listener_count;

const char *mcl_strerror(int code) { return code == MCL_ECLOSED ? "closed" : "failed"; }

int mcl_listener_open(const mcl_connection *connection, const mcl_listener_options *options, mcl_listener **listener,
                      mcl_error *error)
{
    (void)options, (void)error;
    pthread_mutex_lock(&mutex);
    *listener = &listeners[listener_count++];
    strcpy((*listener)->address, connection->url);
    (*listener)->fd = eventfd(0, EFD_NONBLOCK);
    pthread_mutex_unlock(&mutex);
    return 0;
}

int mcl_listener_close(mcl_listener *listener, mcl_listener_stats *stats)
{
    const uint64_t one = 1;

    (void)stats;
    pthread_mutex_lock(&mutex);
    listener->closed = 1;
    if (write(listener->fd, &one, sizeof one) < 0)
        abort();
    close(listener->fd);
    pthread_mutex_unlock(&mutex);
    return 0;
}

int mcl_listener_fd(mcl_listener *listener, mcl_error *error)
{
    int fd;

    (void)error;
    pthread_mutex_lock(&mutex);
    fd = listener->closed ? MCL_ECLOSED : listener->fd;
    pthread_mutex_unlock(&mutex);
    return fd;
}

int mcl_listener_wait(mcl_listener *listener, int timeout_ms, mcl_error *error)
{
    (void)timeout_ms;
    return mcl_listener_fd(listener, error) < 0 ? MCL_ECLOSED : 0;
}

int mcl_listener_get_stats(mcl_listener *listener, mcl_listener_stats *stats, mcl_error *error)
{
    (void)listener, (void)stats, (void)error;
    return MCL_EINVAL;
}

int mcl_listener_recv(mcl_listener *listener, int timeout_ms, mcl_received *records, void *buffer, size_t size,
                            size_t *needed, mcl_error *error)
{
    uint64_t waiting;
    int result;

    (void)timeout_ms, (void)size, (void)needed, (void)error;
    pthread_mutex_lock(&mutex);
    result = listener->closed ? MCL_ECLOSED : listener->queued > 0;
    if (result == 1) {
        listener->queued--;
        memset(records, 0, sizeof *records);
        memset(buffer, 1, 1);
        records->payload = buffer;
        records->payload_size = 1;
        if (listener->queued == 0 && read(listener->fd, &waiting, sizeof waiting) < 0)
            abort();
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

int mcl_broadcaster_open(const mcl_connection *connection, const mcl_broadcaster_options *options,
                         mcl_broadcaster **broadcaster, mcl_error *error)
{
    (void)options, (void)error;
    *broadcaster = calloc(1, sizeof **broadcaster);
    strcpy((*broadcaster)->address, connection->url);
    return 0;
}

int mcl_broadcaster_close(mcl_broadcaster *broadcaster)
{
    free(broadcaster);
    return 0;
}

int mcl_broadcaster_publish_int(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, int64_t value,
                                mcl_error *error)
{
    const uint64_t one = 1;
    int i;

    (void)topic, (void)topic_size, (void)value, (void)error;
    pthread_mutex_lock(&mutex);
    for (i = 0; i < listener_count; i++)
        if (!listeners[i].closed && strcmp(listeners[i].address, broadcaster->address) == 0) {
            listeners[i].queued++;
            if (write(listeners[i].fd, &one, sizeof one) < 0)
                abort();
        }
    pthread_mutex_unlock(&mutex);
    return 0;
}

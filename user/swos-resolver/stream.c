// SPDX-License-Identifier: Apache-2.0
#include "user/swos-resolver/resolver.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

enum { STREAM_SECONDS = 10 }; // for which one waits

static _Atomic unsigned streams;

static bool move_all(int socket, uint8_t *data, size_t size, bool is_sending)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = is_sending ? send(socket, data + done, size - done, MSG_NOSIGNAL)
                               : recv(socket, data + done, size - done, 0);
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

struct stream {
    int client;
    struct peer server;
};

static bool move_message(int from, int to, uint8_t *room)
{
    return move_all(from, room, 2, false) && move_all(from, room + 2, read_be16(room), false) &&
           move_all(to, room, (size_t)2 + read_be16(room), true);
}

static int connect_in_time(const struct peer *server)
{
    const struct timeval wait = {.tv_sec = STREAM_SECONDS};
    int s = socket(server->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s >= 0) {
        (void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
        (void)setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
        if (connect(s, (const struct sockaddr *)&server->address, server->size) != 0) {
            close(s);
            return -1;
        }
    }
    return s;
}

static void *pass_on(void *argument)
{
    struct stream *stream = argument;
    uint8_t *room = malloc(2 + UINT16_MAX);
    int server = room != NULL ? connect_in_time(&stream->server) : -1;
    while (server >= 0 && move_message(stream->client, server, room) &&
           move_message(server, stream->client, room)) {
    }
    if (server >= 0) {
        close(server);
    }
    close(stream->client);
    free(room);
    free(stream);
    atomic_fetch_sub_explicit(&streams, 1, memory_order_relaxed);
    return NULL;
}

void stream_take(int listener)
{
    const struct timeval wait = {.tv_sec = STREAM_SECONDS};
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
        return;
    }
    (void)setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    pthread_t thread;
    struct stream *stream = malloc(sizeof(*stream));
    bool has_room = atomic_fetch_add_explicit(&streams, 1, memory_order_relaxed) < STREAMS_MAX;
    if (stream != NULL && has_room && servers_look() > 0) {
        *stream = (struct stream){.client = client, .server = *servers_get(0)};
        if (pthread_create(&thread, NULL, pass_on, stream) == 0) {
            (void)pthread_detach(thread);
            return;
        }
    }
    atomic_fetch_sub_explicit(&streams, 1, memory_order_relaxed);
    free(stream);
    close(client);
}

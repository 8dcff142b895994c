/* SPDX-License-Identifier: MIT
 *
 * For tests: a bad network. A proxy between clients and a server of this machine that passes, delays,
 * drops and resets what goes through it, by orders that may come from any thread. One thread of its own
 * does it all.
 */
#ifndef TEST_PROXY_H
#define TEST_PROXY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PROXY_HELPER static inline __attribute__((unused))

enum { PROXY_LINKS = 256, PROXY_ROOM = 16384 };

/* What happens to what comes while the mode is set; connections stay as they are. */
enum proxy_mode {
    PROXY_PASS,
    PROXY_DROP,         /* swallows both ways, as a cable that was cut: nobody is told */
    PROXY_DROP_ANSWERS, /* what the server sends is lost, what the client sends arrives */
    PROXY_REFUSE,       /* and resets each new connection */
};

/* What the next chunk from a client that has the text in it sets off, once. */
enum proxy_trap { PROXY_LOSE_QUESTION, PROXY_LOSE_ANSWER };

/* One direction of a connection. */
struct proxy_way {
    int from, to;
    size_t length;
    long long due_ms; /* when what is held may go on */
    char held[PROXY_ROOM];
};

struct proxy_link {
    bool used, lose_answer;
    struct proxy_way up, down; /* to the server, to the client */
};

struct proxy {
    int listener, port, target_port, wake[2];
    pthread_t thread;
    atomic_int mode, delay_ms, resets, resets_done, connections;
    atomic_bool ending;
    _Atomic(const char *) trap_text;
    atomic_int trap;
    struct proxy_link links[PROXY_LINKS];
};

PROXY_HELPER long long proxy_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

PROXY_HELPER struct sockaddr_in proxy_address(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((in_port_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

PROXY_HELPER void proxy_close_link(struct proxy *self, struct proxy_link *link, bool reset)
{
    const struct linger abort_it = {.l_onoff = 1};
    const int fds[] = {link->up.from, link->up.to};

    for (int i = 0; i < 2; i++) {
        if (reset) setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &abort_it, sizeof abort_it);
        close(fds[i]);
    }
    link->used = false;
    self->connections--;
}

PROXY_HELPER void proxy_accept(struct proxy *self)
{
    const struct sockaddr_in address = proxy_address(self->target_port);
    const int client = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct proxy_link *link = self->links;
    bool reset;

    if (client < 0) {
        close(server);
        return;
    }
    while (link < self->links + PROXY_LINKS && link->used) link++;
    if (link == self->links + PROXY_LINKS) abort();
    link->used = true;
    link->lose_answer = false;
    link->up.from = link->down.to = client;
    link->up.to = link->down.from = server;
    link->up.length = link->down.length = 0;
    self->connections++;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    reset = self->mode == PROXY_REFUSE ||
            connect(server, (const struct sockaddr *)&address, sizeof address) != 0;
    if (reset) proxy_close_link(self, link, true);
}

/* Whether this chunk of a client is the one that the trap waits for. */
PROXY_HELPER bool proxy_trapped(struct proxy *self, const struct proxy_way *way)
{
    const char *text = self->trap_text;

    return text && memmem(way->held, way->length, text, strlen(text)) &&
           atomic_compare_exchange_strong(&self->trap_text, &text, NULL);
}

/* Reads what has come. False: the link is to end; *ret_reset: by a reset. */
PROXY_HELPER bool proxy_read(struct proxy *self, struct proxy_link *link, struct proxy_way *way,
                             bool *ret_reset)
{
    const ssize_t n = recv(way->from, way->held, PROXY_ROOM, MSG_DONTWAIT);
    const int mode = self->mode;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    *ret_reset = n < 0 || mode == PROXY_DROP;
    if (n <= 0) return false;
    way->length = (size_t)n;
    way->due_ms = proxy_now_ms() + self->delay_ms;
    if (way == &link->down && link->lose_answer) {
        *ret_reset = true;
        return false;
    }
    if (way == &link->up && proxy_trapped(self, way)) {
        link->lose_answer = true;
        *ret_reset = self->trap == PROXY_LOSE_QUESTION;
        if (*ret_reset) return false;
    }
    if (mode == PROXY_DROP || (mode == PROXY_DROP_ANSWERS && way == &link->down)) way->length = 0;
    return true;
}

PROXY_HELPER bool proxy_write(struct proxy_way *way)
{
    size_t sent = 0;

    while (sent < way->length) {
        const ssize_t n = send(way->to, way->held + sent, way->length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) return false;
        if (n > 0) sent += (size_t)n;
    }
    way->length = 0;
    return true;
}

PROXY_HELPER void proxy_serve(struct proxy *self, struct proxy_link *link)
{
    struct proxy_way *const ways[] = {&link->up, &link->down};
    bool reset = false;

    for (int i = 0; i < 2 && link->used; i++) {
        bool good = true;
        if (!ways[i]->length) good = proxy_read(self, link, ways[i], &reset);
        if (good && ways[i]->length && proxy_now_ms() >= ways[i]->due_ms)
            good = proxy_write(ways[i]);
        if (!good) proxy_close_link(self, link, reset);
    }
}

PROXY_HELPER void proxy_reset_all(struct proxy *self)
{
    const int wanted = self->resets;

    for (int i = 0; wanted != self->resets_done && i < PROXY_LINKS; i++)
        if (self->links[i].used) proxy_close_link(self, &self->links[i], true);
    self->resets_done = wanted;
}

/* Waits for something to do: at most as long as something is held. */
PROXY_HELPER void proxy_wait(struct proxy *self)
{
    struct pollfd ready[2 + 2 * PROXY_LINKS] = {{.fd = self->wake[0], .events = POLLIN},
                                                {.fd = self->listener, .events = POLLIN}};
    nfds_t count = 2;
    int timeout = -1;
    char byte[64];

    for (int i = 0; i < PROXY_LINKS; i++) {
        const struct proxy_link *link = &self->links[i];
        if (!link->used) continue;
        if (link->up.length || link->down.length) timeout = 1;
        if (!link->up.length) ready[count++] = (struct pollfd){link->up.from, POLLIN, 0};
        if (!link->down.length) ready[count++] = (struct pollfd){link->down.from, POLLIN, 0};
    }
    if (poll(ready, count, timeout) < 0) return;
    if (ready[0].revents && read(self->wake[0], byte, sizeof byte) < 0) return;
    if (ready[1].revents) proxy_accept(self);
}

PROXY_HELPER void *proxy_run(void *proxy)
{
    struct proxy *self = proxy;

    while (!self->ending) {
        proxy_wait(self);
        proxy_reset_all(self);
        for (int i = 0; i < PROXY_LINKS; i++)
            if (self->links[i].used) proxy_serve(self, &self->links[i]);
    }
    for (int i = 0; i < PROXY_LINKS; i++)
        if (self->links[i].used) proxy_close_link(self, &self->links[i], true);
    return NULL;
}

/* A proxy to a port of this machine, on a port of its own. */
PROXY_HELPER struct proxy *proxy_open(int target_port)
{
    struct proxy *self = calloc(1, sizeof *self);
    struct sockaddr_in address = proxy_address(0);
    socklen_t size = sizeof address;

    if (!self || pipe2(self->wake, O_CLOEXEC | O_NONBLOCK) != 0) abort();
    self->target_port = target_port;
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(self->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(self->listener, 100) != 0 ||
        getsockname(self->listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&self->thread, NULL, proxy_run, self) != 0)
        abort();
    self->port = ntohs(address.sin_port);
    return self;
}

PROXY_HELPER void proxy_wake(struct proxy *self)
{
    if (write(self->wake[1], "", 1) < 0 && errno != EAGAIN) abort();
}

/* Returns when all connections that there were have been reset. */
PROXY_HELPER void proxy_reset(struct proxy *self)
{
    const int wanted = ++self->resets;

    while (self->resets_done - wanted < 0) {
        proxy_wake(self);
        usleep(200);
    }
}

/* The next chunk from a client with text in it (borrowed) is lost, or its answer is; then a reset. */
PROXY_HELPER void proxy_set_trap(struct proxy *self, enum proxy_trap trap, const char *text)
{
    self->trap = trap;
    self->trap_text = text;
}

PROXY_HELPER void proxy_close(struct proxy *self)
{
    self->ending = true;
    proxy_wake(self);
    pthread_join(self->thread, NULL);
    close(self->listener);
    close(self->wake[0]);
    close(self->wake[1]);
    free(self);
}

#endif

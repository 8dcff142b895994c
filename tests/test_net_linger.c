/* SPDX-License-Identifier: MIT
 *
 * The end of a connection: waiting until the peer has acknowledged all, and with_net_finish().
 */
#define TEST_FAILING_CALLS
#include "test_net.h"

#include <math.h>

static char service[16]; /* of `listener` */
static int listener = -1;
static int peer = -1; /* the other end of the connection under test */

#define CONNECT(...) cm_connect("127.0.0.1", service, ##__VA_ARGS__)

static void accept_peer(void)
{
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);
}

/* ---- Waiting for acknowledgement ----------------------------------------------------------- */

static void fill(int fd)
{
    static const char bytes[65536];

    while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) continue;
    CHECK_INT(errno, EAGAIN);
}

static void linger(void *unused)
{
    (void)unused;
    with (CONNECT(.linger_seconds = 60), fd) {
        accept_peer();
        send_bytes(fd, "text");
    }
    CHECK_STR(received(peer), "text");
    CHECK_STR(received(peer), "(end)");
    close(peer);
}

/* The peer's window is full, and the peer does not read. */
static void linger_in_vain(void *unused)
{
    (void)unused;
    with (CONNECT(.linger_seconds = 0.05), fd) {
        accept_peer();
        fill(fd);
    }
}

static void linger_until_reset(void *unused)
{
    (void)unused;
    with (CONNECT(.linger_seconds = 60), fd) {
        accept_peer();
        fill(fd);
        reset_connection(peer);
    }
}

static void *read_all(void *unused)
{
    char bytes[65536];
    ssize_t size;

    (void)unused;
    while ((size = recv(peer, bytes, sizeof bytes, 0)) > 0) continue;
    CHECK_INT(size, 0);
    send_bytes(peer, "bye");
    close(peer);
    return NULL;
}

/* With discard_input the exit waits for the peer's end too, and so does not reset it. */
static void linger_while_read(void *unused)
{
    pthread_t thread;

    (void)unused;
    with (CONNECT(.linger_seconds = 60, .discard_input = true), fd) {
        accept_peer();
        fill(fd);
        CHECK_INT(pthread_create(&thread, NULL, read_all, NULL), 0);
    }
    pthread_join(thread, NULL);
}

/* All is acknowledged, but the peer goes on: that is no loss. */
static void linger_for_no_end(void *unused)
{
    (void)unused;
    with (CONNECT(.linger_seconds = 0.05, .discard_input = true), fd) {
        accept_peer();
        send_bytes(fd, "text");
    }
    CHECK_STR(received(peer), "text");
    close(peer);
}

static void send_late(void)
{
    send_bytes(peer, "late");
}

static void linger_and_find_input(void *unused)
{
    (void)unused;
    with (CONNECT(.linger_seconds = 60), fd) {
        accept_peer();
        fill(fd);
        after_shutdown = send_late;
    }
}

static void fail_poll(void *unused)
{
    (void)unused;
    with (CONNECT(.linger_seconds = 60), fd) {
        accept_peer();
        fill(fd);
        FAIL(poll, 0, ENOMEM);
    }
}

static void interrupt_poll(void *unused)
{
    (void)unused;
    with (CONNECT(.linger_seconds = 0.02), fd) {
        accept_peer();
        fill(fd);
        FAIL(poll, 0, EINTR);
    }
}

static void test_linger(void)
{
    CHECK_NO_THROW(linger, NULL);
    CHECK_THROWS(linger_in_vain, NULL, TimeoutError, "unacknowledged after 0.05 seconds");
    close(peer);
    CHECK_THROWS(linger_until_reset, NULL, ConnectionResetError, "connection to");
    CHECK_NO_THROW(linger_while_read, NULL);
    CHECK_NO_THROW(linger_for_no_end, NULL);
    CHECK_THROWS(fail_poll, NULL, OSError, ": Cannot allocate memory");
    close(peer);
    CHECK_THROWS(interrupt_poll, NULL, TimeoutError, "unacknowledged");
    close(peer);
    CHECK_THROWS(linger_and_find_input, NULL, ConnectionAbortedError, "4 bytes of its input");
    close(peer);
}

/* ---- By an explicit call ------------------------------------------------------------------- */

static void finish_by_hand(void *unused)
{
    (void)unused;
    for (;;) {
        using (CONNECT(), fd);
        accept_peer();
        send_bytes(peer, "unread");
        await(fd);
        CHECK_INT(with_net_finish(fd, 0, false), -ECONNABORTED);
        CHECK_INT(with_net_finish(fd, 0, true), 0);
        CHECK_STR(received(peer), "(end)");
        CHECK_INT(with_net_finish(fd, NAN, false), -EINVAL);
        CHECK_INT(with_net_finish(fd, -1, false), -EINVAL);
        CHECK_INT(with_net_finish(-1, 0, false), -EBADF);
        CHECK_INT(with_net_finish(-1, 0, true), -EBADF);
        CHECK_INT(with_net_finish(listener, 0, false), -ENOTCONN);
        CHECK_INT(with_net_finish(fd, 60, false), 0);
        break;
    }
    close(peer);
}

/* ---- Unix sockets: the same, but the peer can still read what it has ------------------------ */

static void test_unix(void)
{
    int pair[2];

    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    send_bytes(pair[0], "text");
    CHECK_INT(with_net_finish(pair[0], 0.02, false), -ETIMEDOUT); /* not read */
    CHECK_STR(received(pair[1]), "text");
    CHECK_INT(with_net_finish(pair[0], 60, false), 0);
    CHECK_STR(received(pair[1]), "(end)");
    send_bytes(pair[1], "more");
    CHECK_INT(with_net_finish(pair[0], 0, false), -ECONNABORTED);
    close(pair[0]);
    CHECK_INT(with_net_finish(pair[1], 0, false), -ECONNRESET); /* it was closed unread */
    close(pair[1]);
}

int main(void)
{
    const int before = open_descriptors();

    listener = raw_listener(100, service);
    test_linger();
    CHECK_NO_THROW(finish_by_hand, NULL);
    test_unix();
    close(listener);
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(with_dump(stderr), 0);
    return test_result();
}

/* SPDX-License-Identifier: MIT
 *
 * The end of a connection: what is reported of lost data, on which ways out, and failures of the calls
 * that end it.
 */
#define TEST_FAILING_CALLS
#include "test_net.h"

static char service[16]; /* of `listener` */
static int listener = -1;
static int peer = -1; /* the other end of the connection under test */

#define CONNECT(...) cm_connect("127.0.0.1", service, ##__VA_ARGS__)

static void accept_peer(void)
{
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);
}

/* ---- Unread input -------------------------------------------------------------------------- */

static void leave_unread(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        send_bytes(peer, "unread");
        await(fd);
    }
}

static void discard_unread(void *unused)
{
    (void)unused;
    with (CONNECT(.discard_input = true), fd) {
        accept_peer();
        send_bytes(fd, "answer");
        send_bytes(peer, "unread");
        await(fd);
    }
}

static void return_unread(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        send_bytes(peer, "unread");
        await(fd);
        return;
    }
}

static void throw_unread(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        send_bytes(peer, "unread");
        await(fd);
        throw(KeyError, "first");
    }
}

static void test_unread(void)
{
    const with_exception *e;

    CHECK_THROWS(leave_unread, NULL, ConnectionAbortedError, "6 bytes of its input unread");
    close(peer);
    CHECK_NO_THROW(discard_unread, NULL);
    CHECK_STR(received(peer), "answer");
    CHECK_STR(received(peer), "(end)");
    close(peer);
    CHECK_NO_THROW(return_unread, NULL);
    close(peer);
    e = with_call(throw_unread, NULL);
    check_exception(e, &KeyError, "first", __FILE__, __LINE__);
    CHECK_INT(notes_of(e), 0);
    with_exception_unref(e);
    close(peer);
}

/* The peer's end of the stream is no unread input, and ended from both sides there is nothing to report. */
static void read_to_the_end(void *unused)
{
    (void)unused;
    with (CONNECT(.linger_seconds = 60), fd) {
        accept_peer();
        CHECK_INT(shutdown(fd, SHUT_WR), 0);
        CHECK_STR(received(peer), "(end)");
        close(peer);
        CHECK_STR(received(fd), "(end)");
    }
}

static void leave_the_end(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        CHECK_INT(shutdown(peer, SHUT_WR), 0);
        await(fd);
        send_bytes(fd, "answer");
    }
    CHECK_STR(received(peer), "answer");
    CHECK_STR(received(peer), "(end)");
    close(peer);
}

/* ---- A reset ------------------------------------------------------------------------------- */

static void end_after_reset(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        send_bytes(fd, "lost");
        reset_connection(peer);
        await(fd);
    }
}

static void return_after_reset(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        reset_connection(peer);
        await(fd);
        return;
    }
}

static void break_after_reset(void *unused)
{
    (void)unused;
    for (;;) {
        using (CONNECT(), fd);
        accept_peer();
        reset_connection(peer);
        await(fd);
        break;
    }
}

static void throw_after_reset(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        reset_connection(peer);
        await(fd);
        throw(KeyError, "first");
    }
}

/* A call of the block's own was told: that is not said again. */
static void read_after_reset(void *unused)
{
    (void)unused;
    with (CONNECT(.linger_seconds = 60), fd) {
        accept_peer();
        send_bytes(fd, "lost");
        reset_connection(peer);
        CHECK_STR(received(fd), "(reset)");
    }
}

/* A peer that closes without reading resets: RFC 1122, 4.2.2.13. */
static void end_after_peer_left_unread(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        send_bytes(fd, "lost");
        await(peer);
        close(peer);
        await(fd);
    }
}

static void test_reset(void)
{
    const with_exception *e;

    CHECK_THROWS(end_after_reset, NULL, ConnectionResetError, "connection to 127.0.0.1:");
    CHECK_THROWS(return_after_reset, NULL, ConnectionResetError, "connection to 127.0.0.1:");
    CHECK_THROWS(break_after_reset, NULL, ConnectionResetError, "connection to 127.0.0.1:");
    CHECK_THROWS(end_after_peer_left_unread, NULL, ConnectionResetError, "connection to");
    CHECK_NO_THROW(read_after_reset, NULL);
    e = with_call(throw_after_reset, NULL);
    check_exception(e, &KeyError, "first", __FILE__, __LINE__);
    CHECK(has_note(e, ": Connection reset by peer"));
    CHECK_INT(notes_of(e), 1);
    with_exception_unref(e);
}

/* ---- Failing calls ------------------------------------------------------------------------- */

enum way { END, RETURN, THROW };

/* Leaves a connection while the calls in `fail` fail. */
struct failing {
    enum way way;
    void (*fail)(void);
};

static void leave(void *argument)
{
    const struct failing *failing = argument;

    with (CONNECT()) {
        accept_peer();
        failing->fail();
        if (failing->way == RETURN) return;
        if (failing->way == THROW) throw(KeyError, "first");
    }
}

static void fail_close(void)
{
    FAIL(close, 0, EIO);
}

static void fail_shutdown(void)
{
    FAIL(shutdown, 0, ENOBUFS);
}

static void fail_both(void)
{
    FAIL(shutdown, 0, ENOBUFS);
    FAIL(close, 0, EIO);
}

static void fail_getsockopt(void)
{
    FAIL(getsockopt, 0, ENOBUFS);
}

static void fail_recv(void)
{
    FAIL(recv, 0, EIO);
}

static void interrupt_recv(void)
{
    FAIL(recv, 0, EINTR);
}

/* The descriptor is closed all the same, which is what counts. */
static void interrupt_close(void)
{
    FAIL(close, 0, EINTR);
}

/* The exception's type, message and only note, NULL for none, on one way out. */
static void check_failing(enum way way, void (*fail)(void), const with_exception_type *type,
                          const char *message, const char *note)
{
    struct failing failing = {way, fail};
    const int before = open_descriptors();
    const with_exception *e = with_call(leave, &failing);

    if (type) check_exception(e, type, message, __FILE__, __LINE__);
    else CHECK_STR(e ? e->message : "nothing", "nothing");
    if (e) CHECK_INT(notes_of(e), note != NULL);
    if (e && note) CHECK(has_note(e, note));
    with_exception_unref(e);
    close(peer);
    CHECK_INT(open_descriptors(), before);
    memset(test_plan, 0, sizeof test_plan);
}

static void test_failing_calls(void)
{
    const with_exception_type *os = &OSError, *key = &KeyError;

    check_failing(END, fail_close, os, "closing the connection to 127.0.0.1:", NULL);
    check_failing(RETURN, fail_close, os, "closing the connection to 127.0.0.1:", NULL);
    check_failing(THROW, fail_close, key, "first", "closing the connection to 127.0.0.1:");
    check_failing(END, fail_shutdown, os, ": No buffer space available", NULL);
    check_failing(RETURN, fail_shutdown, NULL, NULL, NULL); /* does not end it in order */
    check_failing(THROW, fail_shutdown, key, "first", NULL);
    check_failing(END, fail_both, os, ": No buffer space available", "closing the connection to");
    check_failing(END, fail_getsockopt, os, ": No buffer space available", NULL);
    check_failing(RETURN, fail_getsockopt, os, ": No buffer space available", NULL);
    check_failing(THROW, fail_getsockopt, key, "first", ": No buffer space available");
    check_failing(END, fail_recv, os, ": Input/output error", NULL);
    check_failing(END, interrupt_recv, NULL, NULL, NULL);
    check_failing(END, interrupt_close, NULL, NULL, NULL);
}

/* Two notes: the connection had failed, and closing it failed too. */
static void throw_after_both(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        reset_connection(peer);
        await(fd);
        FAIL(close, 0, EIO);
        throw(KeyError, "first");
    }
}

static void close_by_hand(void *unused)
{
    (void)unused;
    with (CONNECT(), fd) {
        accept_peer();
        close(fd);
    }
}

static void test_more_failing_calls(void)
{
    const with_exception *e = with_call(throw_after_both, NULL);

    check_exception(e, &KeyError, "first", __FILE__, __LINE__);
    CHECK_INT(notes_of(e), 2);
    with_exception_unref(e);
    e = with_call(close_by_hand, NULL);
    check_exception(e, &OSError, "closing the connection", __FILE__, __LINE__);
    CHECK_INT(e->code, EBADF);
    CHECK_INT(notes_of(e), 0);
    with_exception_unref(e);
    close(peer);
}

int main(void)
{
    const int before = open_descriptors();

    listener = raw_listener(100, service);
    test_unread();
    CHECK_NO_THROW(read_to_the_end, NULL);
    CHECK_NO_THROW(leave_the_end, NULL);
    test_reset();
    test_failing_calls();
    test_more_failing_calls();
    close(listener);
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(with_dump(stderr), 0);
    return test_result();
}

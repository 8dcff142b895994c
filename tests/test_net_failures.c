/* SPDX-License-Identifier: MIT
 *
 * Entering while each call of libc fails: afterwards no descriptor is left.
 */
#define TEST_FAILING_CALLS
#include "test_net.h"

#include <sys/resource.h>

static char service[16]; /* of `listener` */
static int listener = -1;

/* ---- Failing calls --------------------------------------------------------------------------- */

static void connect_now(void *unused)
{
    (void)unused;
    with (cm_connect("127.0.0.1", service, .timeout_seconds = 60), fd) {
        int peer = accept(listener, NULL, NULL);
        send_bytes(fd, "text");
        CHECK_STR(received(peer), "text");
        close(peer);
    }
}

static void listen_now(void *unused)
{
    (void)unused;
    with (cm_listen("127.0.0.1", "0")) {}
}

static void listen_everywhere(void *unused)
{
    (void)unused;
    with (cm_listen(NULL, "0"), fd) {
        char port[16];
        snprintf(port, sizeof port, "%d", with_net_port(fd));
        close(raw_connection(port));
    }
}

/* To a listener that answers nobody, so that it waits. */
static void connect_soon(void *port)
{
    with (cm_connect("127.0.0.1", port, .timeout_seconds = 0.02)) {}
}

/* One note for the one address, and the message of the host. */
static void check_failing_connect(const char *text)
{
    const with_exception *e = with_call(connect_now, NULL);
    char wanted[200];

    snprintf(wanted, sizeof wanted, "host 127.0.0.1, service %s: %s", service, text);
    check_exception(e, &OSError, wanted, __FILE__, __LINE__);
    CHECK_INT(notes_of(e), 1);
    with_exception_unref(e);
}

static void drain_queue(void)
{
    struct pollfd ready = {.fd = listener, .events = POLLIN};

    while (poll(&ready, 1, 0) > 0) close(accept(listener, NULL, NULL));
}

static void test_failing_connect(void)
{
    char silent[16];
    int first, full = full_listener(silent, &first);

    FAIL(socket, 0, EMFILE);
    check_failing_connect("Too many open files");
    FAIL(connect, 0, ENETUNREACH);
    check_failing_connect("Network is unreachable");
    FAIL(fcntl, 0, ENOLCK);
    check_failing_connect("No locks available");
    FAIL(fcntl, 1, ENOLCK);
    check_failing_connect("No locks available");
    drain_queue();
    FAIL(connect, 0, EINTR);
    CHECK_NO_THROW(connect_now, NULL);
    FAIL(connect, 0, EINPROGRESS); /* and it never is: the socket has no peer */
    FAIL(poll, 0, ENOMEM);
    check_failing_connect("Cannot allocate memory");
    FAIL(connect, 0, EINTR);
    FAIL(getsockopt, 0, ENOBUFS);
    check_failing_connect("No buffer space available");
    drain_queue();
    FAIL(poll, 0, EINTR);
    CHECK_THROWS(connect_soon, silent, TimeoutError, "host 127.0.0.1, service ");
    close(first);
    close(full);
}

static void test_failing_listen(void)
{
    FAIL(socket, 0, EMFILE);
    CHECK_THROWS(listen_now, NULL, OSError, "host 127.0.0.1, service 0: Too many open files");
    FAIL(setsockopt, 0, ENOBUFS);
    CHECK_THROWS(listen_now, NULL, OSError, "No buffer space available");
    FAIL(bind, 0, EACCES);
    CHECK_THROWS(listen_now, NULL, PermissionError, "Permission denied");
    FAIL(listen, 0, EADDRINUSE);
    CHECK_THROWS(listen_now, NULL, OSError, "Address already in use");
    FAIL(close, 0, EIO);
    CHECK_THROWS(listen_now, NULL, OSError, "closing the listener on 127.0.0.1:");
    FAIL(socket, 0, EAFNOSUPPORT); /* no IPv6 */
    CHECK_NO_THROW(listen_everywhere, NULL);
    FAIL(setsockopt, 1, EINVAL); /* an IPv6 that cannot take IPv4; without IPv6, not called */
    CHECK_NO_THROW(listen_everywhere, NULL);
    memset(test_plan, 0, sizeof test_plan);
    FAIL(bind, 0, EADDRINUSE);
    CHECK_THROWS(listen_everywhere, NULL, OSError, "listen on host (any), service 0: Address");
}

static void throw_in_listener(void *unused)
{
    (void)unused;
    with (cm_listen("127.0.0.1", "0")) {
        FAIL(close, 0, EIO);
        throw(KeyError, "first");
    }
}

static void test_failing_listener_in_flight(void)
{
    const with_exception *e = with_call(throw_in_listener, NULL);

    check_exception(e, &KeyError, "first", __FILE__, __LINE__);
    CHECK(has_note(e, "closing the listener on 127.0.0.1:"));
    with_exception_unref(e);
}

static void accept_now(void *unused)
{
    (void)unused;
    with (cm_accept(listener, .timeout_seconds = 60), fd) send_bytes(fd, "hello");
}

static void test_failing_accept(void)
{
    static const int transient[] = {EINTR,       ECONNABORTED, EAGAIN,       EPROTO,      ENETDOWN,
                                    ENETUNREACH, EHOSTDOWN,    EHOSTUNREACH, ENOPROTOOPT, ENONET};
    int peer = raw_connection(service);

    FAIL(accept4, 0, EMFILE);
    CHECK_THROWS(accept_now, NULL, OSError, "accept on 127.0.0.1:");
    FAIL(poll, 0, ENOMEM);
    CHECK_THROWS(accept_now, NULL, OSError, "Cannot allocate memory");
    for (size_t i = 0; i < sizeof transient / sizeof *transient; i++) {
        FAIL(accept4, 0, transient[i]);
        CHECK_NO_THROW(accept_now, NULL);
        CHECK(!PENDING(accept4));
        CHECK_STR(received(peer), "hello");
        close(peer);
        peer = raw_connection(service);
    }
    FAIL(poll, 0, EINTR);
    CHECK_NO_THROW(accept_now, NULL);
    CHECK_STR(received(peer), "hello");
    close(peer);
}

/* No descriptor is left: each manager says so, and the connection waits until there is one again. */
static void test_no_descriptors(void)
{
    int peer = raw_connection(service), last = dup(0);
    struct rlimit limit, low;

    close(last);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit){(rlim_t)last, limit.rlim_max};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &low), 0);
    CHECK_THROWS(accept_now, NULL, OSError, "Too many open files");
    CHECK_THROWS(connect_now, NULL, OSError, "Too many open files");
    CHECK_THROWS(listen_now, NULL, OSError, "Too many open files");
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (getenv("LD_PRELOAD") && strstr(getenv("LD_PRELOAD"), "valgrind")) {
        printf("skipped: the connection, which valgrind accepts before it says EMFILE\n");
        drain_queue();
    } else {
        CHECK_NO_THROW(accept_now, NULL);
        CHECK_STR(received(peer), "hello");
    }
    close(peer);
}

/* ---- Connecting to oneself ------------------------------------------------------------------- */

static char own_port[16];

/* What the system may do by chance, if the port is one that it gives to clients. */
static void bind_to_own_port(int fd)
{
    struct sockaddr_in address = address_of(own_host(), own_port);

    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
}

static void connect_to_itself(void *unused)
{
    (void)unused;
    with (cm_connect(own_host(), own_port)) CHECK(!"nobody listens");
}

static void test_connecting_to_itself(void)
{
    free_port_of_own_host(own_port);
    before_connect = bind_to_own_port;
    CHECK_THROWS(connect_to_itself, NULL, ConnectionRefusedError, own_port);
}

int main(void)
{
    int before;

    listener = raw_listener(100, service);
    before = open_descriptors();
    test_failing_connect();
    test_failing_listen();
    test_failing_listener_in_flight();
    test_failing_accept();
    test_no_descriptors();
    test_connecting_to_itself();
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(with_dump(stderr), 0);
    return test_result();
}

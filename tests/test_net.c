/* SPDX-License-Identifier: MIT
 *
 * TCP on this machine: addresses, options, timeouts, what a refused connection and a taken port say.
 */
#include "test_net.h"

#include <math.h>

static char service[16]; /* of `listener` */
static int listener = -1;

/* ---- Addresses ----------------------------------------------------------------------------- */

static void test_texts(void)
{
    char text[WITH_NET_ADDRESS_SIZE], peer[WITH_NET_ADDRESS_SIZE] = "", wanted[64];
    int pair[2], datagram = socket(AF_INET, SOCK_DGRAM, 0);
    int netlink = socket(AF_NETLINK, SOCK_RAW, 0);

    with (cm_connect("127.0.0.1", service), fd) {
        snprintf(wanted, sizeof wanted, "127.0.0.1:%s", service);
        CHECK_INT(with_net_peer(fd, text, sizeof text), 0);
        CHECK_STR(text, wanted);
        CHECK_INT(with_net_local(fd, text, sizeof text), 0);
        with (cm_accept(listener, .ret_peer = peer, .ret_peer_size = sizeof peer), other) {
            CHECK_STR(peer, text);
            CHECK_INT(with_net_port(other), atoi(service));
            CHECK(with_net_port(fd) != with_net_port(other) && with_net_port(fd) > 0);
        }
        CHECK_INT(with_net_peer(fd, text, strlen(wanted)), -ERANGE);
        CHECK_STR(text, peer);
    }
    CHECK_INT(with_net_peer(listener, text, sizeof text), -ENOTCONN);
    CHECK_INT(with_net_peer(-1, text, sizeof text), -EBADF);
    CHECK_INT(with_net_local(-1, text, sizeof text), -EBADF);
    CHECK_INT(with_net_port(-1), -EBADF);
    CHECK_INT(with_net_port(datagram), 0);
    CHECK_INT(with_net_local(netlink, text, sizeof text), 0);
    CHECK_STR(text, "address family 16");
    close(datagram);
    close(netlink);

    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_INT(with_net_peer(pair[0], text, sizeof text), 0);
    CHECK_STR(text, "");
    CHECK_INT(with_net_port(pair[0]), -EAFNOSUPPORT);
    close(pair[0]);
    close(pair[1]);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const int fd = socket(AF_INET6, SOCK_STREAM, 0);
    const bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;

    if (fd >= 0) close(fd);
    return has;
}

/* Whether a connection from one address reaches a listener. */
static void reach(const char *host, int at)
{
    char port[16], peer[WITH_NET_ADDRESS_SIZE];

    snprintf(port, sizeof port, "%d", with_net_port(at));
    with (cm_connect(host, port), fd)
        with (cm_accept(at, .ret_peer = peer, .ret_peer_size = sizeof peer), other) {
            send_bytes(fd, "text");
            CHECK_STR(received(other), "text");
        }
}

static void reach_ipv4(void *at)
{
    reach("127.0.0.1", *(int *)at);
}

static void test_ipv6(void)
{
    if (!has_ipv6()) {
        printf("skipped: IPv6, for this machine has no ::1\n");
        return;
    }
    with (cm_listen("::1", "0"), fd) {
        char text[WITH_NET_ADDRESS_SIZE], wanted[32];
        reach("::1", fd);
        CHECK_INT(with_net_local(fd, text, sizeof text), 0);
        snprintf(wanted, sizeof wanted, "[::1]:%d", with_net_port(fd));
        CHECK_STR(text, wanted);
    }
    with (cm_listen(NULL, "0"), fd) {
        reach("::1", fd);
        reach("127.0.0.1", fd);
    }
    with (cm_listen("::", "0"), fd) {
        reach("::1", fd);
        CHECK_THROWS(reach_ipv4, &fd, ConnectionRefusedError, "host 127.0.0.1, service ");
    }
}

static void test_hosts(void)
{
    with (cm_listen(NULL, "0"), fd) {
        reach("127.0.0.1", fd);
        reach("localhost", fd);
        reach(NULL, fd);
    }
    with (cm_listen("0.0.0.0", "0", .backlog = 3), fd) reach("127.0.0.1", fd);
    with (cm_listen("localhost", "0"), fd) reach("localhost", fd);
}

/* ---- Refused, taken, late ------------------------------------------------------------------ */

static void connect_now(void *port)
{
    with (cm_connect("127.0.0.1", port)) {}
}

static void connect_soon(void *port)
{
    with (cm_connect("127.0.0.1", port, .timeout_seconds = 0.05)) {}
}

static void listen_now(void *port)
{
    with (cm_listen("127.0.0.1", port)) {}
}

static void accept_soon(void *at)
{
    with (cm_accept(*(int *)at, .timeout_seconds = 0.02)) {}
}

static void test_refused(void)
{
    char port[16], note[64];
    const int bound = raw_listener(-1, port), before = open_descriptors();
    const with_exception *e = with_call(connect_now, port);

    snprintf(note, sizeof note, "127.0.0.1:%s: Connection refused", port);
    check_exception(e, &ConnectionRefusedError, "host 127.0.0.1, service ", __FILE__, __LINE__);
    CHECK_INT(e->code, ECONNREFUSED);
    CHECK(has_note(e, note));
    CHECK_INT(notes_of(e), 1);
    CHECK_INT(open_descriptors(), before);
    with_exception_unref(e);
    close(bound);
}

static void test_taken(void)
{
    const int before = open_descriptors();

    CHECK_THROWS(listen_now, service, OSError, "Address already in use");
    CHECK_INT(open_descriptors(), before);
}

/* A port is free again at once, although connections of it are in TIME_WAIT. */
static void test_taken_again(void)
{
    char port[16];

    free_port_of_own_host(port);
    for (int i = 0; i < 2; i++) {
        with (cm_listen(own_host(), port), at)
            with (cm_connect(own_host(), port), fd) {
                with (cm_accept(at)) {}
                CHECK_STR(received(fd), "(end)"); /* the listener's side ended it first */
            }
    }
}

static void test_late(void)
{
    char port[16];
    int first, full = full_listener(port, &first), before = open_descriptors();
    const with_exception *e = with_call(connect_soon, port);

    check_exception(e, &TimeoutError, "host 127.0.0.1, service ", __FILE__, __LINE__);
    CHECK_INT(e->code, ETIMEDOUT);
    CHECK_INT(notes_of(e), 1);
    with_exception_unref(e);
    CHECK_THROWS(accept_soon, &listener, TimeoutError, "accept on 127.0.0.1:");
    CHECK_INT(open_descriptors(), before);
    close(first);
    close(full);
}

/* ---- Options ------------------------------------------------------------------------------- */

static void negative_timeout(void *unused)
{
    (void)unused;
    with (cm_connect("127.0.0.1", service, .timeout_seconds = -1)) {}
}

static void timeout_not_a_number(void *unused)
{
    (void)unused;
    with (cm_accept(listener, .timeout_seconds = NAN)) {}
}

static void negative_linger(void *unused)
{
    (void)unused;
    with (cm_connect("127.0.0.1", service, .linger_seconds = -0.5)) {}
}

static void negative_backlog(void *unused)
{
    (void)unused;
    with (cm_listen("127.0.0.1", "0", .backlog = -2)) {}
}

static void small_room_for_peer(void *unused)
{
    char peer[10];

    (void)unused;
    with (cm_accept(listener, .ret_peer = peer, .ret_peer_size = sizeof peer)) {}
}

static void no_service(void *unused)
{
    (void)unused;
    with (cm_connect("127.0.0.1", NULL)) {}
}

static void no_listener(void *unused)
{
    (void)unused;
    with (cm_accept(-1, .timeout_seconds = 0.01)) {}
}

static void test_bad_options(void)
{
    const int before = open_descriptors();

    CHECK_THROWS(negative_timeout, NULL, ValueError, "cm_connect: timeout_seconds is -1");
    CHECK_THROWS(timeout_not_a_number, NULL, ValueError, "cm_accept: timeout_seconds is nan");
    CHECK_THROWS(negative_linger, NULL, ValueError, "cm_connect: linger_seconds is -0.5");
    CHECK_THROWS(negative_backlog, NULL, ValueError, "cm_listen: backlog is -2");
    CHECK_THROWS(small_room_for_peer, NULL, ValueError, "ret_peer_size is 10");
    CHECK_THROWS(no_service, NULL, ValueError, "127.0.0.1: no service");
    CHECK_THROWS(no_listener, NULL, OSError, "accept on descriptor -1: Bad file descriptor");
    CHECK_INT(open_descriptors(), before);
}

/* A program that knows fewer options: what lies beyond its own size is not read. */
static void test_smaller_options(void)
{
    with (WITH_NEW(cm_connect, .as = -1,
                   .options_ = {.size = offsetof(struct with_connect_options, timeout_seconds),
                                .host = "127.0.0.1",
                                .service = service,
                                .timeout_seconds = -1,
                                .linger_seconds = -1}),
          fd) {
        int peer = accept(listener, NULL, NULL);
        send_bytes(fd, "old");
        CHECK_STR(received(peer), "old");
        close(peer);
    }
}

/* A value may be entered again: each block has a connection of its own. */
static void test_reusing(void)
{
    const struct cm_connect value = cm_connect("127.0.0.1", service);

    with (value, outer)
        with (value, inner) CHECK(outer != inner);
    close(accept(listener, NULL, NULL));
    close(accept(listener, NULL, NULL));
}

/* So long a time means for ever. Each argument is evaluated once. */
static void test_long_timeout(void)
{
    int hosts = 0, services = 0, timeouts = 0, listeners = 0;

    with (cm_connect((hosts++, "127.0.0.1"), (services++, service),
                     .timeout_seconds = (timeouts++, 1e300)))
        with (cm_accept((listeners++, listener), .timeout_seconds = 60, .linger_seconds = 60)) {}
    CHECK(hosts == 1 && services == 1 && timeouts == 1 && listeners == 1);
}

static int return_with_errno(void)
{
    with (cm_listen("127.0.0.1", "0"))
        with (cm_connect("127.0.0.1", service)) {
            errno = ENOMSG;
            return -1;
        }
    return 0;
}

static void test_errno_is_kept(void)
{
    CHECK_INT(return_with_errno(), -1);
    CHECK_INT(errno, ENOMSG);
    close(accept(listener, NULL, NULL));
}

int main(void)
{
    listener = raw_listener(100, service);
    test_texts();
    test_ipv6();
    test_hosts();
    test_refused();
    test_taken();
    test_taken_again();
    test_late();
    test_bad_options();
    test_smaller_options();
    test_reusing();
    test_long_timeout();
    test_errno_is_kept();
    CHECK_INT(with_dump(stderr), 0);
    return test_result();
}

/* SPDX-License-Identifier: MIT
 *
 * with/redis.h when the network, the server and other threads interfere: what waits is cancelled, what is
 * lost is told, and an EXEC whose answer is lost is known to be unknown.
 */
#include "test_redis.h"

#include <poll.h>

#include "servers/proxy.h"

static struct proxy *proxy;
static redisContext *conn;

/* A connection through the proxy. */
#define REMOTE(...) cm_redis("127.0.0.1", .port = proxy->port, ##__VA_ARGS__)

/* ---- Cancellation ------------------------------------------------------------------------------ */

/* A reply that does not come in time: of a command that waits for others. */
static void wait_for_others(void)
{
    with_redis_execute(conn, "BLPOP", "nothing", 0);
}

static void wait_in_reply(void)
{
    with (cm_redis_reply(conn, "BLPOP", "nothing", 0)) CHECK(!"entered");
}

/* A reply that comes too late for who waited, but comes. */
static void wait_for_slow(void)
{
    with_redis_execute(conn, "DEBUG", "SLEEP", 0.6);
}

static void wait_in_multi(void)
{
    with (cm_redis_multi(conn)) {
        with_redis_execute(conn, "SET", "key", 1);
        with_redis_execute(conn, "SET", "key", 2);
        plain("CLIENT PAUSE 600 WRITE");
        with_redis_commit(conn); /* no cancellation in it: done */
        pthread_testcancel();
    }
}

static void *wait_in_thread(void *wait)
{
    (*(void (**)(void))wait)();
    return NULL;
}

static void cancel_in(void (*wait)(void))
{
    pthread_t thread;
    void *result;

    CHECK_INT(pthread_create(&thread, NULL, wait_in_thread, (void *)&wait), 0);
    usleep(200000);
    pthread_cancel(thread);
    CHECK_INT(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
}

static void test_cancel(void)
{
    const int before = open_descriptors();

    for (int i = 0; i < 2; i++)
        with (LOCAL(), c) {
            conn = c;
            cancel_in(i ? wait_for_others : wait_in_reply);
            CHECK(with_redis_is_broken(c));
        }
    with (LOCAL(), c) {
        conn = c;
        cancel_in(wait_for_slow);
        CHECK(is_reusable(c));
        cancel_in(wait_in_multi);
        CHECK(is_reusable(c));
        CHECK_INT(plain("GET key"), 2);
        plain("DEL key");
    }
    CHECK(clients_become(0));
    CHECK_INT(open_descriptors(), before);
}

/* Cancelled while MULTI itself is under way: it is taken back. */
static void begin_slowly(void)
{
    with (cm_redis_multi(conn)) CHECK(!"entered");
}

static void watch_slowly(void)
{
    with (cm_redis_watch(conn, "watched")) CHECK(!"entered");
}

static void test_cancel_enter(void)
{
    with (REMOTE(), c) {
        conn = c;
        proxy->delay_ms = 400;
        cancel_in(begin_slowly);
        proxy->delay_ms = 0;
        CHECK(is_reusable(c)); /* INCR gives its number, so nothing is queued */
        proxy->delay_ms = 400;
        cancel_in(watch_slowly);
        proxy->delay_ms = 0;
        plain("INCR watched");
        with (cm_redis_multi(c)) with_redis_execute(c, "SET", "key", 3);
        CHECK_INT(plain("GET key"), 3);
        plain("DEL key");
    }
}

/* ---- Time limits ----------------------------------------------------------------------------- */

static void answer_late(void *unused)
{
    (void)unused;
    with (REMOTE(.command_timeout_seconds = 0.2), c) {
        with_redis_execute(c, "PING");
        proxy->mode = PROXY_DROP_ANSWERS;
        with_redis_execute(c, "PING");
    }
}

static void connect_late(void *unused)
{
    (void)unused;
    with (REMOTE(.command_timeout_seconds = 0.2)) CHECK(!"entered");
}

static void test_limits(void)
{
    const double begun = seconds_now();

    CHECK_THROWS(answer_late, NULL, ConnectionFailure, "did not answer in time");
    CHECK_THROWS(connect_late, NULL, ConnectionFailure, "did not answer in time");
    CHECK(seconds_now() - begun < 10);
    proxy->mode = PROXY_PASS;
    proxy_reset(proxy);
    CHECK(clients_become(0));
}

/* ---- Connections that are lost ----------------------------------------------------------------- */

static void (*disturb)(redisContext *c);

/* Until this side can know. */
static void wait_for_end(redisContext *c)
{
    struct pollfd ready = {.fd = c->fd, .events = POLLIN};

    CHECK_INT(poll(&ready, 1, 10000), 1);
}

static void kill_it(redisContext *c)
{
    plain("CLIENT KILL TYPE normal SKIPME yes");
    wait_for_end(c);
}

static void reset_it(redisContext *c)
{
    proxy_reset(proxy);
    wait_for_end(c);
}

static void lose_then_use(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_redis_multi(c)) {
            with_redis_execute(c, "SET", "key", 1);
            disturb(c);
            with_redis_execute(c, "SET", "key", 2);
        }
}

static void lose_and_ignore(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_redis_multi(c)) {
            with_redis_execute(c, "SET", "key", 1);
            disturb(c);
            try {
                with_redis_execute(c, "SET", "key", 2);
            } catch (ConnectionFailure) {
                CHECK(with_redis_is_broken(c));
            }
        }
}

static void lose_then_commit(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_redis_multi(c)) {
            with_redis_execute(c, "SET", "key", 1);
            disturb(c);
        }
}

static void lose_then_throw(void *unused)
{
    (void)unused;
    with (REMOTE(), c) {
        try {
            with (cm_redis_multi(c)) {
                with_redis_execute(c, "SET", "key", 1);
                disturb(c);
                throw(KeyError, "own");
            }
        } catch (KeyError, e) {
            CHECK(has_note(e, "ConnectionFailure: "));
            CHECK(with_redis_is_broken(c));
            with_rethrow();
        }
    }
}

static void lose_then_unwatch(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_redis_watch(c, "watched")) disturb(c);
}

static void test_lost(void)
{
    void (*const disturbances[])(redisContext *) = {kill_it, reset_it};

    for (int i = 0; i < 2; i++) {
        disturb = disturbances[i];
        CHECK_THROWS(lose_then_use, NULL, ConnectionFailure, "");
        CHECK_THROWS(lose_and_ignore, NULL, ConnectionFailure, "nothing is done");
        CHECK_THROWS(lose_then_commit, NULL, ConnectionFailure, "nothing is done");
        CHECK_THROWS(lose_then_throw, NULL, KeyError, "own");
        CHECK_THROWS(lose_then_unwatch, NULL, ConnectionFailure, "");
        CHECK_INT(plain("EXISTS key"), 0);
        CHECK(clients_become(0));
    }
}

static void commit_one(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_redis_multi(c)) with_redis_execute(c, "SET", "key", 1);
}

/* The question is lost, so nothing is done; or the answer is, and all is. Here nobody can tell. */
static void test_unknown(void)
{
    proxy_set_trap(proxy, PROXY_LOSE_QUESTION, "EXEC");
    CHECK_THROWS(commit_one, NULL, TransactionResolutionUnknown, "may have been done or not");
    CHECK(clients_become(0));
    CHECK_INT(plain("EXISTS key"), 0);
    proxy_set_trap(proxy, PROXY_LOSE_ANSWER, "EXEC");
    CHECK_THROWS(commit_one, NULL, TransactionResolutionUnknown, "may have been done or not");
    CHECK(clients_become(0));
    CHECK_INT(plain("GET key"), 1);
    plain("DEL key");
}

/* ---- The server ends, and speaks nonsense -------------------------------------------------------- */

static void stop_in_block(void *unused)
{
    (void)unused;
    with (LOCAL(), c)
        with (cm_redis_multi(c)) {
            with_redis_execute(c, "SET", "key", 1);
            CHECK(server_stop(&server, "KILL"));
            with_redis_execute(c, "SET", "key", 2);
        }
}

static void connect_to_dead(void *unused)
{
    (void)unused;
    with (LOCAL()) CHECK(!"entered");
}

static void test_server_end(void)
{
    redisFree(outside);
    CHECK_THROWS(stop_in_block, NULL, ConnectionFailure, "");
    CHECK_THROWS(connect_to_dead, NULL, ConnectionFailure, "redis.sock: ");
    CHECK(server_start(&server));
    outside = plain_connection();
    CHECK_INT(plain("EXISTS key"), 0);
}

static void *speak_nonsense(void *listener)
{
    const int fd = accept(*(int *)listener, NULL, NULL);
    char buffer[100];

    CHECK(read(fd, buffer, sizeof buffer) > 0);
    CHECK(write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28) == 28);
    CHECK_INT(read(fd, buffer, sizeof buffer), 0);
    close(fd);
    return NULL;
}

static void connect_to_nonsense(void *port)
{
    with (cm_redis("127.0.0.1", .port = *(int *)port)) CHECK(!"entered");
}

static void test_nonsense(void)
{
    struct sockaddr_in address = proxy_address(0);
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port;
    pthread_t thread;

    CHECK_INT(bind(listener, (struct sockaddr *)&address, size), 0);
    CHECK_INT(listen(listener, 1), 0);
    CHECK_INT(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    port = ntohs(address.sin_port);
    CHECK_INT(pthread_create(&thread, NULL, speak_nonsense, &listener), 0);
    CHECK_THROWS(connect_to_nonsense, &port, ConnectionFailure, "Protocol error");
    CHECK_INT(pthread_join(thread, NULL), 0);
    close(listener);
}

int main(void)
{
    const char *const settings[] = {"enable-debug-command=yes", NULL};

    set_up(settings);
    proxy = proxy_open(server.port);
    test_cancel();
    test_cancel_enter();
    test_limits();
    test_lost();
    test_unknown();
    test_nonsense();
    test_server_end();
    proxy_close(proxy);
    return tear_down();
}

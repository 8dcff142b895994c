/* SPDX-License-Identifier: MIT
 *
 * Pools of connections to a server of the test's own, over TCP and a Unix socket.
 */
#include "test.h"

#include <with.h>
#include <with/net_pool.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct with_pool_statistics measure(with_pool *pool)
{
    struct with_pool_statistics s = WITH_POOL_STATISTICS_INIT;

    with_pool_measure(pool, &s);
    return s;
}

static int accept_one(int listener)
{
    int peer;

    do peer = accept(listener, NULL, NULL); /* it does not block */
    while (peer < 0 && (errno == EAGAIN || errno == EINTR));
    return peer;
}

/* The connection is kept; with input unread, or ended by the server, it is not. */
static void use(with_pool *pool, int listener)
{
    int first = -1, peer;
    char byte = 0;

    with (cm_acquire_socket(pool), fd) first = fd;
    with (cm_acquire_socket(pool), fd) CHECK_INT(fd, first);
    CHECK_INT(measure(pool).opened, 1);
    peer = accept_one(listener);
    with (cm_acquire_socket(pool), fd) {
        CHECK_INT(send(fd, "q", 1, MSG_NOSIGNAL), 1);
        CHECK_INT(recv(peer, &byte, 1, 0), 1);
        CHECK_INT(byte, 'q');
        CHECK_INT(send(peer, "aa", 2, MSG_NOSIGNAL), 2);
        CHECK_INT(recv(fd, &byte, 1, 0), 1); /* one answer is left */
    }
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_RESET], 1);
    close(peer);
    with (cm_acquire_socket_within(pool, 10))
        ;
    close(accept_one(listener));
    with (cm_acquire_socket(pool), fd) CHECK_INT(with_pool_discard(pool, (void *)(intptr_t)fd), 0);
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_CHECK], 1);
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_BROKEN], 1);
    CHECK_INT(measure(pool).opened, 3);
}

static void test_tcp(void)
{
    char port[16];

    with (cm_listen("127.0.0.1", "0"), listener) {
        struct with_connect_options where = {
            .size = sizeof where, .host = "127.0.0.1", .service = port, .timeout_seconds = 10};
        snprintf(port, sizeof port, "%d", with_net_port(listener));
        with (cm_pool(&with_connect_maker, &where, .maximum_size = 2, .check_seconds = -1), pool)
            use(pool, listener);
    }
}

static void test_unix(void)
{
    char directory[] = "/tmp/with-net-pool-XXXXXX", path[64];

    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/socket", directory);
    with (cm_listen_unix(path), listener) {
        struct with_connect_unix_options where = {.size = sizeof where, .path = path};
        with (cm_pool(&with_connect_unix_maker, &where, .check_seconds = -1), pool)
            use(pool, listener);
    }
    rmdir(directory);
}

static void test_refused(void)
{
    struct with_connect_unix_options where = {.size = sizeof where, .path = "/nowhere/at/all"};
    struct with_connect_options none = {.size = sizeof none, .host = "127.0.0.1", .service = "1"};
    int caught = 0;

    with (cm_pool(&with_connect_unix_maker, &where, .fail_fast = true), pool) try {
            with (cm_acquire_socket(pool)) CHECK(false);
        } catch (FileNotFoundError, e) {
            caught++;
            CHECK_INT(e->code, ENOENT);
        }
    with (cm_pool(&with_connect_maker, &none, .fail_fast = true), pool) try {
            with (cm_acquire_socket(pool)) CHECK(false);
        } catch (ConnectionRefusedError) {
            caught++;
        }
    with (cm_pool(&with_connect_maker, NULL, .fail_fast = true), pool) try {
            with (cm_acquire_socket(pool)) CHECK(false);
        } catch (Exception) {
            caught++;
        }
    CHECK_INT(caught, 3);
}

/* The child closes its copy, and the parent's connection goes on. */
static void test_fork(void)
{
    char port[16], byte = 0;
    int status = 0;

    with (cm_listen("127.0.0.1", "0"), listener) {
        struct with_connect_options where = {
            .size = sizeof where, .host = "127.0.0.1", .service = port, .timeout_seconds = 10};
        snprintf(port, sizeof port, "%d", with_net_port(listener));
        with (cm_pool(&with_connect_maker, &where, .no_thread = true), pool) {
            pid_t child;
            with (cm_acquire_socket(pool), fd) {
                with (cm_accept(listener), peer) {
                    child = fork();
                    if (child == 0) {
                        with_pool_close(pool, 0);
                        _exit(0);
                    }
                    while (waitpid(child, &status, 0) < 0) continue;
                    CHECK_INT(status, 0);
                    CHECK_INT(send(fd, "x", 1, MSG_NOSIGNAL), 1);
                    CHECK_INT(recv(peer, &byte, 1, 0), 1);
                    CHECK_INT(byte, 'x');
                }
            }
        }
    }
}

int main(void)
{
    test_tcp();
    test_unix();
    test_refused();
    test_fork();
    return test_result();
}

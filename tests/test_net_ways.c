/* SPDX-License-Identifier: MIT
 *
 * TCP: every way out of each manager's block, fork() and exit() in a block.
 */
#include "test_net.h"

static char service[16];   /* of `listener` */
static int listener = -1;  /* for the connections of the managers under test */
static char free_port[16]; /* of own_host(), for the listener under test */

/* ---- Every way out ------------------------------------------------------------------------- */

/* What the block had: checked in it, and after it. */
static int held = -1;

static void hold(int fd, bool nonblocking)
{
    held = fd;
    CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_INT(!!(fcntl(fd, F_GETFL) & O_NONBLOCK), nonblocking);
}

#define WAYS_OUT(NAME, NONBLOCKING, MANAGER)                                                       \
    static void NAME##_end(void *unused)                                                           \
    {                                                                                              \
        (void)unused;                                                                              \
        with (MANAGER, fd) hold(fd, NONBLOCKING);                                                  \
    }                                                                                              \
    static void NAME##_return(void *unused)                                                        \
    {                                                                                              \
        (void)unused;                                                                              \
        with (MANAGER, fd) {                                                                       \
            hold(fd, NONBLOCKING);                                                                 \
            return;                                                                                \
        }                                                                                          \
        CHECK(!"returned");                                                                        \
    }                                                                                              \
    static void NAME##_goto(void *unused)                                                          \
    {                                                                                              \
        (void)unused;                                                                              \
        with (MANAGER, fd) {                                                                       \
            hold(fd, NONBLOCKING);                                                                 \
            goto out;                                                                              \
        }                                                                                          \
        CHECK(!"gone");                                                                            \
out:;                                                                                              \
    }                                                                                              \
    static void NAME##_break(void *unused)                                                         \
    {                                                                                              \
        (void)unused;                                                                              \
        for (;;) {                                                                                 \
            using (MANAGER, fd);                                                                   \
            hold(fd, NONBLOCKING);                                                                 \
            break;                                                                                 \
        }                                                                                          \
    }                                                                                              \
    static void NAME##_continue(void *unused)                                                      \
    {                                                                                              \
        (void)unused;                                                                              \
        for (int i = 0; i < 1; i++) {                                                              \
            using (MANAGER, fd);                                                                   \
            hold(fd, NONBLOCKING);                                                                 \
            continue;                                                                              \
        }                                                                                          \
    }                                                                                              \
    static void NAME##_throw(void *unused)                                                         \
    {                                                                                              \
        (void)unused;                                                                              \
        with (MANAGER, fd) {                                                                       \
            hold(fd, NONBLOCKING);                                                                 \
            throw(KeyError, "way out");                                                            \
        }                                                                                          \
    }                                                                                              \
    static void NAME##_cancel(void *unused)                                                        \
    {                                                                                              \
        (void)unused;                                                                              \
        with (MANAGER, fd) {                                                                       \
            hold(fd, NONBLOCKING);                                                                 \
            pthread_cancel(pthread_self());                                                        \
            pthread_testcancel();                                                                  \
        }                                                                                          \
    }                                                                                              \
    static void NAME##_pthread_exit(void *unused)                                                  \
    {                                                                                              \
        (void)unused;                                                                              \
        with (MANAGER, fd) {                                                                       \
            hold(fd, NONBLOCKING);                                                                 \
            pthread_exit(NULL);                                                                    \
        }                                                                                          \
    }                                                                                              \
    static void (*const NAME##_ways[WAYS])(void *) = {                                             \
        NAME##_end,      NAME##_return, NAME##_goto,   NAME##_break,                               \
        NAME##_continue, NAME##_throw,  NAME##_cancel, NAME##_pthread_exit}

enum { WAYS = 8, THROW = 5 };

WAYS_OUT(connect, false, cm_connect("127.0.0.1", service));
WAYS_OUT(accept, false, cm_accept(listener));
WAYS_OUT(listen, true, cm_listen(own_host(), free_port));

static void *call_in_thread(void *function)
{
    const with_exception *e = with_call(*(void (**)(void *))function, NULL);

    return (void *)e;
}

/* In a thread of its own, which some ways end. */
static void leave(void (*const *way)(void *), bool throws)
{
    const int before = open_descriptors();
    const with_exception *e;
    pthread_t thread;
    void *result;

    held = -1;
    CHECK_INT(pthread_create(&thread, NULL, call_in_thread, (void *)way), 0);
    CHECK_INT(pthread_join(thread, &result), 0);
    CHECK(held >= 0 && fcntl(held, F_GETFD) < 0);
    CHECK_INT(open_descriptors(), before);
    e = result == PTHREAD_CANCELED ? NULL : result;
    if (throws) check_exception(e, &KeyError, "way out", __FILE__, __LINE__);
    else CHECK_STR(e ? e->message : "nothing", "nothing");
    with_exception_unref(e);
}

static void test_ways_out_of_connect(void)
{
    for (int i = 0; i < WAYS; i++) {
        leave(&connect_ways[i], i == THROW);
        int peer = accept(listener, NULL, NULL);
        CHECK_STR(received(peer), "(end)");
        close(peer);
    }
}

static void test_ways_out_of_accept(void)
{
    for (int i = 0; i < WAYS; i++) {
        int peer = raw_connection(service);
        leave(&accept_ways[i], i == THROW);
        CHECK_STR(received(peer), "(end)");
        close(peer);
    }
}

static void connect_to_free_port(void *unused)
{
    (void)unused;
    with (cm_connect(own_host(), free_port)) CHECK(!"somebody listens");
}

static void test_ways_out_of_listen(void)
{
    free_port_of_own_host(free_port);
    for (int i = 0; i < WAYS; i++) {
        leave(&listen_ways[i], i == THROW);
        CHECK_THROWS(connect_to_free_port, NULL, ConnectionRefusedError, free_port);
    }
}

/* ---- fork() -------------------------------------------------------------------------------- */

static void wait_for(pid_t child)
{
    int status = -1;

    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

/* The child's block runs to its end; that ends nothing of the parent's, and takes no error from it. */
static void test_fork(void)
{
    const int failures = test_failures;
    pid_t child;

    with (cm_connect("127.0.0.1", service), fd)
        with (cm_accept(listener), other) {
            send_bytes(other, "unread");
            await(fd);
            child = fork();
            if (child > 0) {
                wait_for(child);
                CHECK_STR(received(fd), "unread");
                send_bytes(fd, "still there");
                CHECK_STR(received(other), "still there");
            }
        }
    if (child == 0) _exit(test_failures != failures);
}

static void test_fork_and_listen(void)
{
    const int failures = test_failures;
    char port[16];
    pid_t child;

    with (cm_listen("127.0.0.1", "0"), fd) {
        child = fork();
        if (child > 0) {
            wait_for(child);
            snprintf(port, sizeof port, "%d", with_net_port(fd));
            int peer = raw_connection(port);
            with (cm_accept(fd)) {}
            close(peer);
        }
    }
    if (child == 0) _exit(test_failures != failures);
}

/* ---- with_dump and exit() ------------------------------------------------------------------ */

static void exit_in_block(void)
{
    const int failures = test_failures;

    with (cm_connect("127.0.0.1", service)) {
        CHECK_INT(with_dump(NULL), 1);
        exit(test_failures != failures);
    }
}

static void test_exit(void)
{
    in_child(exit_in_block);
    int peer = accept(listener, NULL, NULL);
    CHECK_STR(received(peer), "(end)");
    close(peer);
}

int main(void)
{
    listener = raw_listener(100, service);
    test_ways_out_of_connect();
    test_ways_out_of_accept();
    test_ways_out_of_listen();
    test_fork();
    test_fork_and_listen();
    test_exit();
    CHECK_INT(with_dump(stderr), 0);
    return test_result();
}

/* SPDX-License-Identifier: MIT
 *
 * Threads: cancellation while one connects or accepts, which leaves no descriptor behind; several that
 * accept from one listener.
 */
#include "test_net.h"

#include <stdatomic.h>

/*
 * A thread that is cancelled while it waits is unwound over frames with poisoned stack, which the address
 * sanitizer takes for an overflow of its own frame (gcc 12 and clang 14, without this library too).
 */
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN true
#elif defined(__has_feature)
#define UNDER_ASAN __has_feature(address_sanitizer)
#else
#define UNDER_ASAN false
#endif

static char service[16]; /* of a listener that answers nobody */
static char path[64];    /* of such a Unix socket */
static char directory[] = "/tmp/test-net-XXXXXX";
static int listener = -1;

/* ---- Cancellation ---------------------------------------------------------------------------- */

static __thread bool watched;  /* the thread under test */
static atomic_bool is_waiting; /* it has come to the call in which it waits */

#pragma GCC visibility push(default) /* what the library calls must find them */

int poll(struct pollfd *fds, nfds_t number, int ms)
{
    if (watched) is_waiting = true;
    return REAL(poll)(fds, number, ms);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    if (watched && address->sa_family == AF_UNIX) is_waiting = true;
    return REAL(connect)(fd, address, length);
}

#pragma GCC visibility pop

static void *connect_in_vain(void *unused)
{
    (void)unused;
    watched = true;
    with (cm_connect("127.0.0.1", service)) CHECK(!"connected");
    return NULL;
}

static void *connect_in_vain_for_long(void *unused)
{
    (void)unused;
    watched = true;
    with (cm_connect("127.0.0.1", service, .timeout_seconds = 3600)) CHECK(!"connected");
    return NULL;
}

static void *connect_unix_in_vain(void *unused)
{
    (void)unused;
    watched = true;
    with (cm_connect_unix(path)) CHECK(!"connected");
    return NULL;
}

static void *connect_unix_in_vain_for_long(void *unused)
{
    (void)unused;
    watched = true;
    with (cm_connect_unix(path, .timeout_seconds = 3600)) CHECK(!"connected");
    return NULL;
}

static void *accept_in_vain(void *unused)
{
    (void)unused;
    watched = true;
    with (cm_accept(listener)) CHECK(!"accepted");
    return NULL;
}

/* Nor does a cancellation that is disabled act in a manager, or is it enabled afterwards. */
static void *connect_with_cancellation_disabled(void *unused)
{
    int old = -1;

    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self());
    with (cm_listen("127.0.0.1", "0"), at) {
        char port[16];
        snprintf(port, sizeof port, "%d", with_net_port(at));
        with (cm_connect("127.0.0.1", port, .linger_seconds = 60))
            with (cm_accept(at)) {}
    }
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    CHECK_INT(old, PTHREAD_CANCEL_DISABLE);
    return NULL;
}

static void cancel(void *(*function)(void *))
{
    const int before = open_descriptors();
    pthread_t thread;
    void *result;

    is_waiting = false;
    CHECK_INT(pthread_create(&thread, NULL, function, NULL), 0);
    while (!is_waiting) sched_yield();
    CHECK_INT(pthread_cancel(thread), 0);
    CHECK_INT(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_INT(open_descriptors(), before);
}

/* A Unix socket whose queue is full: *ret_first is all that is in it. */
static int full_unix_listener(int *ret_first)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 0) == 0);
    *ret_first = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(*ret_first, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void test_cancellation(void)
{
    int first, first_unix, full = full_listener(service, &first);
    int full_unix = full_unix_listener(&first_unix);
    pthread_t thread;
    void *result = &thread;

    cancel(connect_in_vain);
    cancel(connect_in_vain_for_long);
    cancel(connect_unix_in_vain);
    cancel(connect_unix_in_vain_for_long);
    cancel(accept_in_vain);
    CHECK_INT(pthread_create(&thread, NULL, connect_with_cancellation_disabled, NULL), 0);
    CHECK_INT(pthread_join(thread, &result), 0);
    CHECK(result == NULL);
    close(first);
    close(full);
    close(first_unix);
    close(full_unix);
}

/* ---- Several threads at one listener --------------------------------------------------------- */

enum { THREADS = 4, CONNECTIONS = 100 };

static atomic_int accepted;

/* Each serves until the one connection that says "stop" to it. */
static void *serve(void *at)
{
    for (;;) {
        char text[8] = "";
        using (cm_accept(*(int *)at), fd);
        ssize_t size = recv(fd, text, sizeof text - 1, 0);
        CHECK(size > 0);
        send_bytes(fd, "seen");
        CHECK_INT(with_net_finish(fd, 60, false), 0);
        accepted++;
        if (strcmp(text, "stop") == 0) break;
    }
    return NULL;
}

static void ask(const char *port, const char *text)
{
    char answer[8] = "";

    with (cm_connect("127.0.0.1", port, .timeout_seconds = 60), fd) {
        send_bytes(fd, text);
        CHECK_INT(recv(fd, answer, sizeof answer, MSG_WAITALL), 4);
    }
}

static void test_serving(void)
{
    pthread_t threads[THREADS];
    const int before = open_descriptors();

    with (cm_listen("127.0.0.1", "0"), at) {
        char port[16];
        snprintf(port, sizeof port, "%d", with_net_port(at));
        for (int i = 0; i < THREADS; i++)
            CHECK_INT(pthread_create(&threads[i], NULL, serve, &at), 0);
        for (int i = 0; i < CONNECTIONS; i++) ask(port, "go");
        for (int i = 0; i < THREADS; i++) ask(port, "stop");
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    }
    CHECK_INT(accepted, CONNECTIONS + THREADS);
    CHECK_INT(open_descriptors(), before);
}

int main(void)
{
    if (!mkdtemp(directory)) {
        perror(directory);
        return 1;
    }
    snprintf(path, sizeof path, "%s/socket", directory);
    if (UNDER_ASAN) {
        printf("skipped: cancellation, which the address sanitizer does not bear\n");
    } else {
        with (cm_listen("127.0.0.1", "0"), at) {
            listener = at;
            test_cancellation();
        }
    }
    test_serving();
    CHECK_INT(with_dump(stderr), 0);
    unlink(path);
    CHECK(rmdir(directory) == 0);
    return test_result();
}

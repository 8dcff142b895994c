/* SPDX-License-Identifier: MIT
 *
 * What hardly ever fails: the Nth allocation, for N = 1, 2, ..., alone or with all after it; calls of the
 * system; and waits that signals interrupt. Each time what is stored is what the exception says.
 */
#include "test_postgres.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/time.h>

/* ---- Calls that fail on demand ------------------------------------------------------------------- */

static atomic_bool no_threads, no_pipes, no_opens;

#define REAL(NAME)                                                                                 \
    static __typeof__(&NAME) real;                                                                 \
    if (!real) real = (__typeof__(&NAME))dlsym(RTLD_NEXT, #NAME)

#ifndef TEST_SANITIZED
/* Those of numbers fail_from to fail_to fail. */
static _Atomic long allocations, fail_from, fail_to, failures;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static bool fails(void)
{
    const long number = ++allocations;

    if (number < fail_from || number > fail_to) return false;
    failures++;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails() ? NULL : __libc_realloc(memory, size);
}
#endif

/* The sanitizers' stands before libc's, and must see each thread. */
int __interceptor_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)
    __attribute__((weak));

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *),
                   void *argument)
{
    REAL(pthread_create);
    if (__interceptor_pthread_create) real = __interceptor_pthread_create;
    return no_threads ? EAGAIN : real(thread, attributes, function, argument);
}

int pipe2(int fds[2], int flags)
{
    REAL(pipe2);
    if (!no_pipes) return real(fds, flags);
    errno = EMFILE;
    return -1;
}

static atomic_bool cancelled_after_send;

/* What glibc may do (bug 12683): it is sent, and yet the thread is cancelled in it. */
ssize_t send(int fd, const void *data, size_t size, int flags)
{
    REAL(send);
    const ssize_t sent = real(fd, data, size, flags);

    if (!cancelled_after_send) return sent;
    cancelled_after_send = false;
    pthread_cancel(pthread_self());
    pthread_testcancel();
    return sent;
}

int open(const char *path, int flags, ...)
{
    REAL(open);
    mode_t mode = 0;
    va_list arguments;

    va_start(arguments, flags);
    if (flags & O_CREAT) mode = va_arg(arguments, mode_t);
    va_end(arguments);
    if (!no_opens) return real(path, flags, mode);
    errno = EMFILE;
    return -1;
}

/* ---- One of each thing ---------------------------------------------------------------------------- */

static void use_all(PGconn *conn)
{
    int rows = 0;

    insert(conn, 1);
    with (cm_postgres_transaction(conn)) insert(conn, 2);
    with (cm_postgres_lock(conn, 1, .transaction = true)) {}
    with (cm_postgres_cursor(conn, "SELECT generate_series(1, $1)", 40), cursor)
        while (with_postgres_next(cursor)) rows++;
    with (cm_postgres_copy_in(conn, "COPY t FROM STDIN")) with_postgres_put(conn, "3\n4\n", 4);
    with (cm_postgres_copy_out(conn, "COPY t TO STDOUT"))
        while (with_postgres_get(conn, NULL)) rows++;
    CHECK_INT(rows, 44);
}

/* Without memory for the answer to a COPY libpq 15 waits for ever: hence the limit. */
#define CONNECTION cm_postgres(conninfo, .answer_timeout_seconds = limit)
static double limit = 0.2;

static void run(void *unused)
{
    (void)unused;
    with (CONNECTION, conn)
        with (cm_postgres_transaction(conn)) use_all(conn);
}

/* ---- Without memory -------------------------------------------------------------------------------- */

#ifndef TEST_SANITIZED
static void run_and_throw(void *unused)
{
    (void)unused;
    with (CONNECTION, conn)
        with (cm_postgres_transaction(conn)) {
            use_all(conn);
            throw(KeyError, "thrown");
        }
}

static void check_stored(const with_exception *e)
{
    const long long stored = number_of("SELECT count(*) FROM t");

    if (!e) CHECK_INT(stored, 4);
    else if (e->type == &TransactionResolutionUnknown) CHECK(stored == 0 || stored == 4);
    else if (!CHECK_INT(stored, 0)) with_print_exception(stderr, e);
}

/* Whether an allocation failed, that is, whether the case may need still more of them. */
static bool run_once(void (*function)(void *), long from, long to)
{
    const int descriptors = open_descriptors();
    const with_exception *e;
    bool failed;

    allocations = failures = 0;
    fail_from = from;
    fail_to = to;
    e = with_call(function, NULL);
    fail_from = fail_to = 0;
    failed = failures > 0;
    CHECK(e || failed || function == run);
    CHECK(becomes(OTHER_SESSIONS, 0));
    check_stored(e);
    with_exception_unref(e);
    CHECK_INT(open_descriptors(), descriptors);
    plain("DELETE FROM t");
    return failed;
}

static void test_no_memory(void)
{
    void (*const functions[])(void *) = {run, run_and_throw};
    long n;

    for (int i = 0; i < 2; i++) {
        for (n = 1; run_once(functions[i], n, n); n += i ? 7 : 1) {}
        printf("%ld allocations, each of which failed\n", n - 1);
        for (n = 1; run_once(functions[i], n, LONG_MAX); n += i ? 7 : 3) {}
    }
}
#endif

/* ---- Stopping a statement fails ---------------------------------------------------------------------- */

static void *sleep_in_transaction(void *conn)
{
    with (cm_postgres_transaction(conn))
        with (cm_postgres_result(conn, "SELECT pg_sleep(600)")) CHECK(!"slept");
    return NULL;
}

static void check_not_stopped(atomic_bool *fails)
{
    pthread_t thread;
    void *result;

    with (cm_postgres(conninfo), conn) {
        CHECK_INT(pthread_create(&thread, NULL, sleep_in_transaction, conn), 0);
        CHECK(becomes("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1));
        *fails = true;
        pthread_cancel(thread);
        pthread_join(thread, &result);
        *fails = false;
        CHECK(result == PTHREAD_CANCELED);
        CHECK(with_postgres_is_broken(conn));
    }
    plain("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* ---- Cancelled in the middle of libpq ------------------------------------------------------------------ */

static void *send_and_be_cancelled(void *in_transaction)
{
    with (cm_postgres(conninfo), conn) {
        if (in_transaction) {
            with (cm_postgres_transaction(conn)) {
                cancelled_after_send = true;
                PQclear(PQexec(conn, "INSERT INTO list VALUES (1)"));
            }
        }
        cancelled_after_send = true;
        PQclear(PQexec(conn, "INSERT INTO list VALUES (1)"));
    }
    return NULL;
}

static void *lock_and_be_cancelled(void *conn)
{
    with (cm_postgres_lock(conn, 1)) {
        cancelled_after_send = true;
        PQclear(PQexec(conn, "INSERT INTO list VALUES (1)"));
    }
    return NULL;
}

static void cancel_after_send(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    void *result;

    plain("DELETE FROM list");
    CHECK_INT(pthread_create(&thread, NULL, function, argument), 0);
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
}

/* libpq loses what it had in hand when it is cancelled. So this is not for those who look for leaks; valgrind has its own malloc. */
static bool may_leak(void)
{
#ifdef TEST_SANITIZED
    return false;
#else
    return allocations > 0;
#endif
}

/* libpq believes that it has still to send what it has sent: nobody may do that for it. */
static void test_cancelled_after_send(void)
{
    plain("CREATE TABLE list (id integer)");
    for (int i = 0; i < 2; i++) {
        cancel_after_send(send_and_be_cancelled, i ? "" : NULL);
        CHECK(becomes(OTHER_SESSIONS, 0));
        CHECK(number_of("SELECT count(*) FROM list") <= 1); /* it was stopped, perhaps in time */
    }
}

/* Nor may the next who uses the connection. */
static void test_kept_after_send(void)
{
    with (cm_postgres(conninfo), conn) {
        cancel_after_send(lock_and_be_cancelled, conn);
        CHECK(with_postgres_is_broken(conn));
        PQclear(PQexec(conn, "SELECT 1"));
    }
    CHECK(becomes(OTHER_SESSIONS, 0));
    CHECK(number_of("SELECT count(*) FROM list") <= 1);
}

/* ---- A child without a descriptor ---------------------------------------------------------------------- */

static void test_fork_without_descriptors(void)
{
    const int before = test_failures;
    int status = -1;
    pid_t child;

    with (cm_postgres(conninfo), conn) {
        child = fork();
        if (child == 0) no_opens = true;
        else {
            waitpid(child, &status, 0);
            CHECK(is_reusable(conn));
        }
    }
    if (child == 0) _exit(test_failures != before);
    CHECK_INT(status, 0);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* ---- Signals --------------------------------------------------------------------------------------------- */

static void on_alarm(int signal)
{
    (void)signal;
}

static void set_timer(int microseconds)
{
    const struct itimerval timer = {{0, microseconds}, {0, microseconds}};

    setitimer(ITIMER_REAL, &timer, NULL);
}

/* Interrupted again and again, everything works. */
static void test_signals(void)
{
    struct sigaction action = {.sa_handler = on_alarm}; /* not SA_RESTART */

    sigaction(SIGALRM, &action, NULL);
    for (int i = 0; i < 20; i++) {
        limit = 0;
        set_timer(300);
        CHECK_NO_THROW(run, NULL);
        set_timer(0);
        CHECK_INT(number_of("SELECT count(*) FROM t"), 4);
        plain("DELETE FROM t");
    }
}

int main(void)
{
    set_up(NULL);
    plain("INSERT INTO t VALUES (1)");
    plain("DELETE FROM t");
#ifndef TEST_SANITIZED
    test_no_memory();
#endif
    if (CANCELLED_WAITS) {
        check_not_stopped(&no_threads);
        check_not_stopped(&no_pipes);
    }
    if (may_leak()) {
        test_cancelled_after_send();
        test_kept_after_send();
    }
    test_fork_without_descriptors();
    test_signals();
    return tear_down();
}

/* SPDX-License-Identifier: MIT
 *
 * cm_postgres: every way out of it, its options, and connections that cannot be made.
 */
#include "test_postgres.h"

#include "servers/proxy.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* ---- Every way out --------------------------------------------------------------------------- */

enum way { END, RETURN, BREAK, CONTINUE, GOTO, THROW, CANCEL, THREAD_EXIT, WAYS };

static void leave_by(enum way way)
{
    with (cm_postgres(conninfo), conn) {
        CHECK(is_reusable(conn));
        CHECK(becomes(OTHER_SESSIONS, 1));
        if (way == RETURN) return;
        if (way == GOTO) goto out;
        if (way == THROW) throw(KeyError, "way out");
        if (way == CANCEL) {
            pthread_cancel(pthread_self());
            pthread_testcancel();
        }
        if (way == THREAD_EXIT) pthread_exit(NULL);
    }
out:;
}

static void leave_by_loop(enum way way)
{
    for (int i = 0; i < 1; i++) {
        using (cm_postgres(conninfo), conn);
        CHECK(is_reusable(conn));
        if (way == BREAK) break;
        continue;
    }
}

static void leave(void *way)
{
    if (*(enum way *)way == BREAK || *(enum way *)way == CONTINUE) leave_by_loop(*(enum way *)way);
    else leave_by(*(enum way *)way);
}

static void *leave_in_thread(void *way)
{
    return (void *)with_call(leave, way);
}

static void test_ways_out(void)
{
    const int before = open_descriptors();
    pthread_t thread;
    void *result;

    for (enum way way = 0; way < WAYS; way++) {
        CHECK_INT(pthread_create(&thread, NULL, leave_in_thread, &way), 0);
        CHECK_INT(pthread_join(thread, &result), 0);
        if (way == THROW) {
            check_exception(result, &KeyError, "way out", __FILE__, __LINE__);
            with_exception_unref(result);
        } else CHECK(result == (way == CANCEL ? PTHREAD_CANCELED : NULL));
        CHECK(becomes(OTHER_SESSIONS, 0));
        CHECK_INT(open_descriptors(), before);
    }
}

/* A statement that still runs is stopped: the server would otherwise go on with it. */
static void test_leaving_a_statement(void)
{
    const double begun = seconds_now();

    with (cm_postgres(conninfo), conn) {
        CHECK_INT(PQsendQuery(conn, "SELECT pg_sleep(600)"), 1);
    }
    CHECK(becomes(OTHER_SESSIONS, 0));
    CHECK(seconds_now() - begun < 300);
}

/* ---- Connections that cannot be made ----------------------------------------------------------- */

static void connect_to(void *info)
{
    with (cm_postgres(info)) CHECK(!"connected");
}

static void connect_to_port(void *port)
{
    char info[128];

    snprintf(info, sizeof info, "host=127.0.0.1 port=%d user=postgres password=hush", *(int *)port);
    with (cm_postgres(info, .connect_timeout_seconds = 0.3)) CHECK(!"connected");
}

static void bad_option(void *unused)
{
    (void)unused;
    with (cm_postgres(conninfo, .answer_timeout_seconds = -1)) {}
}

/* A socket that is bound, so that the port is nobody else's, and does not listen, or does not accept. */
static int dead_port(bool listens, int *ret_fd)
{
    struct sockaddr_in address = proxy_address(0);
    socklen_t size = sizeof address;

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(*ret_fd, (struct sockaddr *)&address, size) == 0);
    CHECK(getsockname(*ret_fd, (struct sockaddr *)&address, &size) == 0);
    if (listens) CHECK(listen(*ret_fd, 10) == 0);
    return ntohs(address.sin_port);
}

static void test_refused(void)
{
    const int before = open_descriptors();
    int fd, port = dead_port(false, &fd);
    const with_exception *e = with_call(connect_to_port, &port);

    check_exception(e, &ConnectionFailure, "Connection refused", __FILE__, __LINE__);
    CHECK_STR(sqlstate_of(e), "08001");
    CHECK(e && !strchr(e->message, '\n') && !strstr(e->message, "hush"));
    with_exception_unref(e);
    close(fd);
    port = dead_port(true, &fd);
    CHECK_THROWS(connect_to_port, &port, ConnectionFailure, "not made within 0.3 s");
    close(fd);
    CHECK_INT(open_descriptors(), before);
}

static void test_bad_conninfo(void)
{
    char info[300];
    const with_exception *e;

    CHECK_THROWS(connect_to, NULL, ValueError, "the conninfo is NULL");
    CHECK_THROWS(connect_to, "nothing", ProgrammingError, "cm_postgres: missing \"=\"");
    CHECK_THROWS(connect_to, "colour=red", ProgrammingError, "colour");
    CHECK_THROWS(bad_option, NULL, ValueError, "answer_timeout_seconds is -1");
    snprintf(info, sizeof info, "%s dbname=nowhere", conninfo);
    e = with_call(connect_to, info);
    check_exception(e, &ProgrammingError, "FATAL: database \"nowhere\" does not exist", __FILE__,
                    __LINE__);
    CHECK_STR(sqlstate_of(e), "3D000");
    CHECK(e && !strchr(e->message, '\n') && !strstr(e->message, "LOCATION"));
    with_exception_unref(e);
}

static void test_too_many(void)
{
    PGconn *conns[32];
    int count = 0;
    const with_exception *e;

    while (count < 32) {
        conns[count] = PQconnectdb(conninfo);
        if (PQstatus(conns[count++]) != CONNECTION_OK) break;
    }
    CHECK(count > 1 && count < 32);
    e = with_call(connect_to, conninfo);
    check_exception(e, &TooManyConnections, "sorry, too many clients", __FILE__, __LINE__);
    CHECK_STR(sqlstate_of(e), "53300");
    with_exception_unref(e);
    while (count > 0) PQfinish(conns[--count]);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* ---- Cancellation while connecting -------------------------------------------------------------- */

static void *connect_for_long(void *port)
{
    char info[128];

    snprintf(info, sizeof info, "host=127.0.0.1 port=%d user=postgres", *(int *)port);
    with (cm_postgres(info, .connect_timeout_seconds = 600)) CHECK(!"connected");
    return NULL;
}

static void test_cancelled_connect(void)
{
    const int before = open_descriptors();
    int fd, port = dead_port(true, &fd);
    pthread_t thread;
    void *result;

    CHECK_INT(pthread_create(&thread, NULL, connect_for_long, &port), 0);
    usleep(100000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
    close(fd);
    CHECK_INT(open_descriptors(), before);
}

/* ---- Options --------------------------------------------------------------------------------- */

static void sleep_long(void *conn)
{
    with (cm_postgres_result(conn, "SELECT pg_sleep(600)")) CHECK(!"slept");
}

static void test_statement_timeout(void)
{
    char info[320];

    snprintf(info, sizeof info, "%s options='-c work_mem=123kB -c statement_timeout=10min'",
             conninfo);
    with (cm_postgres(info, .statement_timeout_seconds = 0.05), conn) {
        CHECK_THROWS(sleep_long, conn, QueryCanceled, "statement timeout");
        with_postgres_execute(conn, "DISCARD ALL");
        CHECK_THROWS(sleep_long, conn, QueryCanceled, "statement timeout");
        with (cm_postgres_result(conn, "SHOW work_mem"), result)
            CHECK_STR(PQgetvalue(result, 0, 0), "123kB");
        CHECK(is_reusable(conn));
    }
}

static void test_answer_timeout(void)
{
    with (cm_postgres(conninfo, .answer_timeout_seconds = 0.1), conn) {
        const with_exception *e = with_call(sleep_long, conn);
        check_exception(e, &ConnectionFailure, "did not answer in time", __FILE__, __LINE__);
        with_exception_unref(e);
        CHECK(with_postgres_is_broken(conn));
        CHECK_THROWS(sleep_long, conn, ConnectionFailure, "did not answer in time");
    }
    plain("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%sleep(600)%' "
          "AND pid <> pg_backend_pid()");
    CHECK(becomes(OTHER_SESSIONS, 0));
}

static void count_notice(void *count, const PGresult *notice)
{
    CHECK_STR(PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY), "hear");
    ++*(int *)count;
}

static void test_notices(void)
{
    int count = 0;

    with (cm_postgres(conninfo, .notice = count_notice, .notice_argument = &count), conn) {
        with_postgres_execute(conn, "DO $$ BEGIN RAISE NOTICE 'hear'; END $$");
    }
    CHECK_INT(count, 1);
    with (cm_postgres(conninfo), conn)
        with_postgres_execute(conn, "DO $$ BEGIN RAISE NOTICE 'unheard'; END $$");
}

/* ---- fork() and exit() ------------------------------------------------------------------------- */

static int status_of(pid_t child)
{
    int status = -1;

    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

/* The child's exit closes its descriptor and says nothing: else the session would be at its end. */
static void test_fork(void)
{
    const int failures = test_failures;
    pid_t child;

    with (cm_postgres(conninfo), conn) {
        child = fork();
        if (child == 0) CHECK_THROWS(sleep_long, conn, RuntimeError, "belongs to process");
        else {
            CHECK_INT(status_of(child), 0);
            CHECK(is_reusable(conn));
            CHECK(becomes(OTHER_SESSIONS, 1));
        }
    }
    if (child == 0) _exit(test_failures != failures);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

static void test_exit(void)
{
    const pid_t child = fork();

    if (child == 0) {
        with (cm_postgres(conninfo), conn) {
            CHECK_INT(with_dump(NULL), 1);
            exit(test_failures != 0 || !is_reusable(conn));
        }
    }
    CHECK_INT(status_of(child), 0);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

int main(void)
{
    static const char *const settings[] = {"max_connections=10", NULL};

    set_up(settings);
    test_ways_out();
    test_leaving_a_statement();
    test_refused();
    test_bad_conninfo();
    test_too_many();
    test_cancelled_connect();
    test_statement_timeout();
    test_answer_timeout();
    test_notices();
    test_fork();
    test_exit();
    return tear_down();
}

/* SPDX-License-Identifier: MIT
 *
 * Connections to MariaDB in a pool: what one holder leaves behind, the next does not find; and a server
 * that is asked by more threads than it allows connections.
 */
#include "test_mysql.h"

#include <with/mysql_pool.h>

static struct with_mysql_options options = {.size = sizeof options};
static int reports[16];

static void count_report(void *unused, const struct with_pool_report *report)
{
    (void)unused;
    reports[report->event]++;
}

#define POOL(...) cm_pool(&with_mysql_maker, &options, .report = count_report, __VA_ARGS__)

/* ---- What is left behind ------------------------------------------------------------------------ */

static int refuse_file(void **ret_file, const char *name, void *argument)
{
    (void)ret_file;
    (void)name;
    (void)argument;
    return 1;
}

static void leave_settings(MYSQL *conn)
{
    mysql_set_local_infile_handler(conn, refuse_file, NULL, NULL, NULL, NULL);
    with_mysql_execute(conn, "SET sort_buffer_size = 65536");
    with_mysql_execute(conn, "SET @left = 'behind'");
    with_mysql_execute(conn, "SET autocommit = 0");
}

static void leave_names(MYSQL *conn)
{
    with_mysql_execute(conn, "SET NAMES latin1");
    with_mysql_execute(conn, "USE mysql");
}

static void leave_objects(MYSQL *conn)
{
    with_mysql_execute(conn, "CREATE TEMPORARY TABLE left_behind (id int)");
    CHECK_INT(plain_on(conn, "SELECT get_lock('left_behind', 0)"), 1);
    with_mysql_execute(conn, "LOCK TABLES t WRITE");
}

static void leave_transaction(MYSQL *conn)
{
    plain_on(conn, "START TRANSACTION");
    plain_on(conn, "INSERT INTO t VALUES (1)");
}

static void leave_rows(MYSQL *conn)
{
    CHECK_INT(mysql_query(conn, "SELECT seq FROM seq_1_to_100000"), 0);
}

static void leave_results(MYSQL *conn)
{
    CHECK_INT(mysql_query(conn, "CALL two()"), 0);
    mysql_free_result(mysql_store_result(conn));
}

static void (*const leavings[])(MYSQL *) = {leave_settings,    leave_names, leave_objects,
                                            leave_transaction, leave_rows,  leave_results};

static void check_clean(MYSQL *conn)
{
    CHECK(is_reusable(conn));
    CHECK(conn->options.local_infile_init != refuse_file);
    CHECK_INT(plain_on(conn, "SELECT @@sort_buffer_size = @@global.sort_buffer_size"), 1);
    CHECK_INT(plain_on(conn, "SELECT @left IS NULL"), 1);
    CHECK_INT(plain_on(conn, "SELECT @@autocommit"), 1);
    CHECK_INT(plain_on(conn, "SELECT @@character_set_client = 'utf8mb4'"), 1);
    CHECK_INT(plain_on(conn, "SELECT @@character_set_results = 'utf8mb4'"), 1);
    CHECK_INT(plain_on(conn, "SELECT database() = 'test'"), 1);
    CHECK(mysql_query(conn, "SELECT * FROM left_behind") != 0);
    CHECK_INT(plain("SELECT is_free_lock('left_behind')"), 1);
    CHECK_INT(plain("SELECT count(*) FROM t"), 0);
}

static void test_reset(void)
{
    MYSQL *first = NULL;

    plain("CREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2; END");
    with (POOL(.maximum_size = 1), pool)
        for (size_t i = 0; i < sizeof leavings / sizeof *leavings; i++) {
            with (cm_acquire_mysql(pool), conn) {
                if (!first) first = conn;
                leavings[i](conn);
            }
            with (cm_acquire_mysql(pool), conn) {
                CHECK(conn == first);
                check_clean(conn);
            }
        }
    CHECK_INT(reports[WITH_POOL_RESET_FAILED], 0);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* A program that knows fewer options, of an older header, gives less; one that gives no size knows none. */
static void acquire_by(void *old)
{
    with (cm_pool(&with_mysql_maker, old, .maximum_size = 1, .report = count_report), pool)
        with (cm_acquire_mysql(pool), conn) CHECK(is_reusable(conn));
}

static void test_size(void)
{
    struct with_mysql_options old = options;

    old.size = offsetof(struct with_mysql_options, read_timeout_seconds);
    old.read_timeout_seconds = -1; /* not its own */
    CHECK_NO_THROW(acquire_by, &old);
    old.size = 0;
    CHECK_THROWS(acquire_by, &old, ValueError, "without their size");
}

/* ---- Connections that are of no more use --------------------------------------------------------- */

static void kill_session(MYSQL *conn)
{
    char sql[40];

    snprintf(sql, sizeof sql, "KILL %lu", mysql_thread_id(conn));
    plain(sql);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

static void use(void *conn)
{
    with_mysql_execute(conn, "DO 1");
}

/* A stream of libmariadb's that nobody of ours knows: its rows cannot be read by others. */
static void leave_stream(MYSQL *conn, MYSQL_RES **ret_result)
{
    CHECK_INT(mysql_query(conn, "SELECT seq FROM seq_1_to_100000"), 0);
    *ret_result = mysql_use_result(conn);
}

static void test_broken(void)
{
    MYSQL_RES *left = NULL;
    MYSQL *idle = NULL;

    memset(reports, 0, sizeof reports);
    with (POOL(.maximum_size = 1, .check_seconds = -1), pool) {
        with (cm_acquire_mysql(pool), conn) {
            kill_session(conn);
            CHECK_THROWS(use, conn, ConnectionFailure, "");
        }
        CHECK_INT(reports[WITH_POOL_RESET_FAILED], 1);
        with (cm_acquire_mysql(pool), conn) leave_stream(conn, &left);
        CHECK_INT(reports[WITH_POOL_RESET_FAILED], 2);
        with (cm_acquire_mysql(pool), conn) CHECK(is_reusable(conn));
        with (cm_acquire_mysql(pool), conn) idle = conn;
        kill_session(idle);
        with (cm_acquire_mysql(pool), conn) CHECK(is_reusable(conn)); /* another one */
        CHECK_INT(reports[WITH_POOL_CHECK_FAILED], 1);
    }
    left->handle = NULL; /* the connection is gone */
    mysql_free_result(left);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* ---- fork() ---------------------------------------------------------------------------------- */

static void test_fork(void)
{
    int status = -1;
    pid_t child;

    with (POOL(.maximum_size = 2, .no_thread = true), pool)
        with (cm_acquire_mysql(pool), conn)
            with (cm_mysql_transaction(conn)) {
                insert(conn, 1);
                fflush(NULL);
                child = fork();
                if (child == 0) {
                    with (cm_acquire_mysql(pool), own) {
                        CHECK(own != conn);
                        CHECK(is_reusable(own));
                    }
                    exit(test_failures ? 1 : 0);
                }
                CHECK_INT(waitpid(child, &status, 0), child);
                CHECK_INT(status, 0);
            }
    CHECK_INT(rows_with(1), 1);
    plain("DELETE FROM t");
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* ---- More threads than connections --------------------------------------------------------------- */

#ifdef TEST_SANITIZED
enum { THREADS = 40, QUERIES = 25, POOL_SIZE = 8 };
#else
enum { THREADS = 200, QUERIES = 100, POOL_SIZE = 8 };
#endif

static atomic_int done, failed, refused;

static void *connect_and_hold(void *barrier)
{
    MYSQL *conn = mysql_init(NULL);

    if (!mysql_real_connect(conn, NULL, "root", NULL, NULL, 0, socket_path, 0)) refused++;
    pthread_barrier_wait(barrier);
    mysql_close(conn);
    return NULL;
}

static void query(void *pool)
{
    for (int i = 0; i < QUERIES; i++) {
        with (cm_acquire_mysql(pool), conn)
            with (cm_mysql_result(conn, "SELECT ?", i), result)
                if (with_mysql_next(result) && atoi(result->row[0]) == i) done++;
    }
}

static void *query_in_thread(void *pool)
{
    const with_exception *e = with_call(query, pool);

    if (e && failed++ == 0) with_print_exception(stderr, e);
    with_exception_unref(e);
    return NULL;
}

static void test_many_threads(void)
{
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, connect_and_hold, &barrier), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    CHECK(refused >= THREADS - 20);
    CHECK(becomes(OTHER_SESSIONS, 0));

    with (POOL(.maximum_size = POOL_SIZE), pool) {
        for (int i = 0; i < THREADS; i++)
            CHECK_INT(pthread_create(&threads[i], NULL, query_in_thread, pool), 0);
        while (done + failed < THREADS * QUERIES / 2) {
            CHECK(plain(OTHER_SESSIONS) <= POOL_SIZE);
            usleep(10000);
        }
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    }
    CHECK_INT(done, THREADS * QUERIES);
    CHECK_INT(failed, 0);
    CHECK(becomes(OTHER_SESSIONS, 0));
    printf("%d threads: %d of them refused without a pool; with one of %d: %d queries, %d failed\n",
           THREADS, refused, POOL_SIZE, done, failed);
}

int main(void)
{
    const char *const settings[] = {"max-connections=20", NULL};

    set_up(settings);
    options.socket = socket_path;
    options.user = "root";
    options.database = "test";
    test_reset();
    test_size();
    test_broken();
    test_fork();
    test_many_threads();
    return tear_down();
}

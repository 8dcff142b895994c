/* SPDX-License-Identifier: MIT
 *
 * Connections to Redis in a pool: what one holder leaves behind, the next does not find; and a server that
 * is asked by more threads than it allows connections.
 */
#include "test_redis.h"

#include <with/redis_pool.h>

static struct with_redis_options options = {.size = sizeof options};
static int reports[16];

static void count_report(void *unused, const struct with_pool_report *report)
{
    (void)unused;
    reports[report->event]++;
}

#define POOL(...) cm_pool(&with_redis_maker, &options, .report = count_report, __VA_ARGS__)

/* ---- What is left behind ------------------------------------------------------------------------ */

static void leave_multi(redisContext *conn)
{
    plain_on(conn, "MULTI");
    plain_on(conn, "SET key 1");
}

static void leave_watch(redisContext *conn)
{
    plain_on(conn, "WATCH watched");
    plain("INCR watched");
}

static void leave_database(redisContext *conn)
{
    plain_on(conn, "SELECT 5");
}

static void leave_subscription(redisContext *conn)
{
    plain_on(conn, "SUBSCRIBE channel");
}

static void leave_name(redisContext *conn)
{
    plain_on(conn, "CLIENT SETNAME left_behind");
}

static void leave_limit(redisContext *conn)
{
    redisSetTimeout(conn, (struct timeval){.tv_usec = 100000});
}

static void (*const leavings[])(redisContext *) = {leave_multi,        leave_watch, leave_database,
                                                   leave_subscription, leave_name,  leave_limit};

static void check_clean(redisContext *conn)
{
    CHECK(is_reusable(conn));
    with_redis_execute(conn, "SET", "where", 1);
    plain("SELECT 2");
    CHECK_INT(plain("GETDEL where"), 1);
    plain("SELECT 0");
    with (cm_redis_multi(conn)) with_redis_execute(conn, "PING");
    with (cm_redis_reply(conn, "CLIENT", "GETNAME"), name)
        CHECK(name->type == REDIS_REPLY_NIL || !*name->str);
    with (cm_redis_reply(conn, "BLPOP", "nothing", 0.3), none)
        CHECK_INT(none->type, REDIS_REPLY_NIL);
}

static void check_resets(void)
{
    redisContext *first = NULL;

    memset(reports, 0, sizeof reports);
    with (POOL(.maximum_size = 1), pool)
        for (size_t i = 0; i < sizeof leavings / sizeof *leavings; i++) {
            with (cm_acquire_redis(pool), conn) {
                if (!first) first = conn;
                leavings[i](conn);
            }
            with (cm_acquire_redis(pool), conn) {
                CHECK(conn == first);
                check_clean(conn);
            }
        }
    CHECK_INT(reports[WITH_POOL_RESET_FAILED], 0);
    CHECK(clients_become(0));
}

static void test_reset(void)
{
    options.database = 2;
    check_resets();
    plain("ACL SETUSER someone on >secret ~* &* +@all");
    options.user = "someone";
    options.password = "secret";
    check_resets();
    options.user = options.password = NULL;
    options.database = 0;
}

/* A program that knows fewer options, of an older header, gives less; one that gives no size knows none. */
static void acquire_by(void *old)
{
    with (cm_pool(&with_redis_maker, old, .maximum_size = 1, .report = count_report), pool)
        with (cm_acquire_redis(pool), conn) CHECK(is_reusable(conn));
}

static void test_size(void)
{
    struct with_redis_options old = options;

    old.size = offsetof(struct with_redis_options, command_timeout_seconds);
    old.command_timeout_seconds = -1; /* not its own */
    CHECK_NO_THROW(acquire_by, &old);
    old.size = 0;
    CHECK_THROWS(acquire_by, &old, ValueError, "without their size");
}

/* ---- Connections that are of no more use --------------------------------------------------------- */

static void kill_all(void)
{
    plain("CLIENT KILL TYPE normal SKIPME yes");
    CHECK(clients_become(0));
}

static void use(void *conn)
{
    with_redis_execute(conn, "PING");
}

static void test_broken(void)
{
    memset(reports, 0, sizeof reports);
    with (POOL(.maximum_size = 1, .check_seconds = -1), pool) {
        with (cm_acquire_redis(pool), conn) {
            kill_all();
            CHECK_THROWS(use, conn, ConnectionFailure, "");
        }
        CHECK_INT(reports[WITH_POOL_RESET_FAILED], 1);
        with (cm_acquire_redis(pool), conn) redisAppendCommand(conn, "PING");
        CHECK_INT(reports[WITH_POOL_RESET_FAILED], 2);
        with (cm_acquire_redis(pool), conn) { /* sent, but not read */
            int written = 0;
            redisAppendCommand(conn, "PING");
            while (!written) CHECK_INT(redisBufferWrite(conn, &written), REDIS_OK);
        }
        CHECK_INT(reports[WITH_POOL_RESET_FAILED], 3);
        with (cm_acquire_redis(pool), conn) CHECK(is_reusable(conn));
        kill_all();
        with (cm_acquire_redis(pool), conn) CHECK(is_reusable(conn)); /* another one */
        CHECK_INT(reports[WITH_POOL_CHECK_FAILED], 1);
    }
    CHECK(clients_become(0));
}

static void test_fork(void)
{
    int status = -1;
    pid_t child;

    with (POOL(.maximum_size = 2, .no_thread = true), pool)
        with (cm_acquire_redis(pool), conn)
            with (cm_redis_multi(conn)) {
                with_redis_execute(conn, "SET", "key", 1);
                fflush(NULL);
                child = fork();
                if (child == 0) {
                    with (cm_acquire_redis(pool), own) CHECK(own != conn && is_reusable(own));
                    exit(test_failures ? 1 : 0);
                }
                CHECK_INT(waitpid(child, &status, 0), child);
                CHECK_INT(status, 0);
            }
    CHECK_INT(plain("GETDEL key"), 1);
    CHECK(clients_become(0));
}

/* ---- More threads than connections --------------------------------------------------------------- */

#ifdef TEST_SANITIZED
enum { THREADS = 40, QUERIES = 25, POOL_SIZE = 8 };
#else
enum { THREADS = 200, QUERIES = 100, POOL_SIZE = 8 };
#endif

static atomic_int done, failed;

static void query(void *pool)
{
    for (int i = 0; i < QUERIES; i++) {
        with (cm_acquire_redis(pool), conn)
            with (cm_redis_reply(conn, "ECHO", i), reply)
                if (atoi(reply->str) == i) done++;
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

    with (POOL(.maximum_size = POOL_SIZE), pool) {
        for (int i = 0; i < THREADS; i++)
            CHECK_INT(pthread_create(&threads[i], NULL, query_in_thread, pool), 0);
        while (done + failed < THREADS * QUERIES / 2) {
            CHECK(other_clients() <= POOL_SIZE);
            usleep(10000);
        }
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    }
    CHECK_INT(done, THREADS * QUERIES);
    CHECK_INT(failed, 0);
    CHECK(clients_become(0));
    printf("%d threads, a pool of %d: %d commands, %d failed\n", THREADS, POOL_SIZE, done, failed);
}

int main(void)
{
    const char *const settings[] = {"maxclients=20", NULL};

    set_up(settings);
    options.socket = socket_path;
    test_reset();
    test_size();
    test_broken();
    test_fork();
    test_many_threads();
    return tear_down();
}

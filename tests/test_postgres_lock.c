/* SPDX-License-Identifier: MIT
 *
 * cm_postgres_lock, seen from a second session, and with_postgres_retry, against another transaction.
 */
#include "test_postgres.h"

static PGconn *conn;

/* ---- Locks -------------------------------------------------------------------------------------- */

#define IS_FREE "SELECT pg_try_advisory_xact_lock(5)::int"
#define IS_FREE_TO_SHARE "SELECT pg_try_advisory_xact_lock_shared(5)::int"

enum way { END, RETURN, BREAK, GOTO, THROW, CANCEL, THREAD_EXIT, WAYS };

static void leave(void *argument)
{
    const enum way way = *(enum way *)argument;

    for (int i = 0; i < 1; i++) {
        using (cm_postgres_lock(conn, 5), c);
        CHECK(c == conn);
        CHECK_INT(number_of(IS_FREE), 0);
        if (way == RETURN) return;
        if (way == BREAK) break;
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

static void *leave_in_thread(void *way)
{
    return (void *)with_call(leave, way);
}

static void test_ways_out(void)
{
    pthread_t thread;
    void *result;

    for (enum way way = 0; way < WAYS; way++) {
        CHECK_INT(pthread_create(&thread, NULL, leave_in_thread, &way), 0);
        CHECK_INT(pthread_join(thread, &result), 0);
        if (way == THROW) {
            check_exception(result, &KeyError, "way out", __FILE__, __LINE__);
            with_exception_unref(result);
        } else CHECK(result == (way == CANCEL ? PTHREAD_CANCELED : NULL));
        CHECK_INT(number_of(IS_FREE), 1);
        CHECK(is_reusable(conn));
    }
}

static void test_kinds(void)
{
    with (cm_postgres_lock(conn, 5, .shared = true)) {
        CHECK_INT(number_of(IS_FREE), 0);
        CHECK_INT(number_of(IS_FREE_TO_SHARE), 1);
    }
    CHECK_INT(number_of(IS_FREE), 1);
    with (cm_postgres_transaction(conn)) {
        with (cm_postgres_lock(conn, 5, .transaction = true)) {}
        CHECK_INT(number_of(IS_FREE), 0);
    }
    CHECK_INT(number_of(IS_FREE), 1);
    with (cm_postgres_lock(conn, 5)) {
        with (cm_postgres_lock(conn, 5, .no_wait = true)) {}
        CHECK_INT(number_of(IS_FREE), 0);
    }
    with (cm_postgres_lock(conn, INT64_MIN, .timeout_seconds = 5)) {}
}

static void lock_no_wait(void *unused)
{
    (void)unused;
    with (cm_postgres_lock(conn, 5, .no_wait = true)) CHECK(!"locked");
}

static void lock_timed(void *unused)
{
    (void)unused;
    with (cm_postgres_lock(conn, 5, .timeout_seconds = 0.05)) CHECK(!"locked");
}

static void lock_without_transaction(void *unused)
{
    (void)unused;
    with (cm_postgres_lock(conn, 5, .transaction = true)) {}
}

static void lock_both(void *unused)
{
    (void)unused;
    with (cm_postgres_lock(conn, 5, .no_wait = true, .timeout_seconds = 1)) {}
}

static void lock_negative(void *unused)
{
    (void)unused;
    with (cm_postgres_lock(conn, 5, .timeout_seconds = -1)) {}
}

static void test_failing_locks(void)
{
    plain("SELECT pg_advisory_lock(5)");
    CHECK_THROWS(lock_no_wait, NULL, LockNotAvailable,
                 "advisory lock 5 is held by another session");
    CHECK_THROWS(lock_timed, NULL, LockNotAvailable, "lock timeout");
    CHECK(is_reusable(conn));
    plain("SELECT pg_advisory_unlock(5)");
    CHECK_THROWS(lock_without_transaction, NULL, InternalError, "there is no transaction");
    CHECK_THROWS(lock_both, NULL, ValueError, "exclude each other");
    CHECK_THROWS(lock_negative, NULL, ValueError, "timeout_seconds is -1");
}

/* The limit is of this statement alone. */
static void test_timeout_is_set_back(void)
{
    with_postgres_execute(conn, "SET lock_timeout = '7s'");
    with (cm_postgres_transaction(conn))
        with (cm_postgres_lock(conn, 5, .timeout_seconds = 5))
            with (cm_postgres_result(conn, "SHOW lock_timeout"), result)
                CHECK_STR(PQgetvalue(result, 0, 0), "7s");
    with_postgres_execute(conn, "RESET lock_timeout");
}

static void unlock_by_hand(void *unused)
{
    (void)unused;
    with (cm_postgres_lock(conn, 5)) with_postgres_execute(conn, "SELECT pg_advisory_unlock(5)");
}

static void lock_in_failed_transaction(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn))
        with (cm_postgres_lock(conn, 5)) with_postgres_execute(conn, "SELECT 1 / 0");
}

/* What cannot be released goes with the connection, which is then of no more use. */
static void test_failing_exits(void)
{
    void (*const functions[])(void *) = {unlock_by_hand, lock_in_failed_transaction};
    PGconn *const saved = conn;

    for (int i = 0; i < 2; i++) {
        with (cm_postgres(conninfo), c) {
            conn = c;
            const with_exception *e = with_call(functions[i], NULL);
            if (i == 0)
                check_exception(e, &InternalError, "advisory lock 5 was not held", __FILE__,
                                __LINE__);
            else {
                check_exception(e, &DataError, "division by zero", __FILE__, __LINE__);
                CHECK(has_note(e, "InternalError: releasing an advisory lock"));
            }
            with_exception_unref(e);
            CHECK(with_postgres_is_broken(c));
        }
        CHECK(becomes(IS_FREE, 1));
    }
    conn = saved;
}

/* ---- with_postgres_retry ------------------------------------------------------------------------- */

static int calls;

/* Loses against the transaction outside as often as *argument says. */
static void read_and_write(PGconn *c, void *argument)
{
    const int losses = *(int *)argument;

    calls++;
    with_postgres_execute(c, "SELECT * FROM account");
    if (calls <= losses) plain("UPDATE account SET balance = balance + 1");
    with_postgres_execute(c, "UPDATE account SET balance = balance + 100");
}

static void retry(void *losses)
{
    const int tries =
        with_postgres_retry(conn, read_and_write, losses, .isolation = WITH_POSTGRES_SERIALIZABLE,
                            .tries = 4, .first_delay_seconds = 0.001);

    CHECK_INT(tries, *(int *)losses + 1);
}

static void test_retry(void)
{
    plain("CREATE TABLE account AS SELECT 0 AS balance");
    for (int losses = 0; losses < 5; losses++) {
        calls = 0;
        plain("UPDATE account SET balance = 0");
        if (losses < 4) {
            CHECK_NO_THROW(retry, &losses);
            CHECK_INT(calls, losses + 1);
            CHECK_INT(number_of("SELECT balance FROM account"), 100 + losses);
        } else {
            const with_exception *e = with_call(retry, &losses);
            check_exception(e, &SerializationFailure, "could not serialize", __FILE__, __LINE__);
            CHECK(has_note(e, "tried 4 times"));
            with_exception_unref(e);
            CHECK_INT(calls, 4);
            CHECK_INT(number_of("SELECT balance FROM account"), 4);
        }
        CHECK(is_reusable(conn));
    }
}

static void throw_always(PGconn *c, void *unused)
{
    (void)unused;
    calls++;
    insert(c, 1);
    throw(KeyError, "another");
}

static void retry_other(void *unused)
{
    (void)unused;
    with_postgres_retry(conn, throw_always, NULL);
}

static void retry_nested(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) with_postgres_retry(conn, throw_always, NULL);
}

static void retry_nothing(void *unused)
{
    (void)unused;
    with_postgres_retry(conn, NULL, NULL);
}

static void retry_negative(void *unused)
{
    (void)unused;
    with_postgres_retry(conn, throw_always, NULL, .tries = -1);
}

static void retry_bad_delay(void *unused)
{
    (void)unused;
    with_postgres_retry(conn, throw_always, NULL, .first_delay_seconds = -1);
}

static void test_no_retry(void)
{
    calls = 0;
    CHECK_THROWS(retry_other, NULL, KeyError, "another");
    CHECK_INT(calls, 1);
    CHECK_INT(rows_with(1), 0);
    CHECK_THROWS(retry_nested, NULL, RuntimeError, "the transaction around it");
    CHECK_THROWS(retry_nothing, NULL, ValueError, "the function is NULL");
    CHECK_THROWS(retry_negative, NULL, ValueError, "tries is -1");
    CHECK_THROWS(retry_bad_delay, NULL, ValueError, "a delay is less than 0");
    CHECK_INT(calls, 1);
    CHECK(is_reusable(conn));
}

/* Two transactions that take two locks in opposite orders: one gives way, and is repeated. */
static pthread_barrier_t both;
static atomic_int waits_left;

static void take_both(PGconn *c, void *first)
{
    const long long key = *(int *)first;

    with_postgres_execute(c, "SELECT pg_advisory_xact_lock($1)", 100 + key);
    if (waits_left-- > 0) pthread_barrier_wait(&both);
    with_postgres_execute(c, "SELECT pg_advisory_xact_lock($1)", 101 - key);
}

static void *deadlock(void *first)
{
    int *tries = malloc(sizeof *tries);

    with (cm_postgres(conninfo), c)
        *tries = with_postgres_retry(c, take_both, first, .first_delay_seconds = 0.001);
    return tries;
}

static void test_deadlock(void)
{
    int first[] = {0, 1}, sum = 0;
    pthread_t threads[2];
    void *tries;

    pthread_barrier_init(&both, NULL, 2);
    waits_left = 2;
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, deadlock, &first[i]);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &tries);
        sum += *(int *)tries;
        free(tries);
    }
    CHECK(sum >= 3);
    pthread_barrier_destroy(&both);
}

static void *retry_for_long(void *losses)
{
    with_postgres_retry(conn, read_and_write, losses, .isolation = WITH_POSTGRES_SERIALIZABLE,
                        .tries = 1000000, .first_delay_seconds = 600, .longest_delay_seconds = 600);
    return NULL;
}

static void test_cancelled_retry(void)
{
    int losses = 1000000;
    pthread_t thread;
    void *result;

    calls = 0;
    CHECK_INT(pthread_create(&thread, NULL, retry_for_long, &losses), 0);
    usleep(200000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(is_reusable(conn));
}

int main(void)
{
    static const char *const settings[] = {"deadlock_timeout=10ms", NULL};

    set_up(settings);
    with (cm_postgres(conninfo), c) {
        conn = c;
        test_ways_out();
        test_kinds();
        test_failing_locks();
        test_timeout_is_set_back();
        test_failing_exits();
        test_retry();
        test_no_retry();
        test_deadlock();
        test_cancelled_retry();
    }
    return tear_down();
}

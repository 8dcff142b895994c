/* SPDX-License-Identifier: MIT
 *
 * with/mysql.h: connections, results and streams on every way out, and what errors become.
 */
#include "test_mysql.h"

static MYSQL *conn; /* of the test; the blocks under test are on it */

/* ---- Connections ------------------------------------------------------------------------------ */

static void connect_to_nobody(void *unused)
{
    (void)unused;
    with (cm_mysql("127.0.0.1", .port = 1, .user = "root")) CHECK(!"entered");
}

static void connect_as_stranger(void *unused)
{
    (void)unused;
    with (cm_mysql(NULL, .socket = socket_path, .user = "nobody", .password = "secret"))
        CHECK(!"entered");
}

static void connect_to_no_database(void *unused)
{
    (void)unused;
    with (cm_mysql(NULL, .socket = socket_path, .user = "root", .database = "nowhere"))
        CHECK(!"entered");
}

static void connect_with_bad_timeout(void *unused)
{
    (void)unused;
    with (LOCAL(.read_timeout_seconds = -1)) CHECK(!"entered");
}

static void connect_too_often(void *depth)
{
    const int deeper = *(int *)depth + 1;

    with (LOCAL())
        if (deeper < 100) connect_too_often((void *)&deeper);
}

static void test_refused(void)
{
    const int before = open_descriptors();
    const with_exception *e;
    int depth = 0;

    CHECK_THROWS(connect_to_nobody, NULL, ConnectionFailure, "127.0.0.1");
    e = with_call(connect_as_stranger, NULL);
    check_exception(e, &OperationalError, "Access denied", __FILE__, __LINE__);
    CHECK_INT(e->code, ER_ACCESS_DENIED_ERROR);
    CHECK(!strstr(e->message, "secret") && !has_note(e, "secret"));
    with_exception_unref(e);
    CHECK_THROWS(connect_to_no_database, NULL, ProgrammingError, "nowhere");
    CHECK_THROWS(connect_with_bad_timeout, NULL, ValueError, "read_timeout_seconds is -1");
    CHECK_THROWS(connect_too_often, &depth, TooManyConnections, "Too many connections");
    CHECK(becomes(OTHER_SESSIONS, 1));
    CHECK_INT(open_descriptors(), before);
}

enum way { END, RETURN, BREAK, CONTINUE, GOTO, THROW, CANCEL, THREAD_EXIT, WAYS };

#define WAYS_OUT(NAME, MANAGER, USE)                                                               \
    static void NAME##_by(enum way way)                                                            \
    {                                                                                              \
        with (MANAGER, as) {                                                                       \
            USE(as);                                                                               \
            if (way == RETURN) return;                                                             \
            if (way == GOTO) goto out;                                                             \
            if (way == THROW) throw(KeyError, "way out");                                          \
            if (way == CANCEL) {                                                                   \
                pthread_cancel(pthread_self());                                                    \
                pthread_testcancel();                                                              \
            }                                                                                      \
            if (way == THREAD_EXIT) pthread_exit(NULL);                                            \
        }                                                                                          \
out:;                                                                                              \
    }                                                                                              \
    static void NAME(void *way)                                                                    \
    {                                                                                              \
        if (*(enum way *)way != BREAK && *(enum way *)way != CONTINUE) {                           \
            NAME##_by(*(enum way *)way);                                                           \
            return;                                                                                \
        }                                                                                          \
        for (int i = 0; i < 1; i++) {                                                              \
            using (MANAGER, as);                                                                   \
            USE(as);                                                                               \
            if (*(enum way *)way == BREAK) break;                                                  \
            continue;                                                                              \
        }                                                                                          \
    }                                                                                              \
    static void *NAME##_in_thread(void *way)                                                       \
    {                                                                                              \
        return (void *)with_call(NAME, way);                                                       \
    }                                                                                              \
    static void *NAME##_in_thread(void *way)

static void use_connection(MYSQL *c)
{
    CHECK(c && c != conn);
    with_mysql_execute(c, "SELECT 1");
}

static void use_one_row(struct with_mysql_result *result)
{
    CHECK(with_mysql_next(result));
    CHECK_STR(result->row[0], "1");
}

static void use_statement(MYSQL_STMT *statement)
{
    CHECK_INT(with_mysql_run(statement, 1), 0);
}

WAYS_OUT(connection, LOCAL(), use_connection);
WAYS_OUT(result, cm_mysql_result(conn, "SELECT seq FROM seq_1_to_100"), use_one_row);
WAYS_OUT(bound, cm_mysql_result(conn, "SELECT seq FROM seq_1_to_100 WHERE seq <> ?", 7),
         use_one_row);
WAYS_OUT(stream, cm_mysql_stream(conn, "SELECT seq FROM seq_1_to_100000"), use_one_row);
WAYS_OUT(bound_stream, cm_mysql_stream(conn, "SELECT seq FROM seq_1_to_100000 WHERE seq <> ?", 7),
         use_one_row);
WAYS_OUT(statement, cm_mysql_statement(conn, "SELECT ?"), use_statement);

/* In threads of their own, which some ways end. The server keeps nothing of it. */
static void leave(void *(*function)(void *), const char *name)
{
    const int before = open_descriptors();

    for (enum way way = 0; way < WAYS; way++) {
        pthread_t thread;
        void *thrown;

        CHECK_INT(pthread_create(&thread, NULL, function, &way), 0);
        CHECK_INT(pthread_join(thread, &thrown), 0);
        if (way == THROW) {
            check_exception(thrown, &KeyError, "way out", __FILE__, __LINE__);
            CHECK(thrown && !((with_exception *)thrown)->notes);
            with_exception_unref(thrown);
        } else if (!CHECK(thrown == (way == CANCEL ? PTHREAD_CANCELED : NULL)))
            fprintf(stderr, "    %s, way %d\n", name, (int)way);
        if (!CHECK(is_reusable(conn))) fprintf(stderr, "    %s, way %d\n", name, (int)way);
        CHECK_INT(open_descriptors(), before);
    }
    CHECK(becomes(OTHER_SESSIONS, 1));
    CHECK(becomes(PREPARED, 0));
}

static void test_ways_out(void)
{
    leave(connection_in_thread, "connection");
    leave(result_in_thread, "result");
    leave(bound_in_thread, "result with values");
    leave(stream_in_thread, "stream");
    leave(bound_stream_in_thread, "stream with values");
    leave(statement_in_thread, "statement");
}

/* ---- What errors become ------------------------------------------------------------------------ */

static void execute(void *sql)
{
    with_mysql_execute(conn, sql);
}

static void execute_bound(void *sql)
{
    with_mysql_execute(conn, sql, 1);
}

/* The same whether the statement is prepared or not. */
static void check_error(const char *sql, const with_exception_type *type, int code,
                        const char *sqlstate)
{
    for (int bound = 0; bound < 2; bound++) {
        const with_exception *e =
            with_call(bound && strchr(sql, '?') ? execute_bound : execute, (void *)sql);
        char note[40];

        if (!CHECK(e && e->type == type))
            fprintf(stderr, "    %s: %s, %s\n", sql, e ? e->type->name : "none",
                    e ? e->message : "");
        CHECK_INT(e ? e->code : 0, code);
        snprintf(note, sizeof note, "SQLSTATE: %s", sqlstate);
        CHECK(!sqlstate || has_note(e, note));
        snprintf(note, sizeof note, "SQL: %.10s", sql);
        CHECK(has_note(e, note));
        with_exception_unref(e);
        if (!strchr(sql, '?')) return;
    }
}

static void test_errors(void)
{
    plain("CREATE TABLE parent (id int PRIMARY KEY) ENGINE = InnoDB");
    plain("CREATE TABLE child (id int NOT NULL, name varchar(3), p int REFERENCES parent (id), "
          "CONSTRAINT small CHECK (id < 100)) ENGINE = InnoDB");
    plain("INSERT INTO parent VALUES (1)");
    check_error("INSERT INTO parent VALUES (1)", &UniqueViolation, ER_DUP_ENTRY, "23000");
    check_error("INSERT INTO child VALUES (NULL, '', 1)", &NotNullViolation, ER_BAD_NULL_ERROR,
                "23000");
    check_error("INSERT INTO child (name) VALUES ('')", &NotNullViolation, ER_NO_DEFAULT_FOR_FIELD,
                NULL);
    check_error("INSERT INTO child VALUES (1, '', 7)", &ForeignKeyViolation, ER_NO_REFERENCED_ROW_2,
                "23000");
    check_error("INSERT INTO child VALUES (100, '', 1)", &CheckViolation, ER_CONSTRAINT_FAILED,
                "23000");
    check_error("INSERT INTO child VALUES (1, 'abcd', 1)", &DataError, ER_DATA_TOO_LONG, "22001");
    check_error("INSERT INTO child VALUES (99999999999, '', 1)", &DataError,
                ER_WARN_DATA_OUT_OF_RANGE, "22003");
    check_error("SELECT nothing", &ProgrammingError, ER_BAD_FIELD_ERROR, "42S22");
    check_error("SELEC 1", &ProgrammingError, ER_PARSE_ERROR, "42000");
    check_error("SELECT * FROM nowhere", &ProgrammingError, ER_NO_SUCH_TABLE, "42S02");
    check_error("SELECT nowhere.f()", &ProgrammingError, ER_SP_DOES_NOT_EXIST, "42000");
    check_error("CREATE TABLE n (i int) ENGINE = nothing", &NotSupportedError,
                ER_UNKNOWN_STORAGE_ENGINE, NULL);
    check_error("KILL QUERY connection_id()", &QueryCanceled, ER_QUERY_INTERRUPTED, "70100");
    check_error("SET STATEMENT max_statement_time = 0.05 FOR SELECT count(*) FROM seq_1_to_9999999 "
                "a, seq_1_to_9999999 b",
                &QueryCanceled, ER_STATEMENT_TIMEOUT, "70100");
    check_error("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'mine', MYSQL_ERRNO = 30001",
                &DatabaseError, 30001, "45000");
    CHECK(is_reusable(conn));
}

static void wait_for_lock(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        with_mysql_execute(conn, "UPDATE t SET id = 3 WHERE id = ?", 2);
    }
}

static void test_lock_wait(void)
{
    const with_exception *e;

    plain("INSERT INTO t VALUES (2)");
    plain("START TRANSACTION");
    plain("UPDATE t SET id = 2");
    with_mysql_execute(conn, "SET innodb_lock_wait_timeout = 1");
    e = with_call(wait_for_lock, NULL);
    check_exception(e, &LockNotAvailable, "Lock wait timeout exceeded", __FILE__, __LINE__);
    CHECK(with_database_can_retry(e));
    with_exception_unref(e);
    plain("ROLLBACK");
    CHECK_INT(rows_with(1), 0);
    CHECK(is_reusable(conn));
}

/* ---- Processes ------------------------------------------------------------------------------- */

static void execute_one(void *unused)
{
    (void)unused;
    with_mysql_execute(conn, "DO 1");
}

/* All that the child leaves of its parent's: nothing of it reaches the server. */
static void fork_in_blocks(void *unused)
{
    int status = -1;
    pid_t child;

    (void)unused;
    with (LOCAL(), c)
        with (cm_mysql_statement(c, "SELECT ?"), statement) {
            MYSQL_STMT *const of_parent = statement;
            with (cm_mysql_stream(c, "SELECT seq FROM seq_1_to_100000"), stream) {
                CHECK(with_mysql_next(stream));
                fflush(NULL);
                child = fork();
                if (child == 0) {
                    CHECK_THROWS(execute_one, NULL, RuntimeError, "belongs to process");
                    exit(test_failures ? 1 : 0);
                }
                CHECK_INT(waitpid(child, &status, 0), child);
                CHECK_INT(status, 0);
                for (int i = 2; i <= 100000; i++) CHECK(with_mysql_next(stream));
                CHECK_STR(stream->row[0], "100000");
            }
            CHECK_INT(with_mysql_run(of_parent, 1), 0);
            CHECK(is_reusable(c));
        }
}

static void use_plain_connection(void *unused)
{
    MYSQL *c = plain_connection();

    (void)unused;
    with (cm_mysql_transaction(c)) insert(c, 50);
    CHECK_INT(rows_with(50), 1);
    with (cm_mysql_stream(c, "SELECT id FROM t WHERE id = ?", 50), result)
        CHECK(with_mysql_next(result));
    mysql_close(c);
}

int main(void)
{
    const char *const settings[] = {"max-connections=20", NULL};

    set_up(settings);
    with (LOCAL(), c) {
        conn = c;
        test_refused();
        test_ways_out();
        test_errors();
        test_lock_wait();
        CHECK_NO_THROW(fork_in_blocks, NULL);
        CHECK_NO_THROW(use_plain_connection, NULL);
    }
    return tear_down();
}

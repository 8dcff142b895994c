/* SPDX-License-Identifier: MIT
 *
 * with/mysql.h: connections, values, results and streams on every way out, and what errors become.
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

/* ---- Values ---------------------------------------------------------------------------------- */

/* The first column of the first row must be the text; NULL for a null. */
#define CHECK_VALUE(TEXT, ...)                                                                     \
    with (cm_mysql_result(conn, __VA_ARGS__), got_) {                                              \
        CHECK(with_mysql_next(got_));                                                              \
        if (TEXT) CHECK_STR(got_->row[0], TEXT);                                                   \
        else CHECK(!got_->row[0]);                                                                 \
    }

static void test_values(void)
{
    const char *text = NULL;
    int evaluated = 0;

    CHECK_VALUE("1", "SELECT ?", 1);
    CHECK_VALUE("1", "SELECT ?", ++evaluated);
    CHECK_INT(evaluated, 1);
    CHECK_VALUE("-9223372036854775808", "SELECT ?", -0x7FFFFFFFFFFFFFFFLL - 1);
    CHECK_VALUE("18446744073709551615", "SELECT ?", 0xFFFFFFFFFFFFFFFFULL);
    CHECK_VALUE("4294967295", "SELECT ?", 0xFFFFFFFFU);
    CHECK_VALUE("0.1", "SELECT ?", 0.1);
    CHECK_VALUE("1", "SELECT ?", (bool)true);
    CHECK_VALUE("it's", "SELECT ?", "it's");
    CHECK_VALUE("\xF0\x9F\x90\xAC", "SELECT ?", "\xF0\x9F\x90\xAC");
    CHECK_VALUE("ab", "SELECT ?", with_mysql_text("abc", 2));
    CHECK_VALUE((const char *)NULL, "SELECT ?", NULL);
    CHECK_VALUE((const char *)NULL, "SELECT ?", text);
    CHECK_VALUE((const char *)NULL, "SELECT ?", with_mysql_blob(NULL, 5));
    CHECK_VALUE("610062", "SELECT hex(?)", with_mysql_blob("a\0b", 3));
    CHECK_VALUE("136", "SELECT ? + ? + ? + ? + ? + ? + ? + ? + ? + ? + ? + ? + ? + ? + ? + ?", 1, 2,
                3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    CHECK_VALUE("2024-02-29 12:34:56", "SELECT timestamp(?)", "2024-02-29 12:34:56");
    CHECK_VALUE("x' OR '1'='1", "SELECT ?", "x' OR '1'='1");
}

static void bind_pointer(void *unused)
{
    (void)unused;
    with_mysql_execute(conn, "SELECT ?", (void *)&conn);
}

static void bind_too_few(void *unused)
{
    (void)unused;
    with (cm_mysql_result(conn, "SELECT ?, ?", 1)) CHECK(!"entered");
}

static void bind_too_many(void *unused)
{
    (void)unused;
    with_mysql_execute(conn, "SELECT ?", 1, 2);
}

static void no_sql(void *unused)
{
    (void)unused;
    with_mysql_execute(conn, NULL);
}

static void test_bad_values(void)
{
    CHECK_THROWS(bind_pointer, NULL, ValueError, "value 1 is a pointer without a size");
    CHECK_THROWS(bind_too_few, NULL, ProgrammingError, "1 values for a statement of 2 parameters");
    CHECK_THROWS(bind_too_many, NULL, ProgrammingError, "2 values for a statement of 1 parameters");
    CHECK_THROWS(no_sql, NULL, ValueError, "the SQL is NULL");
    CHECK(is_reusable(conn));
    CHECK(becomes(PREPARED, 0));
}

/* ---- Results --------------------------------------------------------------------------------- */

static void count_rows(struct with_mysql_result *result, long long wanted_sum)
{
    long long sum = 0;

    while (with_mysql_next(result)) {
        sum += atoll(result->row[0]);
        CHECK_INT(strlen(result->row[0]), (long long)result->lengths[0]);
    }
    CHECK_INT(sum, wanted_sum);
    CHECK(!with_mysql_next(result));
    CHECK_INT((long long)result->count, 1000);
    CHECK_INT(result->columns, 1);
    CHECK_STR(result->fields[0].name, "seq");
}

static void test_rows(void)
{
    const char *sql = "SELECT seq FROM seq_1_to_1000", *bound = "SELECT seq FROM seq_1_to_1000 "
                                                                "WHERE seq > ?";

    with (cm_mysql_result(conn, sql), result) count_rows(result, 500500);
    with (cm_mysql_result(conn, bound, 0), result) count_rows(result, 500500);
    with (cm_mysql_stream(conn, sql), result) count_rows(result, 500500);
    with (cm_mysql_stream(conn, bound, 0), result) count_rows(result, 500500);
    with (cm_mysql_result(conn, sql), outer) { /* a stored result leaves the connection free */
        with (cm_mysql_result(conn, bound, 0), inner) count_rows(inner, 500500);
        count_rows(outer, 500500);
    }
    with (cm_mysql_result(conn, "DO 1"), result) {
        CHECK_INT(result->columns, 0);
        CHECK(!with_mysql_next(result));
    }
    with (cm_mysql_result(conn, "DO ?", 1), result) {
        CHECK_INT(result->columns, 0);
        CHECK(!with_mysql_next(result));
    }
}

/* Of any length, with NULs inside, between short ones. */
static void test_long_values(void)
{
    static const char sql[] =
        "SELECT repeat('x', 100 * seq * seq), if(seq % 2, NULL, concat('a', char(0), 'b')), seq "
        "FROM seq_1_to_30 WHERE seq < ?";

    for (int streamed = 0; streamed < 2; streamed++) {
        int row = 0;
        with (streamed ? cm_mysql_stream(conn, sql, 100) : cm_mysql_result(conn, sql, 100), result)
            while (with_mysql_next(result)) {
                row++;
                CHECK_INT((long long)result->lengths[0], 100LL * row * row);
                CHECK_INT((long long)strspn(result->row[0], "x"), 100LL * row * row);
                if (row % 2) CHECK(!result->row[1]);
                else CHECK_INT(memcmp(result->row[1], "a\0b", 4), 0);
                CHECK_INT(atoi(result->row[2]), row);
            }
        CHECK_INT(row, 30);
    }
}

static void test_execute(void)
{
    CHECK_INT(with_mysql_execute(conn, "CREATE TABLE keyed (id int AUTO_INCREMENT PRIMARY KEY, "
                                       "name varchar(20) NOT NULL)"),
              0);
    CHECK_INT(with_mysql_execute(conn, "INSERT INTO keyed (name) VALUES ('a'), ('b')"), 2);
    CHECK_INT(with_mysql_execute(conn, "INSERT INTO keyed (name) VALUES (?)", "c"), 1);
    CHECK_INT((long long)mysql_insert_id(conn), 3);
    CHECK_INT(with_mysql_execute(conn, "UPDATE keyed SET name = ? WHERE id > ?", "d", 1), 2);
    CHECK_INT(with_mysql_execute(conn, "SELECT * FROM keyed"), 0);
    CHECK_INT(with_mysql_execute(conn, "SELECT * FROM keyed WHERE id > ?", 0), 0);
    with (cm_mysql_statement(conn, "INSERT INTO keyed (name) VALUES (?)"), statement)
        for (int i = 0; i < 100; i++) CHECK_INT(with_mysql_run(statement, i), 1);
    CHECK_INT(plain("SELECT count(*) FROM keyed"), 103);
    CHECK(becomes(PREPARED, 0));
}

static void run_twice_the_same(void *unused)
{
    (void)unused;
    with (cm_mysql_statement(conn, "INSERT INTO keyed (id, name) VALUES (?, 'x')"), statement)
        for (int i = 0; i < 2; i++) with_mysql_run(statement, 1000);
}

static void run_with_too_few(void *unused)
{
    (void)unused;
    with (cm_mysql_statement(conn, "SELECT ?"), statement) with_mysql_run(statement);
}

static void prepare_nonsense(void *unused)
{
    (void)unused;
    with (cm_mysql_statement(conn, "SELEC ?")) CHECK(!"entered");
}

/* Any file could be asked for by the server. */
static void load_file(void *unused)
{
    (void)unused;
    with_mysql_execute(conn, "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE keyed (name)");
}

static void run_long(void *sql)
{
    with (cm_mysql_statement(conn, sql), statement) with_mysql_run(statement, 1, 2);
}

static void execute_long(void *sql)
{
    with_mysql_execute(conn, sql, 1, 2);
}

/* It is cut between two characters, for failures that are found here as well. */
static void test_long_sql(void)
{
    void (*const functions[])(void *) = {run_long, execute_long};
    char sql[1000] = "DO ?, '";

    while (strlen(sql) < 900) strcat(sql, "ä");
    strcat(sql, "'");
    for (int i = 0; i < 2; i++) {
        const with_exception *e = with_call(functions[i], sql);
        check_exception(e, &ProgrammingError, "2 values for a statement of 1", __FILE__, __LINE__);
        CHECK(has_note(e, "ä..."));
        CHECK(e && e->notes && strlen(e->notes->text) == strlen("SQL: ") + 399 + strlen("..."));
        with_exception_unref(e);
    }
}

static void test_failing_statements(void)
{
    const with_exception *e = with_call(run_twice_the_same, NULL);

    check_exception(e, &UniqueViolation, "1000", __FILE__, __LINE__);
    CHECK(has_note(e, "SQL: INSERT INTO keyed"));
    with_exception_unref(e);
    CHECK_THROWS(run_with_too_few, NULL, ProgrammingError, "0 values for a statement of 1");
    test_long_sql();
    CHECK_THROWS(prepare_nonsense, NULL, ProgrammingError, "You have an error in your SQL");
    CHECK_THROWS(load_file, NULL, NotSupportedError, "local infile");
    CHECK(is_reusable(conn));
    CHECK(becomes(PREPARED, 0));
}

static void use_while_streaming(void *unused)
{
    (void)unused;
    with (cm_mysql_stream(conn, "SELECT seq FROM seq_1_to_1000"), result) {
        CHECK(with_mysql_next(result));
        with_mysql_execute(conn, "DO 1");
    }
}

static void fail_in_the_midst(void *unused)
{
    (void)unused;
    with (cm_mysql_stream(conn, "SELECT if(seq < 50000, 1, (SELECT seq FROM seq_1_to_2)) FROM "
                                "seq_1_to_60000"),
          result)
        while (with_mysql_next(result)) continue;
}

/* Several results of one statement: the first is seen, the others are read and dropped. */
static void test_procedure(void)
{
    plain("CREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2; END");
    plain("CREATE PROCEDURE two_and_fail() BEGIN SELECT 1; SELECT * FROM nowhere; END");
    CHECK_INT(with_mysql_execute(conn, "CALL two()"), 0);
    for (int i = 0; i < 3; i++)
        with (cm_mysql_result(conn, "CALL two()"), result) {
            CHECK(with_mysql_next(result));
            CHECK_STR(result->row[0], "1");
        }
    with (cm_mysql_statement(conn, "CALL two()"), statement)
        for (int i = 0; i < 2; i++) CHECK_INT(with_mysql_run(statement), 0);
    CHECK(is_reusable(conn));
}

static void execute_two_and_fail(void *unused)
{
    (void)unused;
    with_mysql_execute(conn, "CALL two_and_fail()");
}

static void result_of_two_and_fail(void *unused)
{
    (void)unused;
    with (cm_mysql_result(conn, "CALL two_and_fail()"), result) CHECK(with_mysql_next(result));
}

static void throw_in_two_and_fail(void *unused)
{
    (void)unused;
    with (cm_mysql_result(conn, "CALL two_and_fail()")) throw(KeyError, "own");
}

static void test_late_failures(void)
{
    const with_exception *e;

    CHECK_THROWS(use_while_streaming, NULL, InterfaceError, "still busy");
    CHECK(is_reusable(conn));
    CHECK_THROWS(fail_in_the_midst, NULL, ProgrammingError, "more than 1 row");
    CHECK(is_reusable(conn));
    CHECK_THROWS(execute_two_and_fail, NULL, ProgrammingError, "nowhere");
    CHECK_THROWS(result_of_two_and_fail, NULL, ProgrammingError, "nowhere"); /* by the exit */
    e = with_call(throw_in_two_and_fail, NULL);
    check_exception(e, &KeyError, "own", __FILE__, __LINE__);
    CHECK(has_note(e, "ProgrammingError: ") && has_note(e, "nowhere"));
    with_exception_unref(e);
    CHECK(is_reusable(conn));
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
        test_values();
        test_bad_values();
        test_rows();
        test_long_values();
        test_execute();
        test_failing_statements();
        test_procedure();
        test_late_failures();
        test_errors();
        test_lock_wait();
        CHECK_NO_THROW(fork_in_blocks, NULL);
        CHECK_NO_THROW(use_plain_connection, NULL);
    }
    return tear_down();
}

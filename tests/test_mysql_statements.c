/* SPDX-License-Identifier: MIT
 *
 * with/mysql.h: the values, rows and results of statements, and how a statement fails.
 */
#include "test_mysql.h"

static MYSQL *conn; /* of the test; the blocks under test are on it */

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

int main(void)
{
    const char *const settings[] = {NULL};

    set_up(settings);
    with (LOCAL(), c) {
        conn = c;
        test_values();
        test_bad_values();
        test_rows();
        test_long_values();
        test_execute();
        test_failing_statements();
        test_procedure();
        test_late_failures();
    }
    return tear_down();
}

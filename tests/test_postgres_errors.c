/* SPDX-License-Identifier: MIT
 *
 * SQLSTATEs become types, and what else the server says becomes notes.
 */
#include "test_postgres.h"

static PGconn *conn;
static char sql[2000];

static void run(void *unused)
{
    (void)unused;
    with (cm_postgres_result(conn, sql)) CHECK(!"no failure");
}

/* ---- The table --------------------------------------------------------------------------------- */

static void check_mapping(const char *sqlstate, const with_exception_type *type)
{
    const with_exception *e;

    snprintf(sql, sizeof sql, "DO $$ BEGIN RAISE EXCEPTION 'state' USING ERRCODE = '%s'; END $$",
             sqlstate);
    e = with_call(run, NULL);
    check_exception(e, type, "state", __FILE__, __LINE__);
    if (!CHECK_STR(sqlstate_of(e), sqlstate) || !e || e->type != type) puts(sqlstate);
    CHECK(has_note(e, sqlstate));
    with_exception_unref(e);
}

static void test_table(void)
{
    static const struct {
        const char *sqlstate;
        const with_exception_type *type;
    } rows[] = {
        {"03000", &DatabaseError},      {"08003", &ConnectionFailure},
        {"08006", &ConnectionFailure},  {"08007", &TransactionResolutionUnknown},
        {"08P01", &ProgrammingError},   {"0A000", &NotSupportedError},
        {"0L000", &DatabaseError},      {"21000", &ProgrammingError},
        {"22012", &DataError},          {"22P02", &DataError},
        {"23000", &IntegrityError},     {"23001", &ForeignKeyViolation},
        {"23502", &NotNullViolation},   {"23503", &ForeignKeyViolation},
        {"23505", &UniqueViolation},    {"23514", &CheckViolation},
        {"23P01", &ExclusionViolation}, {"24000", &InternalError},
        {"25006", &InternalError},      {"25P02", &InternalError},
        {"25P03", &ConnectionFailure},  {"26000", &ProgrammingError},
        {"28P01", &OperationalError},   {"2D000", &InternalError},
        {"34000", &ProgrammingError},   {"3D000", &ProgrammingError},
        {"40000", &OperationalError},   {"40001", &SerializationFailure},
        {"40002", &IntegrityError},     {"40P01", &DeadlockDetected},
        {"42601", &ProgrammingError},   {"42P01", &ProgrammingError},
        {"44000", &ProgrammingError},   {"53000", &OperationalError},
        {"53100", &DiskFull},           {"53300", &TooManyConnections},
        {"54000", &OperationalError},   {"55000", &OperationalError},
        {"55P03", &LockNotAvailable},   {"57000", &OperationalError},
        {"57014", &QueryCanceled},      {"57P01", &ConnectionFailure},
        {"57P02", &ConnectionFailure},  {"57P03", &ConnectionFailure},
        {"57P05", &ConnectionFailure},  {"58030", &OperationalError},
        {"F0000", &OperationalError},   {"HV000", &OperationalError},
        {"P0001", &ProgrammingError},   {"XX000", &InternalError},
        {"ZZ999", &DatabaseError},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_mapping(rows[i].sqlstate, rows[i].type);
    CHECK(is_reusable(conn));
}

/* ---- Real failures ----------------------------------------------------------------------------- */

static void check_failure(const char *text, const with_exception_type *type, const char *message,
                          const char *const *notes)
{
    const with_exception *e;

    snprintf(sql, sizeof sql, "%s", text);
    e = with_call(run, NULL);
    check_exception(e, type, message, __FILE__, __LINE__);
    for (; *notes; notes++)
        if (!CHECK(has_note(e, *notes))) fprintf(stderr, "    no note %s\n", *notes);
    with_exception_unref(e);
    CHECK(is_reusable(conn));
}

#define NOTES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_constraints(void)
{
    plain("CREATE TABLE people (id integer PRIMARY KEY, name text NOT NULL, age integer "
          "CONSTRAINT grown CHECK (age > 17), boss integer REFERENCES people, "
          "room int4range, EXCLUDE USING gist (room WITH &&))");
    plain("INSERT INTO people VALUES (1, 'Ann', 30, NULL, '[1,5)')");
    check_failure("INSERT INTO people VALUES (1, 'Bob')", &UniqueViolation,
                  "duplicate key value violates unique constraint \"people_pkey\"",
                  NOTES("SQLSTATE: 23505", "detail: Key (id)=(1) already exists.",
                        "constraint: people_pkey", "table: people", "schema: public",
                        "SQL: INSERT INTO people VALUES (1, 'Bob')"));
    check_failure("INSERT INTO people VALUES (2)", &NotNullViolation,
                  "null value in column \"name\"", NOTES("column: name"));
    check_failure("INSERT INTO people VALUES (2, 'Bob', 3)", &CheckViolation, "grown",
                  NOTES("constraint: grown"));
    check_failure("INSERT INTO people VALUES (2, 'Bob', 30, 9)", &ForeignKeyViolation,
                  "people_boss_fkey", NOTES("constraint: people_boss_fkey"));
    check_failure("INSERT INTO people VALUES (2, 'Bob', 30, 1, '[4,9)')", &ExclusionViolation,
                  "people_room_excl", NOTES("constraint: people_room_excl"));
}

static void test_others(void)
{
    check_failure("SELEKT 1", &ProgrammingError, "syntax error at or near \"SELEKT\"",
                  NOTES("SQL: SELEKT 1 (at character 1)"));
    check_failure("SELECT nmae FROM people", &ProgrammingError, "column \"nmae\" does not exist",
                  NOTES("hint: Perhaps you meant", "(at character 8)"));
    check_failure("SELECT 1 / 0", &DataError, "division by zero", NOTES("SQLSTATE: 22012"));
    check_failure("SELECT 1; SELECT 2", &ProgrammingError, "cannot insert multiple commands",
                  NOTES("SQLSTATE: 42601"));
    check_failure("SELECT $1::int", &ProgrammingError,
                  "bind message supplies 0 parameters, but prepared statement",
                  NOTES("SQLSTATE: 08P01"));
    check_failure("COPY people TO STDOUT", &ProgrammingError, "use cm_postgres_copy_in",
                  NOTES("SQL"));
    check_failure("COPY people FROM STDIN", &ProgrammingError, "use cm_postgres_copy_in",
                  NOTES("SQL: COPY people FROM STDIN"));
}

/* A long text of SQL is cut, a message is one line, and the values of parameters are not told. */
static void test_bounds(void)
{
    const with_exception *e;

    memset(sql, ' ', sizeof sql - 1);
    memcpy(sql, "SELECT", 6);
    memcpy(sql + 1900, "FROM nowhere", 12);
    e = with_call(run, NULL);
    check_exception(e, &ProgrammingError, "relation \"nowhere\"", __FILE__, __LINE__);
    for (const with_note *note = e ? e->notes : NULL; note; note = note->next)
        CHECK(strlen(note->text) < 500);
    CHECK(has_note(e, "... (at character 1906)"));
    with_exception_unref(e);
}

/* All lines of a message are told: the first is the exception's, the others are a note. */
static void test_lines(void)
{
    const with_exception *e;

    snprintf(sql, sizeof sql, "DO $$ BEGIN RAISE EXCEPTION E'one\\ntwo\\nthree'; END $$");
    e = with_call(run, NULL);
    check_exception(e, &ProgrammingError, "one", __FILE__, __LINE__);
    CHECK(e && !strchr(e->message, '\n'));
    CHECK(has_note(e, "message, from its second line: two\nthree"));
    with_exception_unref(e);
}

/* A text of two-byte characters is not cut inside of one. */
static void test_utf8(void)
{
    const with_exception *e;
    char *text = sql + snprintf(sql, sizeof sql, "SELEKT '");

    for (int i = 0; i < 500; i++) text += snprintf(text, 3, "\303\244");
    snprintf(text, 2, "'");
    e = with_call(run, NULL);
    CHECK(has_note(e, "\303\244... (at character 1)"));
    with_exception_unref(e);
}

static void bind_secret(void *unused)
{
    (void)unused;
    with (cm_postgres_result(conn, "SELECT 1 / (length($1::text) - 4)", "hush")) {}
}

static void test_secrets(void)
{
    const with_exception *e = with_call(bind_secret, NULL);

    check_exception(e, &DataError, "division by zero", __FILE__, __LINE__);
    CHECK(!has_note(e, "hush"));
    with_exception_unref(e);
}

static void no_sql(void *unused)
{
    (void)unused;
    with (cm_postgres_result(conn, NULL)) {}
}

int main(void)
{
    set_up(NULL);
    with (cm_postgres(conninfo), c) {
        conn = c;
        test_table();
        test_constraints();
        test_others();
        test_bounds();
        test_lines();
        test_utf8();
        test_secrets();
        CHECK_THROWS(no_sql, NULL, ValueError, "the SQL is NULL");
    }
    return tear_down();
}

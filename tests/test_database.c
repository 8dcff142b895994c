/* SPDX-License-Identifier: MIT
 *
 * with/database.h: which exception is below which, which of them are worth another try, and SQLSTATEs.
 */
#include <with/database.h>

#include "test.h"

static void check_type(const with_exception_type *type, const char *name,
                       const with_exception_type *base)
{
    CHECK_STR(type->name, name);
    CHECK(type->base == base);
}

#define CHECK_TYPE(NAME, BASE) check_type(&NAME, &#NAME[5], &BASE)

static void test_tree(void)
{
    CHECK_TYPE(with_InterfaceError, Exception);
    CHECK_TYPE(with_DatabaseError, Exception);
    CHECK_TYPE(with_DataError, DatabaseError);
    CHECK_TYPE(with_OperationalError, DatabaseError);
    CHECK_TYPE(with_IntegrityError, DatabaseError);
    CHECK_TYPE(with_InternalError, DatabaseError);
    CHECK_TYPE(with_ProgrammingError, DatabaseError);
    CHECK_TYPE(with_NotSupportedError, DatabaseError);
    CHECK_TYPE(with_ConnectionFailure, OperationalError);
    CHECK_TYPE(with_TransactionResolutionUnknown, OperationalError);
    CHECK_TYPE(with_TooManyConnections, OperationalError);
    CHECK_TYPE(with_DiskFull, OperationalError);
    CHECK_TYPE(with_LockNotAvailable, OperationalError);
    CHECK_TYPE(with_SerializationFailure, OperationalError);
    CHECK_TYPE(with_DeadlockDetected, OperationalError);
    CHECK_TYPE(with_QueryCanceled, OperationalError);
    CHECK_TYPE(with_NotNullViolation, IntegrityError);
    CHECK_TYPE(with_ForeignKeyViolation, IntegrityError);
    CHECK_TYPE(with_UniqueViolation, IntegrityError);
    CHECK_TYPE(with_CheckViolation, IntegrityError);
    CHECK_TYPE(with_ExclusionViolation, IntegrityError);
}

static void check_retry(const with_exception_type *type, bool wanted)
{
    const with_exception exception = {.type = type, .message = ""};

    if (!CHECK(with_database_can_retry(&exception) == wanted)) puts(type->name);
}

static void test_retry(void)
{
    check_retry(&LockNotAvailable, true);
    check_retry(&SerializationFailure, true);
    check_retry(&DeadlockDetected, true);
    check_retry(&OperationalError, false);
    check_retry(&ConnectionFailure, false);
    check_retry(&TransactionResolutionUnknown, false);
    check_retry(&UniqueViolation, false);
    check_retry(&TimeoutError, false);
    CHECK(!with_database_can_retry(NULL));
}

static void test_handlers(void)
{
    volatile int caught = 0;

    try {
        throw(UniqueViolation, "key %d", 1);
    } catch (OperationalError) {
        caught = 1;
    } catch (IntegrityError, e) {
        caught = 2;
        CHECK_STR(e->message, "key 1");
    }
    CHECK_INT(caught, 2);
}

static void check_state(const char *text)
{
    char back[WITH_SQLSTATE_SIZE];
    const int code = with_sqlstate_pack(text);

    CHECK(code > 0);
    CHECK(with_sqlstate_text(code, back) == back);
    CHECK_STR(back, text);
}

static void test_states(void)
{
    enum { UNIQUE = WITH_SQLSTATE('2', '3', '5', '0', '5') };

    CHECK_INT(UNIQUE, 83906754); /* PostgreSQL's ERRCODE_UNIQUE_VIOLATION */
    CHECK_INT(with_sqlstate_pack("23505"), UNIQUE);
    check_state("23505");
    check_state("40001");
    check_state("HV00R");
    check_state("ZZZZZ");
    CHECK_INT(with_sqlstate_pack("00000"), 0);
    CHECK_INT(with_sqlstate_pack(""), 0);
    CHECK_INT(with_sqlstate_pack("2350"), 0);
    CHECK_INT(with_sqlstate_pack("235050"), 0);
    CHECK_INT(with_sqlstate_pack("2350a"), 0);
    CHECK_INT(with_sqlstate_pack(NULL), 0);
}

int main(void)
{
    test_tree();
    test_retry();
    test_handlers();
    test_states();
    return test_result();
}

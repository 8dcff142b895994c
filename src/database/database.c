/* SPDX-License-Identifier: MIT
 *
 * The exceptions that all databases throw. No database is in here.
 */
#define WITH_NO_KEYWORDS
#include <with/database.h>

#include <string.h>

#define DEFINE(NAME, BASE) const with_exception_type with_##NAME = {#NAME, &with_##BASE}

DEFINE(InterfaceError, Exception);
DEFINE(DatabaseError, Exception);
DEFINE(DataError, DatabaseError);
DEFINE(OperationalError, DatabaseError);
DEFINE(IntegrityError, DatabaseError);
DEFINE(InternalError, DatabaseError);
DEFINE(ProgrammingError, DatabaseError);
DEFINE(NotSupportedError, DatabaseError);

DEFINE(ConnectionFailure, OperationalError);
DEFINE(TransactionResolutionUnknown, OperationalError);
DEFINE(TooManyConnections, OperationalError);
DEFINE(DiskFull, OperationalError);
DEFINE(LockNotAvailable, OperationalError);
DEFINE(SerializationFailure, OperationalError);
DEFINE(DeadlockDetected, OperationalError);
DEFINE(QueryCanceled, OperationalError);

DEFINE(NotNullViolation, IntegrityError);
DEFINE(ForeignKeyViolation, IntegrityError);
DEFINE(UniqueViolation, IntegrityError);
DEFINE(CheckViolation, IntegrityError);
DEFINE(ExclusionViolation, IntegrityError);

bool with_database_can_retry(const with_exception *exception)
{
    return with_isinstance(exception, &with_LockNotAvailable) ||
           with_isinstance(exception, &with_SerializationFailure) ||
           with_isinstance(exception, &with_DeadlockDetected);
}

int with_sqlstate_pack(const char *text)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (!text || strspn(text, allowed) != 5 || text[5]) return 0;
    return WITH_SQLSTATE(text[0], text[1], text[2], text[3], text[4]);
}

const char *with_sqlstate_text(int code, char ret_text[WITH_SQLSTATE_SIZE])
{
    for (int i = 0; i < 5; i++) ret_text[i] = (char)('0' + ((code >> 6 * i) & 0x3F));
    ret_text[5] = '\0';
    return ret_text;
}

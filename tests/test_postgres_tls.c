/* SPDX-License-Identifier: MIT
 *
 * with/postgres.h over TLS, where what has come may wait in the TLS library and not at the socket: no
 * answer is waited for that is there already, and what runs is stopped as over a plain connection.
 */
#include "servers/certificate.h"
#include "test_postgres.h"

enum { BLOCK = 100000, BLOCKS = 100 };

static PGconn *conn;

/* Answers of every length about that of a TLS record, which is 16 KiB at most, and of libpq's buffer. */
static void test_lengths(void)
{
    for (int length = 7900; length < 50000; length += length % 8192 < 300 ? 1 : 61)
        with (cm_postgres_result(conn, "SELECT repeat('x', $1)", length), result)
            CHECK_INT(PQgetlength(result, 0, 0), length);
}

static void test_rows(void)
{
    int count = 0;

    with (cm_postgres_transaction(conn))
        with (cm_postgres_cursor(conn,
                                 "SELECT i, repeat('x', 200) FROM generate_series(1, 100000) i"),
              cursor)
            while (with_postgres_next(cursor)) count++;
    CHECK_INT(count, 100000);
    with (cm_postgres_result(conn, "SELECT repeat('x', 9000000)"), result)
        CHECK_INT(PQgetlength(result, 0, 0), 9000000);
}

static void test_copy(void)
{
    static char block[BLOCK];
    long long bytes = 0;
    const char *row;
    size_t length;

    memset(block, 'x', BLOCK - 1);
    block[BLOCK - 1] = '\n';
    plain("CREATE TABLE texts (line text)");
    with (cm_postgres_copy_in(conn, "COPY texts FROM STDIN"))
        for (int i = 0; i < BLOCKS; i++) with_postgres_put(conn, block, BLOCK);
    CHECK_INT(number_of("SELECT sum(length(line)) FROM texts"), BLOCKS * (BLOCK - 1LL));
    with (cm_postgres_copy_out(conn, "COPY texts TO STDOUT"))
        while ((row = with_postgres_get(conn, &length)) != NULL) bytes += (long long)length;
    CHECK_INT(bytes, (long long)BLOCKS * BLOCK);
}

static void *wait_in_thread(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) {
        insert(conn, 1);
        with_postgres_execute(conn, "SELECT pg_sleep(1000)");
    }
    return NULL;
}

static void test_cancel(void)
{
    pthread_t thread;
    void *result;

    if (!CANCELLED_WAITS) return;
    CHECK_INT(pthread_create(&thread, NULL, wait_in_thread, NULL), 0);
    CHECK(becomes("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'", 1));
    pthread_cancel(thread);
    CHECK_INT(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(is_reusable(conn));
    CHECK_INT(rows_with(1), 0);
}

int main(void)
{
    char certificate[100], key[100], address[400];
    const char *const settings[] = {"ssl=on", certificate, key, NULL};

    make_certificate("postgres");
    snprintf(certificate, sizeof certificate, "ssl_cert_file=%s", tls.certificate);
    snprintf(key, sizeof key, "ssl_key_file=%s", tls.key);
    set_up(settings);
    snprintf(address, sizeof address,
             "host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=verify-full "
             "sslrootcert=%s",
             server.port, tls.certificate);
    with (cm_postgres(address, .answer_timeout_seconds = 20), c) {
        conn = c;
        CHECK(PQsslInUse(c));
        test_lengths();
        test_rows();
        test_copy();
        test_cancel();
    }
    return tear_down();
}

/* SPDX-License-Identifier: MIT
 *
 * with/mysql.h over TLS: all waits are as over plain connections, and the second connection that stops a
 * statement is made as the first one was.
 */
#include "servers/certificate.h"
#include "test_mysql.h"

static MYSQL *conn;

static void want_tls(MYSQL *c, void *unused)
{
    const my_bool yes = 1;

    (void)unused;
    mysql_options(c, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_ssl_set(c, NULL, NULL, tls.certificate, NULL, NULL);
}

static void wait_in_query(void)
{
    with_mysql_execute(conn, "SELECT sleep(1000)");
}

static void wait_in_stream(void)
{
    with (cm_mysql_stream(conn,
                          "SELECT sleep(if(seq < ?, 0, 1000)), repeat('x', 100) FROM "
                          "seq_1_to_10000",
                          9000),
          result)
        while (with_mysql_next(result)) continue;
}

static void *wait_in_thread(void *wait)
{
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        (*(void (**)(void))wait)();
    }
    return NULL;
}

static void test_cancel(void)
{
    static void (*const waits[])(void) = {wait_in_query, wait_in_stream};

    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        void *result;

        CHECK(is_reusable(
            conn)); /* libmariadb's blocking form, which leaves the socket as it likes */
        CHECK_INT(pthread_create(&thread, NULL, wait_in_thread, (void *)&waits[i]), 0);
        usleep(300000);
        pthread_cancel(thread);
        CHECK_INT(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
        CHECK(is_reusable(conn));
        CHECK_INT(plain_on(conn, "SELECT count(*) FROM t"), 0);
    }
}

static void test_rows(void)
{
    int count = 0;

    with (cm_mysql_transaction(conn)) insert(conn, 2);
    CHECK_INT(rows_with(2), 1);
    plain("DELETE FROM t");
    with (cm_mysql_stream(conn, "SELECT seq, repeat('x', 200) FROM seq_1_to_100000"), result)
        while (with_mysql_next(result)) count++;
    CHECK_INT(count, 100000);
    with (cm_mysql_result(conn, "SELECT repeat('x', ?)", 9000000), result) {
        CHECK(with_mysql_next(result));
        CHECK_INT((long long)result->lengths[0], 9000000);
    }
    with (cm_mysql_stream(conn, "SELECT a.seq FROM seq_1_to_9999999 a, seq_1_to_9999999 b"), result)
        CHECK(with_mysql_next(result)); /* left early */
    CHECK(is_reusable(conn));
}

static void test_fork(void)
{
    int status = -1;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) exit(0); /* the exit of conn runs, and says nothing */
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK(is_reusable(conn));
}

int main(void)
{
    char certificate_setting[100], key_setting[100];
    const char *const settings[] = {certificate_setting, key_setting, NULL};

    make_certificate("mysql");
    snprintf(certificate_setting, sizeof certificate_setting, "ssl-cert=%s", tls.certificate);
    snprintf(key_setting, sizeof key_setting, "ssl-key=%s", tls.key);
    set_up(settings);
    with (cm_mysql("127.0.0.1", .port = (unsigned)server.port, .user = "root", .database = "test",
                   .configure = want_tls),
          c) {
        conn = c;
        CHECK(mysql_get_ssl_cipher(c));
        test_cancel();
        test_rows();
        test_fork();
    }
    return tear_down();
}

/* SPDX-License-Identifier: MIT
 *
 * The seed's fault, and faults under load, on a real server. A server that allows 20 connections, 200
 * threads with 100 queries each: connecting naively is refused, the pool does all of them. Then threads
 * move money while backends are killed, the server restarts and the network is cut: every transaction
 * that was acknowledged is there, none twice or in part, and all threads go on.
 */
#include "test_postgres.h"

#include <with/postgres_pool.h>

#include "servers/proxy.h"

enum { THREADS = 200, QUERIES = 100, ALLOWED = 20, POOL_SIZE = 8, WORKERS = 12, ACCOUNTS = 50 };

static struct with_postgres_options options = WITH_POSTGRES_OPTIONS_INIT;

/* ---- 200 threads ---------------------------------------------------------------------------------- */

static atomic_int done, refused, ended;
static pthread_barrier_t all_connected;

/* Each thread its own connection, held as long as it has something to ask. */
static void *ask_naively(void *unused)
{
    PGconn *conn = PQconnectdb(conninfo);

    (void)unused;
    if (PQstatus(conn) != CONNECTION_OK) refused++;
    pthread_barrier_wait(&all_connected);
    for (int i = 0; i < QUERIES && PQstatus(conn) == CONNECTION_OK; i++) {
        PGresult *result = PQexec(conn, "SELECT 1");
        if (PQresultStatus(result) == PGRES_TUPLES_OK) done++;
        PQclear(result);
    }
    PQfinish(conn);
    return NULL;
}

static void ask(void *pool)
{
    for (int i = 0; i < QUERIES; i++)
        with (cm_acquire_postgres_within(pool, 250), conn)
            with (cm_postgres_result(conn, "SELECT 1"), result) done += PQntuples(result);
}

static void *ask_by_pool(void *pool)
{
    const with_exception *e = with_call(ask, pool);

    CHECK_STR(e ? e->message : "nothing", "nothing");
    with_exception_unref(e);
    ended++;
    return NULL;
}

static void start_all(pthread_t *threads, int count, void *(*function)(void *), void *argument)
{
    for (int i = 0; i < count; i++)
        if (!CHECK_INT(pthread_create(&threads[i], NULL, function, argument), 0)) exit(1);
}

static void join_all(pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static void test_naive(void)
{
    static pthread_t threads[THREADS];

    pthread_barrier_init(&all_connected, NULL, THREADS);
    start_all(threads, THREADS, ask_naively, NULL);
    join_all(threads, THREADS);
    pthread_barrier_destroy(&all_connected);
    printf("naively: %d of %d threads were refused, %d of %d queries done\n", refused, THREADS,
           done, THREADS * QUERIES);
    CHECK(refused >= THREADS - ALLOWED);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

static void test_pooled(void)
{
    static pthread_t threads[THREADS];
    long long most = 0;

    done = 0;
    with (cm_pool(&with_postgres_maker, &options, .maximum_size = POOL_SIZE), pool) {
        start_all(threads, THREADS, ask_by_pool, pool);
        while (ended < THREADS) {
            const long long now = number_of(OTHER_SESSIONS);
            if (now > most) most = now;
            usleep(2000);
        }
        join_all(threads, THREADS);
    }
    printf("by a pool of %d: %d of %d queries done, at most %lld connections at the server\n",
           POOL_SIZE, done, THREADS * QUERIES, most);
    CHECK_INT(done, THREADS * QUERIES);
    CHECK(most >= 1 && most <= POOL_SIZE);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* ---- Faults under load ------------------------------------------------------------------------------ */

/* A transfer is known by its number. What has become of it, its worker finds out. */
static atomic_int next_transfer;
static atomic_bool quiet; /* the faults are over: each worker does some more, and ends */
static struct {
    atomic_int acknowledged, repeated, unknown, found_stored, wrong, others;
} counts;

struct worker {
    with_pool *pool;
    pthread_t thread;
    int transfer, acknowledged[20000], count;
    bool unknown; /* an earlier try of this transfer may have been stored */
};

static void transfer(void *argument)
{
    const struct worker *self = argument;
    const int from = self->transfer % ACCOUNTS, to = (self->transfer * 7 + 1) % ACCOUNTS;

    with (cm_acquire_postgres(self->pool), conn)
        with (cm_postgres_transaction(conn)) {
            with_postgres_execute(conn, "INSERT INTO transfer VALUES ($1)", self->transfer);
            with_postgres_execute(conn, "UPDATE account SET balance = balance - 1 WHERE id = $1",
                                  from < to ? from : to);
            with_postgres_execute(conn, "UPDATE account SET balance = balance + 1 WHERE id = $1",
                                  from < to ? to : from);
        }
}

/* Whether the transfer is done, now or, as it turns out, by an earlier try. */
static bool judge(struct worker *self, const with_exception *e)
{
    if (!e) return true;
    if (with_isinstance(e, &UniqueViolation)) {
        if (self->unknown) counts.found_stored++;
        else counts.wrong++; /* it was said not to be stored */
        return true;
    }
    if (with_isinstance(e, &TransactionResolutionUnknown)) {
        counts.unknown++;
        self->unknown = true;
    } else if (with_isinstance(e, &ConnectionFailure)) counts.repeated++;
    else {
        counts.others++;
        fprintf(stderr, "%s: %s\n", e->type->name, e->message);
    }
    return false;
}

static void do_transfer(struct worker *self)
{
    bool finished = false;

    self->transfer = next_transfer++;
    self->unknown = false;
    while (!finished) {
        const with_exception *e = with_call(transfer, self);
        finished = judge(self, e);
        with_exception_unref(e);
    }
    counts.acknowledged++;
    self->acknowledged[self->count++] = self->transfer;
}

static void *work(void *argument)
{
    struct worker *self = argument;

    while (!quiet && self->count < 19000) do_transfer(self);
    for (int i = 0; i < 20; i++) do_transfer(self);
    return NULL;
}

/* Each acknowledged transfer is there, and it and nothing else has moved money. */
static void check_books(struct worker *workers)
{
    char sql[120];
    int missing = 0;

    for (int i = 0; i < WORKERS; i++)
        for (int j = 0; j < workers[i].count; j++) {
            snprintf(sql, sizeof sql, "SELECT count(*) FROM transfer WHERE number = %d",
                     workers[i].acknowledged[j]);
            missing += number_of(sql) != 1;
        }
    CHECK_INT(missing, 0);
    CHECK_INT(number_of("SELECT count(*) FROM transfer"), counts.acknowledged);
    CHECK_INT(number_of("SELECT sum(balance) FROM account"), 0);
    CHECK_INT(
        number_of(
            "SELECT sum(abs(a.balance - coalesce(t.net, 0))) FROM account a LEFT JOIN "
            "(SELECT id, sum(d) AS net FROM (SELECT least(number % 50, (number * 7 + 1) % 50) "
            "AS id, -1 AS d FROM transfer UNION ALL SELECT greatest(number % 50, (number * 7 "
            "+ 1) % 50), 1 FROM transfer) moves GROUP BY id) t USING (id)"),
        0);
    CHECK_INT(counts.wrong, 0);
    CHECK_INT(counts.others, 0);
}

static void under_load(const char *name, void (*cause_faults)(void))
{
    static struct worker workers[WORKERS];

    memset(workers, 0, sizeof workers);
    memset(&counts, 0, sizeof counts);
    quiet = false;
    next_transfer = 0;
    plain("TRUNCATE transfer; UPDATE account SET balance = 0");
    with (cm_pool(&with_postgres_maker, &options, .maximum_size = POOL_SIZE,
                  .minimum_idle = POOL_SIZE, .wait_seconds = 120, .backoff_seconds = 0.05,
                  .backoff_limit_seconds = 0.3),
          pool) {
        for (int i = 0; i < WORKERS; i++) {
            workers[i].pool = pool;
            start_all(&workers[i].thread, 1, work, &workers[i]);
        }
        cause_faults();
        quiet = true;
        for (int i = 0; i < WORKERS; i++) pthread_join(workers[i].thread, NULL);
        CHECK(becomes(OTHER_SESSIONS, POOL_SIZE));
    }
    printf(
        "%s: %d transfers acknowledged, %d repeated, the outcome of %d unknown, %d of those found "
        "stored\n",
        name, counts.acknowledged, counts.repeated, counts.unknown, counts.found_stored);
    check_books(workers);
    CHECK(counts.repeated + counts.unknown > 0);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

static void kill_backends(void)
{
    for (int i = 0; i < 100; i++) {
        plain("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client "
              "backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1");
        usleep(20000);
    }
}

static void restart_server(void)
{
    static const char *const signals[] = {"INT", "QUIT", "INT"};

    for (int i = 0; i < 3; i++) {
        usleep(300000);
        PQfinish(outside);
        CHECK(server_stop(&server, signals[i]));
        usleep(200000);
        CHECK(server_start(&server));
        outside = plain_connection();
    }
    usleep(300000);
}

static struct proxy *proxy;

static void spoil_network(void)
{
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 5; j++) {
            usleep(30000);
            proxy_set_trap(proxy, j % 2 ? PROXY_LOSE_ANSWER : PROXY_LOSE_QUESTION, "COMMIT");
        }
        proxy_reset(proxy);
        usleep(50000);
        proxy->mode = PROXY_DROP;
        usleep(700000);
        proxy->mode = PROXY_PASS;
        proxy->delay_ms = 3;
        usleep(100000);
        proxy->delay_ms = 0;
        proxy->mode = PROXY_REFUSE;
        proxy_reset(proxy);
        usleep(100000);
        proxy->mode = PROXY_PASS;
    }
}

static void test_network_cut(void)
{
    char info[256];

    proxy = proxy_open(server.port);
    snprintf(info, sizeof info, "host=127.0.0.1 port=%d user=postgres dbname=postgres",
             proxy->port);
    options.conninfo = info;
    options.answer_timeout_seconds = 0.5;
    options.connect_timeout_seconds = 0.5;
    under_load("network cut", spoil_network);
    CHECK(counts.unknown > 0);
    proxy_close(proxy);
}

int main(void)
{
    static const char *const settings[] = {"max_connections=20", "superuser_reserved_connections=1",
                                           NULL};

    set_up(settings);
    options.conninfo = conninfo;
    test_naive();
    test_pooled();
    plain("CREATE TABLE transfer (number integer PRIMARY KEY)");
    plain("CREATE TABLE account AS SELECT id, 0 AS balance FROM generate_series(0, 49) id");
    under_load("killed backends", kill_backends);
    under_load("server restarted", restart_server);
    test_network_cut();
    return tear_down();
}

/* SPDX-License-Identifier: MIT
 *
 * with/redis.h: connections, words and replies, on every way out, and what errors become.
 */
#include "test_redis.h"

static redisContext *conn; /* of the test; the blocks under test are on it */

/* ---- Every way out --------------------------------------------------------------------------- */

enum way {
    END,
    RETURN,
    BREAK,
    CONTINUE,
    GOTO,
    THROW,
    CANCEL,
    THREAD_EXIT,
    COMMIT_THEN_RETURN,
    WAYS
};
static const char *const names[] = {"end",   "return", "break",        "continue",         "goto",
                                    "throw", "cancel", "pthread_exit", "commit and return"};

static bool stores(enum way way)
{
    return way == END || way == COMMIT_THEN_RETURN;
}

#define WAYS_OUT(NAME, MANAGER, USE, COMMIT)                                                       \
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
            if (way == COMMIT_THEN_RETURN) {                                                       \
                COMMIT(as);                                                                        \
                return;                                                                            \
            }                                                                                      \
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

static void use_connection(redisContext *c)
{
    CHECK(c && c != conn);
    with_redis_execute(c, "PING");
}

static void use_reply(redisReply *reply)
{
    CHECK_STR(reply->str, "PONG");
}

static void queue(redisContext *c)
{
    CHECK(c == conn);
    CHECK_INT(with_redis_execute(c, "SET", "key", 1), 0);
    CHECK_INT(plain("EXISTS key"), 0);
}

static void use_watch(redisContext *c)
{
    CHECK(c == conn);
}

static void nothing(const void *unused)
{
    (void)unused;
}

WAYS_OUT(connection, LOCAL(), use_connection, nothing);
WAYS_OUT(reply, cm_redis_reply(conn, "PING"), use_reply, nothing);
WAYS_OUT(taken, cm_redis_taken(conn, redisCommand(conn, "PING")), use_reply, nothing);
WAYS_OUT(watch, cm_redis_watch(conn, "a", "b"), use_watch, nothing);
WAYS_OUT(multi, cm_redis_multi(conn), queue, with_redis_commit);

/* In threads of their own, which some ways end. */
static void leave(void *(*function)(void *), bool is_multi)
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
        } else CHECK(thrown == (way == CANCEL ? PTHREAD_CANCELED : NULL));
        if (!CHECK(is_reusable(conn)) || !CHECK_INT(plain("EXISTS key"), is_multi && stores(way)))
            fprintf(stderr, "    by %s\n", names[way]);
        plain("DEL key");
        CHECK_INT(open_descriptors(), before);
    }
    CHECK(clients_become(1));
}

static void test_ways_out(void)
{
    leave(connection_in_thread, false);
    leave(reply_in_thread, false);
    leave(taken_in_thread, false);
    leave(watch_in_thread, false);
    leave(multi_in_thread, true);
}

/* ---- Connections ------------------------------------------------------------------------------ */

static void connect_to_nobody(void *unused)
{
    (void)unused;
    with (cm_redis("127.0.0.1", .port = 1)) CHECK(!"entered");
}

static void connect_to_no_socket(void *unused)
{
    (void)unused;
    with (cm_redis(NULL, .socket = "/nowhere")) CHECK(!"entered");
}

static void connect_to_long_socket(void *path)
{
    with (cm_redis(NULL, .socket = path)) CHECK(!"entered");
}

static void connect_with_wrong_password(void *unused)
{
    (void)unused;
    with (LOCAL(.user = "someone", .password = "secret")) CHECK(!"entered");
}

static void connect_without_password(void *unused)
{
    (void)unused;
    with (LOCAL()) CHECK(!"entered");
}

static void connect_to_no_database(void *unused)
{
    (void)unused;
    with (LOCAL(.database = 1000)) CHECK(!"entered");
}

static void connect_to_no_port(void *port)
{
    with (cm_redis(NULL, .port = *(int *)port)) CHECK(!"entered");
}

static void connect_with_bad_timeout(void *unused)
{
    (void)unused;
    with (LOCAL(.command_timeout_seconds = -1)) CHECK(!"entered");
}

static void connect_too_often(void *depth)
{
    const int deeper = *(int *)depth + 1;

    with (LOCAL())
        if (deeper < 100) connect_too_often((void *)&deeper);
}

static void test_connections(void)
{
    const int before = open_descriptors();
    const with_exception *e;
    redisReply *reply;
    char path[109] = "";
    int depth = 0;

    CHECK_THROWS(connect_to_nobody, NULL, ConnectionFailure, "127.0.0.1, port 1: ");
    CHECK_THROWS(connect_to_no_socket, NULL, ConnectionFailure, "/nowhere: ");
    memset(path, 'x', sizeof path - 1);
    CHECK_THROWS(connect_to_long_socket, path, ValueError, "may have 107 bytes, not 108: xxx");
    e = with_call(connect_with_wrong_password, NULL);
    check_exception(e, &OperationalError, "WRONGPASS", __FILE__, __LINE__);
    CHECK(!strstr(e->message, "secret") && !has_note(e, "secret") && has_note(e, "AUTH"));
    with_exception_unref(e);
    CHECK_THROWS(connect_to_no_database, NULL, ProgrammingError, "DB index");
    CHECK_THROWS(connect_to_no_port, &(int){-1}, ValueError, "no port -1");
    CHECK_THROWS(connect_to_no_port, &(int){65536}, ValueError, "no port 65536");
    CHECK_THROWS(connect_with_bad_timeout, NULL, ValueError, "command_timeout_seconds is -1");
    CHECK_THROWS(connect_too_often, &depth, TooManyConnections, "max number of clients");
    plain("CONFIG SET requirepass word");
    CHECK_THROWS(connect_without_password, NULL, OperationalError, "NOAUTH");
    with (LOCAL(.password = "word", .database = 3, .command_timeout_seconds = 5), c) {
        with_redis_execute(c, "SET", "third", 3);
        CHECK_INT(plain_on(c, "GET third"), 3);
    }
    with (cm_redis("127.0.0.1", .port = server.port, .user = "default", .password = "word"), c)
        with_redis_execute(c, "PING");
    CHECK_INT(plain("EXISTS third"), 0);
    reply = redisCommand(outside, "CONFIG SET requirepass %s", "");
    CHECK(reply && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    CHECK(clients_become(1));
    CHECK_INT(open_descriptors(), before);
}

/* ---- Words and replies ------------------------------------------------------------------------- */

#define CHECK_WORD(TEXT, WORD)                                                                     \
    with (cm_redis_reply(conn, "ECHO", WORD), got_) CHECK_STR(got_->str, TEXT)

static void say_null(void *unused)
{
    (void)unused;
    with_redis_execute(conn, "SET", "key", (const char *)NULL);
}

static void on_null(void *unused)
{
    (void)unused;
    with_redis_execute(NULL, "PING");
}

static void while_busy(void *unused)
{
    (void)unused;
    redisAppendCommand(conn, "PING");
    with_redis_execute(conn, "PING");
}

static void test_words(void)
{
    redisReply *pong = NULL;
    int evaluated = 0;

    CHECK_WORD("1", 1);
    CHECK_WORD("1", ++evaluated);
    CHECK_INT(evaluated, 1);
    CHECK_WORD("-9223372036854775808", -0x7FFFFFFFFFFFFFFFLL - 1);
    CHECK_WORD("18446744073709551615", 0xFFFFFFFFFFFFFFFFULL);
    CHECK_WORD("0.5", 0.5);
    CHECK_WORD("a b\r\nc", "a b\r\nc");
    CHECK_WORD("", "");
    CHECK_WORD("%s", "%s");
    with (cm_redis_reply(conn, "ECHO", with_redis_bytes("a\0b", 3)), got) {
        CHECK_INT((long long)got->len, 3);
        CHECK_INT(memcmp(got->str, "a\0b", 3), 0);
    }
    CHECK_INT(
        with_redis_execute(conn, "RPUSH", "list", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14),
        14);
    with (cm_redis_reply(conn, "LRANGE", "list", 0, -1), list) {
        CHECK_INT((long long)list->elements, 14);
        CHECK_STR(list->element[13]->str, "14");
    }
    CHECK_THROWS(say_null, NULL, ValueError, "word 3 of the command is NULL");
    CHECK_THROWS(on_null, NULL, ValueError, "the connection is NULL");
    CHECK_THROWS(while_busy, NULL, InterfaceError, "still busy");
    CHECK_INT(redisGetReply(conn, (void **)&pong), REDIS_OK);
    freeReplyObject(pong);
    plain("DEL list");
    CHECK(is_reusable(conn));
}

/* Longer than what the socket takes and gives at once. */
static void test_large(void)
{
    const size_t size = 20 << 20;
    char *large = malloc(size);

    memset(large, 'x', size);
    with_redis_execute(conn, "SET", "large", with_redis_bytes(large, size));
    with (cm_redis_reply(conn, "GET", "large"), got) {
        CHECK_INT((long long)got->len, (long long)size);
        CHECK_INT(memcmp(got->str, large, size), 0);
    }
    free(large);
    plain("DEL large");
}

/* ---- What errors become ------------------------------------------------------------------------ */

static void unknown_command(void *unused)
{
    (void)unused;
    with_redis_execute(conn, "NOSUCH", "secret");
}

static void too_few_words(void *unused)
{
    (void)unused;
    with (cm_redis_reply(conn, "GET")) CHECK(!"entered");
}

static void wrong_type(void *unused)
{
    (void)unused;
    with_redis_execute(conn, "SET", "text", "x");
    with_redis_execute(conn, "LPUSH", "text", 1);
}

static void not_a_number(void *unused)
{
    (void)unused;
    with_redis_execute(conn, "INCR", "text");
}

static void take_error(void *unused)
{
    (void)unused;
    with (cm_redis_taken(conn, redisCommand(conn, "INCR text"))) CHECK(!"entered");
}

static void test_errors(void)
{
    const with_exception *e = with_call(unknown_command, NULL);

    check_exception(e, &ProgrammingError, "ERR unknown command", __FILE__, __LINE__);
    CHECK(has_note(e, "command: NOSUCH") && !has_note(e, "secret"));
    with_exception_unref(e);
    CHECK_THROWS(too_few_words, NULL, ProgrammingError, "wrong number of arguments");
    CHECK_THROWS(wrong_type, NULL, ProgrammingError, "WRONGTYPE");
    CHECK_THROWS(not_a_number, NULL, DataError, "not an integer");
    CHECK_THROWS(take_error, NULL, DataError, "not an integer");
    CHECK(is_reusable(conn));
}

/* ---- Other processes and exit() ----------------------------------------------------------------- */

static void use_in_child(void *unused)
{
    (void)unused;
    with_redis_execute(conn, "PING");
}

static void commit_in_child(void *unused)
{
    (void)unused;
    with_redis_commit(conn);
}

static void fork_in_blocks(void *unused)
{
    int status = -1;
    pid_t child;

    (void)unused;
    with (LOCAL())
        with (cm_redis_watch(conn, "watched"))
            with (cm_redis_multi(conn)) {
                with_redis_execute(conn, "SET", "key", 7);
                fflush(NULL);
                child = fork();
                if (child == 0) {
                    CHECK_THROWS(use_in_child, NULL, RuntimeError, "belongs to process");
                    CHECK_THROWS(commit_in_child, NULL, RuntimeError, "by another process");
                    exit(test_failures ? 1 : 0); /* its exits run, and say nothing */
                }
                CHECK_INT(waitpid(child, &status, 0), child);
                CHECK_INT(status, 0);
            }
}

static void exit_in_block(void)
{
    with (LOCAL(), c)
        with (cm_redis_multi(c)) {
            with_redis_execute(c, "SET", "key", 8);
            exit(0);
        }
}

static void test_processes(void)
{
    int status = -1;
    pid_t child;

    CHECK_NO_THROW(fork_in_blocks, NULL);
    CHECK_INT(plain("GET key"), 7);
    fflush(NULL);
    child = fork();
    if (child == 0) exit_in_block();
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK_INT(plain("GET key"), 7);
    CHECK(clients_become(1));
    plain("DEL key");
}

int main(void)
{
    const char *const settings[] = {"maxclients=20", NULL};

    set_up(settings);
    with (LOCAL(), c) {
        conn = c;
        test_ways_out();
        test_connections();
        test_words();
        test_large();
        test_errors();
        test_processes();
    }
    return tear_down();
}

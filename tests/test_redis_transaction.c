/* SPDX-License-Identifier: MIT
 *
 * with/redis.h: MULTI, EXEC, DISCARD and WATCH, and what is left of them when something fails.
 */
#include "test_redis.h"

static redisContext *conn; /* of the test; the blocks under test are on it */

/* ---- Transactions ---------------------------------------------------------------------------- */

static void commit_outside(void *unused)
{
    (void)unused;
    with_redis_commit(conn);
}

static void commit_twice(void *unused)
{
    (void)unused;
    with (cm_redis_multi(conn)) {
        with_redis_execute(conn, "SET", "key", 1);
        with_redis_commit(conn);
        CHECK_INT(plain("GET key"), 1);
        with_redis_commit(conn);
    }
}

static void commit_then_more(void *unused)
{
    (void)unused;
    using (cm_redis_multi(conn));
    with_redis_execute(conn, "SET", "key", 2);
    with (cm_redis_exec(conn), replies) {
        CHECK_INT((long long)replies->elements, 1);
        CHECK_STR(replies->element[0]->str, "OK");
    }
    CHECK_INT(with_redis_execute(conn, "INCR", "key"), 3); /* at once */
    with (cm_redis_multi(conn)) with_redis_execute(conn, "INCR", "key");
}

static void nest(void *unused)
{
    (void)unused;
    with (cm_redis_multi(conn)) {
        with_redis_execute(conn, "SET", "key", 5);
        with (cm_redis_multi(conn)) CHECK(!"entered");
    }
}

static void test_commit(void)
{
    CHECK_THROWS(commit_outside, NULL, ValueError, "no block of this thread");
    CHECK_THROWS(commit_twice, NULL, RuntimeError, "committed already");
    CHECK_NO_THROW(commit_then_more, NULL);
    CHECK_INT(plain("GET key"), 4);
    plain("DEL key");
    CHECK_THROWS(nest, NULL, NotSupportedError, "do not nest");
    CHECK_INT(plain("EXISTS key"), 0);
    CHECK(is_reusable(conn));
}

static bool change_it;
static int tries;

/* Takes from a balance what there is, though others change it. */
static void withdraw(void *unused)
{
    (void)unused;
    tries++;
    with (cm_redis_watch(conn, "balance")) {
        long long balance = 0;
        with (cm_redis_reply(conn, "GET", "balance"), reply) balance = atoll(reply->str);
        if (change_it) plain("INCRBY balance 1");
        change_it = false;
        with (cm_redis_multi(conn)) {
            with_redis_execute(conn, "SET", "balance", balance - 10);
            with_redis_execute(conn, "INCRBY", "withdrawn", 10);
        }
    }
}

static void test_watch(void)
{
    bool done = false;

    plain("SET balance 100");
    change_it = true;
    CHECK_THROWS(withdraw, NULL, SerializationFailure, "a watched key has changed");
    CHECK_INT(plain("GET balance"), 101);
    CHECK_INT(plain("EXISTS withdrawn"), 0);

    change_it = true;
    tries = 0;
    while (!done) {
        const with_exception *e = with_call(withdraw, NULL);
        done = !with_database_can_retry(e);
        CHECK(!done || !e);
        with_exception_unref(e);
    }
    CHECK_INT(tries, 2);
    CHECK_INT(plain("GET balance"), 92);
    CHECK_INT(plain("GET withdrawn"), 10);
    CHECK(is_reusable(conn));
}

/* After the block nothing is watched any more. */
static void test_unwatch(void)
{
    with (cm_redis_watch(conn, "balance")) plain("INCR balance");
    with (cm_redis_multi(conn)) with_redis_execute(conn, "SET", "key", 1);
    CHECK_INT(plain("GET key"), 1);
    plain("DEL key");
}

static void refuse_then_leave(void *unused)
{
    (void)unused;
    with (cm_redis_multi(conn)) {
        with_redis_execute(conn, "SET", "key", 1);
        with_redis_execute(conn, "NOSUCH");
    }
}

static void refuse_then_complete(void *unused)
{
    (void)unused;
    with (cm_redis_multi(conn)) {
        with_redis_execute(conn, "SET", "key", 1);
        try {
            with_redis_execute(conn, "NOSUCH");
        } catch (ProgrammingError) {
        }
    }
}

static void fail_in_exec(void *unused)
{
    (void)unused;
    with (cm_redis_multi(conn)) {
        with_redis_execute(conn, "SET", "key", "x");
        with_redis_execute(conn, "INCR", "key");
        with_redis_execute(conn, "LPUSH", "key", 1);
        with_redis_execute(conn, "APPEND", "key", "y");
    }
}

static void end_in_block(void *command)
{
    with (cm_redis_multi(conn)) {
        with_redis_execute(conn, "SET", "key", 1);
        plain_on(conn, command);
    }
}

static void go_on_after_end(void *command)
{
    with (cm_redis_multi(conn)) {
        plain_on(conn, command);
        with_redis_execute(conn, "SET", "key", 1);
    }
}

static void throw_after_end(void *command)
{
    with (cm_redis_multi(conn)) {
        plain_on(conn, command);
        throw(KeyError, "own");
    }
}

/* A command that hiredis has not sent, or whose reply it has, or whose reply is on its way. */
static void (*leave_reply)(redisContext *c);

static void leave_unsent(redisContext *c)
{
    redisAppendCommand(c, "SET other 1");
}

static void leave_unread(redisContext *c)
{
    void *reply = NULL;

    redisAppendCommand(c, "SET other 1");
    redisAppendCommand(c, "SET other 2");
    CHECK_INT(redisGetReply(c, &reply), REDIS_OK);
    freeReplyObject(reply);
}

static void leave_on_its_way(redisContext *c)
{
    int written = 0;

    redisAppendCommand(c, "SET other 1");
    while (!written) CHECK_INT(redisBufferWrite(c, &written), REDIS_OK);
}

static void leave_then_complete(void *c)
{
    with (cm_redis_multi(c)) leave_reply(c);
}

static void leave_then_throw(void *c)
{
    with (cm_redis_multi(c)) {
        leave_reply(c);
        throw(KeyError, "own");
    }
}

static void leave_then_unwatch(void *c)
{
    with (cm_redis_watch(c, "watched")) leave_reply(c);
}

/* Else a reply would be taken for that to EXEC or DISCARD, and theirs for another's. */
static void test_left_replies(void)
{
    void (*const leavings[])(redisContext *) = {leave_unsent, leave_unread, leave_on_its_way};

    for (int i = 0; i < 3; i++) {
        leave_reply = leavings[i];
        with (LOCAL(), c) {
            if (i < 2) CHECK_THROWS(leave_then_complete, c, InterfaceError, "nothing is done");
            else CHECK_THROWS(leave_then_complete, c, TransactionResolutionUnknown, "may have");
            CHECK(with_redis_is_broken(c));
        }
        CHECK(clients_become(1)); /* so that EXEC has been done, if it was sent */
        CHECK_INT(plain("DEL other"), i == 2);
        with (LOCAL(), c) {
            CHECK_THROWS(leave_then_throw, c, KeyError, "own");
            CHECK(with_redis_is_broken(c));
        }
        with (LOCAL(), c) {
            if (i < 2) CHECK_THROWS(leave_then_unwatch, c, InterfaceError, "unwatching: ");
        }
        plain("DEL other");
    }
    CHECK(clients_become(1));
}

static void test_failing_transactions(void)
{
    const with_exception *e;

    CHECK_THROWS(refuse_then_leave, NULL, ProgrammingError, "ERR unknown command");
    CHECK(is_reusable(conn));
    CHECK_THROWS(refuse_then_complete, NULL, InternalError, "EXECABORT");
    CHECK(is_reusable(conn));
    CHECK_INT(plain("EXISTS key"), 0);
    e = with_call(fail_in_exec, NULL);
    check_exception(e, &DataError, "command 2 of the transaction: ERR value is not", __FILE__,
                    __LINE__);
    CHECK(has_note(e, "command 3 of the transaction: WRONGTYPE"));
    CHECK(has_note(e, "the other commands of the transaction were done"));
    with_exception_unref(e);
    CHECK_INT(plain("STRLEN key"), 2);
    CHECK(is_reusable(conn));
    plain("DEL key");
    CHECK_THROWS(end_in_block, "DISCARD", InternalError, "was ended in its block");
    CHECK_INT(plain("EXISTS key"), 0);
    CHECK_THROWS(end_in_block, "EXEC", InternalError, "was ended in its block");
    CHECK_INT(plain("GET key"), 1);
    CHECK_THROWS(go_on_after_end, "DISCARD", InternalError, "SET was done at once");
    CHECK_THROWS(throw_after_end, "DISCARD", KeyError, "own");
    CHECK(is_reusable(conn));
    plain("DEL key");
}

int main(void)
{
    const char *const settings[] = {NULL};

    set_up(settings);
    with (LOCAL(), c) {
        conn = c;
        test_commit();
        test_watch();
        test_unwatch();
        test_left_replies();
        test_failing_transactions();
    }
    return tear_down();
}

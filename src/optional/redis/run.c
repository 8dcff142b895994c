/* SPDX-License-Identifier: MIT
 *
 * Running one command: make it, send it, receive the reply.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "internal.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* ---- Time ------------------------------------------------------------------------------------ */

/* A moment of the monotonic clock, in ms; or NEVER. */
typedef long long moment;
#define NEVER (-1)

static moment now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static moment in_seconds(double seconds)
{
    if (seconds <= 0) return NEVER;
    return now() + (moment)((seconds > 1e9 ? 1e9 : seconds) * 1000) + 1;
}

/* For poll(). */
static int milliseconds_to(moment deadline)
{
    const moment left = deadline == NEVER ? -1 : deadline - now();

    if (deadline == NEVER) return -1;
    if (left < 0) return 0;
    return left > 1000000000 ? 1000000000 : (int)left;
}

/* hiredis keeps no limit in all its versions; the socket does. */
double with__redis_limit(const redisContext *conn)
{
    struct timeval limit = {0, 0};
    socklen_t size = sizeof limit;

    if (getsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &size) != 0) return 0;
    return (double)limit.tv_sec + (double)limit.tv_usec / 1e6;
}

/* ---- Commands -------------------------------------------------------------------------------- */

struct with_redis_word with_redis_bytes(const void *data, size_t size)
{
    return (struct with_redis_word){.kind_ = WITH_REDIS_BYTES_, .length_ = size, .as_.data = data};
}

/* Of the words one after another, numbers as text. */
struct argv {
    int count;
    const char *words[WITH_REDIS_WORDS_MAX_];
    size_t lengths[WITH_REDIS_WORDS_MAX_];
    char numbers[WITH_REDIS_WORDS_MAX_][32];
};

static void add_word(struct argv *argv, const struct with_redis_word *word)
{
    char *const number = argv->numbers[argv->count];
    const size_t room = sizeof argv->numbers[0];

    argv->words[argv->count] = number;
    switch (word->kind_) {
    case WITH_REDIS_INTEGER_: snprintf(number, room, "%lld", word->as_.integer); break;
    case WITH_REDIS_UNSIGNED_: snprintf(number, room, "%llu", word->as_.unsigned_integer); break;
    case WITH_REDIS_REAL_: snprintf(number, room, "%.17g", word->as_.real); break;
    default: argv->words[argv->count] = word->as_.data;
    }
    argv->lengths[argv->count] =
        word->kind_ == WITH_REDIS_BYTES_ ? word->length_ : strlen(argv->words[argv->count]);
    argv->count++;
}

/* Makes the bytes to be sent, which the caller gives to redisFreeCommand(). NULL, or the exception. */
static const with_exception *make_command(const struct with_redis_words_ *words, char **ret_bytes,
                                          size_t *ret_length)
{
    struct argv argv = {0};
    int length;

    while (argv.count < WITH_REDIS_WORDS_MAX_ && words->list[argv.count].kind_ != WITH_REDIS_END_) {
        const struct with_redis_word *word = &words->list[argv.count];
        if (word->kind_ >= WITH_REDIS_TEXT_ && !word->as_.data)
            return with_exception_new(&ValueError, 0, "word %d of the command is NULL",
                                      argv.count + 1);
        add_word(&argv, word);
    }
    length = redisFormatCommandArgv(ret_bytes, argv.count, argv.words, argv.lengths);
    if (length < 0) return with_exception_new(&MemoryError, 0, "no memory for a command");
    *ret_length = (size_t)length;
    return NULL;
}

/* ---- Running --------------------------------------------------------------------------------- */

/* On the stack while a command runs: what must happen if the thread is cancelled in between. */
struct running {
    struct with__calm calm;
    redisContext *conn;
    char *bytes;
    size_t length, sent;
    redisReply *reply;
    const char *undo;
    bool ended;
};

static bool fail(struct running *self, const char *why)
{
    with__redis_break(self->conn, REDIS_ERR_IO, why);
    return false;
}

/* 1, 0 at the deadline, or -1. */
static int wait_for(const struct running *self, short events, moment deadline, int cancel)
{
    struct pollfd ready = {.fd = self->conn->fd, .events = events};
    int result;

    do {
        pthread_setcancelstate(cancel, NULL);
        result = poll(&ready, 1, milliseconds_to(deadline));
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    } while (result < 0 && errno == EINTR);
    return result;
}

static bool is_again(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Whether there is progress; false: the connection is broken. */
static bool send_some(struct running *self)
{
    const ssize_t n = send(self->conn->fd, self->bytes + self->sent, self->length - self->sent,
                           MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n > 0) self->sent += (size_t)n;
    return n >= 0 || is_again(errno) || fail(self, strerror(errno));
}

static bool receive_some(struct running *self)
{
    char buffer[16384];
    const ssize_t n = recv(self->conn->fd, buffer, sizeof buffer, MSG_DONTWAIT);

    if (n < 0) return is_again(errno) || fail(self, strerror(errno));
    if (n == 0) return fail(self, "Server closed the connection");
    if (redisReaderFeed(self->conn->reader, buffer, (size_t)n) != REDIS_OK)
        return fail(self, self->conn->reader->errstr);
    return true;
}

/* Takes a reply out of what has been received, if there is a whole one. */
static bool take_reply(struct running *self)
{
    void *reply = NULL;

    if (redisReaderGetReply(self->conn->reader, &reply) != REDIS_OK)
        return fail(self, self->conn->reader->errstr);
#ifdef REDIS_REPLY_PUSH
    if (reply && ((redisReply *)reply)->type == REDIS_REPLY_PUSH) {
        freeReplyObject(reply); /* nobody has asked for it */
        return take_reply(self);
    }
#endif
    self->reply = reply;
    return true;
}

/* What cannot be sent to may have said why before it closed. */
static bool receive_last_words(struct running *self)
{
    self->conn->err = 0;
    if (receive_some(self)) take_reply(self);
    return fail(self, "Server closed the connection");
}

/* Until the reply is there; false at the deadline, with the connection broken, or if it was. */
static bool go_on(struct running *self, moment deadline, int cancel)
{
    while (!self->conn->err && !self->reply) {
        const bool sending = self->sent < self->length;
        const int ready = wait_for(self, sending ? POLLOUT : POLLIN, deadline, cancel);

        if (ready < 0) return fail(self, strerror(errno));
        if (ready == 0) return fail(self, "the server did not answer in time");
        if (sending && !send_some(self)) return receive_last_words(self);
        if (!sending && (!receive_some(self) || !take_reply(self))) return false;
    }
    return self->reply != NULL;
}

static void undo(struct running *self)
{
    if (self->undo && !self->conn->err)
        with_exception_unref(with__redis_do(self->conn, self->undo, NULL));
}

static void end_running(struct running *self)
{
    redisReply *reply;

    if (!self->ended) {
        go_on(self, in_seconds(WITH__SETTLE_SECONDS), PTHREAD_CANCEL_DISABLE);
        reply = self->reply;
        if (reply) freeReplyObject(reply);
        undo(self);
    }
    redisFreeCommand(self->bytes);
    with__calm_end(self->calm);
}

const with_exception *with__redis_run(redisContext *conn, const struct with_redis_words_ *words,
                                      double seconds, const char *undo, redisReply **ret_reply)
{
    struct running running __attribute__((cleanup(end_running))) = {
        .calm = with__calm_begin(), .conn = conn, .undo = undo, .ended = true};
    const with_exception *failure = make_command(words, &running.bytes, &running.length);

    if (failure) return failure;
    running.ended = false;
    /* Most commands go at once, so that there is nothing to wait for but the reply. */
    if (send_some(&running)) go_on(&running, in_seconds(seconds), running.calm.cancel);
    else receive_last_words(&running);
    running.ended = true;
    *ret_reply = running.reply;
    return running.reply ? NULL : with__redis_lost(conn, NULL);
}

const with_exception *with__redis_do(redisContext *conn, const char *word, const char *what)
{
    const struct with_redis_words_ words = {{{.kind_ = WITH_REDIS_TEXT_, .as_.data = word}}};
    const with_exception *failure;
    redisReply *reply = NULL;

    failure = with__redis_run(conn, &words, WITH__END_SECONDS, NULL, &reply);
    if (failure) return failure;
    if (reply->type == REDIS_REPLY_ERROR) failure = with__redis_failure(reply, what, word);
    else if (reply->type != REDIS_REPLY_STATUS || strcmp(reply->str, "OK") != 0) {
        with__redis_break(conn, REDIS_ERR_OTHER, "it has given replies to earlier commands");
        failure = with__redis_lost(conn, what);
    }
    freeReplyObject(reply);
    return failure;
}

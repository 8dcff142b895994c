/* SPDX-License-Identifier: MIT
 *
 * A server thread and a client on this machine: the server answers each line with its length, to
 * two clients; a third one asks where nobody listens any more. No descriptor is closed by hand.
 */
#include <with.h>
#include <with/net.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* One line, without its newline; false at the end of the stream. A byte at a time, to keep it short. */
static bool receive_line(int fd, char *ret_line, size_t size)
{
    size_t length = 0;

    for (;;) {
        char c;
        const ssize_t n = recv(fd, &c, 1, 0);
        if (n < 0) throw_errno("receiving a line");
        if (n == 0 && length > 0) throw(EOFError, "the peer closed in the middle of a line");
        if (n == 0) return false;
        if (c == '\n') break;
        if (length + 1 == size) throw(ValueError, "a line of more than %zu bytes", size - 1);
        ret_line[length++] = c;
    }
    ret_line[length] = '\0';
    return true;
}

/* MSG_NOSIGNAL: a peer that is gone is an exception here, and not a SIGPIPE that ends the process. */
static void send_text(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        const ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
        if (n < 0) throw_errno("sending");
        text += n;
        left -= (size_t)n;
    }
}

static void serve_client(int fd)
{
    char line[200], answer[32];

    while (receive_line(fd, line, sizeof line)) {
        snprintf(answer, sizeof answer, "%zu\n", strlen(line));
        send_text(fd, answer);
    }
}

static void complain(const with_exception *e)
{
    fprintf(stderr, "server: %s: %s\n", e->type->name, e->message);
}

/* Until the thread is cancelled. A client that fails ends its own block only. */
static void serve(void *listener)
{
    for (;;) {
        try {
            with (cm_accept(*(int *)listener), fd) {
                serve_client(fd);
            } /* here the end of the stream is sent, and what is known to be lost is thrown */
        } catch (ConnectionError, e) {
            complain(e);
        } catch (EOFError, e) {
            complain(e);
        } catch (ValueError, e) {
            complain(e);
        }
    }
}

static void *serve_in_thread(void *listener)
{
    const with_exception *exception = with_call(serve, listener);

    if (exception) with_print_exception(stderr, exception);
    with_exception_unref(exception);
    return NULL;
}

/* A server in a thread, as a manager: however the block is left, the thread ends before the listener. */
struct cm_server {
    WITH_MANAGER;
    int listener;
    pthread_t thread;
};

static void server_enter(struct cm_server *self)
{
    const int code = pthread_create(&self->thread, NULL, serve_in_thread, &self->listener);

    if (code != 0) throw_error(code, "starting the server");
}

static bool server_exit(struct cm_server *self, const with_exception *exception)
{
    (void)exception;
    pthread_cancel(self->thread); /* it waits in cm_accept(), or its exits run */
    pthread_join(self->thread, NULL);
    return false;
}

WITH_CLASS(cm_server, server_enter, server_exit);

static void ask(const char *service, const char *question)
{
    char answer[32];

    with (cm_connect("127.0.0.1", service, .timeout_seconds = 5), fd) {
        send_text(fd, question);
        send_text(fd, "\n");
        if (!receive_line(fd, answer, sizeof answer)) throw(EOFError, "no answer");
        printf("%s: %s\n", question, answer);
    }
}

int main(void)
{
    char service[16];

    with (cm_listen("127.0.0.1", "0"), listener)
        with (WITH_NEW(cm_server, .listener = listener)) {
            snprintf(service, sizeof service, "%d", with_net_port(listener));
            ask(service, "with");
            ask(service, "context manager");
        }
    try {
        ask(service, "Is anybody there?");
    } catch (ConnectionRefusedError, e) {
        printf("%s\n", e->type->name);
    }
    return 0;
}

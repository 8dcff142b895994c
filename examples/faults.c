/* SPDX-License-Identifier: MIT
 *
 * Three classic faults and their cure, side by side. In each pair the first function is plain C
 * with the release in its right place and one error path that does not come by it; the second is
 * the same function with `with`.
 */
#include <with.h>
#include <with/file.h>
#include <with/lock.h>
#include <with/net.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 20, QUESTIONS = 100 };

/* ---- A server that holds at most LIMIT connections ------------------------------------------- */

struct cm_server {
    WITH_MANAGER;
    int listener;
    pthread_t thread;
    struct pollfd held[1 + LIMIT]; /* the listener first */
    nfds_t number;
};

static void welcome(struct cm_server *self)
{
    const int client = accept(self->listener, NULL, NULL);
    const bool full = self->number == 1 + LIMIT;

    if (client < 0) return;
    if (write(client, full ? "full" : "hello", full ? 4 : 5) < 0 || full) close(client);
    else self->held[self->number++] = (struct pollfd){.fd = client, .events = POLLIN};
}

static void *serve(void *server)
{
    struct cm_server *self = server;

    for (;;) {
        poll(self->held, self->number, -1);
        for (nfds_t i = self->number; i-- > 1;)
            if (self->held[i].revents) { /* a client says nothing but goodbye */
                close(self->held[i].fd);
                self->held[i] = self->held[--self->number];
            }
        if (self->held[0].revents) welcome(self);
    }
    return NULL;
}

static void server_enter(struct cm_server *self)
{
    int error;

    self->held[self->number++] = (struct pollfd){.fd = self->listener, .events = POLLIN};
    error = pthread_create(&self->thread, NULL, serve, self);
    if (error) throw_error(error, "starting the server");
}

static bool server_exit(struct cm_server *self, const with_exception *exception)
{
    (void)exception;
    pthread_cancel(self->thread); /* in poll() */
    pthread_join(self->thread, NULL);
    while (self->number > 1) close(self->held[--self->number].fd);
    return false;
}

WITH_CLASS(cm_server, server_enter, server_exit);

static struct cm_server cm_server(int listener)
{
    return WITH_NEW(cm_server, .listener = listener);
}

/* ---- Fault 1: connections that are never released -------------------------------------------- */

enum { ANSWERED, MALFORMED, REFUSED };

static int dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int connection = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0) return connection;
    close(connection);
    return -1;
}

static bool hears_hello(int connection)
{
    char greeting[5];

    return recv(connection, greeting, sizeof greeting, MSG_WAITALL) == sizeof greeting;
}

static int ask_wrong(int port, int question)
{
    int connection = dial(port);

    if (connection < 0) return REFUSED;
    if (!hears_hello(connection)) {
        close(connection);
        return REFUSED;
    }
    if (question % 2 == 0) return MALFORMED; /* and the connection? */
    close(connection);
    return ANSWERED;
}

static int ask_right(int port, int question)
{
    char service[16];

    snprintf(service, sizeof service, "%d", port);
    with (cm_connect("127.0.0.1", service), connection) {
        if (!hears_hello(connection)) return REFUSED;
        if (question % 2 == 0) return MALFORMED; /* closed, like on every way out */
    }
    return ANSWERED;
}

static void ask_all(const char *which, int (*ask)(int port, int question))
{
    with (cm_listen("127.0.0.1", "0"), listener)
        with (cm_server(listener)) {
            for (int i = 1; i <= QUESTIONS; i++) {
                if (ask(with_net_port(listener), i) != REFUSED) continue;
                printf("  %s: question %d of %d is refused, %d connections are open\n", which, i,
                       QUESTIONS, LIMIT);
                return;
            }
            printf("  %s: %d questions, none refused\n", which, QUESTIONS);
        }
}

/* ---- Fault 2: buffered text that is lost ----------------------------------------------------- */

static int record_wrong(const char *path, int amount)
{
    FILE *journal = fopen(path, "w");

    if (!journal) return -1;
    fprintf(journal, "asked to book %d\n", amount);
    if (amount < 0) return -1; /* and the text in the buffer? */
    return fclose(journal);
}

static int record_right(const char *path, int amount)
{
    with (cm_open(path, "w"), journal) {
        fprintf(journal, "asked to book %d\n", amount);
        if (amount < 0) return -1; /* written and closed */
    }
    return 0;
}

/* Records in a process that is killed a little later, as processes sometimes are. */
static void record(const char *which, const char *path, int (*book)(const char *path, int amount))
{
    struct stat status = {.st_size = 0};
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child < 0) throw_errno("fork");
    if (child == 0) {
        book(path, -5);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    stat(path, &status);
    unlink(path);
    printf("  %s: the journal holds %d bytes after the process was killed\n", which,
           (int)status.st_size);
}

/* ---- Fault 3: a lock that is still held ------------------------------------------------------ */

struct account {
    pthread_mutex_t lock;
    int balance; /* guarded by lock */
};

static int withdraw_wrong(struct account *account, int amount)
{
    pthread_mutex_lock(&account->lock);
    if (amount > account->balance) return -1; /* and the lock? */
    account->balance -= amount;
    pthread_mutex_unlock(&account->lock);
    return 0;
}

static int withdraw_right(struct account *account, int amount)
{
    with (cm_lock(&account->lock)) {
        if (amount > account->balance) return -1; /* unlocked */
        account->balance -= amount;
    }
    return 0;
}

static void overdraw(const char *which, int (*withdraw)(struct account *account, int amount))
{
    struct account account = {PTHREAD_MUTEX_INITIALIZER, 100};
    bool held;

    withdraw(&account, 200);
    held = pthread_mutex_trylock(&account.lock) != 0;
    pthread_mutex_unlock(&account.lock);
    pthread_mutex_destroy(&account.lock);
    printf("  %s: after an error the lock is %s\n", which,
           held ? "still held: the next withdrawal waits for ever" : "free");
}

int main(void)
{
    char path[] = "/tmp/faults-XXXXXX";
    const int file = mkstemp(path);

    if (file < 0) throw_errno("%s", path);
    close(file);
    printf("Connections that are never released (the server holds at most %d)\n", LIMIT);
    ask_all("plain C", ask_wrong);
    ask_all("with   ", ask_right);
    puts("Buffered text that is lost");
    record("plain C", path, record_wrong);
    record("with   ", path, record_right);
    puts("A lock that is still held");
    overdraw("plain C", withdraw_wrong);
    overdraw("with   ", withdraw_right);
    return 0;
}

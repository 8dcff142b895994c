/* SPDX-License-Identifier: MIT
 *
 * For tests: a private server of a database, run by tests/servers/run.sh, which this talks to. All of it
 * from one thread. The server is stopped and its directory removed when the test ends, however it ends.
 */
#ifndef TEST_SERVER_H
#define TEST_SERVER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER_HELPER static inline __attribute__((unused))

struct server {
    pid_t script;
    int orders;
    FILE *answers;
    int port, pid;
    char directory[64]; /* where its Unix socket is */
};

/* The next line that the script writes, without its newline; "" at the end. */
SERVER_HELPER void server_answer(struct server *self, char *ret_line, int size)
{
    if (!fgets(ret_line, size, self->answers)) *ret_line = '\0';
    ret_line[strcspn(ret_line, "\n")] = '\0';
}

SERVER_HELPER void server_order(struct server *self, const char *order, char *ret_line, int size)
{
    char text[64];
    const int length = snprintf(text, sizeof text, "%s\n", order);

    *ret_line = '\0';
    if (write(self->orders, text, (size_t)length) == length) server_answer(self, ret_line, size);
}

/* Whether it is up. It keeps port and content over a server_stop(). */
SERVER_HELPER bool server_start(struct server *self)
{
    char line[512];

    server_order(self, "start", line, sizeof line);
    if (sscanf(line, "up %d %63s %d", &self->port, self->directory, &self->pid) == 3) return true;
    fprintf(stderr, "the server did not start: %s\n", line);
    return false;
}

/* Sends the signal ("" for an orderly stop), and waits for the end of its process. */
SERVER_HELPER bool server_stop(struct server *self, const char *signal)
{
    char order[32], line[512];

    snprintf(order, sizeof order, "stop %s", signal);
    server_order(self, order, line, sizeof line);
    return strcmp(line, "down") == 0;
}

/* Stops the server for good. */
SERVER_HELPER void server_close(struct server *self)
{
    close(self->orders);
    fclose(self->answers);
    waitpid(self->script, NULL, 0);
}

SERVER_HELPER void server_run_script(const char *kind, const char *const *settings, int input,
                                     int output)
{
    const char *arguments[32] = {"sh", SERVERS "/run.sh", kind};

    for (int i = 0; i < 28 && settings && settings[i]; i++) arguments[3 + i] = settings[i];
    dup2(input, 0);
    dup2(output, 1);
    execv("/bin/sh", (char *const *)arguments);
    _exit(127);
}

/*
 * Makes and starts a server of the kind, with the settings (NULL, or up to 28 and a NULL). 0, or 77 where
 * it is not installed, or 1 if it does not start: that has been printed then.
 */
SERVER_HELPER int server_try(struct server *self, const char *kind, const char *const *settings)
{
    int orders[2], answers[2];
    char line[512];

    if (pipe2(orders, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0) abort();
    self->script = fork();
    if (self->script == 0) server_run_script(kind, settings, orders[0], answers[1]);
    close(orders[0]);
    close(answers[1]);
    self->orders = orders[1];
    self->answers = fdopen(answers[0], "r");
    server_answer(self, line, sizeof line);
    if (strcmp(line, "ready") == 0 && server_start(self)) return 0;
    server_close(self);
    if (strncmp(line, "skip ", 5) != 0) return 1;
    printf("skipped: %s\n", line + 5);
    return 77;
}

/* The same for a test, which has nothing to do without a server: it ends with that status. */
SERVER_HELPER void server_open(struct server *self, const char *kind, const char *const *settings)
{
    const int status = server_try(self, kind, settings);

    if (status != 0) exit(status);
}

#endif

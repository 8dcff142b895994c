/* SPDX-License-Identifier: MIT
 *
 * What the tests of SQLite share: a directory of their own to work in, and short ways to look at
 * exceptions and, by connections of their own, at what is in a database.
 */
#ifndef TEST_SQLITE_H
#define TEST_SQLITE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <with.h>
#include <with/sqlite.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define HELPER static inline __attribute__((unused))

/* ---- Exceptions ---------------------------------------------------------------------------- */

/* "Type: message | note | ..." of what escapes function(argument), or "". In static memory. */
HELPER const char *thrown_by(void (*function)(void *argument), void *argument)
{
    static char text[3000];
    const with_exception *e = with_call(function, argument);
    size_t used = 0;

    text[0] = '\0';
    if (!e) return text;
    used = (size_t)snprintf(text, sizeof text, "%s: %s", e->type->name, e->message);
    for (const with_note *note = e->notes; note && used < sizeof text; note = note->next)
        used += (size_t)snprintf(text + used, sizeof text - used, " | %s", note->text);
    with_exception_unref(e);
    return text;
}

#define CHECK_THROWN(FUNCTION, ARGUMENT, WANTED) CHECK_STR(thrown_by(FUNCTION, ARGUMENT), WANTED)

/* The code of what escapes, or -1. */
HELPER int code_of(void (*function)(void *argument), void *argument)
{
    const with_exception *e = with_call(function, argument);
    const int code = e ? e->code : -1;

    with_exception_unref(e);
    return code;
}

/* ---- Files --------------------------------------------------------------------------------- */

static char test_directory[] = "/tmp/test-sqlite-XXXXXX";

HELPER void test_sqlite_begin(void)
{
    if (!mkdtemp(test_directory) || chdir(test_directory) != 0) {
        perror(test_directory);
        exit(1);
    }
}

HELPER int entries_of(const char *path)
{
    DIR *directory = opendir(path);
    int count = -2; /* . and .. */

    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
}

HELPER int open_descriptors(void)
{
    return entries_of("/proc/self/fd");
}

/* No journal or WAL may be left beside the databases. */
HELPER int test_sqlite_end(void)
{
    CHECK_INT(entries_of("."), 0);
    CHECK(rmdir(test_directory) == 0);
    return test_result();
}

/* Runs function in a child process; its checks count there, and the child's success counts here. */
HELPER void in_child(void (*function)(void))
{
    int status = -1, before = test_failures;
    pid_t child = fork();

    if (child == 0) {
        function();
        _exit(test_failures != before);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

/* ---- Databases, without libwith -------------------------------------------------------------- */

/* The first column of the first row of sql on db, in static memory; "(...)" if there is none. */
HELPER const char *asked(sqlite3 *db, const char *sql)
{
    static char text[200];
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    const char *got = NULL;

    if (result == SQLITE_OK) result = sqlite3_step(statement);
    if (result == SQLITE_ROW) got = (const char *)sqlite3_column_text(statement, 0);
    snprintf(text, sizeof text, "%s", result != SQLITE_ROW ? "(none)" : got ? got : "(null)");
    sqlite3_finalize(statement);
    return text;
}

/* The same in the database at path, by a connection for the purpose. */
HELPER const char *asked_of(const char *path, const char *sql)
{
    sqlite3 *db;
    const char *text = "(not opened)";

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) text = asked(db, sql);
    sqlite3_close(db);
    return text;
}

/* Makes the database at path anew. */
HELPER void make_database(const char *path, const char *sql)
{
    sqlite3 *db;

    unlink(path);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* Whether nobody holds a lock on the database at path. */
HELPER bool is_free(const char *path)
{
    sqlite3 *db;
    bool good = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                sqlite3_exec(db, "BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL) == SQLITE_OK;

    sqlite3_close(db);
    return good;
}

#endif

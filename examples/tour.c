/* SPDX-License-Identifier: MIT
 *
 * tour [DIRECTORY [CONNINFO]]: counts the identifiers in all files below a directory, with several
 * threads; writes a report, puts the counts into SQLite, and into the PostgreSQL that CONNINFO names,
 * serves the report on a loopback socket, fetches it, and prints its top. Each file, lock, socket, thread,
 * directory and connection in it is held by a `with` or a `using`; nothing is released by hand.
 * main() is at the end. tour/ has three more managers: a crew of threads, the list of paths
 * they work on, and the table of the words they count; and the step that needs a database.
 */
#include <with.h>
#include <with/file.h>
#include <with/lock.h>
#include <with/net.h>

#include "tour/crew.h"
#include "tour/databases.h"
#include "tour/paths.h"
#include "tour/quotients.h"
#include "tour/words.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- A directory as a manager --------------------------------------------------------------- */

struct cm_directory {
    WITH_MANAGER;
    const char *path;
    DIR *as;
};

static void directory_enter(struct cm_directory *self)
{
    self->as = opendir(self->path);
    if (!self->as) throw_errno("%s", self->path);
}

static bool directory_exit(struct cm_directory *self, const with_exception *exception)
{
    if (closedir(self->as) != 0) with_release_error(exception, errno, "closing %s", self->path);
    return false;
}

WITH_CLASS(cm_directory, directory_enter, directory_exit);

static struct cm_directory cm_directory(const char *path)
{
    return WITH_NEW(cm_directory, .path = path);
}

/* ---- What a thread does with a path --------------------------------------------------------- */

enum problem { BROKEN_LINK, NOT_PERMITTED, LINK_TO_DIRECTORY, NOT_A_FILE, OTHER, PROBLEMS };

struct problems {
    unsigned long number;
    char first[256];
};

struct walk {
    struct paths *paths;
    struct words *words;
    pthread_mutex_t lock; /* guards all below */
    unsigned long files, directories, bytes, identifiers;
    struct problems problems[PROBLEMS];
};

WITH_EXCEPTION(NotAFileError, OSError); /* a type of our own: for a socket, a pipe, a device */

static void list_directory(struct walk *walk, const char *path)
{
    with (cm_directory(path), directory) {
        struct dirent *entry;

        while (errno = 0, (entry = readdir(directory)) != NULL) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            paths_add(walk->paths, path, entry->d_name);
        }
        if (errno != 0) throw_errno("%s", path);
    }
    with (cm_lock(&walk->lock)) walk->directories++;
}

static void count_file(struct walk *walk, const char *path)
{
    with (cm_open(path, "r"), file) {
        const unsigned long identifiers = words_count(walk->words, file);
        const long bytes = ftell(file);

        if (ferror(file)) throw_errno("%s", path);
        with (cm_lock(&walk->lock)) {
            walk->files++;
            walk->bytes += (unsigned long)bytes;
            walk->identifiers += identifiers;
        }
    }
}

static void visit(struct walk *walk, const char *path)
{
    struct stat status;

    if (lstat(path, &status) != 0) throw_errno("%s", path);
    if (S_ISDIR(status.st_mode)) {
        list_directory(walk, path);
        return;
    }
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        throw(NotAFileError, "%s: neither a file nor a directory", path);
    count_file(walk, path);
}

static void add_problem(struct walk *walk, enum problem problem, const with_exception *exception)
{
    struct problems *problems = &walk->problems[problem];

    with (cm_lock(&walk->lock)) {
        if (problems->number++ == 0)
            snprintf(problems->first, sizeof problems->first, "%s: %s", exception->type->name,
                     exception->message);
    }
}

static void work(void *argument)
{
    struct walk *walk = argument;

    for (;;) {
        using (cm_next_path(walk->paths), path);
        if (!path) break; /* out of the loop, for `using` is no loop */
        try {
            visit(walk, path);
        } catch (FileNotFoundError, e) {
            add_problem(walk, BROKEN_LINK, e);
        } catch (PermissionError, e) {
            add_problem(walk, NOT_PERMITTED, e);
        } catch (IsADirectoryError, e) {
            add_problem(walk, LINK_TO_DIRECTORY, e);
        } catch (NotAFileError, e) {
            add_problem(walk, NOT_A_FILE, e);
        } catch (OSError, e) {
            add_problem(walk, OTHER, e);
        } /* anything else, as MemoryError, ends the crew and is thrown where that is waited for */
    }
}

/* ---- The walk ------------------------------------------------------------------------------- */

/* One line, written over and over, until the threads have nothing left to do. */
static void show_progress(struct walk *walk)
{
    const struct timespec pause = {.tv_nsec = 50000000};

    for (; !paths_over(walk->paths); nanosleep(&pause, NULL)) {
        with (cm_lock(&walk->lock)) {
            printf("\r  %lu files, %lu directories, %.1f MB", walk->files, walk->directories,
                   (double)walk->bytes / 1e6);
        }
        fflush(stdout);
    }
    printf("\r\033[K"); /* clears the line */
}

static void print_walk(const struct walk *walk, int threads)
{
    static const char *const titles[] = {"broken links", "not permitted", "links to directories",
                                         "neither files nor directories", "other errors"};

    printf("  read      %lu files in %lu directories with %d threads: %.1f MB, %lu identifiers\n",
           walk->files, walk->directories, threads, (double)walk->bytes / 1e6, walk->identifiers);
    for (int i = 0; i < PROBLEMS; i++)
        if (walk->problems[i].number > 0)
            printf("  caught    %lu %s; the first:\n            %s\n", walk->problems[i].number,
                   titles[i], walk->problems[i].first);
}

static void walk_directory(struct words *words, const char *directory)
{
    const int threads = 4;
    struct walk walk = {.words = words, .lock = PTHREAD_MUTEX_INITIALIZER};

    with (cm_paths(directory), paths) {
        walk.paths = paths;
        with (cm_crew(threads, work, &walk)) {
            if (isatty(STDOUT_FILENO)) show_progress(&walk);
        } /* here all threads have ended */
    }
    print_walk(&walk, threads);
}

/* ---- The report ----------------------------------------------------------------------------- */

/* A directory for two files; the exit removes all. */
struct workplace {
    char directory[32], report[48], database[48];
};

struct cm_workplace {
    WITH_MANAGER;
    struct workplace place;
    const struct workplace *as;
};

static void workplace_enter(struct cm_workplace *self)
{
    struct workplace *place = &self->place;
    char directory[] = "/tmp/tour-XXXXXX";

    if (!mkdtemp(directory)) throw_errno("%s", directory);
    snprintf(place->directory, sizeof place->directory, "%s", directory);
    snprintf(place->report, sizeof place->report, "%s/identifiers", directory);
    snprintf(place->database, sizeof place->database, "%s/identifiers.db", directory);
    self->as = place;
}

static bool remove_if_there(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT;
}

static bool workplace_exit(struct cm_workplace *self, const with_exception *exception)
{
    const struct workplace *place = &self->place;

    if (!remove_if_there(place->report) || !remove_if_there(place->database) ||
        rmdir(place->directory) != 0)
        with_release_error(exception, errno, "removing %s", place->directory);
    return false;
}

WITH_CLASS(cm_workplace, workplace_enter, workplace_exit);

/* The report appears under its name when it is complete, or not at all. */
static void write_report(struct words *words, const char *path)
{
    size_t number;
    struct word *const *sorted = words_sorted(words, &number);

    with (cm_replace(path), report) {
        for (size_t i = 0; i < number; i++)
            fprintf(report, "%10lu  %s\n", sorted[i]->count, sorted[i]->text);
    }
    printf("  wrote     %s, which names %zu different ones\n", path, number);
}

struct server {
    int listener;
    const char *path;
};

static void send_all(int socket, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t sent = write(socket, data, size);

        if (sent < 0) throw_errno("sending the report");
        data += sent;
        size -= (size_t)sent;
    }
}

/* Serves the report to one client. It runs in a thread of its own. */
static void serve(void *argument)
{
    const struct server *server = argument;
    char buffer[65536];

    with (cm_accept(server->listener), client)
        with (cm_open(server->path, "r"), report) {
            for (size_t size; (size = fread(buffer, 1, sizeof buffer, report)) > 0;)
                send_all(client, buffer, size);
        }
}

/* Fetches the report; keeps its top, as a string. Gives its size. */
static size_t fetch(int port, char *ret_top, size_t size)
{
    char service[16], rest[65536];
    size_t kept = 0, total = 0;

    snprintf(service, sizeof service, "%d", port);
    with (cm_connect("127.0.0.1", service), server) {
        ssize_t n;

        do {
            const bool keep = kept < size - 1;
            n = read(server, keep ? ret_top + kept : rest, keep ? size - 1 - kept : sizeof rest);
            if (n < 0) throw_errno("fetching the report");
            total += (size_t)n;
            if (keep) kept += (size_t)n;
        } while (n > 0);
    }
    ret_top[kept] = '\0';
    return total;
}

static void print_lines(char *text, int number)
{
    char *rest = text;

    for (char *line; number > 0 && (line = strtok_r(rest, "\n", &rest)) != NULL; number--)
        printf("  %s\n", line);
}

static void serve_and_fetch(const char *path)
{
    char top[1024];

    with (cm_listen("127.0.0.1", "0"), listener) {
        struct server server = {listener, path};
        with (cm_crew(1, serve, &server)) {
            const int port = with_net_port(listener);
            const size_t size = fetch(port, top, sizeof top);
            printf("  fetched   it from 127.0.0.1, port %d: %zu bytes, which begin\n\n", port,
                   size);
        }
    }
    print_lines(top, 10);
}

/* ---- Databases ------------------------------------------------------------------------------ */

static void keep(struct words *words, const char *path, const char *conninfo)
{
#ifdef TOUR_HAS_SQLITE
    keep_in_sqlite(words, path);
#else
    (void)words, (void)path, puts("  (built without SQLite: libsqlite3-dev was not there)");
#endif
    if (!conninfo) return;
#ifdef TOUR_HAS_POSTGRES
    keep_in_postgres(words, conninfo);
#else
    throw(NotImplementedError, "built without PostgreSQL: libpq-dev was not there");
#endif
}

/* ---- A way of working ----------------------------------------------------------------------- */

static void divide(void)
{
#ifdef TOUR_HAS_DECIMAL
    print_quotients();
#else
    puts("  (built without decimals: libgmp-dev and libmpfr-dev were not there)");
#endif
}

/* ---- The tour ------------------------------------------------------------------------------- */

static int open_descriptors(void)
{
    int number = 0;

    for (int i = 0; i < 1024; i++) number += fcntl(i, F_GETFD) != -1;
    return number;
}

static void tour(const char *directory, const char *conninfo)
{
    char path[PATH_MAX];

    if (!realpath(directory, path)) throw_errno("%s", directory);
    printf("A tour of %s\n\n", path);
    with (cm_words(), words)
        with (WITH_NEW(cm_workplace), place) {
            walk_directory(words, path);
            write_report(words, place->report);
            keep(words, place->database, conninfo);
            serve_and_fetch(place->report);
        }
    putchar('\n');
    divide();
}

int main(int argc, char **argv)
{
    const int at_start = open_descriptors();
    int status = 0, at_end;
    size_t held;

    signal(SIGPIPE, SIG_IGN); /* so that write() to a closed socket fails instead */
    try {
        tour(argc > 1 && *argv[1] ? argv[1] : "/usr/include",
             argc > 2 && *argv[2] ? argv[2] : NULL);
    } catch (Exception, e) {
        fprintf(stderr, "tour: %s: %s\n", e->type->name, e->message);
        status = 1;
    }
    at_end = open_descriptors();
    held = with_dump(stdout); /* would name each manager and where it was entered */
    printf("\n  held now  %zu managers; %d open descriptors, %d at the start\n", held, at_end,
           at_start);
    return status || held > 0 || at_end != at_start;
}

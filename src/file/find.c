/* SPDX-License-Identifier: MIT
 *
 * Finding the file that a path leads to, whether it exists or not: the directory that holds it, and
 * its name there. Later changes of the working directory then do not matter.
 */
#include "internal.h"

#include <limits.h>
#include <string.h>

enum { LINKS_MAX = 40 }; /* as many as Linux follows: path_resolution(7) */

static int fail(int error)
{
    errno = error;
    return -1;
}

/* Opens the directory part of path, which is relative to directory, and gives the rest in name. */
static int open_parent(int directory, char *path, char *name, size_t size)
{
    char *slash = strrchr(path, '/');
    const char *rest = slash ? slash + 1 : path;
    int parent;

    if (!*path) return fail(ENOENT);
    if (strlen(rest) >= size) return fail(ENAMETOOLONG);
    strcpy(name, rest);

    if (slash == path) slash[1] = '\0';
    else if (slash) *slash = '\0';
    parent = with__openat(directory, slash ? path : ".", O_RDONLY | O_DIRECTORY, 0);
    if (parent < 0 || *name) return parent;
    with__close_quietly(parent);
    return fail(EISDIR); /* "directory/" */
}

int with__find_file(const char *path, char *name, size_t size)
{
    char rest[PATH_MAX];
    int directory = AT_FDCWD;

    if (strlen(path) >= sizeof rest) return fail(ENAMETOOLONG);
    strcpy(rest, path);
    for (int links = 0; links <= LINKS_MAX; links++) {
        const int parent = open_parent(directory, rest, name, size);
        ssize_t length;

        with__close_quietly(directory);
        if (parent < 0) return -1;
        directory = parent;
        length = readlinkat(directory, name, rest, sizeof rest - 1);
        if (length < 0 && (errno == EINVAL || errno == ENOENT)) return directory; /* not a link */
        if (length < 0) {
            with__close_quietly(directory);
            return -1;
        }
        rest[length] = '\0';
    }
    with__close_quietly(directory);
    return fail(ELOOP);
}

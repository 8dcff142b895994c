/* SPDX-License-Identifier: MIT
 *
 * What a replaced file hands on to the one that takes its place. A mode without its access list
 * could allow more than the old file did (its group bits are then the list's mask, acl(5)), so the
 * two go together.
 */
#include "internal.h"

#ifdef __linux__

#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

enum { LIST_SIZE_MAX = 65536, VALUE_SIZE_MAX = 65536 }; /* xattr(7), limits of the kernel */

static const char access_list[] = "system.posix_acl_access";

/* Labels are the system's to give, and capabilities were granted to the old content. */
static bool is_kept(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, access_list) == 0;
}

static int copy_attribute(int from, int to, const char *name, char *value)
{
    const ssize_t size = fgetxattr(from, name, value, VALUE_SIZE_MAX);

    return size < 0 ? -1 : fsetxattr(to, name, value, (size_t)size, 0);
}

static int copy_attributes(int from, int to)
{
    char *names, *value;
    ssize_t length = flistxattr(from, NULL, 0);
    int result = 0;

    if (length <= 0) return length < 0 && errno != ENOTSUP ? -1 : 0;
    names = malloc(LIST_SIZE_MAX + VALUE_SIZE_MAX);
    if (!names) return -1;
    value = names + LIST_SIZE_MAX;
    length = flistxattr(from, names, LIST_SIZE_MAX);
    if (length < 0) result = -1;
    for (char *name = names; result == 0 && name < names + length; name += strlen(name) + 1)
        if (is_kept(name)) result = copy_attribute(from, to, name, value);
    free(names);
    return result;
}

/* The list that the directory may have given to a new file goes first. */
static int keep_attributes(int directory, const char *name, int to)
{
    int from, result;

    if (fremovexattr(to, access_list) != 0 && errno != ENODATA && errno != ENOTSUP) return -1;
    from = with__openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (from < 0) return -1;
    result = copy_attributes(from, to);
    with__close_quietly(from);
    return result;
}

#else

static int keep_attributes(int directory, const char *name, int to)
{
    (void)directory, (void)name, (void)to;
    return 0;
}

#endif

/* In this order: a change of the owner clears bits of the mode, and a list sets some. */
const char *with__keep_attributes(int directory, const char *name, const struct stat *status,
                                  int to)
{
    struct stat now;

    if (fstat(to, &now) != 0) return "reading the owner of";
    if ((now.st_uid != status->st_uid || now.st_gid != status->st_gid) &&
        fchown(to, status->st_uid, status->st_gid) != 0)
        return "giving its owner to";
    if (keep_attributes(directory, name, to) != 0) return "giving its attributes to";
    if (fchmod(to, status->st_mode & 07777) != 0) return "giving its mode to";
    return NULL;
}

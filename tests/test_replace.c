/* SPDX-License-Identifier: MIT
 *
 * cm_replace: when it replaces and when it does not, and what the new file keeps of the old one.
 */
#include "test_files.h"

#include <sys/xattr.h>

/* ---- Ways out ------------------------------------------------------------------------------ */

enum way {
    END,
    RETURN,
    GOTO,
    CONTINUE,
    THROW,
    CANCEL,
    EXIT_THREAD,
    CANCEL_LATER, /* asked for in the block, which reaches its end all the same */
    BREAK,
    WAYS,
    COMMITTED = 100, /* added to a way: commits first */
};

static void write_new(FILE *file, enum way way)
{
    CHECK_STR(text_of("kept.txt"), "old");
    CHECK(fputs("new", file) >= 0);
    if (way >= COMMITTED) {
        with_replace_commit(file);
        CHECK_STR(text_of("kept.txt"), "new");
    }
}

static void leave_thread(enum way way)
{
    if (way == CANCEL || way == CANCEL_LATER) pthread_cancel(pthread_self());
    if (way == CANCEL) pthread_testcancel();
    if (way == EXIT_THREAD) pthread_exit(NULL);
}

static void replace_with(enum way way)
{
    with (cm_replace("kept.txt"), file) {
        write_new(file, way);
        if (way % COMMITTED == RETURN) return;
        if (way % COMMITTED == GOTO) goto out;
        if (way % COMMITTED == CONTINUE) continue;
        if (way % COMMITTED == THROW) throw(KeyError, "thrown");
        leave_thread(way % COMMITTED);
    }
out:;
}

static void replace_using(enum way way)
{
    for (int i = 0; i < 1; i++) {
        using (cm_replace("kept.txt"), file);
        write_new(file, way);
        if (way % COMMITTED == RETURN) return;
        if (way % COMMITTED == GOTO) goto out;
        if (way % COMMITTED == CONTINUE) continue;
        if (way % COMMITTED == BREAK) break;
        if (way % COMMITTED == THROW) throw(KeyError, "thrown");
        leave_thread(way % COMMITTED);
    }
out:;
}

struct attempt {
    void (*function)(enum way way);
    enum way way;
};

static void *run(void *argument)
{
    const struct attempt *attempt = argument;

    try {
        attempt->function(attempt->way);
    } catch (KeyError, e) {
        CHECK_STR(e->message, "thrown");
        CHECK(!e->notes);
    }
    return NULL;
}

static void check_way(void (*function)(enum way way), enum way way, const char *wanted)
{
    struct attempt attempt = {function, way};
    int before = open_descriptors();
    pthread_t thread;

    write_text("kept.txt", "old");
    CHECK(pthread_create(&thread, NULL, run, &attempt) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_STR(text_of("kept.txt"), wanted);
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(entries_of("."), 1);
    unlink("kept.txt");
}

static void test_ways_out(void)
{
    for (enum way way = END; way < BREAK; way++) {
        check_way(replace_with, way,
                  way == END || way == CONTINUE || way == CANCEL_LATER ? "new" : "old");
        check_way(replace_with, way + COMMITTED, "new");
    }
    for (enum way way = END; way < WAYS; way++) {
        check_way(replace_using, way, "old");
        check_way(replace_using, way + COMMITTED, "new");
    }
}

static void exit_in_block(void)
{
    with (cm_replace("kept.txt"), file) {
        fputs("new", file);
        exit(0);
    }
}

static void commit_and_exit(void)
{
    with (cm_replace("kept.txt"), file) {
        fputs("new", file);
        with_replace_commit(file);
        exit(0);
    }
}

static void test_exit(void)
{
    write_text("kept.txt", "old");
    fflush(NULL);
    in_child(exit_in_block);
    CHECK_STR(text_of("kept.txt"), "old");
    in_child(commit_and_exit);
    CHECK_STR(text_of("kept.txt"), "new");
    CHECK_INT(entries_of("."), 1);
    unlink("kept.txt");
}

/* ---- The new file -------------------------------------------------------------------------- */

static void replace(void *path)
{
    with (cm_replace(path), file) {
        CHECK(fcntl(fileno(file), F_GETFD) & FD_CLOEXEC);
        fputs("new", file);
    }
}

static mode_t mode_of(const char *path)
{
    struct stat status = {0};

    CHECK(stat(path, &status) == 0);
    return status.st_mode & 07777;
}

static void test_mode(void)
{
    static const mode_t modes[] = {0644, 0600, 0777, 0640, 0444, 02755, 04755, 0606};

    umask(027);
    replace("mode.txt");
    CHECK_STR(text_of("mode.txt"), "new");
    CHECK_INT(mode_of("mode.txt"), 0640);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_text("mode.txt", "old");
        CHECK(chmod("mode.txt", modes[i]) == 0);
        replace("mode.txt");
        CHECK_STR(text_of("mode.txt"), "new");
        /* To write takes the set-id bits away, unless the writer is privileged (inode(7)). */
        CHECK_INT(mode_of("mode.txt"), getuid() == 0 ? modes[i] : modes[i] & 0777);
        unlink("mode.txt");
    }
    umask(022);
}

static void test_owner(void)
{
    struct stat status;

    if (getuid() != 0) return;
    write_text("owner.txt", "old");
    CHECK(chown("owner.txt", 1234, 5678) == 0);
    replace("owner.txt");
    CHECK(stat("owner.txt", &status) == 0);
    CHECK_INT(status.st_uid, 1234);
    CHECK_INT(status.st_gid, 5678);
    CHECK_STR(text_of("owner.txt"), "new");
    unlink("owner.txt");
}

/* ---- Attributes ---------------------------------------------------------------------------- */

/*
 * An access list as the kernel has it (linux/posix_acl_xattr.h): user::rw-, user:4321:rw-,
 * group::---, mask::rw-, other::---.
 */
static const unsigned char access_list[] = {
    2,    0, 0, 0,                         /* version */
    0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* the owner */
    0x02, 0, 6, 0, 0xe1, 0x10, 0,    0,    /* user 4321 */
    0x04, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* the group */
    0x10, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* mask */
    0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* others */
};

static void test_access_list(void)
{
    char list[100];

    write_text("list.txt", "old");
    if (setxattr("list.txt", "system.posix_acl_access", access_list, sizeof access_list, 0) != 0) {
        CHECK_INT(errno, ENOTSUP);
        unlink("list.txt");
        return;
    }
    CHECK_INT(mode_of("list.txt"), 0660);
    replace("list.txt");
    CHECK_STR(text_of("list.txt"), "new");
    CHECK_INT(mode_of("list.txt"), 0660);
    CHECK_INT(getxattr("list.txt", "system.posix_acl_access", list, sizeof list),
              sizeof access_list);
    CHECK(memcmp(list, access_list, sizeof access_list) == 0);
    unlink("list.txt");

    /* A list that the directory gives to new files is for new files only. */
    CHECK(mkdir("listed", 0755) == 0);
    write_text("listed/plain.txt", "old");
    CHECK(setxattr("listed", "system.posix_acl_default", access_list, sizeof access_list, 0) == 0);
    replace("listed/plain.txt");
    replace("listed/new.txt");
    CHECK(getxattr("listed/plain.txt", "system.posix_acl_access", list, sizeof list) < 0);
    CHECK_INT(mode_of("listed/plain.txt"), 0644);
    CHECK_INT(getxattr("listed/new.txt", "system.posix_acl_access", list, sizeof list),
              sizeof access_list);
    unlink("listed/plain.txt");
    unlink("listed/new.txt");
    CHECK(rmdir("listed") == 0);
}

static void test_user_attributes(void)
{
    char value[10] = "";

    write_text("user.txt", "old");
    if (setxattr("user.txt", "user.one", "1", 2, 0) == 0) {
        CHECK(setxattr("user.txt", "user.empty", "", 0, 0) == 0);
        replace("user.txt");
        CHECK_STR(text_of("user.txt"), "new");
        CHECK_INT(getxattr("user.txt", "user.one", value, sizeof value), 2);
        CHECK_STR(value, "1");
        CHECK_INT(getxattr("user.txt", "user.empty", value, sizeof value), 0);
    } else CHECK_INT(errno, ENOTSUP);
    unlink("user.txt");
}

/* ---- Paths --------------------------------------------------------------------------------- */

static bool is_link(const char *path)
{
    struct stat status = {0};

    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

static void test_links(void)
{
    CHECK(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
    CHECK(symlink("../b/middle", "a/link") == 0);
    CHECK(symlink("file.txt", "b/middle") == 0);
    replace("a/link"); /* dangling so far */
    CHECK_STR(text_of("b/file.txt"), "new");
    write_text("b/file.txt", "old");
    replace("a/link");
    CHECK_STR(text_of("b/file.txt"), "new");
    CHECK(is_link("a/link") && is_link("b/middle") && !is_link("b/file.txt"));
    CHECK_INT(entries_of("a"), 1);
    CHECK_INT(entries_of("b"), 2);

    unlink("a/link");
    write_text("b/file.txt", "old");
    char absolute[200];
    snprintf(absolute, sizeof absolute, "%s/b/file.txt", test_directory);
    CHECK(symlink(absolute, "a/link") == 0);
    replace("a/link");
    CHECK_STR(text_of("b/file.txt"), "new");
    unlink("a/link");
    unlink("b/middle");
    unlink("b/file.txt");
    CHECK(rmdir("a") == 0 && rmdir("b") == 0);
}

static void change_directory(void *unused)
{
    (void)unused;
    with (cm_replace("here.txt"), file) {
        fputs("new", file);
        CHECK(chdir("/") == 0);
    }
}

static void test_change_of_directory(void)
{
    CHECK_NO_THROW(change_directory, NULL);
    CHECK(chdir(test_directory) == 0);
    CHECK_STR(text_of("here.txt"), "new");
    unlink("here.txt");
}

static void replace_in_closed_directory(void)
{
    const with_exception *e;

    become_nobody();
    e = with_call(replace, "closed/file.txt");
    CHECK(with_isinstance(e, &PermissionError));
    CHECK(e && strncmp(e->message, "closed/file.txt: creating .with-replace-", 40) == 0);
    with_exception_unref(e);
    CHECK_THROWS(replace, "shut/file.txt", PermissionError, "shut/file.txt: Permission denied");

    e = with_call(replace, "shared/theirs.txt"); /* to be replaced, but not given away */
    CHECK(with_isinstance(e, &PermissionError));
    CHECK(e && strncmp(e->message, "shared/theirs.txt: giving its owner to .with", 44) == 0);
    with_exception_unref(e);
    CHECK_INT(entries_of("shared"), 1);
}

static void test_permissions(void)
{
    CHECK(mkdir("closed", 0555) == 0 && mkdir("shut", 0111) == 0 && mkdir("shared", 0) == 0);
    CHECK(chmod("shared", 0777) == 0);
    write_text("shared/theirs.txt", "old");
    if (getuid() == 0) in_child(replace_in_closed_directory);
    CHECK_STR(text_of("shared/theirs.txt"), "old");
    unlink("shared/theirs.txt");
    CHECK(rmdir("closed") == 0 && rmdir("shut") == 0 && rmdir("shared") == 0);
}

static void test_refused(void)
{
    static char long_name[300], long_path[5000];
    int before = open_descriptors();

    memset(long_name, 'x', sizeof long_name - 1);
    memset(long_path, 'x', sizeof long_path - 1);
    write_text("plain", "");
    CHECK(symlink("loop", "loop") == 0 && mkfifo("fifo", 0666) == 0);
    CHECK_THROWS(replace, NULL, ValueError, "cm_replace: the path is NULL");
    CHECK_THROWS(replace, "", FileNotFoundError, "No such file or directory");
    CHECK_THROWS(replace, "none/x", FileNotFoundError, "none/x: No such file or directory");
    CHECK_THROWS(replace, "plain/x", NotADirectoryError, "plain/x: Not a directory");
    CHECK_THROWS(replace, "plain/", NotADirectoryError, "plain/: Not a directory");
    CHECK_THROWS(replace, "./", IsADirectoryError, "./: Is a directory");
    CHECK_THROWS(replace, "..", IsADirectoryError, "..: Is a directory");
    CHECK_THROWS(replace, "/", IsADirectoryError, "/: Is a directory");
    CHECK_THROWS(replace, "/tmp", IsADirectoryError, "/tmp: Is a directory");
    CHECK_THROWS(replace, "loop", OSError, "loop: Too many levels of symbolic links");
    CHECK_THROWS(replace, "fifo", OSError,
                 "fifo: only a regular file can be replaced: Invalid argument");
    const with_exception *e = with_call(replace, long_name);
    CHECK_INT(e ? e->code : 0, ENAMETOOLONG);
    with_exception_unref(e);
    e = with_call(replace, long_path);
    CHECK_INT(e ? e->code : 0, ENAMETOOLONG);
    with_exception_unref(e);
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(entries_of("."), 3);
    unlink("plain");
    unlink("loop");
    unlink("fifo");
}

int main(void)
{
    test_files_begin();
    CHECK(chmod(".", 0755) == 0);
    test_ways_out();
    test_exit();
    test_mode();
    test_owner();
    test_access_list();
    test_user_attributes();
    test_links();
    test_change_of_directory();
    test_permissions();
    test_refused();
    return test_files_end();
}

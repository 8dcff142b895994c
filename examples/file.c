/* SPDX-License-Identifier: MIT
 *
 * Files: written, read in a loop, looked at by descriptor, and replaced so that no reader sees
 * half.
 */
#include <with.h>
#include <with/file.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_list(const char *path)
{
    with (cm_open(path, "w"), file) {
        for (int i = 1; i <= 3; i++) fprintf(file, "item %d\n", i);
    } /* closed; if the disk was full, this throws */
}

/* Counts lines in those of the files that can be opened. */
static int count_lines(const char *const *paths, int count)
{
    volatile int lines = 0; /* changed in a try block and read after it */

    for (int i = 0; i < count; i++) {
        try {
            with (cm_open(paths[i], "r"), file)
                for (int c; (c = getc(file)) != EOF;) lines += c == '\n';
        } catch (FileNotFoundError, e) {
            printf("skipped: %s\n", e->message);
        }
    }
    return lines;
}

static long long size_of(const char *path)
{
    struct stat status;

    using (cm_fd(path, O_RDONLY, 0), fd);
    if (fstat(fd, &status) != 0) throw_errno("%s", path);
    return status.st_size; /* closed */
}

/* Adds one line at the end of a list, or leaves it alone. Returns 0, or -1 if the text is bad. */
static int add(const char *path, const char *text)
{
    char line[100];

    using (cm_replace(path), new);

    with (cm_open(path, "r"), old)
        while (fgets(line, sizeof line, old)) fputs(line, new);
    if (!*text) return -1; /* path is what it was */
    fprintf(new, "%s\n", text);
    with_replace_commit(new); /* using and return complete nothing by themselves */
    return 0;
}

/* Replaces every item, or none: to reach the end of the block is to commit. */
static void number_from(const char *path, int first)
{
    with (cm_replace(path), new)
        for (int i = 0; i < 3; i++) {
            if (first + i > 10) throw(ValueError, "%d is too high a number", first + i);
            fprintf(new, "item %d\n", first + i);
        }
}

/* Sends text through a pipe: the stream owns one end while its block runs. */
static void print_through_pipe(const char *text)
{
    char line[100] = "";
    int ends[2];

    if (pipe(ends) != 0) throw_errno("pipe");
    with (cm_fdopen(ends[0], "r"), in) {
        with (cm_fdopen(ends[1], "w"), out) fputs(text, out);
        if (fgets(line, sizeof line, in)) printf("through a pipe: %s\n", line);
    }
}

int main(void)
{
    char directory[] = "/tmp/file-example-XXXXXX";
    const char *const paths[] = {"list.txt", "missing.txt"};

    if (!mkdtemp(directory) || chdir(directory) != 0) throw_errno("%s", directory);
    write_list("list.txt");
    printf("%d lines\n", count_lines(paths, 2));
    printf("%lld bytes\n", size_of("list.txt"));
    printf("added: %d\n", add("list.txt", "item 4"));
    printf("added: %d\n", add("list.txt", ""));
    printf("%d lines\n", count_lines(paths, 1));
    try {
        number_from("list.txt", 9);
    } catch (ValueError, e) {
        printf("%s; still %lld bytes\n", e->message, size_of("list.txt"));
    }
    number_from("list.txt", 5);
    printf("%d lines\n", count_lines(paths, 1));
    print_through_pipe("hello");

    try {
        with (cm_open("/dev/full", "w"), file) fputs("lost?", file);
    } catch (OSError, e) {
        printf("not lost in silence: %s\n", e->message);
    }
    return unlink("list.txt") || rmdir(directory);
}

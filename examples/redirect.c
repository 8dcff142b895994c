/* SPDX-License-Identifier: MIT
 *
 * What a process has one of, changed for a block: standard output and error, the current directory.
 */
#include <with.h>
#include <with/redirect.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Prints a file, and removes it. */
static void show(const char *path)
{
    FILE *file = fopen(path, "r");
    int c;

    if (!file) throw_errno("%s", path);
    printf("%s:\n", path);
    while ((c = getc(file)) != EOF) putchar(c);
    fclose(file);
    unlink(path);
}

/* All that is printed, by this process and by those it starts, into one file. */
static void make_log(const char *path)
{
    with (cm_redirect_stdout(path))
        with (cm_redirect_stderr(STDOUT_FILENO)) {
            puts("  from printf");
            fflush(stdout); /* before others write to the same file */
            fputs("  from stderr\n", stderr);
            if (system("echo '  from a child process'") != 0) throw(ChildProcessError, "echo");
        }
}

/* For text only, in this process only: a FILE * of one's own. */
static FILE *out;

static void report(int n)
{
    fprintf(out, "%d squared is %d", n, n * n);
}

static void report_into_memory(void)
{
    char *text = NULL;
    size_t length;
    FILE *memory = open_memstream(&text, &length);

    if (!memory) throw_errno("open_memstream");
    with (cm_redirect_stream(&out, memory)) report(12);
    fclose(memory);
    printf("in memory: %s (%zu characters)\n", text, length);
    free(text);
}

static void print_directory(void)
{
    char path[1000];

    if (getcwd(path, sizeof path)) printf("  in %s\n", path);
}

static void visit(const char *path)
{
    with (cm_chdir(path)) {
        print_directory();
        with (cm_chdir("dev")) print_directory();
    }
}

int main(void)
{
    char directory[] = "/tmp/redirect-example-XXXXXX";

    if (!mkdtemp(directory)) throw_errno("%s", directory);
    with (cm_chdir(directory)) {
        make_log("log.txt");
        show("log.txt");
    }
    if (rmdir(directory) != 0) throw_errno("%s", directory);

    out = stdout;
    report(3);
    puts("");
    report_into_memory();

    puts("directories:");
    visit("/");
    try {
        visit("/no/such/directory");
    } catch (FileNotFoundError, e) {
        printf("  %s\n", e->message);
    }

    fflush(stdout);
    try {
        with (cm_redirect_stdout("/dev/full")) puts("lost?");
    } catch (OSError, e) {
        printf("not lost in silence: %s\n", e->message);
    }
    return 0;
}

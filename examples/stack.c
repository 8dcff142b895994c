/* SPDX-License-Identifier: MIT
 *
 * Exit stacks: as many managers as there turn out to be, all or none of them, kept beyond the function
 * that entered them, and clean-up for what has no manager.
 */
#include <with.h>
#include <with/file.h>
#include <with/stack.h>

#include <stdlib.h>
#include <unistd.h>

enum { FILES = 3 };

static const char *const paths[FILES] = {"one.txt", "two.txt", "three.txt"};

static void remove_file(void *path)
{
    printf("removing %s\n", (const char *)path);
    remove(path);
}

/* All files or none: if one cannot be opened, those before it are closed. The caller closes. */
static with_exit_stack *open_all(FILE *files[])
{
    using (cm_plain_exit_stack(), stack);
    for (int i = 0; i < FILES; i++) files[i] = with_stack_enter(stack, cm_open(paths[i], "r"));
    return with_stack_pop_all(stack);
}

/* The files' first lines, one after the other. */
static void print_lines(void)
{
    FILE *files[FILES];
    with_exit_stack *opened = open_all(files);
    char line[80];

    with (cm_exit_stack_of(opened)) {
        for (int i = 0; i < FILES; i++)
            if (fgets(line, sizeof line, files[i])) fputs(line, stdout);
    }
}

/* Suppresses what it was told to, and says so. */
static bool forgive(void *type, const with_exception *exception)
{
    if (!with_isinstance(exception, type)) return false;
    printf("forgiven: %s\n", exception->type->name);
    return true;
}

int main(void)
{
    char directory[] = "/tmp/stack_example_XXXXXX";

    if (!mkdtemp(directory) || chdir(directory) != 0) return 1;
    with (cm_exit_stack(), stack) {
        for (int i = 0; i < FILES; i++) {
            with (cm_open(paths[i], "w"), file) fprintf(file, "this is %s\n", paths[i]);
            with_stack_callback(stack, remove_file, (void *)paths[i]);
        }
        print_lines();

        with_stack_push(stack, forgive, (void *)&FileNotFoundError);
        remove(paths[1]);
        print_lines(); /* throws, and the first file is closed again */
        puts("never");
    }
    return rmdir(directory) != 0;
}

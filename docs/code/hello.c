/* SPDX-License-Identifier: MIT
 *
 * The first program of the guide: writes a file, reads it, and asks for one that is not there.
 */
#include <with.h>
#include <with/file.h>

int main(void)
{
    char line[80];

    with (cm_open("hello.txt", "w"), file) {
        fputs("Hello, World!\n", file);
    }
    with (cm_open("hello.txt", "r"), file) {
        if (fgets(line, sizeof line, file)) printf("read: %s", line);
    }
    remove("hello.txt");

    try {
        with (cm_open("hello.txt", "r"), file) puts("it is still there");
    } catch (FileNotFoundError, e) {
        printf("caught: %s\n", e->message);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * libwith in a program that tells of errors by return values: no new keywords, and with_call() at
 * the border, so that no exception reaches code that does not know of them.
 */
#define WITH_NO_KEYWORDS
#include <with.h>
#include <with/file.h>

#include <errno.h>

struct request {
    const char *path;
    size_t lines;
};

/* Inside the border: may throw. */
static void count_lines(void *argument)
{
    struct request *request = argument;

    with_with (cm_open(request->path, "r"), file) {
        for (int c; (c = getc(file)) != EOF;) request->lines += c == '\n';
    }
}

/* The border: 0 and *ret_lines, or a negative error number. */
static int lines_of(const char *path, size_t *ret_lines)
{
    struct request request = {.path = path};
    const with_exception *exception = with_call(count_lines, &request);
    int error = 0;

    if (exception) {
        fprintf(stderr, "%s\n", exception->message);
        error = exception->code > 0 ? -exception->code : -EIO;
    } else *ret_lines = request.lines;
    with_exception_unref(exception);
    return error;
}

int main(void)
{
    size_t lines = 0;
    int error = lines_of("/etc/passwd", &lines);

    printf("a file: %s\n", error == 0 && lines > 0 ? "counted" : "not counted");
    error = lines_of("/nonexistent", &lines);
    printf("no file: %s\n", error == -ENOENT ? "-ENOENT" : "some other error");
    return 0;
}

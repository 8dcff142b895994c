/* SPDX-License-Identifier: MIT
 *
 * Random operations on random numbers in random contexts, here and in Python's decimal: results and flags
 * must be the same. The numbers are made by decimal.d/compare, which asks this program, run as its
 * calculator, for one line each:
 *
 *     operation prec Emin Emax rounding clamp operand...    ->    result flags
 *
 * WITH_DECIMAL_CASES in the environment says how many (100,000), WITH_DECIMAL_SEED from where.
 */
#include "test_decimal.h"

#include <sys/wait.h>
#include <unistd.h>

enum { TOKENS = 12, OPERANDS = 3, FIRST = 6 };

static int split(char *line, char *tokens[TOKENS])
{
    int count = 0;

    for (char *at = strtok(line, " \n"); at && count < TOKENS; at = strtok(NULL, " \n"))
        tokens[count++] = at;
    return count;
}

/* Those that give something else than a number. */
static bool answer_otherwise(char *tokens[TOKENS], with_decimal_context *context,
                             const with_decimal operands[OPERANDS])
{
    char text[20000];

    if (strcmp(tokens[0], "hash") == 0)
        printf("%lld 0\n", (long long)with_decimal_hash(&operands[0]));
    else if (strcmp(tokens[0], "double") == 0) {
        double value = 0;
        with_decimal_to_double_in(&value, &operands[0]);
        printf("%a 0\n", value);
    } else if (strcmp(tokens[0], "eng") == 0) {
        with_decimal_to_eng_string_in(context, text, sizeof text, &operands[0]);
        printf("%s 0\n", text);
    } else return false;
    return true;
}

/* The spec is written with ~ for a blank, behind an @, so that it may be empty. */
static void answer_format(char *tokens[TOKENS], with_decimal_context *context,
                          const with_decimal *a)
{
    char text[20000];
    ptrdiff_t length;

    for (char *c = tokens[FIRST + 1]; *c; c++)
        if (*c == '~') *c = ' ';
    length = with_decimal_format_in(context, text, sizeof text, a, tokens[FIRST + 1] + 1);
    printf("%s\n", length < 0 ? "error" : text);
}

static void answer(char *tokens[TOKENS], int count, with_decimal_context *context,
                   const with_decimal operands[OPERANDS])
{
    const struct operation *operation = operation_of(tokens[0]);
    with_decimal result = WITH_DECIMAL_INIT;
    char *text;

    if (answer_otherwise(tokens, context, operands)) return;
    if (!operation || operands_of(operation) != count - FIRST) {
        printf("unknown: %s\n", tokens[0]);
        return;
    }
    operate(operation, context, &result, operands);
    text = text_of(&result);
    printf("%s %u\n", text, context->flags);
    free(text);
    with_decimal_fini(&result);
}

static void calculate(char *line)
{
    char *tokens[TOKENS];
    const int count = split(line, tokens);
    with_decimal_context reading = wide, context = wide;
    with_decimal operands[OPERANDS] = {WITH_DECIMAL_INIT, WITH_DECIMAL_INIT, WITH_DECIMAL_INIT};

    if (count <= FIRST) return;
    context.prec = atoll(tokens[1]);
    context.Emin = atoll(tokens[2]);
    context.Emax = atoll(tokens[3]);
    context.rounding = (enum with_rounding)atoi(tokens[4]);
    context.clamp = atoi(tokens[5]);
    if (strcmp(tokens[0], "format") == 0) {
        with_decimal_from_string_in(&reading, &operands[0], tokens[FIRST]);
        answer_format(tokens, &context, &operands[0]);
    } else if (strcmp(tokens[0], "create") == 0) {
        with_decimal_create_in(&context, &operands[0], tokens[FIRST]);
        char *text = text_of(&operands[0]);
        printf("%s %u\n", text, context.flags);
        free(text);
    } else {
        for (int i = 0; i < count - FIRST && i < OPERANDS; i++)
            with_decimal_from_string_in(&reading, &operands[i], tokens[FIRST + i]);
        answer(tokens, count, &context, operands);
    }
    for (int i = 0; i < OPERANDS; i++) with_decimal_fini(&operands[i]);
}

static int serve(void)
{
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        calculate(line);
        fflush(stdout);
    }
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    char command[4096];
    int status;

    if (argc > 1 && strcmp(argv[1], "serve") == 0) return serve();
    snprintf(command, sizeof command, "python3 '%s/../decimal.d/compare' '%s'", SERVERS, argv[0]);
    status = system(command);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) return 77;
    CHECK_INT(WEXITSTATUS(status), 0);
    return test_result();
}

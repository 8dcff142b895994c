# SPDX-License-Identifier: MIT
#
# Parameters of statements are checked by their types: what is none of them does not compile, nor more
# than 16, and what is one compiles without a warning.
set -u

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
case " ${WITH_OPTIONAL-} " in
*' postgres '*) ;;
*) echo "libwith-postgres is left out" && exit 77 ;;
esac
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
failed=0

# compiles PARAMETERS: a statement with them.
compiles()
{
    cat >"$here/program.c" <<END
#include <with/postgres.h>
void program(PGconn *conn, int *pointer, char character, char *text, size_t size);
void program(PGconn *conn, int *pointer, char character, char *text, size_t size)
{
    (void)pointer, (void)character, (void)text, (void)size;
    with_postgres_execute(conn, "SELECT 1", $1);
    with (cm_postgres_result(conn, "SELECT 1", $1), result) (void)result;
}
END
    $compiler -std=gnu11 -fexceptions -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow \
        -Wcast-qual -Werror -I"$source/include" ${WITH_OPTIONAL_INCLUDES-} -c -o /dev/null \
        "$here/program.c" >"$here/log" 2>&1
}

refused()
{
    if compiles "$1"; then
        echo "$compiler compiles $1"
        failed=1
    elif ! grep -q "$2" "$here/log"; then
        echo "$compiler refuses $1 with other words than: $2"
        cat "$here/log"
        failed=1
    fi
}

for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    for good in 'text' '"text", 1, 2u, 3L, 4ul, 5.0f, 6.0' '(bool)true, NULL, size, text + 1' \
        'with_postgres_bytes(text, size)' '1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16'; do
        if ! compiles "$good"; then
            echo "$compiler does not compile $good"
            cat "$here/log"
            failed=1
        fi
    done
    refused 'pointer' 'not compatible with any'
    refused 'character' 'not compatible with any'
    refused '1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17' 'at most 16 parameters'
done
exit $failed

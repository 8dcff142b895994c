# SPDX-License-Identifier: MIT
#
# Each program in must_not_compile/ must be refused by gcc and by clang, with the words that it names
# after `both:`, `gcc:` or `clang:`, and be without a warning when its fault is taken away by FIXED.
# COMPILERS may name others to ask.
source=${WITH_SOURCE:-$(dirname "$0")/..}
programs=$source/tests/must_not_compile
warnings="-Wall -Wextra -Wshadow -Wvla -Wpedantic -Wconversion -Wsign-conversion -Wcast-qual
    -Wcast-align -Wundef -Wwrite-strings -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes
    -Wredundant-decls -Wunused-macros -Wformat=2 -Wnull-dereference -Wimplicit-fallthrough -Werror"
failures=0
checks=0
export LC_ALL=C # for plain quotation marks

fail()
{
    failures=$((failures + 1))
    echo "$compiler $level $1: $2"
    echo "$output" | sed 's/^/    /'
}

# What a compiler must answer to the program; nothing if all that matters is its refusal.
wanted()
{
    sed -n "s/^ \* $2: //p" "$1"
}

refuses()
{
    options=$(sed -n 's/^ \* options: //p' "$1")
    if output=$($compiler -std=gnu11 -fexceptions $level $options -I "$source/include" -c "$1" \
        -o /dev/null 2>&1); then
        fail "$1" "compiles"
        return
    fi
    for name in both $family; do
        case $output in
        *"$(wanted "$1" $name)"*) ;;
        *) fail "$1" "refused with other words" ;;
        esac
    done
}

accepts()
{
    output=$($compiler -std=gnu11 -fexceptions $level $warnings -DFIXED -I "$source/include" \
        -c "$1" -o /dev/null 2>&1) && test -z "$output" || fail "$1" "refused with FIXED"
}

for compiler in ${COMPILERS:-gcc clang gcc-11 clang-19}; do
    command -v "$compiler" >/dev/null || continue
    case $compiler in *clang*) family=clang ;; *) family=gcc ;; esac
    for level in -O0 -O2; do
        for program in "$programs"/*.c; do
            refuses "$program"
            accepts "$program"
            checks=$((checks + 2))
        done
    done
done
echo "$checks checks, $failures failed"
test $checks -gt 0 || exit 77
test $failures -eq 0

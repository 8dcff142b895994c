# SPDX-License-Identifier: MIT
#
# The sources also compile with one plain line, without a build system or configuration: to a shared
# library, and into a program. Those of an optional library too, beside it.
set -u

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
program=$source/tests/install/outside/program.c
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
failed=0

step()
{
    if ! "$@" >"$here/log" 2>&1 || { [ "$quiet" = yes ] && [ -s "$here/log" ]; }; then
        echo "not without fault: $cc: $1 ... $what"
        cat "$here/log"
        failed=1
    fi
}

cd "$source" || exit 1
sources=$(ls src/*.c src/*/*.c 2>/dev/null)
# Debian's musl-gcc brings gcc's unwinder, which asks glibc for this; without it it asks musl.
echo 'int _dl_find_object(void *pc, void *result) { return (void)pc, (void)result, -1; }' \
    >"$here/unwinder.c"
for cc in gcc clang musl-gcc; do
    command -v $cc >/dev/null || continue
    rm -f "$here/libwith.so"
    unwinder=
    [ $cc != musl-gcc ] || unwinder=$here/unwinder.c
    quiet=yes
    what="a shared library"
    step $cc -fexceptions -Iinclude -shared -fPIC -o "$here/libwith.so" $sources -lpthread
    what="a program with it"
    step $cc -fexceptions -Iinclude -o "$here/shared" "$program" $unwinder -L"$here" -lwith -lpthread
    what="a program with the sources in it"
    step $cc -O2 -fexceptions -Iinclude -o "$here/whole" "$program" $unwinder $sources -lpthread
    for name in ${WITH_OPTIONAL-}; do
        [ $cc != musl-gcc ] || continue # it sees no headers but musl's
        what="the library with-$name"
        step $cc -fexceptions -Iinclude ${WITH_OPTIONAL_INCLUDES-} -shared -fPIC \
            -o "$here/libwith-$name.so" src/optional/$name/*.c -L"$here" -lwith
    done
    quiet=no
    what="run"
    step env LD_LIBRARY_PATH="$here" "$here/shared"
    step "$here/whole"
done
[ $failed -ne 0 ] || echo "compiled and run"
exit $failed

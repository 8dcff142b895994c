# SPDX-License-Identifier: MIT
#
# Holding a lock by `with` or `using`, with a body that the compiler sees through, compiles to exactly
# the instructions of the lock and unlock written by hand. Compares the hot paths of the functions in
# tests/instructions/pairs.c, compiled by gcc and by clang at -O2.
set -u

source=${WITH_SOURCE:-$(dirname "$0")/..}
directory=$source/tests/instructions
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
compared=0

[ "$(uname -m)" = x86_64 ] || { echo "the hot paths are read on x86-64 only"; exit 77; }
command -v objdump >/dev/null || { echo "there is no objdump"; exit 77; }

# hot_path FUNCTION: prints its instructions, normalised.
hot_path() {
    awk -v FUNCTION="$1" -f "$directory/hot_path.awk" "$scratch/listing"
}

# same PAIR: whether with_PAIR and using_PAIR have the hot path of hand_PAIR.
same() {
    hot_path "hand_$1" >"$scratch/hand"
    # Reading nothing must not pass for reading twice the same.
    if [ "$(grep -c call "$scratch/hand")" -lt 2 ]; then
        echo "$compiler: no calls to lock and unlock found in hand_$1"
        failed=1
    fi
    for statement in with using; do
        hot_path "${statement}_$1" >"$scratch/ours"
        compared=$((compared + 1))
        cmp -s "$scratch/hand" "$scratch/ours" && continue
        echo "$compiler: ${statement}_$1 differs from hand_$1:"
        diff -U 100 "$scratch/hand" "$scratch/ours" | tail -n +4
        failed=1
    done
}

for compiler in gcc clang; do
    command -v $compiler >/dev/null || { echo "there is no $compiler"; continue; }
    $compiler -std=gnu11 -O2 -fexceptions -I"$source/include" -c "$directory/pairs.c" \
        -o "$scratch/pairs.o" || exit 1
    objdump -dr --no-show-raw-insn "$scratch/pairs.o" >"$scratch/listing"
    for pair in mutex pointer read write spin; do
        same $pair
    done
    # gcc leaves the thread's list as it was by loading and storing its head again, if a body
    # stores through a pointer: its removal of redundant stores does not look at types.
    [ $compiler = gcc ] || for pair in member loop; do same $pair; done
done

echo "$compared hot paths compared"
[ $compared -gt 0 ] || exit 77
exit $failed

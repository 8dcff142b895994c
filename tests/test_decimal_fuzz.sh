# SPDX-License-Identifier: MIT
#
# Reads, writes and formats what libFuzzer makes up, under the sanitizers: WITH_FUZZ_RUNS times, or 200,000.
# Needs clang with its runtime.
set -u

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
flags='-g -O1 -fexceptions -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all'

cd "$source" || exit 1
command -v clang >/dev/null || exit 77
echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' >"$here/probe.c"
clang $flags -o "$here/probe" "$here/probe.c" 2>/dev/null || exit 77
fixed=
! setarch "$(uname -m)" -R true 2>/dev/null || fixed="setarch $(uname -m) -R"
clang $flags -Iinclude ${WITH_OPTIONAL_INCLUDES-} -o "$here/fuzz" tests/decimal.d/fuzz.c \
    src/optional/decimal/*.c src/core/*.c -lmpfr -lgmp -ldl -lpthread || exit 1
mkdir "$here/corpus"
n=0
for seed in 1.5 -0E-7 1_000 ' 12 ' sNaN123 -Infinity 1E+999999999999999999 '123.456|,.2f' \
    '-7E+20|*^+z30.3e' '0.005|08.1%' "$(printf '%0600d' 7)" '1|n'; do
    n=$((n + 1))
    printf '%s' "$seed" >"$here/corpus/$n"
done
if ! $fixed "$here/fuzz" -runs="${WITH_FUZZ_RUNS:-200000}" -max_len=2000 -artifact_prefix="$here/" \
    "$here/corpus" >"$here/log" 2>&1; then
    tail -n 60 "$here/log"
    for crash in "$here"/crash-* "$here"/oom-* "$here"/timeout-*; do
        [ ! -e "$crash" ] || { echo "the input:" && od -c "$crash" | head -n 40; }
    done
    exit 1
fi
tail -n 1 "$here/log"

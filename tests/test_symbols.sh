# SPDX-License-Identifier: MIT
#
# Three lists must be the same: what the headers mark WITH_API, what src/with.map names, and what the
# shared library shows. The static library shows no name without our prefixes.
set -eu

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
build=${WITH_BUILD:-$source/build}
library=$build/libwith.so
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
LC_ALL=C
export LC_ALL

# Declarations marked for export, after the preprocessor: the macros that make some are expanded.
{
    echo '#include <with.h>'
    for header in "$source"/include/with/*.h; do
        [ -e "$header" ] && echo "#include <with/$(basename "$header")>"
    done
} >"$here/all.c"
${CC:-cc} -E -P -fexceptions "-DWITH_SHOW_WARNINGS_" -I"$source/include" "$here/all.c" |
    tr '\n' ' ' | sed 's/[;{}]/&\n/g' | awk '
        !/__visibility__\("default"\)|visibility\("default"\)/ { next }
        {
            while ((start = index($0, "__attribute__"))) {
                depth = 0
                for (i = start; i <= length($0); i++) {
                    c = substr($0, i, 1)
                    if (c == "(") depth++
                    if (c == ")" && --depth == 0) break
                }
                $0 = substr($0, 1, start - 1) substr($0, i + 1)
            }
            sub(/ *\(.*/, "")
            sub(/[ ;{]*$/, "")
            sub(/^.*[ *]/, "")
            print
        }' | sort -u >"$here/declared"

sed -n '/global:/,/local:/s/^ *\([A-Za-z_0-9*]*\);.*/\1/p' "$source/src/with.map" | sort >"$here/listed"
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
    sort -u >"$here/shown"
nm -g --defined-only "$build/libwith.a" | awk 'NF == 3 && $3 !~ /^(with_|cm_|DW\.ref\.)/ { print $3 }' |
    sort -u >"$here/strangers"

failed=0

same()
{
    if ! diff "$here/$1" "$here/$2" >"$here/difference"; then
        echo "Not the same: < $3, > $4"
        grep '^[<>]' "$here/difference"
        failed=1
    fi
}

if [ "$(wc -l <"$here/declared")" -lt 50 ]; then
    echo "The headers were not understood"
    failed=1
fi
same declared listed "marked WITH_API in the headers" "listed in src/with.map"
same listed shown "listed in src/with.map" "shown by libwith.so"
if [ -s "$here/strangers" ]; then
    echo "Names without the prefix with_ or cm_ in libwith.a:"
    cat "$here/strangers"
    failed=1
fi

readelf -d "$library" >"$here/dynamic"
if ! grep -q 'SONAME.*\[libwith\.so\.0\]' "$here/dynamic"; then
    echo "The SONAME is not libwith.so.0"
    failed=1
fi
if grep -q 'SYMBOLIC' "$here/dynamic"; then
    echo "libwith.so was linked with -Bsymbolic: types would no longer be the same everywhere"
    failed=1
fi
[ "$failed" -ne 0 ] || echo "$(wc -l <"$here/shown") symbols"
exit "$failed"

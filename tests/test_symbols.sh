# SPDX-License-Identifier: MIT
#
# Three lists must be the same: what the headers mark WITH_API, what src/with.map names, and what the
# shared library shows. The static library shows no name without our prefixes. The same holds for each
# optional library that is built, with its own headers and src/optional/NAME/with-NAME.map.
set -eu

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
build=${WITH_BUILD:-$source/build}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
LC_ALL=C
export LC_ALL

failed=0

# declared HEADER...: the declarations marked for export, after the preprocessor: the macros that make
# some are expanded.
declared()
{
    for header; do echo "#include <$header>"; done >"$here/all.c"
    ${CC:-cc} -E -P -fexceptions "-DWITH_SHOW_WARNINGS_" -I"$source/include" \
        ${WITH_OPTIONAL_INCLUDES-} "$here/all.c" |
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
            }' | sort -u
}

# headers_of NAME: those of an optional library.
headers_of()
{
    (cd "$source/include" && ls with/"$1".h with/"$1"_*.h 2>/dev/null)
}

same()
{
    if ! diff "$here/$1" "$here/$2" >"$here/difference"; then
        echo "Not the same: < $3, > $4"
        grep '^[<>]' "$here/difference"
        failed=1
    fi
}

# check LIBRARY MAP: against what is in the file declared.
check()
{
    sed -n '/global:/,/local:/s/^ *\([A-Za-z_0-9*]*\);.*/\1/p' "$source/$2" | sort >"$here/listed"
    nm -D --defined-only "$build/$1.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
        sort -u >"$here/shown"
    nm -g --defined-only "$build/$1.a" |
        awk 'NF == 3 && $3 !~ /^(with_|cm_|DW\.ref\.)/ { print $3 }' | sort -u >"$here/strangers"
    same declared listed "marked WITH_API in the headers" "listed in $2"
    same listed shown "listed in $2" "shown by $1.so"
    if [ -s "$here/strangers" ]; then
        echo "Names without the prefix with_ or cm_ in $1.a:"
        cat "$here/strangers"
        failed=1
    fi
    readelf -d "$build/$1.so" >"$here/dynamic"
    if ! grep -q "SONAME.*\[$1\.so\.0\]" "$here/dynamic"; then
        echo "The SONAME is not $1.so.0"
        failed=1
    fi
    if grep -q 'SYMBOLIC' "$here/dynamic"; then
        echo "$1.so was linked with -Bsymbolic: types would no longer be the same everywhere"
        failed=1
    fi
    echo "$1: $(wc -l <"$here/shown") symbols"
}

optional=$(cd "$source/src/optional" 2>/dev/null && ls) || optional=
core=with.h
for header in $(cd "$source/include" && ls with/*.h); do
    for name in $optional; do
        case $header in with/"$name".h | with/"$name"_*.h) continue 2 ;; esac
    done
    core="$core $header"
done
declared $core >"$here/declared"
if [ "$(wc -l <"$here/declared")" -lt 50 ]; then
    echo "The headers were not understood"
    failed=1
fi
check libwith src/with.map

cp "$here/declared" "$here/core"
for name in ${WITH_OPTIONAL-}; do
    declared $core $(headers_of $name) | comm -13 "$here/core" - >"$here/declared"
    check libwith-$name src/optional/$name/with-$name.map
done
exit "$failed"

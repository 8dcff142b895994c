# SPDX-License-Identifier: MIT
#
# Each public header compiles alone and twice, with all keywords and with none, as C and as C++,
# without a warning; so does a user's code. Those of optional libraries that are not built are left out.
set -u

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wundef -Wvla -Werror"
optional=$(cd "$source/src/optional" 2>/dev/null && ls)
failed=0
count=0

# compiles COMPILER LANGUAGE FLAG...: the file that includes the header.
compiles()
{
    compiler=$1
    language=$2
    shift 2
    command -v "$compiler" >/dev/null || return
    # musl-gcc sees the headers of musl alone, and not those of client libraries.
    if [ $compiler = musl-gcc ] && [ -n "$library" ]; then return; fi
    count=$((count + 1))
    if ! "$compiler" -x "$language" -fsyntax-only -fexceptions $warnings -I"$source/include" \
        ${WITH_OPTIONAL_INCLUDES-} "$@" "$here/program" >"$here/log" 2>&1; then
        echo "$header does not compile alone: $compiler $*"
        cat "$here/log"
        failed=1
    fi
}

# library_of HEADER: the optional library that it belongs to, if any.
library_of()
{
    for library in $optional; do
        case $1 in with/"$library".h | with/"$library"_*.h) echo "$library" ;; esac
    done
}

together=
for header in with.h $(cd "$source/include" && ls with/*.h 2>/dev/null); do
    library=$(library_of "$header")
    case " ${WITH_OPTIONAL-} " in
    *" $library "*) ;;
    *) [ -z "$library" ] || { echo "$header is left out" && continue; } ;;
    esac
    together="$together $header"
    {
        echo "#include <$header>"
        echo "#include <$header>"
        echo 'int main(void) { return 0; }'
    } >"$here/program"
    for keywords in -DWITH_NO_KEYWORDS -UWITH_NO_KEYWORDS; do
        for compiler in gcc clang gcc-10 gcc-11 clang-14 clang-19 musl-gcc; do
            compiles $compiler c -std=gnu11 $keywords
        done
        compiles gcc c -std=gnu2x $keywords
        compiles clang c -std=gnu2x $keywords
        for compiler in g++ clang++; do
            compiles $compiler c++ -std=c++11 $keywords
            compiles $compiler c++ -std=gnu++20 $keywords
        done
    done
    # What a header defines beside its keywords has a prefix, so that it gets in nobody's way.
    gcc -fexceptions -DWITH_NO_KEYWORDS -I"$source/include" ${WITH_OPTIONAL_INCLUDES-} -E -dD "$here/program" -x c 2>/dev/null |
        awk -v root="$source/include/" '
            /^# [0-9]+ "/ { ours = index($3, root) > 0 }
            ours && /^#define / {
                name = $2
                sub(/\(.*/, "", name)
                if (name !~ /^(WITH_|with_|cm_)/) print name
            }' | sort -u >"$here/strangers"
    if [ -s "$here/strangers" ]; then
        echo "$header defines, without a prefix and with WITH_NO_KEYWORDS:"
        cat "$here/strangers"
        failed=1
    fi
done

# Together they define no name twice, in the order of their names nor in the other.
for order in "" -r; do
    printf '%s\n' $together | sort $order | sed 's/.*/#include <&>/' >"$here/program"
    count=$((count + 1))
    gcc -x c -fsyntax-only -fexceptions -DWITH_SHOW_WARNINGS_ -I"$source/include" \
        ${WITH_OPTIONAL_INCLUDES-} "$here/program" >"$here/log" 2>&1 || failed=1
    grep -A5 -E 'redefined|error' "$here/log" && failed=1
done

# Nor does what their macros become in the user's code.
for library in ${WITH_OPTIONAL-}; do
    header="the example of $library"
    cp "$source/examples/$library.c" "$here/program"
    for compiler in gcc clang; do compiles $compiler c -std=gnu11 -Wconversion; done
done

# Without -fexceptions the exits would be skipped in silence.
echo '#include <with.h>' >"$here/program"
for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    count=$((count + 1))
    if $compiler -x c -fsyntax-only -fno-exceptions -I"$source/include" "$here/program" 2>"$here/log" ||
        ! grep -q 'needs -fexceptions' "$here/log"; then
        echo "with.h does not ask for -fexceptions: $compiler"
        failed=1
    fi
done
echo "$count compilations"
exit $failed

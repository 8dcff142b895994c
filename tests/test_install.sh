# SPDX-License-Identifier: MIT
#
# Installs below a DESTDIR, moves what is there elsewhere, and builds and runs a program outside of
# the project with it: by pkg-config and by CMake, shared and static; and with libwith in its tree. A
# program for each optional library that is built here, too.
set -eu

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
outside=$source/tests/install/outside
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR CFLAGS CXXFLAGS LDFLAGS LD_LIBRARY_PATH
CC=${CC:-cc}
CXX=${CXX:-}

fail()
{
    echo "$*"
    exit 1
}

# Runs a step, whose output is shown only if it fails.
step()
{
    what=$1
    shift
    "$@" >"$here/log" 2>&1 || {
        cat "$here/log"
        fail "not so: $what"
    }
}

is_there()
{
    [ -e "$root/$1" ] || fail "not installed: $1"
}

step "make install works" make -C "$source" install BUILD="$here/build" PREFIX=/opt/with \
    DESTDIR="$here/stage" INSTALL_PACKAGES=@: JOBS=2
mv "$here/stage/opt/with" "$here/elsewhere"
root=$here/elsewhere

# What is there. Without its client library, an optional library's headers are not.
optional=$(cd "$source/src/optional" 2>/dev/null && ls) || optional=
for header in with.h $(cd "$source/include" && ls with/*.h 2>/dev/null); do
    for name in $optional; do
        case $header in with/"$name".h | with/"$name"_*.h) ;; *) continue ;; esac
        case " ${WITH_OPTIONAL-} " in
        *" $name "*) ;;
        *) [ ! -e "$root/include/$header" ] && continue 2 || fail "installed: $header" ;;
        esac
    done
    is_there "include/$header"
    cmp -s "$source/include/$header" "$root/include/$header" || fail "$header was changed"
    page=$(echo "${header%.h}" | tr / _).3
    is_there "share/man/man3/$page"
    grep -q '^\.SH DESCRIPTION' "$root/share/man/man3/$page" || fail "$page is empty"
done
for file in libwith.a libwith.so libwith.so.0 cmake/with/withConfig.cmake \
    cmake/with/withConfigVersion.cmake pkgconfig/with.pc; do
    is_there "lib/$file"
done
for name in ${WITH_OPTIONAL-}; do
    for file in libwith-$name.a libwith-$name.so libwith-$name.so.0 \
        cmake/with/with-$name-targets.cmake pkgconfig/with-$name.pc; do
        is_there "lib/$file"
    done
done
left=$(cd "$here/stage" && find . -type f)
[ -z "$left" ] || fail "installed outside of the prefix: $left"
if grep -rlE "$here|/opt/with" "$root" --include='*.cmake' --include='*.pc'; then
    fail "the prefix is in these files, so they cannot be moved"
fi

# By pkg-config.
command -v pkg-config >/dev/null || fail "there is no pkg-config"
PKG_CONFIG_PATH=$root/lib/pkgconfig
PKG_CONFIG_LIBDIR=$PKG_CONFIG_PATH:$(pkg-config --variable pc_path pkg-config)
export PKG_CONFIG_PATH PKG_CONFIG_LIBDIR
case " $(pkg-config --cflags with) " in
*' -fexceptions '*) ;;
*) fail "with.pc does not hand out -fexceptions" ;;
esac
version=$(sed -n 's/^#define WITH_VERSION "\(.*\)"/\1/p' "$source/include/with.h")
[ "$(pkg-config --modversion with)" = "$version" ] || fail "with.pc has another version"

step "a program compiles with what pkg-config says" \
    $CC -Wall -Wextra -Werror -o "$here/shared" "$outside/program.c" \
    $(pkg-config --cflags --libs with)
step "it runs with the shared library" env LD_LIBRARY_PATH="$root/lib" "$here/shared"
step "it needs libwith.so.0" sh -c "readelf -d '$here/shared' | grep -q 'NEEDED.*libwith\.so\.0'"
step "a program links statically" $CC -static -o "$here/static" "$outside/program.c" \
    $(pkg-config --static --cflags --libs with)
step "it runs without the shared library" "$here/static"

# The client libraries need not be there as static libraries: only ours is.
for name in ${WITH_OPTIONAL-}; do
    step "a program compiles with what pkg-config says of with-$name" \
        $CC -Wall -Wextra -Werror -o "$here/shared" "$outside/$name.c" \
        $(pkg-config --cflags --libs with-$name)
    step "it runs with libwith-$name.so" env LD_LIBRARY_PATH="$root/lib" "$here/shared"
    step "it needs libwith-$name.so.0" \
        sh -c "readelf -d '$here/shared' | grep -q 'NEEDED.*libwith-$name\.so\.0'"
done

# By CMake, installed and in the tree.
if [ -n "$CXX" ]; then
    cmake=${WITH_CMAKE:-cmake}
    components=$(echo "${WITH_OPTIONAL-}" | tr ' ' ';')
    for way in "-DCMAKE_PREFIX_PATH=$root" "-DWITH_TREE=$source"; do
        rm -rf "$here/outside"
        step "CMake finds libwith with $way" "$cmake" -S "$outside" -B "$here/outside" "$way" \
            -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" "-DOPTIONAL=$components"
        step "CMake builds with it" "$cmake" --build "$here/outside"
        for program in c_with c_with_static cxx_with cxx_with_static; do
            step "$program runs" "$here/outside/$program"
        done
        for name in ${WITH_OPTIONAL-}; do
            step "$name runs" "$here/outside/c_with_$name"
            step "${name}_static runs" "$here/outside/c_with_${name}_static"
            if readelf -d "$here/outside/c_with_${name}_static" | grep -q 'libwith'; then
                fail "with::${name}_static links a shared library of ours"
            fi
        done
        if readelf -d "$here/outside/c_with_static" | grep -q 'libwith\.so'; then
            fail "with::with_static links the shared library"
        fi
    done
    if "$cmake" -S "$outside" -B "$here/none" "-DCMAKE_PREFIX_PATH=$root" -DOPTIONAL=nothing \
        -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" >"$here/log" 2>&1; then
        fail "CMake finds a component that there is not"
    fi
    [ ! -e "$here/outside/libwith/tests" ] || fail "the tests are built in another project's tree"
fi
echo "installed, moved and used"

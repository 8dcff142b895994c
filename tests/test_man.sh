# SPDX-License-Identifier: MIT
#
# The man pages are well-formed and whole: each public name of a header is on its page, and each
# function has a contract.
set -u

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
failed=0
backspace=$(printf '\b')

complain()
{
    echo "$*"
    failed=1
}

"$source/tools/man-pages" "$source/include" "$here/man3" || exit 1
cd "$source/include" || exit 1
for header in with.h with/*.h; do
    [ -e "$header" ] || continue
    page=$here/man3/$(echo "${header%.h}" | tr / _).3
    for section in NAME SYNOPSIS DESCRIPTION 'SEE ALSO'; do
        grep -q "^\.SH $section\$" "$page" || complain "$page has no $section"
    done
    if command -v mandoc >/dev/null; then
        # Outside of a repository the pages have no date.
        mandoc -T lint -W warning "$page" | grep -v 'missing date' >"$here/log"
        [ ! -s "$here/log" ] || complain "mandoc says: $(cat "$here/log")"
        mandoc -T utf8 "$page" | sed "s/.$backspace//g" >"$here/text"
    elif command -v groff >/dev/null; then
        groff -man -ww -T utf8 -P -c "$page" 2>"$here/log" | sed "s/.$backspace//g" >"$here/text"
        [ ! -s "$here/log" ] || complain "groff says: $(cat "$here/log")"
    else
        echo "neither mandoc nor groff is there"
        exit 77
    fi
    "$source/tools/man-pages" --names "$header" >"$here/names"
    [ -s "$here/names" ] || complain "$header has no public names"
    while read -r name keyword; do
        grep -qwF -e "$name" -e "${keyword:-$name}" "$here/text" ||
            complain "$name of $header is not on its man page"
    done <"$here/names"
    awk -v mode=bare -f "$source/tools/header.awk" "$header" >"$here/bare"
    [ ! -s "$here/bare" ] || complain "$header says nothing of: $(tr '\n' ' ' <"$here/bare")"
done
[ $failed -ne 0 ] || echo "$(ls "$here/man3" | wc -l) pages"
exit $failed

# SPDX-License-Identifier: MIT
#
# What README.md and docs/ quote from a file stands in that file, letter for letter. A quotation is
# a fenced block behind the line <!-- from PATH -->, the path as seen from the top of the sources.
# Each block of C in README.md and docs/guide/ must be one, or stand behind <!-- no file -->.
cd "${WITH_SOURCE:-$(dirname "$0")/..}" || exit 1

find README.md docs -name '*.md' | LC_ALL=C sort | xargs awk '
    function content(path,    line, text) {
        if (!(path in known)) {
            known[path] = "\n"
            while ((getline line < path) > 0) known[path] = known[path] line "\n"
            close(path)
        }
        return known[path]
    }
    function complain(what) {
        printf "%s:%d: %s\n", FILENAME, start, what
        bad++
    }
    function check() {
        if (from != "") {
            checked++
            if (!index(content(from), "\n" block)) complain("this is not in " from)
        } else if (language == "c" && !free && FILENAME ~ /^(README|docs\/guide)/)
            complain("a block of C from no file")
    }
    FNR == 1 { inside = 0; from = ""; free = 0 }
    !inside && /^<!-- from .* -->$/ { from = $3; next }
    !inside && /^<!-- no file -->$/ { free = 1; next }
    !inside && /^```/ { inside = 1; start = FNR; language = substr($0, 4); block = ""; next }
    inside && /^```$/ { check(); inside = 0; from = ""; free = 0; next }
    inside { block = block $0 "\n" }
    END {
        printf "%d quotations, %d bad\n", checked, bad
        exit bad > 0 || checked == 0
    }'

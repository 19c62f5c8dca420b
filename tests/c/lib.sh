# lib.sh - for the scripts beside it: one line of result for each test, which `run` counts. Set by it: WORK, a directory
# that is removed at the end, with a copy of the library and the wrapper in WORK/build; and `work`, its path from the root,
# for make, which knows no spaces in paths.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
: "${WORK:?is set by tests/c/run}" "${work:?}"
library=$WORK/build
headers=(-I"$root/include" -I"$root/bindings/c")
warnings="-Wall -Wextra -Werror -pedantic"
compilers=cc
for other in gcc clang; do
    # gcc is cc mostly, and would be the same again
    if command -v $other >/dev/null && ! [ "$(command -v $other | xargs readlink -f)" = "$(command -v cc | xargs readlink -f)" ]; then
        compilers="$compilers $other"
    fi
done

# ok NAME COMMAND...: the test passes when the command does; what it printed is shown when not.
ok() {
    local name=$1
    shift
    if "$@" >"$WORK/output" 2>&1; then
        echo "ok      $name$(sed -n 's/^\([0-9]* checks\)$/ (\1)/p' "$WORK/output")"
    else
        echo "FAILED  $name: $*"
        sed 's/^/        /' "$WORK/output" | tail -n 60
    fi
}

# refused NAME TEXT COMMAND...: passes when the command fails and says TEXT.
refused() {
    local name=$1 text=$2
    shift 2
    if "$@" >"$WORK/output" 2>&1; then
        echo "FAILED  $name: it did not fail: $*"
    elif grep -q -- "$text" "$WORK/output"; then
        echo "ok      $name"
    else
        echo "FAILED  $name: it fails without saying \"$text\": $*"
        sed 's/^/        /' "$WORK/output" | tail -n 60
    fi
}

# In a private network, and with an end: a test that waits for ever has failed.
private() { timeout -k 5 "${LIMIT:-60}" "$root/tests/netns" "$@"; }

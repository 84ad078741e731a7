#!/bin/sh
# Opens pages of trainings (long, short, of one step, of hostile names) in a headless Chromium, wide
# and narrow: nothing may reach the console, every figure has its curve, and nothing foreign is
# markup. Skipped (77) where there is no Chromium.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build/gcc}
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$chromium" ] || { echo "no chromium"; exit 77; }
[ -x "$B/unit/report_training" ] || { echo "no $B/unit/report_training"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$B/unit/report_training" "$work"

fail() {
    echo "$1"
    exit 1
}

# Without a sandbox of its own: the page is ours, and containers seldom allow one.
for page in 0 1 2 3; do
    for width in 1280 500; do
        timeout 60 "$chromium" --headless=new --no-sandbox --disable-gpu --user-data-dir="$work/profile" \
            --enable-logging=stderr --log-level=0 --window-size=$width,900 --dump-dom \
            "file://$work/$page.html" >"$work/dom" 2>"$work/log" || fail "chromium: status $?"
        grep 'CONSOLE' "$work/log" && fail "the console is not empty for $page at $width"
        figures=$(grep -c '<figure' "$work/dom") || fail "no figure in $page at $width"
        [ "$(grep -c 'preserveAspectRatio="none"' "$work/dom")" -eq "$figures" ] ||
            fail "a figure of $page has no curve"
        grep -Eio '<(script|img|iframe|base)[ />]|<[a-z0-9]+( [a-z0-9-]+="[^"]*")* (on[a-z]+|style)=' \
            "$work/dom" && fail "foreign text became markup in $page"
    done
done
echo "console empty, every curve there, no foreign markup"

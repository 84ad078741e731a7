# A full disk, and a limit on the size of files: a clear message, the old report as it was, and the
# same command goes on when there is room again.
. tests/cli/study.inc
make_study
audit --report old.html -q >out || fail "audit"
cp old.html kept.html
cp old.json kept.json

echo "--- limit on the size of files"
for blocks in 1 40 200; do
    (
        ulimit -f $blocks
        "$assay" reaudit study/study.yaml --data study --db limited.db --report old.html -o seed=12 >out 2>err
        echo "status $?"
    )
    grep -q '^assay: .*' err || fail "limit of $blocks blocks: no message"
    same kept.html old.html
    same kept.json old.json
done
"$assay" reaudit study/study.yaml --data study --db limited.db --report new.html -q >out 2>err || fail "with room again"
same kept.html new.html
ls | grep tmp

echo "--- full disk"
[ "$(id -u)" -eq 0 ] || { echo "needs root to mount a small disk"; exit 77; }
mkdir disk
mount -t tmpfs -o size=1m tmpfs disk 2>/dev/null || { echo "no small disk can be mounted here"; exit 77; }
trap 'cd "$work"; umount disk; rm -rf "$work"' EXIT
cp kept.html disk/old.html || fail "no room for the old report"
for room in 16 128 256; do
    size=$(($(du -k disk/old.html | cut -f1) + room))k
    rm -f disk/assay.db*
    mount -o remount,size=$size disk || fail "remount"
    "$assay" reaudit study/study.yaml --data study --db disk/assay.db --report disk/old.html -o seed=12 >out 2>err
    echo "status $?"
    grep -qi 'no space\|full' err || fail "disk of $size: message"
    same kept.html disk/old.html
    ls disk | grep tmp
done
mount -o remount,size=32m disk || fail "remount"
"$assay" reaudit study/study.yaml --data study --db disk/assay.db --report disk/old.html -q >out 2>err || fail "with room again"
same kept.html disk/old.html
quiet verify --db disk/assay.db

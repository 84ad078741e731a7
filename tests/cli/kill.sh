# A run that is interrupted, or killed at any moment, goes on with the same command and ends in the
# same rows and the same report, byte for byte.
. tests/cli/study.inc
make_study
# Long enough to be hit in the middle.
options="study/study.yaml --data study --db assay.db --threads 2 -q -o draws.permutations=5000"
options="$options -o draws.bootstrap=5000"
long() { "$assay" reaudit $options "$@"; }
stop_it() { # signal, i, n
    stop "$@" "$assay" reaudit $options --report done.html
}
all_rows() { # of a store, in one order
    for table in design prompt generation judgement reading statistic verdict; do
        "$assay" sql --db "$1" "select * from $table order by key" || fail "$1: $table"
    done
}

start=$(now)
long --report whole.html >whole.txt || fail "undisturbed run"
took=$(($(now) - start)) # in nanoseconds
all_rows assay.db >whole.rows
# The same again finds its rows there and measures nothing: the fastest of three takes no third of it.
least=$took
for try in 1 2 3; do
    start=$(now)
    long >again.txt || fail "second run"
    again=$(($(now) - start))
    [ $again -ge $least ] || least=$again
done
same whole.txt again.txt
[ $((3 * least)) -lt $took ] || fail "a second run took $least ns, the first one $took ns"
rm -f assay.db* again.txt

complete() { # what it is called
    long --report done.html >done.txt 2>err || fail "$1: the same command fails"
    same whole.txt done.txt
    same whole.html done.html
    same whole.json done.json
    all_rows assay.db >done.rows
    same whole.rows done.rows
    "$assay" verify --db assay.db >out 2>err
    [ $? -eq 3 ] || fail "$1: verify"
    rm -f assay.db* done.*
}

echo "--- interrupted"
hit=0 tries=0
while [ $hit -lt 3 ]; do
    stop_it INT $((1 + hit)) 5
    if stopped 1 "interrupted"; then
        grep -q '^assay: interrupted after [0-9]* of 10 checks$' err || fail "interrupted: message"
        grep -q '^assay: the same command goes on from there$' err || fail "interrupted: no advice"
        undecided
    fi
    complete "interrupted after $when s"
done

echo "--- killed"
hit=0 tries=0
while [ $hit -lt 8 ]; do
    stop_it KILL $hit 8
    stopped 137 "killed"
    complete "killed after $when s"
done
ls

# verify: the status is that of the claims; a store that was tampered with is found out.
. tests/cli/study.inc
make_study
audit -q >out || fail "audit"

say verify --db assay.db
say verify --db assay.db --claim improves
say verify tiny --db assay.db --claim shares-hold
say verify --db assay.db --claim generalises
say verify --db assay.db --claim pipeline --json | sed 's/"design": ".*"/"design": KEY/'
say verify --db assay.db --claim none
say verify none --db assay.db
say verify --db none.db
[ ! -e none.db ] || fail "verify made a store"

echo "--- tampered"
# Bytes of the same length, so that only the content of one row changes.
tamper() { # from, to, how it is called
    cp assay.db tampered.db
    LC_ALL=C sed "s/$1/$2/" assay.db >tampered.db
    cmp -s assay.db tampered.db && fail "$3: nothing was changed"
    [ "$(wc -c <assay.db)" -eq "$(wc -c <tampered.db)" ] || fail "$3: the size changed"
    "$assay" verify --db tampered.db >out 2>err
    status=$?
    [ $status -eq 5 ] || fail "$3: status $status"
    [ ! -s out ] || fail "$3: printed a result"
    sed 's/[0-9a-f]\{64\}/KEY/g' err
}
tamper 'It is 50 degrees' 'It is 51 degrees' 'an answer'
tamper 'Question 7: how hot' 'Question 7: how wet' 'a prompt'
tamper 'A tiny study' 'A tiny stuDy' 'the plan'
tamper 'impossible share' 'improbable share' 'a cause'

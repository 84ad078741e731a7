# Failures of each verb: the status, one message, with --json one object, and nothing half-written.
. tests/cli/study.inc
make_study
reaudit() { say reaudit study/study.yaml --data study --db assay.db "$@"; }

echo "--- usage"
say reaudit study/study.yaml --db assay.db
say reaudit study/study.yaml --db assay.db --json
reaudit --threads many
reaudit --threads 257
ASSAY_THREADS=-1 reaudit
say report --db assay.db

echo "--- files that are not there"
say reaudit none.yaml --data study --db assay.db
say reaudit study/study.yaml --data none --db assay.db
[ ! -e assay.db ] || "$assay" list runs --db assay.db

echo "--- malformed"
audit --report report.html -q >out || fail "audit"
cp report.html kept.html
cp report.json kept.json
cp assay.db kept.db
bad() { # file, text: the study with that file's content fails, and leaves the report alone
    cp "study/$1" saved
    printf '%s' "$2" >"study/$1"
    say reaudit study/study.yaml --data study --db assay.db --report report.html
    cp saved "study/$1"
    same kept.html report.html
    same kept.json report.json
}
bad before.json '{"items": [}'
bad before.json '{"model": "x", "budget": 1, "items": []}'
bad after.jsonl '{"prompt": "a"}
{"prompt": "b"'
bad features.npz 'PK'
bad study.yaml 'schema: assay.plan/1
name: [a
'
bad study.yaml 'schema: assay.plan/1
name: a
tables: {}
checks: {}
clams: {}
'
cp study/before.json saved
printf '{"items": [1,' >study/before.json
"$assay" reaudit study/study.yaml --data study --db assay.db --json 2>err
echo "status $?"
cat err
cp saved study/before.json

echo "--- places that cannot be written"
mkdir folder.html
quiet reaudit study/study.yaml --data study --db assay.db --report folder.html
cat err
ls folder* | grep tmp
quiet reaudit study/study.yaml --data study --db assay.db --report none/report.html
sed 's/tmp\.[0-9]*/tmp.PID/' err
quiet reaudit study/study.yaml --data study --db none/assay.db
sed 's/:.*none/: none/' err
quiet reaudit study/study.yaml --data study --db study/before.json
cat err
audit >out 2>err || fail "audit"
if [ -c /dev/full ]; then
    "$assay" gate --db assay.db >/dev/full 2>err
    echo "status $?"
    cat err
fi

echo "--- one writer"
(
    exec 9>assay.db.lock
    flock 9
    say reaudit study/study.yaml --data study --db assay.db | sed 's/(.*)/(...)/'
)
ls | grep -v '^\(study\|out\|err\|saved\|kept.*\|report.*\|folder.*\|assay.db.*\)$'
echo "--- hostile names"
printf 'schema: assay.plan/1\nname: "a\\e[31m"\ntables: {}\nchecks: {x: {check: "\\e[31m"}}\n' >hostile.yaml
say reaudit hostile.yaml --data study --db assay.db
say reaudit "$(printf 'no\033[31mfile')" --data study --db assay.db
say gate --db assay.db --claim "$(printf '\342\200\256x')"

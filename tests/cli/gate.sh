# gate: the exit status of claims, and JUnit.
. tests/cli/study.inc
make_study
say gate --db assay.db
audit -q >out || fail "audit"

say gate --db assay.db
say gate --db assay.db --claim improves
say gate --db assay.db --claim improves --claim generalises
say gate --db assay.db --claim generalises --claim shares-hold
say gate --db assay.db --claim shares-hold --claim pipeline
say gate --db assay.db --claim improves --prml-status
say gate --db assay.db --claim generalises --prml-status
say gate --db assay.db --claim shares-hold --prml-status
say gate --db assay.db --claim improves --json
say gate --db assay.db --claim nothing
say gate --db assay.db --claim check/gain
say gate other --db assay.db
say gate tiny --db assay.db -q --claim improves --junit gate.xml
cat gate.xml

echo "--- all claims"
quiet gate --db assay.db --junit gate.xml
cat gate.xml
cp gate.xml kept.xml
quiet gate --db assay.db --junit nowhere/gate.xml
sed 's/tmp\.[0-9]*/tmp.PID/' err
quiet gate none --db assay.db --junit gate.xml
same kept.xml gate.xml

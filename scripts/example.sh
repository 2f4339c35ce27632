#!/bin/sh
# Plays a worked example of models/scenarios: simulates it, looks through what is declared, replays
# it with a ledger, and writes the report that its reader would ask for.
#
# scripts/example.sh BORDERFLOW NAME
set -eu

borderflow=$1
name=$2
example=models/scenarios/$name
out=out/examples/$name

if [ ! -f "$example/config.toml" ]; then
    echo "no example $name: there are hospital, gene-laboratory, car-maker, fund, free-trade-zone" >&2
    exit 2
fi
mkdir -p "$out"
"$borderflow" simulate "$example/scenario.toml" --output "$out/capture.pcap" --truth "$out/truth.jsonl"
from=$(sed -n 's/^start = "\([0-9-]*\).*/\1/p' "$example/scenario.toml")
days=$(sed -n 's/^days = \([0-9]*\).*/\1/p' "$example/scenario.toml")
to=$(date -u -d "$from + $((days - 1)) days" +%F)
"$borderflow" check "$example/config.toml" --on "$from"
[ -f "$out/ledger.key" ] || "$borderflow" ledger key "$out/ledger.key"
"$borderflow" replay "$out/capture.pcap" --config "$example/config.toml" --out "$out/results" \
    --ledger --key "$out/ledger.key"
"$borderflow" ledger verify "$out/results/ledger"
for language in en zh; do
    "$borderflow" report self-assessment --ledger "$out/results/ledger" --from "$from" --to "$to" \
        --language "$language" --form html --output "$out/report.$language.html"
done
# Its commands are for its own folder, from where the program has to be found.
case $borderflow in
    */*) program=$(cd "$(dirname "$borderflow")" && pwd)/$(basename "$borderflow") ;;
    *) program=$borderflow ;;
esac
sed "s|^borderflow |$program |; s|\`borderflow |\`$program |g" "$example/README.md"
echo
echo "The commands above are for the folder $example."
echo "Verdicts are in $out/results/verdicts.jsonl, alerts in $out/results/alerts.jsonl, and reports"
echo "in $out/report.en.html and $out/report.zh.html."

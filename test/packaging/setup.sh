#!/usr/bin/env bash
# Prepares the two file systems that the tests run programs in, from Debian's packages:
#   build/packaging/runtime   what the images' base, gcr.io/distroless/base-nossl-debian13, consists of
#   build/packaging/debian    a Debian with systemd, to install the package in
set -euo pipefail
cd "$(dirname "$0")/../.."

programs=(mmdebstrap rpm lintian systemd-analyze promtool amtool prometheus prometheus-alertmanager ip)
packages=(mmdebstrap rpm lintian systemd prometheus prometheus-alertmanager iproute2)
missing=false
for program in "${programs[@]}"; do
	command -v "$program" >/dev/null || missing=true
done
if $missing; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

mkdir -p build/packaging
cd build/packaging

# Each is made under another name first: a folder that is there is whole.
if [ ! -d runtime ]; then
	rm -rf runtime.part
	mmdebstrap --quiet --variant=extract --include=base-files,netbase,tzdata,ca-certificates,libc6 trixie runtime.part
	# The packages that these depend on are not in the image.
	rm -rf runtime.part/usr/{bin,sbin,libexec,share/{debconf,doc,perl5,man,locale}}/* runtime.part/usr/lib/ssl \
		runtime.part/usr/lib/*/{libssl,libcrypto,libgcc_s,libz,libzstd}* runtime.part/usr/lib/*/{engines-3,ossl-modules} runtime.part/etc/{hostname,resolv.conf,ssl}
	mkdir -p runtime.part/{etc/ssl/certs,tmp,home,proc,sys,dev}
	cat runtime.part/usr/share/ca-certificates/mozilla/*.crt >runtime.part/etc/ssl/certs/ca-certificates.crt
	printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin' \
		'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >runtime.part/etc/passwd
	mv runtime.part runtime
fi
if [ ! -d debian ]; then
	rm -rf debian.part
	mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,ca-certificates,curl bookworm debian.part
	echo '127.0.0.1 localhost' >debian.part/etc/hosts
	rm -f debian.part/etc/resolv.conf
	mv debian.part debian
fi

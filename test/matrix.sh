#!/usr/bin/env bash
# Another release's PostgreSQL in a slim chroot: builds, installs, runs
# pg_regress and isolation there.  As root; exits 77 when it cannot be had.
# That of trixie has bookworm's PostgreSQL as well, to upgrade from.
#
#	test/matrix.sh prepare SUITE:VERSION...
#	test/matrix.sh test SUITE:VERSION [reproduce] KIND...
#							those of test/servers.sh
#	test/matrix.sh build SUITE:VERSION ARCHIVE OUT	for deploy/release
#
# Roots are kept, one for each list of packages: some 650 MB, a minute to make.

set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/test/setup.sh"

# LLVM is left out: half of the size, and we build without it.  A release in
# the making may have an index that has expired.
prepare()
{
	local suite=${1%:*} version=${1#*:} older=()
	local packages=postgresql-$version,postgresql-server-dev-$version
	packages+=,build-essential,libcurl4-openssl-dev,libsodium-dev,libssl-dev,libp11-kit-dev,libipc-run-perl
	packages+=,debhelper,faketime,locales,umoci
	if [ "$suite" = trixie ]; then
		packages+=,postgresql-15,postgresql-server-dev-15
		older=(--setup-hook='sed s/trixie/bookworm/ "$1/etc/apt/sources.list" >"$1/etc/apt/sources.list.d/bookworm.list"')
	fi

	there=$cache/$suite-$(cksum <<<"$packages" | cut -d' ' -f1)
	mkdir -p "$cache"
	exec 9>"$there.lock"
	flock 9
	[ ! -d "$there" ] || return 0
	command -v mmdebstrap >/dev/null || return 77
	rm -rf --one-file-system "$there.new"
	mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
		--keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Retries "5"' \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/lib/llvm-*/*' \
		--dpkgopt='path-exclude=/usr/lib/*/libLLVM*' \
		--dpkgopt='path-exclude=/usr/lib/*/libclang*' \
		--essential-hook='mkdir -p "$1/etc/postgresql-common"' \
		--essential-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
		"${older[@]}" "$suite" "$there.new" || return 77
	mv "$there.new" "$there"
}

# Namespaces of its own: whatever ends this ends its servers and mounts too.
# Where / is no mount, as in a chroot, nothing of it can be propagated either.
isolated=(unshare --mount --pid --fork --kill-child)
"${isolated[@]}" true 2>/dev/null || isolated+=(--propagation unchanged)
"${isolated[@]}" true || { echo "E: no namespaces here"; exit 77; }

action=$1
shift
if [ "$action" = prepare ]; then
	for row; do
		prepare "$row" || true
	done
	exit
fi

prepare "$1" || exit
version=${1#*:}
shift
rm -rf --one-file-system "$there/build"
if [ "$action" = build ]; then
	mkdir "$there/build"
	tar -C "$there/build" --no-same-owner -xzf "$1"
	"${isolated[@]}" chroot "$there" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp \
		bash -c '
			mount -t proc proc /proc
			cd /build && chown -R postgres . || exit
			exec runuser -u postgres -- env "PG_CONFIG=/usr/lib/postgresql/$1/bin/pg_config" \
				*/deploy/build out deb image' bash "$version"
	cp -R "$there/build/out/." "$2"
	exit
fi
copy_tree "$there/build"

exec "${isolated[@]}" chroot "$there" \
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=$LANG LC_ALL=$LC_ALL ${LONG:+LONG=1} \
	bash -c '
		mount -t proc proc /proc
		cd /build && chown -R postgres . || exit
		for version in $(ls /usr/lib/postgresql | grep -vx "$1") "$1"; do
			make="make -s with_llvm=no PG_CONFIG=/usr/lib/postgresql/$version/bin/pg_config"
			said=$(runuser -u postgres -- $make clean 2>&1 &&
				runuser -u postgres -- $make COPT=-Werror 2>&1 && $make install 2>&1) ||
				{ printf "not ok - build\n%s\n" "$said"; exit 1; }
		done
		echo "ok - build"
		shift
		if [ "$1" = reproduce ]; then
			shift
			PG_CONFIG=/usr/lib/postgresql/$version/bin/pg_config deploy/reproduce --files
			[ $# -gt 0 ] || exit
		fi
		exec runuser -u postgres -- env PG_CONFIG=/usr/lib/postgresql/$version/bin/pg_config \
			BIONIC_CRYPT_TEST_OLD=/usr/lib/postgresql/15 test/servers.sh "$@"' bash "$version" "$@"

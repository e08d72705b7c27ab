#!/usr/bin/env bash
# The tests that need a server, on servers of their own, with the library as
# it is installed; not as root.  Prints "ok - kind name" for each.
#
#	test/servers.sh [regress] [isolation] [tap] [upgrade] [image]
#
# PG_CONFIG as for make; LONG=1 for the full sizes of test/t.  An upgrade is from
# the PostgreSQL in BIONIC_CRYPT_TEST_OLD.

self=$(realpath "$0")
cd "$(dirname "$0")/.." || exit 1
[ "$(id -u)" != 0 ] || { echo "not ok - a server does not run as root"; exit 1; }

failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
installcheck=(make -s installcheck "PG_CONFIG=${PG_CONFIG:-pg_config}" with_llvm=no)

# PostgreSQL 15 says "test NAME ... ok", later ones "ok 1 - NAME".
pg_regress()
{
	local kind=$1 verdict verdicts
	shift

	rm -rf tmp_check log regression.diffs
	mkdir tmp_check
	"${installcheck[@]}" "$@" EXTRA_REGRESS_OPTS="--temp-instance=$PWD/tmp_check/instance \
		--temp-config=$PWD/test/bionic_crypt.conf" >"$log" 2>&1 && verdict=ok || verdict="not ok"
	verdicts=$(sed -nE "s/^test (\w+) +\.\.\. ok .*/ok - $kind \1/p
		s/^test (\w+) +\.\.\. FAILED .*/not ok - $kind \1/p
		s/^((not )?ok) [0-9]+ +- (\w+) .*/\1 - $kind \3/p" "$log")
	grep '^ok' <<<"$verdicts"
	[ "$verdict" != ok ] || [ -z "$verdicts" ] || return

	failed=1
	grep '^not ok' <<<"$verdicts" || { echo "not ok - $kind"; tail -n 20 "$log"; }
	cat regression.diffs 2>/dev/null
	grep -E 'PANIC|TRAP|terminated by signal' log/postmaster.log
}

# A script of test/t in a folder of its own, and all that is to be said of it at once.
tap_script()
{
	local kind=$1 name=$(basename "$2" .pl) folder
	folder=$PWD/tmp_check/$name

	mkdir -p "$folder"
	if timeout -k 10 900 "${installcheck[@]}" "CURDIR=$folder" REGRESS= ISOLATION= TAP_TESTS=1 \
		PROVE_TESTS="$2" >"$log" 2>&1; then
		echo "ok - $kind $name$(sed -n 's/.* skipped: / # SKIP /p' "$log")" | flock tmp_check cat
		return
	fi
	{
		echo "not ok - $kind $name"
		grep -v '^+++' "$log"
		grep -hE 'PANIC|TRAP|terminated by signal' "$folder"/tmp_check/log/*.log
	} | flock tmp_check cat
	return 1
}

# Two at a time: most of their time they wait.
tap()
{
	local kind=$1
	shift

	mkdir -p tmp_check
	printf '%s\n' "$@" | PG_TEST_PORT_DIR=$PWD/tmp_check/ports xargs -P 2 -I '{}' "$self" script "$kind" '{}' || failed=1
}

if [ "$1" = script ]; then
	tap_script "$2" "$3"
	exit
fi

[ $# -gt 0 ] || set -- regress isolation tap
for kind; do
	case $kind in
		regress) pg_regress regress ISOLATION= ;;
		isolation) pg_regress isolation REGRESS= ;;
		tap) tap tap $(ls test/t/*.pl | grep -v pg_upgrade) ;;
		upgrade) tap upgrade test/t/*pg_upgrade.pl ;;
		image) tap image test/t/*extension_image.pl ;;
		*) echo "not ok - no tests of kind $kind"; failed=1 ;;
	esac
done
exit $failed

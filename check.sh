#!/usr/bin/env bash
# Runs every test, and installs what it needs for that on Debian and Ubuntu:
# as root or as a user with sudo.  Ends with "N passed, N failed".
#
#	./check.sh			aims for 20 minutes, never takes more than 45
#	./check.sh --long		full sizes, sanitised unit tests, TAP in the matrix
#	./check.sh --only STEP...	see "all" below
#
# What is missing is skipped, and said; BIONIC_CRYPT_TEST_REQUIRE lists tools
# whose absence is a failure instead, 'all' for every one that a release has.
# BIONIC_CRYPT_TEST_DATA is the folder of optional data, ../shared/data if any;
# BIONIC_CRYPT_TEST_BAO an OpenBao to use instead of the one that is fetched.

cd "$(dirname "$0")" || exit 1
root=$PWD
. test/setup.sh

all="lint build kubernetes reproduce unit fuzz regress isolation tap matrix"
steps=$all
limit=$((42 * 60))
LONG=
passed=0 failed=0 skipped=0

while [ $# -gt 0 ]; do
	case $1 in
		--long) export LONG=1; limit=$((6 * 3600)) ;;
		--only) shift; steps=$*; break ;;
		*) die "usage: ./check.sh [--long] [--only STEP...]" ;;
	esac
	shift
done

for step in $steps; do
	[[ " $all " == *" $step "* ]] || die "there is no step $step, but: $all"
done

wants()
{
	local step

	for step; do
		[[ " $steps " != *" $step "* ]] || return 0
	done
	return 1
}

# A command that ends after so many seconds, or when the whole time is over.
bounded()
{
	local seconds=$1 left=$((limit - SECONDS))
	shift

	[ -z "$LONG" ] || seconds=$((seconds * 10))
	timeout -k 10 $((left < 1 ? 1 : left < seconds ? left : seconds)) "$@"
}

# skip TOOL WHY.  "all" asks neither for a release in the making nor for a
# PostgreSQL that no Debian has, nor for a device that a container may lack.
skip()
{
	local required=,${BIONIC_CRYPT_TEST_REQUIRE:-},

	if [[ $required == *",$1,"* || ( $required == *,all,* && $1 != forky && $1 != 16 && $1 != fuse ) ]]; then
		failed=$((failed + 1))
		echo "not ok - $1 is required: $2"
	else
		skipped=$((skipped + 1))
		echo "skipped - $1: $2"
	fi
}

# suite NAME COMMAND...: one that prints "ok - what" or "not ok - what" for each
# of its tests.  What follows a failure is shown, up to the next test.
suite()
{
	local name=$1 line told=0 show=0 failed_before=$failed log status
	local verdict='^(not )?ok( [0-9]+)?( -)? (.*)'
	shift

	log=$(mktemp)
	while IFS= read -r line; do
		if [[ $line =~ $verdict ]]; then
			told=$((told + 1))
			show=0
			if [[ $line == *'# SKIP'* ]]; then
				skipped=$((skipped + 1))
				echo "skipped - $name: ${BASH_REMATCH[4]}"
			elif [ "${BASH_REMATCH[1]}" ]; then
				failed=$((failed + 1))
				show=200
				echo "not ok - $name: ${BASH_REMATCH[4]}"
			else
				passed=$((passed + 1))
				echo "ok - $name: ${BASH_REMATCH[4]}"
			fi
		elif [ $((show--)) -gt 0 ]; then
			echo "    $line"
		fi
	done < <("$@" 2>&1 | tee "$log"; exit "${PIPESTATUS[0]}")
	wait $!
	status=$?

	if [ $failed = $failed_before ] && [ $((status != 0 || told == 0)) = 1 ]; then
		failed=$((failed + 1))
		echo "not ok - $name: ended with status $status after $told tests"
		tail -n 40 "$log" | sed 's/^/    /'
	fi
	rm -f "$log"
	return $status
}

# check NAME COMMAND...: a test of one command.
check()
{
	local name=$1 log
	shift

	log=$(mktemp)
	"$@" >"$log" 2>&1 &		# so that Ctrl-C does not wait for it
	if wait $!; then
		passed=$((passed + 1))
		echo "ok - $name"
	else
		failed=$((failed + 1))
		echo "not ok - $name: ended with status $?"
		tail -n 40 "$log" | sed 's/^/    /'
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

finish()
{
	echo
	echo "$skipped skipped, $((SECONDS / 60)) minutes"
	echo "$passed passed, $failed failed"
	exit $((failed > 0))
}

make_as_user()
{
	local seconds=$1
	shift

	bounded "$seconds" "${as_user[@]}" make -s -j2 with_llvm=no "PG_CONFIG=$PG_CONFIG" "$@"
}

# What is tested of a row of the matrix.
kinds_of()
{
	[ "${1#*:}" = "$pg_version" ] || echo "reproduce regress isolation ${LONG:+tap}"
	[ "$1" != trixie:17 ] || echo upgrade
	[ "$1" != forky:18 ] || echo image
}

# Replaces the shell, so that a job of it can be ended.
matrix()
{
	exec "${as_root[@]}" env ${LONG:+LONG=1} timeout -k 10 $((limit - SECONDS)) test/matrix.sh "$@"
}

end_jobs()
{
	local pids

	pids=$(jobs -p)
	[ -z "$pids" ] || "${as_root[@]}" kill $pids 2>/dev/null
}

# Lint alone wants nothing but perl.
[ "$steps" = lint ] || setup_packages_build
! wants lint || suite lint bounded 60 test/lint/run
[ "$steps" != lint ] || finish

setup_packages_test
setup_work
trap 'end_jobs; teardown_work' EXIT
tree=$work/tree

data=${BIONIC_CRYPT_TEST_DATA:-$root/../shared/data}
if [ -d "$data" ]; then
	export BIONIC_CRYPT_TEST_DATA=$work/data
	cp -rL --no-preserve=mode "$data" "$work/data"
else
	skip data "no folder $data"
fi

# The distribution's own PostgreSQL is tested in full; the others of 15 to 18
# in chroots, which are made while those tests run.
rows=()
if wants matrix; then
	if [ ${#as_root[@]} = 0 ] || sudo -n true 2>/dev/null; then
		for row in bookworm:15 trixie:17 forky:18; do
			[ -z "$(kinds_of "$row")" ] || rows+=("$row")
		done
		matrix prepare "${rows[@]}" >"$work/prepare.log" 2>&1 &
	else
		skip matrix "chroots need root, or sudo without a password"
	fi
fi

if wants build regress isolation tap; then
	check build make_as_user 300 -C "$tree" COPT=-Werror || finish
	setup_copy
fi

if wants reproduce; then
	if setup_packages_reproduce; then
		suite reproduce bounded 300 "${as_root[@]}" env "PG_CONFIG=$PG_CONFIG" "$root/deploy/reproduce" ${LONG:+--long}
	else
		skip reproduce "debhelper or umoci could not be installed"
	fi
fi

# What runs beside a server on Azure only, against a TPM of software.
if wants tap; then
	if apt_install libtss2-dev swtpm tpm2-tools; then
		check "build of the helper for a vTPM" make_as_user 300 -C "$tree" vtpm COPT=-Werror
	else
		skip swtpm "swtpm, tpm2-tools or libtss2-dev could not be installed"
	fi
fi

! wants tap || setup_kmip || skip kmip "PyKMIP could not be installed"
! wants tap || setup_tsm || skip fuse "no root, or no /dev/fuse"
! wants tap || setup_kms || skip vault "OpenBao could not be had; $(grep -m 1 ERROR "$work/kms.log")"

! wants unit || suite unit make_as_user 300 -C "$tree/test/unit" check
if wants unit && [ "$LONG" ]; then
	suite "unit, sanitised" make_as_user 300 -C "$tree/test/unit" check-sanitized
fi

if wants kubernetes; then
	if /usr/bin/python3 -c 'import yaml, jsonschema' 2>/dev/null; then
		suite kubernetes bounded 60 "${as_user[@]}" "$tree/test/kubernetes/validate"
	else
		skip kubernetes "python3-yaml and python3-jsonschema could not be installed"
	fi
fi

if wants fuzz; then
	if command -v clang >/dev/null; then
		suite fuzz bounded 600 "${as_user[@]}" "$tree/test/fuzz/run" $((LONG ? 600 : 15))
	else
		skip fuzz "clang could not be installed"
	fi
fi

kinds=()
! wants regress || kinds+=(regress)
! wants isolation || kinds+=(isolation)
if wants tap; then
	if perl -MIPC::Run -e 1 2>/dev/null; then
		kinds+=(tap)
	else
		skip tap "IPC::Run could not be installed"
	fi
fi
[ ${#kinds[@]} = 0 ] ||
	suite "PostgreSQL $pg_version" bounded 2100 "${as_user[@]}" env "PG_CONFIG=$bin/pg_config" \
		"$tree/test/servers.sh" "${kinds[@]}"

if wants matrix && [ "$pg_version" != 16 ]; then
	config=/usr/lib/postgresql/16/bin/pg_config
	if [ -d "$("$config" --includedir-server 2>/dev/null)" ]; then
		check "PostgreSQL 16: compiles" make_as_user 300 -C "$tree" clean all COPT=-Werror "PG_CONFIG=$config"
	else
		skip 16 "untested, its headers are not here"
	fi
fi

# All at a time, and their results one after the other.
wait
pids=()
for row in "${rows[@]}"; do
	matrix test "$row" $(kinds_of "$row") >"$work/$row.log" 2>&1 &
	pids+=($!)
done
for row in "${rows[@]}"; do
	wait "${pids[0]}"
	status=$?
	pids=("${pids[@]:1}")
	if [ $status = 77 ]; then
		skip "${row%:*}" "PostgreSQL ${row#*:} cannot be had; $(grep -m 1 '^E:' "$work/$row.log")"
	else
		suite "PostgreSQL ${row#*:}" sh -c "cat '$work/$row.log'; exit $status"
	fi
done
finish

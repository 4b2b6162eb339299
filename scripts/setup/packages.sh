#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Makes sure that the Debian packages of the named profiles are installed.
# Prints the packages that it installs.  Without root, or on another system, it
# prints the missing packages and fails.
#
# usage: packages.sh PROFILE...     (build, unit, model, lab, kernel, suites, debian, static, mutants, fuzz,
#                               profile, deb, tools, screenshots)
set -eu

packages_of() {
	case $1 in
	build) echo make gcc g++ ccache kmod dwarves libelf-dev libxen-dev ;;
	unit) echo make g++ clang ccache libgtest-dev libxen-dev ;;
	model) echo python3 binutils ;;
	mutants) echo python3 ;;
	fuzz) echo make clang llvm libclang-rt-14-dev ccache libxen-dev ;;
	kernel) echo make gcc ccache bc bison flex libelf-dev libssl-dev xz-utils kmod ;;
	lab) echo qemu-system-x86 cpio kmod python3 binutils zstd ;;
	profile) echo make gcc libc6-dev ;;
	deb) echo build-essential dpkg-dev debhelper dh-dkms lintian libxen-dev python3 git xz-utils ;;
	suites) echo debootstrap util-linux ;;
	debian) echo debootstrap util-linux e2fsprogs ;;
	tools) echo python3 bpftrace util-linux ;;
	screenshots) echo tmux python3-pil fonts-dejavu-core ;;
	static) echo make g++ clang-19 clang-tidy-19 clang-format-19 sparse shellcheck perl xz-utils libelf-dev libxen-dev ;;
	*)
		echo "$0: no such profile: $1 (build, unit, model, lab, kernel, suites, debian, static, mutants, fuzz, profile, deb, tools, screenshots)" >&2
		exit 2
		;;
	esac
}

missing=
for profile in "$@"; do
	for package in $(packages_of "$profile"); do
		case " $missing " in *" $package "*) continue ;; esac
		dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
			missing="$missing $package"
	done
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "this is not Debian: install the equivalents of these packages:$missing" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "packages are missing; as root: apt-get install$missing" >&2
	exit 1
fi

echo "installing Debian packages:$missing"
log=$(mktemp)
install() {
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >"$log" 2>&1
}
if ! install && ! { apt-get update >>"$log" 2>&1 && install; }; then
	tail -20 "$log" >&2
	echo "apt-get could not install:$missing" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"

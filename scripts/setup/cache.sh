# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced: where heavy things are kept between runs, outside the checkout.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/xen-blkback
mkdir -p "$cache"

# fetch_packages FOLDER PACKAGE...: the packages and all that they need, as if
# nothing were installed, downloaded into FOLDER and installed nowhere.
fetch_packages() {
	fetch_folder=$1
	shift
	mkdir -p "$fetch_folder/partial"
	: >"$fetch_folder/status"
	apt-get -o Dir::State::status="$fetch_folder/status" \
		-o Dir::Cache::archives="$fetch_folder" \
		-o APT::Sandbox::User=root \
		install --download-only -y --no-install-recommends "$@" >"$fetch_folder/apt.log" 2>&1 || {
		tail -5 "$fetch_folder/apt.log" >&2
		return 1
	}
}

# package_version PACKAGE: the version that apt would take.
package_version() {
	apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p'
}

# known_packages: package lists are needed before anything can be resolved.
known_packages() {
	[ -n "$(package_version linux-headers-amd64)" ] || apt-get update >/dev/null 2>&1 || true
}

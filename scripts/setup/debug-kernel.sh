#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A kernel that looks for mistakes, built from Debian's source of 6.12.
#
# usage: debug-kernel.sh FLAVOUR version|kdir|image     (kasan, lockdep or kcsan)
#
#   kasan     KASAN, lockdep, kmemleak: on a bare machine and in a PVH domain
#   lockdep   the same without KASAN, which does not boot as a PV domain: dom0
#   kcsan     KCSAN
#
#   version   the release, as uname -r prints it
#   kdir      a folder to build modules with
#   image     a folder with boot/ and lib/modules/ of the kernel
#
# All three are built when they are missing, in eight minutes on two CPUs, into
# the cache.
set -eu

flavour=$1 what=$2
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"
known_packages

if [ ! -e "$here/debug-kernel/$flavour.config" ]; then
	echo "$0: no such flavour: $flavour (kasan, lockdep, kcsan)" >&2
	exit 2
fi
package=linux-source-6.12
version=$(package_version "$package")
if [ -z "$version" ]; then
	echo "the package archive has no $package (is bookworm-backports or bookworm-security among the sources?)" >&2
	exit 1
fi
key=$( (echo "$version"; gcc --version; cat "$here/debug-kernel.sh" \
	"$here/debug-kernel/common.config" "$here/debug-kernel/$flavour.config") |
	sha256sum | cut -c1-16)
folder=$cache/debug-kernel/$flavour/$key

# KASAN's shadow does not exist yet when Xen's entry for PVH domains runs these.
early="KASAN_SANITIZE_enlighten.o=n KASAN_SANITIZE_enlighten_pvh.o=n
	KASAN_SANITIZE_enlighten_hvm.o=n KASAN_SANITIZE_enlighten_pv.o=n KASAN_SANITIZE_features.o=n"

build() {
	echo "building the $flavour debug kernel from $package $version (eight minutes)" >&2
	"$here/packages.sh" kernel >&2
	work=$(mktemp -d "$cache/tmp.XXXXXX")
	log=$cache/debug-kernel-$flavour.log
	echo "progress: $log" >&2
	(cd "$work" && apt-get -o APT::Sandbox::User=root download "$package" >&2)
	mkdir "$work/kdir"
	# Sources of what no configuration of ours holds only take room.
	dpkg-deb --fsys-tarfile "$work"/*.deb | tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ -C "$work/kdir" --strip-components=1 --wildcards \
			--exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/media/*.[ch]' \
			--exclude='*/drivers/infiniband/*.[ch]' --exclude='*/drivers/staging/*.[ch]' \
			--exclude='*/sound/*.[ch]' \
			--exclude='*/arch/arm*/*.dts*' --exclude='*/Documentation/*.rst'
	rm -f "$work"/*.deb
	set +e # a subshell before "||" would go on after a failure
	(
		set -e
		cd "$work/kdir"
		# gntdev and mmap() take their locks in both orders: lockdep says so once, as
		# soon as xenstored starts, and looks at nothing from then on.
		sed -i 's/^\tmutex_init(&priv->lock);$/&\n\tlockdep_set_novalidate_class(\&priv->lock);/' \
			drivers/xen/gntdev.c
		grep -q lockdep_set_novalidate_class drivers/xen/gntdev.c
		cat "$here/debug-kernel/common.config" "$here/debug-kernel/$flavour.config" >fragment
		make allnoconfig KCONFIG_ALLCONFIG=fragment
		# An option that the configuration lost is a check that is not made.
		grep '^CONFIG_.*=[ym]$' fragment | while read -r option; do
			grep -qx "$option" .config || echo "lost: $option"
		done >lost
		if [ -s lost ]; then
			cat lost
			exit 1
		fi
		cc=gcc
		if command -v ccache >/dev/null 2>&1; then cc="ccache gcc"; fi
		# shellcheck disable=SC2086 # a list of words
		make CC="$cc" -j"$(nproc)" $early bzImage modules
		make INSTALL_MOD_PATH="$work/image" modules_install
		release=$(cat include/config/kernel.release)
		mkdir "$work/image/boot"
		cp arch/x86/boot/bzImage "$work/image/boot/vmlinuz-$release"
		rm -f "$work/image/lib/modules/$release/build" "$work/image/lib/modules/$release/source"
		# Modules are built with headers, scripts and Module.symvers.
		find . -path ./scripts -prune -o -path ./tools -prune -o -type f \
			\( -name '*.o' -o -name '*.a' -o -name '*.ko' -o -name '*.cmd' -o -name '*.c' \
			-o -name '*.mod' -o -name 'vmlinux*' -o -name 'bzImage' \) -print0 |
			xargs -0 rm -f
	) >"$log" 2>&1
	status=$?
	set -e
	if [ "$status" != 0 ]; then
		tail -20 "$log" >&2
		echo "the $flavour debug kernel did not build: $log" >&2
		rm -rf "$work"
		exit 1
	fi
	rm -rf "$cache/debug-kernel/$flavour"
	mkdir -p "${folder%/*}"
	mv "$work" "$folder"
}

# Whoever comes second waits for what the first builds.
exec 9>"$cache/debug-kernel-$flavour.lock"
flock 9
[ -e "$folder" ] || build
case $what in
version) cat "$folder/kdir/include/config/kernel.release" ;;
kdir | image) echo "$folder/$what" ;;
*)
	echo "$0: version, kdir or image?" >&2
	exit 2
	;;
esac

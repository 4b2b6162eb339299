# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the scenarios with a hostile frontend: runs cases of /lab/$hostile_folder in the guest
# "gt", beside the verified I/O of the guest "g2".
#
# Variables (lab --set):
#   cases="NAME..."   only these cases
#   hostile_pace=all  also the cases marked "rare" (rare: only these)
#   group=NUMBER      so many cases between two checks (10)
#   go_on=yes         what is wrong is a NOTE, and the next cases run (always with the in-tree
#                     driver): for a mutant of ours
. /lab/dom0/checks.sh

hostile_folder=hostile
declare -A hostile_device=([rw]=xvdb [ro]=xvdc [4k]=xvdd [plain]=xvde [slow]=xvdf [nodiscard]=xvdg)

stops_at_faults() { driver_is_ours && [ -z "${go_on:-}" ]; }

# complain WORDS: something is wrong after a group of cases.  The in-tree driver goes on.
complain() {
	! stops_at_faults || fail "$hostile_group: $*"
	echo "NOTE hostile: $hostile_group: $*"
}

now() { cut -d' ' -f1 /proc/uptime; }
sectors_of_g2() { echo $(($(statistic g2 rd_sect) + $(statistic g2 wr_sect))); }
gt_threads() { ps -eo comm= | grep -cE "^(blkback\.)?$(guest_id gt)\.xvd"; }
gt_channels() { lsevtchn 0 | grep -cE "Remote Domain $(guest_id gt),"; }
no_gt_threads() { [ "$(gt_threads)" = 0 ]; }
channels_are_back() { [ "$(gt_channels)" -le "$hostile_channels" ]; }
# The pages of gt that other domains have mapped, from Xen's own table.
gt_mapped() {
	xl dmesg -c >/dev/null
	xl debug-keys g
	pause 0.5
	xl dmesg -c | awk -v table="d$(guest_id gt) " '
		/grant-table for remote/ { ours = index($0, table) != 0 }
		ours && /\[0x[0-9a-f]+\]|\[ *[0-9]+\]/ { n++ }
		END { print n + 0 }'
}

# g2's rate since the last call, in sectors a second; sets "rate".
g2_rate() {
	local at sectors
	at=$(now)
	sectors=$(sectors_of_g2)
	rate=$(awk -v s="$((sectors - rate_sectors))" -v t="$at" -v b="$rate_at" 'BEGIN { printf "%d", s / (t - b + 0.001) }')
	rate_at=$at
	rate_sectors=$sectors
}

g2_works() { [ "$(statistic g2 wr_sect)" -ge 500 ]; }

# Makes and attaches the disks that the cases want.
hostile_disks() {
	local disk kind kinds
	kinds=" $(for kind in rw ro 4k plain nodiscard slow; do [ -z "$(hostile_names $kind)" ] || echo $kind; done | tr '\n' ' ')"
	case $kinds in *" rw "*) attach_only gt "$(image disk 32)" xvdb w ;; esac
	hostile_image=$(image readonly 32)
	hostile_sum=$(file_sum "$hostile_image")
	case $kinds in *" ro "*) attach_only gt "$hostile_image" xvdc r ;; esac
	case $kinds in
	*" 4k "*)
		scsi_disk 4096
		# With a scheduler requests are merged (XSA-229).
		echo mq-deadline >"/sys/block/${disk##*/}/queue/scheduler"
		attach_only gt "$disk" xvdd w
		;;
	esac
	case $kinds in
	*" plain "*)
		need modprobe brd rd_nr=1 rd_size=16384
		attach_only gt /dev/ram0 xvde w
		;;
	esac
	case $kinds in
	*" slow "*)
		null_disk size=16 memory_backed=1 irqmode=2 completion_nsec=100000000
		attach_only gt "$disk" xvdf w
		;;
	esac
	case $kinds in
	*" nodiscard "*)
		need xl block-attach gt "$(image nodiscard 8),raw,xvdg,w,no-discard"
		[ "$(xenstore-read "$(backend_node gt xvdg)/discard-enable")" = 0 ] || fail "discard is not disabled"
		;;
	esac
}

hostile_start() {
	driver_load
	need set_parameter max_queues 2
	guests_destroy
	guest_vcpus=2 guest_create_tool gt
	guest_cpus=4 guest_create g2
	attach g2 "$(image good 32)" xvdb w
	hostile_disks
	hostile_passed=0
	hostile_failed=0
	hostile_group="before the cases"
	hostile_channels=$(gt_channels)
	hostile_mapped=$(gt_mapped)
	say "gt: $hostile_channels event channels, $hostile_mapped pages mapped before its first connect"
	# A pause after each block: fio that keeps a rate (rate_iops) takes a whole CPU here.
	guest_start g2 load "fio --name=verify --filename=/dev/xvdb --size=16M --direct=1 --ioengine=psync --rw=randrw --bs=16k \
		--thinktime=${pace:-30000} --verify=crc32c --verify_backlog=32 --verify_fatal=1 --time_based --runtime=3000 --minimal"
	# fio takes a while to start, and reads first what it is to verify.
	wait_for 60 g2_works || fail "g2 does nothing"
	# Beside a guest that only computes: the emulated CPUs share the host's, so that a guest
	# which is busy slows the others down without any request.
	guest_start gt compute 'for i in 1 2; do timeout 25 sh -c "while :; do :; done" & done; wait'
	pause 5
	rate_at=$(now)
	rate_sectors=$(sectors_of_g2)
	pause 10
	g2_rate
	hostile_rate=$rate
	guest_join gt compute 60
	say "g2 beside a guest that computes: $rate sectors a second"
	rate_at=$(now)
	rate_sectors=$(sectors_of_g2)
	check_logs || fail "before the cases"
}

# hostile_names KIND: the cases for that disk.  A process takes 50 ms here: one for all files.
hostile_names() {
	awk -v kind="$1" -v pace="${hostile_pace:-often}" -v cases=" ${cases:-} " '
		FNR == 1 {
			name = FILENAME
			sub(".*/", "", name)
			sub("\\.case$", "", name)
			names[++n] = name
			disk[name] = "rw"
			often[name] = "often"
		}
		$1 == "rare" { often[name] = "rare" }
		$1 == "disk" { disk[name] = $2 }
		function wanted(name) {
			if (cases != "  ") return index(cases, " " name " ")
			return pace == "all" || often[name] == pace
		}
		END {
			for (i = 1; i <= n; i++)
				if (disk[names[i]] == kind && wanted(names[i])) print names[i]
		}' "/lab/$hostile_folder"/*.case
}

hostile_run() { # KIND
	local names size=${group:-10}
	read -ra names <<<"$(hostile_names "$1" | tr '\n' ' ')"
	while [ ${#names[@]} != 0 ]; do
		hostile_cases "$1" "${names[@]:0:size}"
		names=("${unrun[@]}" "${names[@]:size}")
	done
}

# What is in sysfs for the disks of gt is read all the time.
readers_start() {
	rm -f /tmp/readers.end
	(
		reads=0
		while [ ! -e /tmp/readers.end ]; do
			for file in "/sys/bus/xen-backend/devices/vbd-$(guest_id gt)-"*/statistics/* "/sys/bus/xen-backend/devices/vbd-$(guest_id gt)-"*/{mode,physical_device}; do
				read -r _ <"$file" && reads=$((reads + 1))
			done
		done 2>/dev/null
		echo $reads >/tmp/readers.reads
	) &
}

readers_stop() {
	touch /tmp/readers.end
	wait $!
	say "sysfs was read $(cat /tmp/readers.reads) times meanwhile"
	[ "$(cat /tmp/readers.reads)" != 0 ] || fail "nothing was read from sysfs"
}

hostile_cases() { # KIND NAME...
	local kind=$1 name files='' readers began line
	shift
	hostile_group="$*"
	for name in "$@"; do files="$files /$hostile_folder/$name.case"; done
	# A case may kill dom0: the console then ends with its name.
	if stops_at_faults; then say "about to run: $*"; else echo "NOTE hostile: about to run: $*"; fi
	began=$(now)
	readers=$(cd "/lab/$hostile_folder" && grep -l '^beside readers$' "${@/%/.case}")
	[ -z "$readers" ] || readers_start
	guest gt "frontend run $(vdev_number "${hostile_device[$kind]}") $files" 600 | sed 's/\\n/\n/g' >/tmp/hostile.said
	[ -z "$readers" ] || readers_stop
	while read -r line; do
		case $line in
		"ok "*) hostile_passed=$((hostile_passed + 1)) ;;
		"FAILED "*) hostile_failed=$((hostile_failed + 1)) ;;
		"LOST "*) ;;
		*) continue ;;
		esac
		if stops_at_faults; then say "$line"; else echo "NOTE hostile: $line"; fi
	done </tmp/hostile.said
	# Not one that took too long: each try would.
	name=$(sed -n '/did not end within/d; s/^FAILED \([^:]*\):.*/\1/p' /tmp/hostile.said | head -1)
	if [ "$hostile_folder" = sequences ] && [ -n "$name" ] && ! grep -q '^LOST' /tmp/hostile.said; then
		program_made_smaller "$name" "$kind"
	fi
	if stops_at_faults && grep -qE '^(FAILED|LOST)' /tmp/hostile.said; then
		fail "$(grep -E '^(FAILED|LOST)' /tmp/hostile.said | head -1)"
	fi
	# After a LOST the rest waits for a disk that is attached anew.
	unrun=()
	for name in "$@"; do
		grep -qE "^(ok|FAILED|LOST) $name( |:)" /tmp/hostile.said || unrun+=("$name")
	done
	if [ ${#unrun[@]} = $# ]; then
		unrun=()
		complain "no case has ended: $(tail -n 2 /tmp/hostile.said)"
	fi
	hostile_check "$began"
	! grep -q '^LOST' /tmp/hostile.said || hostile_anew "$kind"
}

hostile_check() { # UPTIME: what began at that time
	local complaint lines worst
	wait_for 10 no_gt_threads || complain "$(gt_threads) threads of gt are left"
	wait_for 10 channels_are_back || complain "$(gt_channels) event channels of gt, $hostile_channels before"
	complaint=$(check_logs) || complain "$complaint"
	# Lines of the driver in each second.
	read -r lines worst <<<"$(grep -E 'xen-blkback|vbd[ -]|xen_blkif|xen_blkbk' /tmp/dmesg.new | sed -nE 's/^\[ *([0-9]+)\..*/\1/p' |
		uniq -c | awk '{ n += $1; if ($1 > w) w = $1 } END { print n + 0, w + 0 }')"
	if [ "$lines" -gt "${hostile_lines:-150}" ] || [ "$worst" -gt 60 ]; then
		complain "$lines lines in dom0's log, $worst within a second"
	fi
	guest_background_ended g2 load && fail "$hostile_group: g2's I/O has ended: $(guest_output g2 load)"
	g2_rate
	say "$lines lines of log, at most $worst a second; g2: $((100 * rate / hostile_rate)) % of its rate; $(awk -v a="$1" '{ printf "%.1f", $1 - a }' /proc/uptime) s"
	[ $((100 * rate / hostile_rate)) -ge 80 ] || complain "g2 has $((100 * rate / hostile_rate)) % of its rate"
}

# The disk is attached anew where the in-tree driver serves no frontend any more.
hostile_anew() { # KIND
	local device=${hostile_device[$1]} target mode=w
	target=$(xenstore-read "$(backend_node gt "$device")/params")
	[ "$1" != ro ] || mode=r
	echo "NOTE hostile: the disk is attached anew"
	xl block-detach gt "$device" || xl block-detach gt "$device" force
	pause 1
	attach_only gt "${target#*:}" "$device" $mode
}

hostile_end() {
	local mapped disk
	hostile_group="after all cases"
	mapped=$(gt_mapped)
	[ "$(file_sum "$hostile_image")" = "$hostile_sum" ] || complain "the read-only disk was written to"
	[ "$mapped" -le "$hostile_mapped" ] || complain "$mapped pages of gt are mapped, $hostile_mapped before its first connect"
	need guest g2 'kill -INT $(pidof fio)' >/dev/null
	guest_join g2 load 60
	guest_output g2 load | grep -E 'verify:|error' && fail "g2's data"
	say "$hostile_passed cases passed, $hostile_failed failed; $mapped pages of gt mapped"
	[ $((hostile_passed + hostile_failed)) != 0 ] || fail "no case ran"
	xl destroy gt
	xl destroy g2
	wait_for 20 no_zombies || fail "a zombie: $(xl list)"
	wait_for 30 no_backends || fail "a backend is left over"
	wait_for 20 rmmod xen_blkback || fail "the module is still in use"
	[ ! -d /sys/kernel/config/nullb/lab ] || null_disk_remove
	for disk in brd scsi_debug; do
		[ ! -d /sys/module/$disk ] || wait_for 20 rmmod $disk || fail "$disk is still in use"
	done
	driver_load
}

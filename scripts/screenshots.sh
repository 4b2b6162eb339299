#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes the pictures of the README: runs blkback-top in a terminal (tmux) on a sysfs that
# is replayed from a recording of the lab, and paints what the terminal shows.
#
# usage: screenshots.sh             paints Documentation/screenshots/*.png
#        screenshots.sh --record    records anew before: boots the lab (KERNEL=6.1)
set -eu

cd "$(dirname "$0")/.."
folder=Documentation/screenshots
recording=$folder/statistics.txt
scripts/setup/packages.sh screenshots

if [ "${1:-}" = --record ]; then
	kernel=${KERNEL:-6.1}
	scripts/setup/packages.sh build lab
	scripts/build/module.sh "$(scripts/setup/kernel.sh "$kernel" kdir)" "build/$kernel" -j"$(nproc)"
	scripts/lab/lab run --kernel "$kernel" --quiet record_statistics | tee build/record.log
	grep -q '^1 passed, 0 failed$' build/record.log
	mkdir -p "$folder"
	sed -n 's/^NOTE record //p' build/record.log >"$recording"
fi

work=$(mktemp -d)
trap 'tmux -S "$work/tmux" kill-server 2>/dev/null || :; rm -rf "$work"' EXIT

# The names of guests, as xenstore would tell them.
mkdir "$work/bin"
cat >"$work/bin/xenstore-read" <<END
#!/bin/sh
domid=\${1#/local/domain/}
sed -n "s/^guest \${domid%/name} //p" "$PWD/$recording"
END
chmod +x "$work/bin/xenstore-read"

# look NUMBER: writes the files of that look.
look() {
	local disk word file words
	awk -v want="$1" '$1 == "look" { n++ } n == want && /^vbd-/' "$recording" | while read -ra words; do
		disk=$work/sys/bus/xen-backend/devices/${words[0]}
		mkdir -p "$disk/statistics"
		for word in "${words[@]:1}"; do
			case $word in mode=*) file=$disk/mode ;; *) file=$disk/statistics/${word%%=*} ;; esac
			word=${word#*=}
			echo "${word//,/ }" >"$file"
		done
	done
}

# paint PICTURE: what the terminal shows, as text, in the colours of a terminal.
paint() {
	tmux -S "$work/tmux" capture-pane -p | /usr/bin/python3 -c '
import sys
from PIL import Image, ImageDraw, ImageFont
columns, margin, size = int(sys.argv[1]), 18, 22
font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf", size)
lines = sys.stdin.read().rstrip("\n").split("\n")
width, height = font.getlength("M"), round(size * 1.3)
image = Image.new("RGB", (round(columns * width) + 2 * margin, len(lines) * height + 2 * margin), "#1c2128")
draw = ImageDraw.Draw(image)
for number, line in enumerate(lines):
    draw.text((margin, margin + number * height), line, font=font, fill="#d5dae0")
image.quantize(32).save(sys.argv[2], optimize=True)
' "$columns" "$1"
	echo "$1"
}

# The look before the first table, and those before two more tables, of which the last is
# painted: the time between the last two is that of the recording.
mapfile -t times < <(awk '$1 == "look" { print $2 }' "$recording")
last=${LOOK:-4}
[ "${#times[@]}" -ge "$last" ] || { echo "$0: $recording has less than $last looks" >&2; exit 1; }
delay=$(awk "BEGIN { print ${times[last - 1]} - ${times[last - 2]} }")
half=$(awk "BEGIN { print $delay / 2 }")
columns=$(tools/blkback-top --sysfs /nowhere --once -d 0.01 | awk '{ print length($0) }')
look $((last - 2))
# Not the whole PATH of a developer: the terminal has what dom0 has.
tmux -S "$work/tmux" -f /dev/null new-session -d -x $((columns + 1)) -y 24 \
	"PATH='$work/bin':/usr/bin:/bin tools/blkback-top --sysfs '$work/sys' -d $delay"
tmux -S "$work/tmux" set status off
sleep "$half"
look $((last - 1))
sleep "$delay"
look "$last"
sleep "$delay"
paint "$folder/blkback-top.png"

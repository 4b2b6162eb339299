#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Installs a git hook that checks the layout and runs the tests in user space before
# each commit.
set -eu

cd "$(dirname "$0")/../.."
hook=$(git rev-parse --git-path hooks)/pre-commit
if [ -e "$hook" ] && ! grep -q 'make --no-print-directory check-unit' "$hook"; then
	echo "$hook exists and is not ours: remove it first" >&2
	exit 1
fi
mkdir -p "$(dirname "$hook")"
cat >"$hook" <<'HOOK'
#!/bin/sh
set -e
scripts/build/static-check.sh clang-format shellcheck
make --no-print-directory check-unit
HOOK
chmod +x "$hook"
echo "git runs before each commit: $hook"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: debug
# lab: kunit
# All KUnit cases of src/linux, in dom0.
# shows: pages, grants, event channels and xenstore of the Linux side, case by case | yes
. /lab/dom0/lib.sh
counts=$(/lab/dom0/kunit-cases /lab/kunit) || fail "$(cat /tmp/failed.kunit-cases)"
say "$counts"
passed

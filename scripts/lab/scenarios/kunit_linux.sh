#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: debug
# lab: kunit
# KUnit's cases of src/linux in dom0, those that need Xen among them.
. /lab/dom0/lib.sh
counts=$(/lab/dom0/kunit-cases /lab/kunit) || fail "$(cat /tmp/failed.kunit-cases)"
say "$counts"
passed

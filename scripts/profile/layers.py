# SPDX-License-Identifier: GPL-2.0
"""Says which part of dom0 a function belongs to."""
import collections
import re

DRIVER, BLOCK, GRANTS, EVENTS, SCHEDULER, TIME, XEN, OTHER = LAYERS = (
    'driver', 'block layer', 'grants and memory', 'event channels', 'scheduler', 'timers', 'Xen',
    'other')

DRIVERS = {'xen_blkback'}
DISKS = {'null_blk'}

# Functions of the kernel that are in no module.  The first pattern that matches counts.
# Functions that no pattern matches, such as those that copy memory or take a lock, belong to
# their caller's layer.
PATTERNS = [(layer, re.compile(pattern)) for layer, pattern in (
    (GRANTS, r'gnttab|grant|foreign|p2m|balloon|unpopulated|xen_mc_|xen_flush_tlb|xen_set_pte|'
             r'^(__)?(alloc_pages|free_pages|free_unref|get_page_from_freelist)|put_page'),
    (EVENTS, r'evtchn|xen_.*upcall|hypervisor_callback|notify_remote_via|xen_send_event|'
             r'_irq_(handler|event|on_irqstack)|^(generic_handle|handle_(edge|irq|fasteoi))_?|'
             r'^(__)?irq_|^irqentry_|irqtime|softirq|^(ack|mask|unmask)_(dynirq|irq)|eoi_pirq|'
             r'^add_interrupt_randomness|^note_interrupt|^pirq_|dynirq'),
    (TIME, r'timer|^tick_|^timekeeping|^update_wall|jiffies|^clockevents|^ktime_|'
           r'xen_clocksource|pvclock|^sched_clock|xen_vcpuop|^read_tsc'),
    (SCHEDULER, r'sched|wake|wait|^ttwu|^(en|de)queue_|^update_(curr|load_avg|rq_clock|min_vruntime)|'
                r'^(pick|put_prev|set_next)_|^(check_preempt|reweight|place_entity|clear_buddies)|'
                r'^__?switch|_switch$|^switch_mm|^finish_task|^select_(task|idle)|^(rb_|cpuacct|psi)|'
                r'^(do|cpu)_idle|_idle|^xen_(load_sp0|load_tls|end_context|start_context)|'
                r'^native_load_tls|^perf_event_task|^rcu_|kthread|preempt'),
    (BLOCK, r'blk_|^bio_|_bio(_|$)|blkcg|blkg|sbitmap|^bdev|^rq_|^elv_|^dd_|^part_|^null_|'
            r'^update_io_ticks|mempool|^blk'),
)]

XEN_PARTS = ()


def own_layer(function):
    """The layer of a function, or None if it works for its caller."""
    if function.module == 'xen':
        return XEN
    if function.module in DRIVERS:
        return DRIVER
    if function.module in DISKS:
        return BLOCK
    if function.module:
        return OTHER
    return next((layer for layer, pattern in PATTERNS if pattern.search(function.name)), None)


def layer(stack):
    """The layer of the innermost function that has one."""
    return next((own for function in reversed(stack) if (own := own_layer(function))), OTHER)


def layers(stacks):
    """{layer: instructions} of {stack: instructions}."""
    result = collections.Counter()
    for stack, instructions in stacks.items():
        result[layer(stack)] += instructions
    return result

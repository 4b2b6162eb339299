# SPDX-License-Identifier: GPL-2.0
"""Says which part of dom0 a function belongs to."""
import collections
import re

LAYERS = (
    DRIVER := 'driver', BLOCK := 'block layer', GRANTS := 'grants and memory',
    EVENTS := 'event channels and interrupts', SCHEDULER := 'scheduler',
    TIME := 'clock and timers', XEN_GRANTS := 'Xen: grants', XEN_EVENTS := 'Xen: event channels',
    XEN_SCHEDULER := 'Xen: scheduling, timers, idle', XEN_EMULATION := 'Xen: emulated instructions',
    XEN := 'Xen: other', OTHER := 'other')

DRIVERS = {'xen_blkback'}
DISKS = {'null_blk'}

# Functions of the kernel that are in no module.  The first pattern that matches counts.
# Functions that no pattern matches, such as those that copy memory or take a lock, belong to
# their caller's layer.
PATTERNS = [(layer, re.compile(pattern)) for layer, pattern in (
    (BLOCK, r'^(__|_)?(blk|bio|submit_bio|sbitmap|bdev|elv|dd|part|disk|wbt|rq_qos)_|blkcg|blkg|'
            r'_bio(_|$)|mempool|^kthread_blkcg|^update_io_ticks|get_task_ioprio|'
            r'cgroup_rstat'),
    (GRANTS, r'gnttab|grant|foreign|p2m|balloon|unpopulated|xen_flush_tlb|set_pte|'
             r'^(__)?(alloc_pages|free_pages|free_unref|get_page_from_freelist)|put_page'),
    (EVENTS, r'evtchn|xen_.*upcall|hypervisor_callback|notify_remote_via|xen_send_event|'
             r'irq_(handler|event|on_irqstack|percpu|for_port)|^generic_handle|'
             r'^handle_(edge|irq|fasteoi)|^(__)?irq_|^irqentry_|irqtime|softirq|dynirq|'
             r'^(un)?mask_irq|^eoi_|^add_interrupt_randomness|^note_interrupt|^pirq_'),
    (TIME, r'timer|^tick_|^timekeeping|^update_wall|jiffies|^clockevents|^ktime_|'
           r'xen_clocksource|pvclock|^sched_clock|xen_vcpuop|^read_tsc'),
    (SCHEDULER, r'sched|wake|wait|ttwu|^(en|de)queue_|^update_(curr|load_avg|rq_clock|min_vruntime)|'
                r'^(pick|put_prev|set_next)_|^(check_preempt|reweight|place_entity|clear_buddies)|'
                r'^__switch|switch_mm|^finish_task|^select_(task|idle)|cpuacct|^psi_|'
                r'^(do|cpu)_idle|_idle$|^xen_(load_sp0|load_tls|end_context|start_context)|'
                r'^native_load_tls|^perf_event_task|^rcu_note|kthread|preempt'),
)]

XEN_PATTERNS = [(layer, re.compile(pattern)) for layer, pattern in (
    (XEN_GRANTS, r'grant_table'),
    (XEN_EMULATION, r'emul|do_general_protection|read_descriptor'),
    (XEN_SCHEDULER, r'sched|timer|idle|context_switch|runstate|tasklet|do_(stack_switch|set_segment|'
                    r'fpu_taskswitch|update_descriptor|vcpu_op|block)|vcpu_(block|wake|kick)|cpufreq|'
                    r'acpi_processor|rcu'),
    (XEN_EVENTS, r'event_channel|evtchn'),
)]

# What Xen does in its entry, for the function of the kernel that called it.
CALLED_BY = {GRANTS: XEN_GRANTS, EVENTS: XEN_EVENTS, SCHEDULER: XEN_SCHEDULER,
             TIME: XEN_SCHEDULER}

XEN_LAYERS = {XEN_GRANTS, XEN_EVENTS, XEN_SCHEDULER, XEN_EMULATION, XEN}


def own_layer(function):
    """The layer of a function, or None if it works for its caller."""
    if function.module == 'xen':
        return next((layer for layer, pattern in XEN_PATTERNS if pattern.search(function.name)),
                    None)
    if function.module in DRIVERS:
        return DRIVER
    if function.module in DISKS:
        return BLOCK
    if function.module:
        return OTHER
    return next((layer for layer, pattern in PATTERNS if pattern.search(function.name)), None)


def layer(stack):
    """The layer of the innermost function that has one."""
    own = next((own for function in reversed(stack) if (own := own_layer(function))), OTHER)
    if stack and stack[-1].module == 'xen' and own not in XEN_LAYERS:
        return CALLED_BY.get(own, XEN)
    return own


def layers(stacks):
    """{layer: instructions} of {stack: instructions}."""
    result = collections.Counter()
    for stack, instructions in stacks.items():
        result[layer(stack)] += instructions
    return result

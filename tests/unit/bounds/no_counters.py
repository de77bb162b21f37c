"""Entries of /proc/sys whose names are those of limits, and why they are no user's to exhaust.

Patterns as a shell has them. Everything else that looks like a limit is in docs/bounds/kernel.md.
"""

PATTERNS = {
    "what one call or one object may have, with no sum behind it": (
        *("fs.fuse.*", "fs.protected_*", "kernel.ngroups_max", "kernel.core_file_note_size_limit"),
        *(
            "net.core.max_skb_frags",
            "net.ipv4.igmp_*",
            "net.ipv6.mld_*",
            "net.ipv6.max_*",
            "kernel.perf_event_max_*",
        ),
    ),
    "how the kernel behaves as a whole: rates, times and thresholds that no program adds to": (
        *("kernel.*lockup*", "kernel.*watchdog*", "kernel.oops_limit", "kernel.warn_limit", "kernel.panic*"),
        *("kernel.max_lock_depth", "kernel.max_rcu_stall_to_panic", "kernel.numa_*", "kernel.sched_*"),
        *(
            "kernel.perf_cpu_time_max_percent",
            "kernel.random.*",
            "vm.compact*",
            "vm.extfrag_*",
            "vm.lowmem_*",
        ),
        *("vm.hugetlb_*", "vm.memfd_noexec", "net.core.bpf_jit_harden", "vm.min_*", "vm.dirty*"),
    ),
    "a device's or a queue's of the host, which no packet of a cell's passes": (
        *("net.core.flow_limit_*", "net.core.mem_pcpu_rsv", "net.core.netdev_*", "net.core.skb_defer_max"),
        *("net.bridge.*", "net.mptcp.*", "net.netfilter.*", "net.ipv*.xfrm*", "net.ipv4.fib_*", "net.sctp.*"),
    ),
    "how one connection or one network behaves, and a cell has a network of its own": (
        *(
            "net.ipv4.icmp*",
            "net.ipv6.icmp*",
            "net.ipv4.inet_peer_*",
            "net.ipv4.ip_local_*",
            "net.ipv4.ipfrag_*",
        ),
        *("net.ipv6.ip6frag_*", "net.ipv*.route.*", "net.ipv4.tcp_*", "net.ipv4.udp_*", "net.ipv4.raw_*"),
        *("net.ipv*.neigh.*", "net.ipv*.conf.*", "net.ipv4.ping_*", "net.ipv4.nexthop_*", "net.ipv6.idgen_*"),
    ),
    "counts of what nobody in a cell can use": ("fs.quota.*", "fs.xfs.*", "fs.nfs.*", "fs.binfmt_misc.*"),
}

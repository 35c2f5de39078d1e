//! Metrics of ours that no rule and no dashboard uses.

/// A metric, and why nothing has to be asked of it all the time.
pub(crate) const EXEMPT: [(&str, &str); 2] = [
    ("process_virtual_memory_bytes", "address space costs nothing; process_resident_memory_bytes is what is watched"),
    ("credential_reloads_total", "how it stands now is what matters; credential_last_reload_successful says that"),
];

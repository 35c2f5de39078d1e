//! How large the room is.

use super::limit::{MemoryLimit, memory_limit};

/// Least bytes of a room: a few bodies of the largest size fit in.
const LEAST_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes where the system does not say how much memory there is.
const UNKNOWN_BYTES: u64 = 256 * 1024 * 1024;

/// The bytes of a room: those that the flag says, or else a share of the memory that there is. Half of a container's: the
/// other half is for models, connections and what libraries take unseen. A machine has other things to do, so a quarter.
#[must_use]
pub fn room_bytes(flag: Option<u64>) -> u64 {
    flag.unwrap_or_else(|| share(memory_limit()))
}

fn share(limit: Option<MemoryLimit>) -> u64 {
    let bytes = match limit {
        Some(MemoryLimit::Container(bytes)) => bytes / 2,
        Some(MemoryLimit::Machine(bytes)) => bytes / 4,
        None => UNKNOWN_BYTES,
    };
    bytes.max(LEAST_BYTES)
}

/// Reads a flag's value for [`room_bytes`]: 64 MiB or more.
///
/// # Errors
/// A sentence for the user.
pub fn memory_room(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(bytes) if bytes >= LEAST_BYTES => Ok(bytes),
        _ => Err(format!("expected a number of bytes, at least {LEAST_BYTES}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_containers_keep_half_for_the_service_itself() {
        for (limit, bytes) in [
            (Some(MemoryLimit::Container(1 << 30)), 512 << 20),
            (Some(MemoryLimit::Container(512 << 20)), 256 << 20),
            (Some(MemoryLimit::Container(1 << 20)), LEAST_BYTES),
            (Some(MemoryLimit::Machine(16 << 30)), 4 << 30),
            (None, UNKNOWN_BYTES),
        ] {
            assert_eq!(share(limit), bytes, "{limit:?}");
        }
        assert_eq!(room_bytes(Some(64 << 20)), 64 << 20);
    }
}

//! File descriptors: each connection is one, and so is each file of the store.

/// Most that are asked for: tables of the kernel grow with them, and no listener here takes more connections.
const WANTED: u64 = 65_536;

/// The limit of systems that tell none.
const UNKNOWN: u64 = 8_192;

/// Raises this process' soft limit of open files as far as it may, up to 65,536, and returns the limit. Most
/// systems start a program with a soft limit of 1,024 or 256.
pub fn raise_limit() -> u64 {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let soft = limit.current.unwrap_or(WANTED);
        let wanted = limit.maximum.unwrap_or(WANTED).min(WANTED);
        if wanted > soft
            && setrlimit(Resource::Nofile, rustix::process::Rlimit { current: Some(wanted), ..limit }).is_ok()
        {
            return wanted;
        }
        soft
    }
    #[cfg(not(unix))]
    UNKNOWN
}

/// How many files this process may have open.
fn limit() -> u64 {
    #[cfg(unix)]
    {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(UNKNOWN)
    }
    #[cfg(not(unix))]
    UNKNOWN
}

/// How many of the descriptors the receiver may use for connections, where `wanted` are asked for: half of them. The
/// rest is for the API, the store, and what is sent.
pub fn for_connections(wanted: u32) -> usize {
    part(u64::from(wanted), limit(), 2)
}

/// How many of the descriptors the API may use for connections: an eighth of them.
pub fn for_api(wanted: u32) -> usize {
    part(u64::from(wanted), limit(), 8)
}

fn part(wanted: u64, limit: u64, of: u64) -> usize {
    usize::try_from(wanted.min(limit / of)).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_all_descriptors() {
        assert_eq!((part(1_024, 65_536, 2), part(1_024, 1_024, 2), part(1_024, 256, 2)), (1_024, 512, 128));
        assert_eq!((part(256, 256, 8), part(1_024, 0, 2)), (32, 1));
    }

    #[cfg(unix)]
    #[test]
    fn the_limit_is_never_lowered() {
        let before = limit();
        assert!(raise_limit() >= before && limit() >= before);
    }
}

//! File descriptor limits. Each connection and each file of the store uses one descriptor.

/// Largest soft limit that is requested. Kernel tables grow with the limit, and no listener accepts more connections.
const WANTED: u64 = 65_536;

/// Limit assumed on systems that do not report one.
const UNKNOWN: u64 = 8_192;

/// Raises the soft limit of open files of this process to the hard limit, at most 65,536, and returns the new limit.
/// Most systems start a program with a soft limit of 1,024 or 256.
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

/// Returns the soft limit of open files of this process.
fn limit() -> u64 {
    #[cfg(unix)]
    {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(UNKNOWN)
    }
    #[cfg(not(unix))]
    UNKNOWN
}

/// Returns the number of connections that the listener may accept: `wanted`, but at most half of the descriptors. The
/// other half is for the local HTTP API, the store and outgoing requests.
pub fn for_connections(wanted: u32) -> usize {
    part(u64::from(wanted), limit(), 2)
}

/// Returns the number of connections that the local HTTP API may accept: `wanted`, but at most an eighth of the
/// descriptors.
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
    fn leaves_descriptors_for_other_uses() {
        assert_eq!((part(1_024, 65_536, 2), part(1_024, 1_024, 2), part(1_024, 256, 2)), (1_024, 512, 128));
        assert_eq!((part(256, 256, 8), part(1_024, 0, 2)), (32, 1));
    }

    #[cfg(unix)]
    #[test]
    fn never_lowers_the_limit() {
        let before = limit();
        assert!(raise_limit() >= before && limit() >= before);
    }
}

//! The memory that the C library of Linux holds back.
//!
//! It gives threads arenas of their own, eight for each processor, and keeps what is freed in each for what may come: a server
//! that answered some large questions holds three times what it uses. With other C libraries these functions do nothing.

/// How many arenas there are: threads that want memory at the same moment seldom wait for each other with two.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: libc::c_int = 2;

/// Has threads share arenas. To be called before there are threads.
pub fn share_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code)]
    // SAFETY: the call takes numbers only, and sets one of the allocator's own parameters under its own lock.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

/// Gives what is free back to the system. Takes some milliseconds, in which others that want memory may wait.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code)]
    // SAFETY: the call takes a number only, and may be made by any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    /// What this process has in memory, in kB.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse().unwrap()
    }

    #[test]
    fn what_is_freed_between_what_is_kept_is_given_back() {
        // Small pieces, of which a few are kept: no page at the end of the heap is free.
        let all: Vec<Box<[u8; 1024]>> = (0..64 * 1024).map(|_| Box::new([1; 1024])).collect();
        let kept: Vec<Box<[u8; 1024]>> = all.into_iter().step_by(64).collect();
        let before = resident();
        super::give_back();
        let given = before.saturating_sub(resident());
        assert!(given > 32 * 1024, "{given} kB of {before} kB");
        assert_eq!(kept.len(), 1024);
    }
}

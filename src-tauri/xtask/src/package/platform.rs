//! Platform that packages are for, and its names in other projects.

/// Platform of the programs.
pub(super) struct Platform {
    /// Name in the file names of archives, for example `x86_64-linux`.
    pub(super) name: String,
    /// End of the file name of an archive.
    pub(super) archive: &'static str,
    /// Program of the command line.
    pub(super) program: &'static str,
    /// Packages of npm: its names of the operating system and the processor. A universal program of macOS has two.
    pub(super) npm: Vec<(&'static str, &'static str)>,
}

impl Platform {
    /// Returns the platform of this computer. A program for macOS that is `universal` runs on both processors.
    pub(super) fn of_this_computer(universal: bool) -> Self {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        let npm_os = match os {
            "macos" => "darwin",
            "windows" => "win32",
            other => other,
        };
        let npm_cpu = if arch == "aarch64" { "arm64" } else { "x64" };
        Self {
            name: format!("{}-{os}", if universal { "universal" } else { arch }),
            archive: if os == "windows" { "zip" } else { "tar.gz" },
            program: if os == "windows" { "hookbench.exe" } else { "hookbench" },
            npm: if universal { vec![(npm_os, "arm64"), (npm_os, "x64")] } else { vec![(npm_os, npm_cpu)] },
        }
    }
}

//! The dependencies as Cargo.toml has them, with what is said of each.

/// How the section of those begins that are part of the public interface.
const PUBLIC: &str = "# -- part of the public interface";

/// One dependency, and what is said of it.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Behind it, or in the line above.
    pub(crate) reason: String,
    /// Whether it is said to be part of the public interface.
    pub(crate) public: bool,
}

/// All that stand in a manifest, of every kind.
pub(crate) fn dependencies(manifest: &str) -> Vec<Dependency> {
    let (mut found, mut inside, mut public, mut above) = (Vec::new(), false, false, "");
    for line in manifest.lines().map(str::trim) {
        if let Some(head) = line.strip_prefix('[') {
            let (head, reason) = head.split_once(']').unwrap_or((head, ""));
            let parts: Vec<&str> = head.trim_matches('[').split('.').collect();
            inside = parts.last().is_some_and(|last| last.ends_with("dependencies"));
            public = false;
            if let [.., kind, name] = &parts[..]
                && kind.ends_with("dependencies")
            {
                found.push(dependency(name, reason, false));
            }
        } else if line.starts_with("# --") {
            public = line.starts_with(PUBLIC);
        } else if let Some((name, rest)) = line.split_once(['=', '.']).filter(|_| inside && !line.starts_with('#')) {
            let reason = if rest.contains('#') { rest } else { above };
            found.push(dependency(name.trim(), reason, public));
        }
        above = if line.starts_with("# --") || !line.starts_with('#') { "" } else { line };
    }
    found
}

fn dependency(name: &str, said: &str, public: bool) -> Dependency {
    let reason = said.split_once('#').map_or("", |(_, reason)| reason.trim()).to_owned();
    let public = public || reason.ends_with("; public");
    Dependency { name: name.to_owned(), reason, public }
}

//! What lies where, checked: the file tree is the architecture.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Lines of code, without comments and without the tests at a file's end.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    product.lines().map(str::trim).filter(|line| !line.starts_with("//")).map(str::to_owned).collect()
}

fn offenders(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in sources(&root) {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        if allowed.iter().any(|place| name.starts_with(place)) {
            continue;
        }
        let hits = code(&path).into_iter().filter(|line| words.iter().any(|word| line.contains(word)));
        found.extend(hits.map(|line| format!("{name}: {line}")));
    }
    found
}

#[test]
fn only_the_http_layer_knows_the_transport() {
    assert_eq!(offenders(&["reqwest"], &["http/"]), Vec::<String>::new());
}

#[test]
fn a_secret_is_exposed_only_where_it_is_hashed_sealed_or_sent() {
    // Where the journal's database is, and of the services those files that put together what is sent.
    let senders = [
        "journal/postgres/address.rs",
        "service/bitbucket/cloud/api.rs",
        "service/codefresh/api.rs",
        "service/codefresh/document.rs",
        "service/codepipeline/document/mod.rs",
        "service/github/api.rs",
        "service/github/app/jwt.rs",
        "service/github/impersonation.rs",
        "service/github/login.rs",
        "service/github/user/ticket.rs",
        "service/gitlab/api.rs",
        "service/jenkins/document.rs",
        "service/jenkins/login.rs",
    ];
    let allowed = [&["token/", "http/", "journal/seal/", "testing/"], &senders[..]].concat();
    assert_eq!(offenders(&["expose()", "expose_secret()"], &allowed), Vec::<String>::new());
}

#[test]
fn what_decides_is_pure() {
    let impure = ["async ", ".await", "tokio", "std::net", "std::fs", "SystemTime", "Instant", "getrandom", "Clock"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&root.join("rotation")).into_iter().chain(sources(&root.join("schedule"))) {
        for line in code(&path) {
            assert!(!impure.iter().any(|word| line.contains(word)), "{}: {line}", path.display());
        }
    }
}

#[test]
fn dependencies_point_downwards() {
    // Each layer, and those above it that it must not know.
    let layers: &[(&str, &[&str])] = &[
        ("token/", &["provider", "consumer", "rotation", "journal", "rotator", "fleet", "http", "service", "testing"]),
        ("provider/", &["rotation", "journal", "rotator", "fleet", "http", "service", "testing"]),
        ("consumer/", &["rotation", "journal", "rotator", "fleet", "http", "service", "testing"]),
        ("rotation/", &["journal", "rotator", "fleet", "http", "service", "testing"]),
        ("journal/", &["rotation", "audit", "rotator", "fleet", "http", "service", "testing"]),
        ("rotation/", &["audit"]),
        ("audit/", &["rotator", "fleet", "http", "service", "testing"]),
        ("schedule/", &["rotation", "rotator", "fleet", "http", "service", "testing"]),
        ("rotator/", &["fleet", "http", "service", "testing"]),
        ("fleet/", &["http", "service", "testing"]),
        ("http/", &["rotation", "journal", "rotator", "fleet", "service", "testing"]),
        ("service/", &["rotation", "journal", "rotator", "fleet", "testing"]),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (layer, above) in layers {
        for path in sources(&root.join(layer)) {
            for line in code(&path) {
                let known = above.iter().find(|name| line.contains(&format!("crate::{name}::")));
                assert_eq!(known, None, "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn no_file_is_two_concepts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "tests", "examples"] {
        for path in sources(&root.join(folder)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 500, "{} has {lines} lines: split it", path.display());
        }
    }
}

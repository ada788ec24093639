//! Each dependency says why it is there, and the public interface shows those alone that are said to be part of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manifest;
mod modules;
mod signatures;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use manifest::Dependency;
use modules::Crate;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn dependencies() -> Vec<Dependency> {
    manifest::dependencies(&fs::read_to_string(root().join("Cargo.toml")).unwrap())
}

/// The foreign types that the interface may show, each with its reason.
fn listed() -> BTreeMap<String, String> {
    let list = fs::read_to_string(root().join("tests/data/foreign_types.txt")).unwrap();
    let lines = list.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| line.split_once(" # ").unwrap_or((line, "")))
        .map(|(path, why)| (path.trim().into(), why.into()))
        .collect()
}

fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let all = dependencies();
    assert!(all.len() > 40, "{}", all.len());
    let silent: Vec<&str> = all.iter().filter(|one| one.reason.is_empty()).map(|one| one.name.as_str()).collect();
    assert_eq!(silent, Vec::<&str>::new(), "say behind each in Cargo.toml why it is there");
}

#[test]
fn licences_sources_and_doubles_are_denied_but_for_exceptions_with_a_reason() {
    let rules = fs::read_to_string(root().join("deny.toml")).unwrap();
    for rule in ["multiple-versions", "wildcards", "unknown-registry", "unknown-git", "unused-allowed-license"] {
        assert!(rules.lines().any(|line| line == format!("{rule} = \"deny\"")), "{rule}");
    }
    let exceptions = rules.lines().filter(|line| line.contains("{ crate =") || line.contains("{ name ="));
    let silent: Vec<&str> = exceptions.filter(|line| !line.contains("reason = \"")).collect();
    assert_eq!(silent, Vec::<&str>::new());
    for loose in ["allow-git", "allow-registry", "skip-tree", "exceptions", "clarify"] {
        assert!(!rules.contains(loose), "{loose}: say in this test why");
    }
}

#[test]
fn a_dependency_without_a_reason_is_found_in_every_section() {
    for section in ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
        let text = format!(
            "[{section}]\na = \"1\" # because\n\nb = {{ version = \"1\" }}\n# Because.\nc = \"1\"\nd.workspace = true\n"
        );
        let found = manifest::dependencies(&text);
        let silent: Vec<&str> = found.iter().filter(|one| one.reason.is_empty()).map(|one| one.name.as_str()).collect();
        assert_eq!((found.len(), silent), (4, vec!["b", "d"]), "{section}");
    }
    let table = manifest::dependencies("[dependencies.a]\nversion = \"1\"\n\n[dev-dependencies.b] # because\n");
    assert_eq!(table.iter().map(|one| one.reason.is_empty()).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn the_interface_shows_the_listed_foreign_types_and_no_others() {
    let names = dependencies().into_iter().map(|one| one.name.replace('-', "_"));
    let shown = signatures::foreign(&Crate::read(&root().join("src"), names));
    let listed = listed();
    for (path, place) in &shown {
        println!("{path:45} {place}");
    }
    let new: Vec<_> = shown.iter().filter(|(path, _)| !listed.contains_key(*path)).collect();
    assert_eq!(new, [], "a breaking release of these would be one of ours: hide them, or list them with the reason");
    let gone: Vec<_> = listed.keys().filter(|path| !shown.contains_key(*path)).collect();
    assert_eq!(gone, Vec::<&String>::new(), "the interface does not show these any more: take them from the list");
    assert!(listed.values().all(|why| !why.is_empty()), "each is listed with its reason: {listed:?}");
}

#[test]
fn what_is_said_to_be_part_of_the_interface_is_what_it_shows() {
    let said = dependencies().into_iter().filter(|one| one.public).map(|one| one.name.replace('-', "_")).collect();
    let shown: BTreeSet<String> =
        listed().keys().filter_map(|path| path.split("::").next()).map(str::to_owned).collect();
    let said: BTreeSet<String> = said;
    assert_eq!(said, shown, "mark them in Cargo.toml as they are");
}

/// What is shown of a crate of these files.
fn planted(files: &[(&str, &str)]) -> BTreeSet<String> {
    let names = ["far", "serde", "thiserror"].map(str::to_owned);
    signatures::foreign(&Crate::of(files.iter().copied(), names)).into_keys().collect()
}

#[test]
fn a_foreign_type_is_found_wherever_an_interface_can_show_it() {
    let shown = of_names(["far::deep::Type"]);
    for item in [
        "pub fn f(_: &Type) {}",
        "pub fn f() -> Option<Vec<Type>> { None }",
        "pub fn f<T: Into<Type>>(_: T) {}",
        "pub fn f<T>(_: T) where T: Into<Type> {}",
        "pub fn f(_: impl Fn(Type) -> u8) {}",
        "pub async fn f() -> Box<dyn Iterator<Item = Type>> { todo!() }",
        "pub struct S { pub field: Type }",
        "pub struct S(pub Type);",
        "pub struct S<T: Iterator<Item = Type>>(T);",
        "pub enum E { A(Type) }",
        "pub enum E { A { field: [Type; 2] } }",
        "pub type T = (u8, Type);",
        "pub const C: Option<Type> = None;",
        "pub static S: fn(Type) = f;",
        "pub trait T { fn f(&self, _: Type); }",
        "pub trait T: Into<Type> {}",
        "pub trait T { type A: Into<Type>; }",
        "pub trait T { const C: Type; }",
        "pub struct S; impl S { pub fn f(&self) -> Type { todo!() } }",
        "pub struct S; impl From<Type> for S { fn from(_: Type) -> Self { S } }",
        "pub struct S; impl From<S> for Type { fn from(_: S) -> Self { todo!() } }",
        "pub struct S; impl Iterator for S { type Item = Type; }",
        "pub trait T {} impl T for Type {}",
        "pub struct S; impl Type for S {}",
        "#[derive(Type)] pub struct S;",
        "#[Type] pub trait T {}",
        "pub use far::deep::Type;",
        "mod inner { use super::Type; pub fn f(_: Type) {} }",
        "type Alias = Type; pub fn f(_: Alias) {}",
        "macro_rules! m { () => { pub fn f(_: Type) {} } }",
    ] {
        assert_eq!(planted(&[("lib.rs", &format!("use far::deep::Type;\n{item}"))]), shown, "{item}");
    }
}

#[test]
fn a_foreign_type_is_found_under_whatever_name_it_goes() {
    let shown = of_names(["far::Type"]);
    for lib in [
        "pub fn f(_: far::Type) {}",
        "pub fn f(_: ::far::Type) {}",
        "use far::Type as Other; pub fn f(_: Other) {}",
        "use far as near; pub fn f(_: near::Type) {}",
        "use far::{self, more::{A}}; pub fn f(_: far::Type) {}",
        "extern crate far as near; pub fn f(_: near::Type) {}",
        "mod inner; use inner::Type; pub fn f(_: Type) {}",
        "mod inner; pub fn f(_: crate::inner::Type) {}",
        "mod inner; pub fn f(_: inner::Type) {}",
        "mod inner; use inner::*; pub fn f(_: Type) {}",
    ] {
        assert_eq!(planted(&[("lib.rs", lib), ("inner.rs", "pub(crate) use far::Type;")]), shown, "{lib}");
    }
    for lib in
        ["pub use far::*;", "pub use far;", "pub use far as near;", "pub use far::{self};", "pub extern crate far;"]
    {
        assert_eq!(planted(&[("lib.rs", lib)]), of_names(["far::*"]), "{lib}");
    }
}

#[test]
fn what_is_used_inside_is_not_shown() {
    for item in [
        "fn f(_: &Type) {}",
        "pub(crate) fn f(_: &Type) {}",
        "pub fn f() { let _: Option<Type> = None; }",
        "pub struct S { field: Type }",
        "pub struct S(Type);",
        "struct S; impl From<Type> for S { fn from(_: Type) -> Self { S } }",
        "struct S; impl Type for S {}",
        "#[derive(thiserror::Error)] pub struct S;",
        "#[derive(serde::Serialize)] struct S;",
        "#[cfg(test)] mod tests { pub fn f(_: super::Type) {} }",
        "pub struct Type2; pub fn f(_: Type2) {}",
        "mod inner { pub struct Type; pub fn f(_: Type) {} }",
    ] {
        assert_eq!(planted(&[("lib.rs", &format!("use far::deep::Type;\n{item}"))]), of_names([]), "{item}");
    }
    let tests = [("lib.rs", "#[cfg(test)] mod tests;"), ("tests.rs", "pub use far::Type;")];
    assert_eq!(planted(&tests), of_names([]));
    assert_eq!(
        planted(&[("lib.rs", "#[derive(serde::Serialize)] #[serde(default)] pub struct S;")]),
        of_names(["serde::Serialize"])
    );
}

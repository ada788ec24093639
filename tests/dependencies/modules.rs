//! The crate's modules as they are written, and what a name in one of them means.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{Attribute, Item, Type, UseTree};

/// A module's path from the root: nothing for the root itself.
pub(crate) type Place = Vec<String>;

/// What is written in a module.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) items: Vec<Item>,
    /// What a name stands for that was brought in from elsewhere.
    brought: BTreeMap<String, Place>,
    /// From where everything is brought in.
    globs: Vec<Place>,
    aliases: BTreeMap<String, Type>,
    /// What is made here, and hides names from elsewhere.
    own: BTreeSet<String>,
}

/// What a path means.
pub(crate) enum Meaning<'a> {
    /// Something of this dependency.
    Foreign(String),
    /// Another name for this type, written there.
    Alias(Place, &'a Type),
    /// Something of ours, of the standard library, or a parameter.
    Other,
}

/// A whole crate.
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<Place, Module>,
    dependencies: BTreeSet<String>,
    for_tests: Vec<Place>,
}

impl Crate {
    /// The crate of this folder. What is for tests alone is left out.
    pub(crate) fn read(folder: &Path, dependencies: impl IntoIterator<Item = String>) -> Self {
        let mut files = Vec::new();
        collect(folder, folder, &mut files);
        Self::of(files.iter().map(|(name, text)| (name.as_str(), text.as_str())), dependencies)
    }

    /// The crate of these files, named from its root.
    pub(crate) fn of<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        dependencies: impl IntoIterator<Item = String>,
    ) -> Self {
        // The crate itself stands among its dev-dependencies.
        let dependencies = dependencies.into_iter().filter(|name| name != "tokenturn").collect();
        let mut whole = Self { modules: BTreeMap::new(), dependencies, for_tests: Vec::new() };
        for (name, text) in files {
            let mut place: Place = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if place.last().is_some_and(|last| last == "mod" || last == "lib") {
                place.pop();
            }
            let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            whole.add(place, file.items);
        }
        let Self { modules, for_tests, .. } = &mut whole;
        modules.retain(|place, _| !for_tests.iter().any(|test| place.starts_with(test)));
        whole
    }

    fn add(&mut self, place: Place, items: Vec<Item>) {
        let mut module = Module::default();
        for item in items {
            match item {
                Item::Mod(inner) if is_for_tests(&inner.attrs) => {
                    self.for_tests.push(inside(&place, &inner.ident.to_string()));
                }
                Item::Mod(inner) => {
                    module.own.insert(inner.ident.to_string());
                    if let Some((_, items)) = inner.content {
                        self.add(inside(&place, &inner.ident.to_string()), items);
                    }
                }
                Item::ExternCrate(outside) => {
                    let name = outside.ident.to_string();
                    let under = outside.rename.as_ref().map_or_else(|| name.clone(), |(_, under)| under.to_string());
                    module.brought.insert(under, vec![name]);
                    module.items.push(Item::ExternCrate(outside));
                }
                other => {
                    match &other {
                        Item::Use(brought) => bring(&brought.tree, &mut Vec::new(), &mut module),
                        Item::Type(alias) => {
                            module.aliases.insert(alias.ident.to_string(), (*alias.ty).clone());
                        }
                        Item::Struct(one) => {
                            module.own.insert(one.ident.to_string());
                        }
                        Item::Enum(one) => {
                            module.own.insert(one.ident.to_string());
                        }
                        Item::Trait(one) => {
                            module.own.insert(one.ident.to_string());
                        }
                        _ => {}
                    }
                    module.items.push(other);
                }
            }
        }
        self.modules.insert(place, module);
    }

    /// What this path means in that module.
    pub(crate) fn meaning(&self, place: &Place, path: &[String]) -> Meaning<'_> {
        let (mut place, mut path) = (place.clone(), path.to_vec());
        // Names lead to names, and never in a circle that the compiler would take.
        for _ in 0..32 {
            let Some(first) = path.first().cloned() else { return Meaning::Other };
            match first.as_str() {
                "crate" => (place, _) = (Vec::new(), path.remove(0)),
                "self" => drop(path.remove(0)),
                "super" => (_, _) = (place.pop(), path.remove(0)),
                "std" | "core" | "alloc" | "Self" => return Meaning::Other,
                _ => {
                    let Some(module) = self.modules.get(&place) else { return Meaning::Other };
                    let inner = inside(&place, &first);
                    if path.len() > 1 && self.modules.contains_key(&inner) {
                        (place, _) = (inner, path.remove(0));
                    } else if let Some(alias) = module.aliases.get(&first) {
                        return Meaning::Alias(place, alias);
                    } else if let Some(whence) = module.brought.get(&first).filter(|whence| **whence != path[..1]) {
                        path.splice(..1, whence.iter().cloned());
                        if path[0] == first && self.dependencies.contains(&first) {
                            return Meaning::Foreign(path.join("::"));
                        }
                    } else if !module.own.contains(&first) && self.dependencies.contains(&first) {
                        return Meaning::Foreign(path.join("::"));
                    } else if !module.own.contains(&first)
                        && let Some(whole) = module.globs.iter().find_map(|glob| self.through(&place, glob, &path))
                    {
                        (place, path) = whole;
                    } else {
                        return Meaning::Other;
                    }
                }
            }
        }
        panic!("{path:?} leads nowhere");
    }

    /// Where a name leads that everything of a module was brought in for, if it stands there.
    fn through(&self, place: &Place, glob: &Place, path: &[String]) -> Option<(Place, Vec<String>)> {
        let mut there = place.clone();
        for part in glob {
            match part.as_str() {
                "crate" => there.clear(),
                "self" => {}
                "super" => drop(there.pop()),
                name => there.push(name.to_owned()),
            }
        }
        let module = self.modules.get(&there)?;
        let named = module.brought.contains_key(&path[0]) || module.aliases.contains_key(&path[0]);
        named.then(|| (there, path.to_vec()))
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    let test = |attribute: &Attribute| attribute.parse_args::<syn::Ident>().is_ok_and(|only| only == "test");
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg") && test(attribute))
}

fn inside(place: &Place, name: &str) -> Place {
    [&place[..], &[name.to_owned()]].concat()
}

fn bring(tree: &UseTree, before: &mut Place, module: &mut Module) {
    let whole = |name: &syn::Ident| if name == "self" { before.clone() } else { inside(before, &name.to_string()) };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            bring(&path.tree, before, module);
            before.pop();
        }
        UseTree::Name(name) => {
            let whole = whole(&name.ident);
            module.brought.extend(whole.last().cloned().map(|last| (last, whole.clone())));
        }
        UseTree::Rename(rename) => {
            module.brought.insert(rename.rename.to_string(), whole(&rename.ident));
        }
        UseTree::Glob(_) => module.globs.push(before.clone()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| bring(tree, before, module)),
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

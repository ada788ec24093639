//! What the public interface shows: signatures, fields, bounds, impls and names that are handed on.
//!
//! Whatever is `pub` counts, as the lint `unreachable_pub` sees to it that what is not reached from the root is not `pub`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, Meta, TraitItem, Type, UseTree, Visibility};

use crate::modules::{Crate, Meaning, Place};

/// What these derive are impls of the standard library's traits alone.
const INVISIBLE: &[&str] = &["thiserror::Error"];

/// The foreign types that are shown, and where each was seen first.
pub(crate) fn foreign(whole: &Crate) -> BTreeMap<String, String> {
    let mut shown = Shown { whole, place: Vec::new(), found: BTreeMap::new() };
    let public = public_names(whole);
    for (place, module) in &whole.modules {
        // Outside the promise of compatible versions.
        if place.first().is_some_and(|first| first == "testing") {
            continue;
        }
        shown.place.clone_from(place);
        module.items.iter().for_each(|item| shown.item(item, &public));
    }
    shown.found
}

/// The types and traits that are public.
fn public_names(whole: &Crate) -> BTreeSet<String> {
    let items = whole.modules.values().flat_map(|module| &module.items);
    let named = items.filter_map(|item| match item {
        Item::Struct(one) => is_public(&one.vis).then_some(&one.ident),
        Item::Enum(one) => is_public(&one.vis).then_some(&one.ident),
        Item::Union(one) => is_public(&one.vis).then_some(&one.ident),
        Item::Trait(one) => is_public(&one.vis).then_some(&one.ident),
        _ => None,
    });
    named.map(ToString::to_string).collect()
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

struct Shown<'a> {
    whole: &'a Crate,
    place: Place,
    found: BTreeMap<String, String>,
}

impl Shown<'_> {
    fn item(&mut self, item: &Item, public: &BTreeSet<String>) {
        match item {
            Item::Fn(one) if is_public(&one.vis) => self.visit_signature(&one.sig),
            Item::Const(one) if is_public(&one.vis) => self.visit_type(&one.ty),
            Item::Static(one) if is_public(&one.vis) => self.visit_type(&one.ty),
            Item::Type(one) if is_public(&one.vis) => {
                self.visit_generics(&one.generics);
                self.visit_type(&one.ty);
            }
            Item::Struct(one) if is_public(&one.vis) => {
                self.attributes(&one.attrs);
                self.visit_generics(&one.generics);
                self.fields(&one.fields, false);
            }
            Item::Enum(one) if is_public(&one.vis) => {
                self.attributes(&one.attrs);
                self.visit_generics(&one.generics);
                one.variants.iter().for_each(|variant| self.fields(&variant.fields, true));
            }
            Item::Trait(one) if is_public(&one.vis) => {
                self.attributes(&one.attrs);
                self.visit_generics(&one.generics);
                one.supertraits.iter().for_each(|bound| self.visit_type_param_bound(bound));
                one.items.iter().for_each(|item| self.trait_item(item));
            }
            Item::ExternCrate(one) if is_public(&one.vis) => self.path(&[one.ident.to_string(), "*".to_owned()]),
            Item::Use(one) if is_public(&one.vis) => self.handed_on(&one.tree, &mut Vec::new()),
            Item::Impl(one) => self.implementation(one, public),
            // What it makes is not written anywhere, so all that it names counts.
            Item::Macro(one) => self.tokens(&one.mac.tokens),
            _ => {}
        }
    }

    fn fields(&mut self, fields: &Fields, all: bool) {
        for field in fields.iter().filter(|field| all || is_public(&field.vis)) {
            self.visit_type(&field.ty);
        }
    }

    fn trait_item(&mut self, item: &TraitItem) {
        match item {
            TraitItem::Fn(one) => self.visit_signature(&one.sig),
            TraitItem::Const(one) => self.visit_type(&one.ty),
            TraitItem::Type(one) => {
                self.visit_generics(&one.generics);
                one.bounds.iter().for_each(|bound| self.visit_type_param_bound(bound));
            }
            _ => {}
        }
    }

    fn implementation(&mut self, one: &ItemImpl, public: &BTreeSet<String>) {
        let Some((of, _)) = &one.trait_ else {
            for item in &one.items {
                match item {
                    ImplItem::Fn(method) if is_public(&method.vis) => self.visit_signature(&method.sig),
                    ImplItem::Const(constant) if is_public(&constant.vis) => self.visit_type(&constant.ty),
                    _ => {}
                }
            }
            return;
        };
        // It is seen where everything in it is: a private type has impls that nobody can use.
        let named = |name: Option<String>| name.is_some_and(|name| public.contains(&name));
        let itself = |ty: &Type| matches!(ty, Type::Path(path) if named(last(&path.path)));
        let ours = itself(&one.self_ty) || named(last(of)) || arguments(of).iter().any(|ty| itself(ty));
        let private = match &*one.self_ty {
            Type::Path(path) => matches!(self.meaning(&path.path), Meaning::Other) && !itself(&one.self_ty),
            _ => false,
        };
        let blanket = one
            .generics
            .type_params()
            .any(|parameter| matches!(&*one.self_ty, Type::Path(path) if path.path.is_ident(&parameter.ident)));
        if !ours || (private && !blanket) {
            return;
        }
        self.visit_generics(&one.generics);
        self.visit_path(of);
        self.visit_type(&one.self_ty);
        for item in &one.items {
            if let ImplItem::Type(associated) = item {
                self.visit_type(&associated.ty);
            }
        }
    }

    /// What is derived, and what rewrites the item.
    fn attributes(&mut self, attributes: &[Attribute]) {
        for attribute in attributes {
            if !attribute.path().is_ident("derive") {
                self.visit_path(attribute.path());
            } else if let Meta::List(list) = &attribute.meta {
                let _ = list.parse_nested_meta(|derived| {
                    if !matches!(self.meaning(&derived.path), Meaning::Foreign(path) if INVISIBLE.contains(&&*path)) {
                        self.visit_path(&derived.path);
                    }
                    Ok(())
                });
            }
        }
    }

    fn handed_on(&mut self, tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.handed_on(&path.tree, before);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.handed_on(tree, before)),
            UseTree::Name(name) => self.name_handed_on(before, &name.ident),
            UseTree::Rename(rename) => self.name_handed_on(before, &rename.ident),
            UseTree::Glob(_) => self.path(&[&before[..], &["*".to_owned()]].concat()),
        }
    }

    fn name_handed_on(&mut self, before: &[String], name: &syn::Ident) {
        // With a crate goes all that is in it.
        let all = (before.is_empty() || name == "self").then(|| "*".to_owned());
        let name = (name != "self").then(|| name.to_string());
        self.path(&before.iter().cloned().chain(name).chain(all).collect::<Vec<_>>());
    }

    fn tokens(&mut self, tokens: &TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens.clone() {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.path(&std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(point) if point.as_char() == ':' => colons += 1,
                other => {
                    self.path(&std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(&group.stream());
                    }
                }
            }
        }
        self.path(&path);
    }

    fn meaning(&self, path: &syn::Path) -> Meaning<'_> {
        self.whole.meaning(&self.place, &parts(path))
    }

    fn path(&mut self, path: &[String]) {
        match self.whole.meaning(&self.place, path) {
            // A crate's name alone is no type: an attribute has it that belongs to what is derived.
            Meaning::Foreign(path) if !path.contains("::") => {}
            Meaning::Foreign(path) => {
                self.found.entry(path).or_insert_with(|| self.place.join("::"));
            }
            Meaning::Alias(place, written) => {
                let here = std::mem::replace(&mut self.place, place);
                self.visit_type(written);
                self.place = here;
            }
            Meaning::Other => {}
        }
    }
}

impl<'ast> Visit<'ast> for Shown<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.path(&parts(path));
        visit::visit_path(self, path);
    }
}

fn parts(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

fn last(path: &syn::Path) -> Option<String> {
    path.segments.last().map(|segment| segment.ident.to_string())
}

/// The types between the angle brackets.
fn arguments(path: &syn::Path) -> Vec<&Type> {
    let Some(syn::PathArguments::AngleBracketed(given)) = path.segments.last().map(|segment| &segment.arguments) else {
        return Vec::new();
    };
    given.args.iter().filter_map(|one| if let syn::GenericArgument::Type(ty) = one { Some(ty) } else { None }).collect()
}

//! Which scope contains which, for the vocabulary of every service.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tokenturn::{Scope, ScopeModel, ScopeSet};

const MODELS: [ScopeModel; 7] = [
    ScopeModel::NONE,
    ScopeModel::BITBUCKET_CLOUD,
    ScopeModel::BITBUCKET_DATA_CENTER,
    ScopeModel::GITHUB_FINE_GRAINED,
    ScopeModel::GITHUB_APP,
    ScopeModel::GITHUB_CLASSIC,
    ScopeModel::GITLAB,
];

/// Names of every vocabulary, with levels and without, and some that nobody knows.
const NAMES: [&str; 30] = [
    "repo",
    "repo:status",
    "public_repo",
    "admin:org",
    "write:org",
    "read:org",
    "admin:repo_hook",
    "write:repo_hook",
    "read:repo_hook",
    "admin:enterprise",
    "manage_billing:enterprise",
    "user",
    "workflow",
    "api",
    "read_api",
    "read_user",
    "self_rotate",
    "pullrequest:write",
    "repository:write",
    "repository",
    "PROJECT_ADMIN",
    "PROJECT_READ",
    "REPO_WRITE",
    "contents=admin",
    "contents=write",
    "contents=read",
    "quantum=admin",
    "contents=own",
    "=read",
    "quantum:entangle",
];

fn set() -> impl Strategy<Value = ScopeSet> {
    proptest::collection::vec(select(&NAMES[..]), 0..8).prop_map(ScopeSet::of)
}

fn within(one: &ScopeSet, other: &ScopeSet) -> bool {
    one.minus(other).is_empty()
}

proptest! {
    #[test]
    fn what_scopes_contain_is_whole_and_grows_with_them(model in any::<Index>(), one in set(), more in set()) {
        let model = model.get(&MODELS);
        let closed = model.closure(&one);
        prop_assert!(within(&one, &closed), "nothing is lost");
        prop_assert_eq!(&model.closure(&closed), &closed, "once is enough");
        let both = model.closure(&one.union(&more));
        prop_assert!(within(&closed, &both), "more scopes never contain less");
        prop_assert_eq!(both, closed.union(&model.closure(&more)), "together they contain what each does");
    }

    #[test]
    fn nothing_is_missing_from_what_was_granted_and_more_never_takes_away(
        model in any::<Index>(),
        required in set(),
        granted in set(),
        more in set(),
    ) {
        let model = model.get(&MODELS);
        prop_assert!(model.missing(&granted, &granted).is_empty());
        prop_assert!(model.excess(&granted, &granted).is_empty());
        let missing = model.missing(&required, &granted);
        prop_assert!(within(&missing, &required));
        prop_assert!(within(&model.missing(&required, &granted.union(&more)), &missing));
        prop_assert!(model.missing(&required, &granted.union(&missing)).is_empty(), "what was missing is all");
    }

    #[test]
    fn what_is_asked_for_contains_all_that_is_needed_and_nothing_twice(model in any::<Index>(), needed in set()) {
        let model = model.get(&MODELS);
        let asked = model.reduced(&needed);
        prop_assert!(within(&asked, &needed));
        prop_assert_eq!(model.closure(&asked), model.closure(&needed));
        prop_assert_eq!(model.reduced(&asked), asked);
    }

    #[test]
    fn a_list_is_read_whole_whatever_stands_between_its_names(
        names in proptest::collection::vec("[!-+\\--~é]{1,12}", 0..8),
        between in "[, \t]{1,4}",
    ) {
        let read = ScopeSet::parse(&format!("{between}{}{between}", names.join(&between)));
        prop_assert_eq!(&read, &names.iter().cloned().map(Scope::new).collect::<ScopeSet>());
        prop_assert!(read.is_empty() || ScopeSet::parse(&read.to_string()) == read);
    }
}

//! What a token needs there, by provider.

use tokenturn::consumer::Consumer;
use tokenturn::{ScopeModel, ScopeSet};

use crate::world::World;

#[tokio::test]
async fn the_documented_scopes_are_asked_for_and_can_be_replaced() {
    let world = World::start().await;
    let (token, context) = (world.user_token(), world.context());
    let said = |consumer: &dyn Consumer, model| consumer.required_scopes(model).map(|scopes| scopes.to_string());
    let classic = ScopeModel::GITHUB_CLASSIC;
    assert_eq!(said(&token, classic).as_deref(), Some("repo"));
    assert_eq!(said(&context, classic).as_deref(), Some("admin:repo_hook, repo"));
    assert_eq!(said(&token, ScopeModel::GITLAB).as_deref(), Some("read_api, write_repository"));
    assert_eq!(said(&context, ScopeModel::GITLAB).as_deref(), Some("api"));
    let bitbucket = said(&token, ScopeModel::BITBUCKET_CLOUD);
    assert_eq!(bitbucket, said(&context, ScopeModel::BITBUCKET_CLOUD));
    assert!(bitbucket.unwrap().contains("admin:repository:bitbucket"));
    // Nobody can say what a fine-grained token may do: the caller is asked.
    assert_eq!(said(&token, ScopeModel::GITHUB_FINE_GRAINED), None);
    let more = ["repo", "admin:repo_hook"];
    assert_eq!(token.requiring(more).required_scopes(classic), Some(ScopeSet::of(more)));
    assert_eq!(context.requiring(["repo"]).required_scopes(classic), Some(ScopeSet::of(["repo"])));
}

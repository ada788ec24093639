//! Personal access tokens through the proxy: each status that the fake gives, once at least.

use tokenturn::provider::{Provider, Revocation};
use tokenturn::testing::{GitHubFake, retired};
use tokenturn::{Access, Answer, ErrorKind, GitHub, PersonalTokens, PersonalTokensBuilder, Restriction};
use url::Url;

use crate::http;

fn classic(server: &Url) -> PersonalTokensBuilder {
    GitHub::classic(&http()).server(server.clone())
}

fn provider(server: &Url) -> PersonalTokens {
    classic(server).revoke_by_api().build().unwrap()
}

/// Live tokens: who they are, what they may do, and what they may not.
pub(crate) async fn looks(fake: &GitHubFake, server: &Url) {
    fake.private_repository("acme/site", &["build-bot"]);
    let tried = classic(server).must_administer("acme/site").revoke_by_api().build().unwrap();
    for (scopes, expected) in [
        (&["repo", "admin:repo_hook", "user"][..], [Answer::Proven, Answer::Proven]),
        (&["repo"], [Answer::Proven, Answer::Refuted]),
        (&[], [Answer::Refuted, Answer::Refuted]),
    ] {
        let grant = tried.inspect(&fake.classic("build-bot", "ci", scopes)).await.unwrap();
        assert_eq!(grant.owner, "build-bot");
        assert_eq!(grant.probes.iter().map(|probe| probe.answer).collect::<Vec<_>>(), expected, "{scopes:?}");
    }
    let fine = GitHub::fine_grained(&http()).server(server.clone()).must_read("acme/site").revoke_by_api();
    let grant = fine.build().unwrap().inspect(&fake.fine_grained("build-bot", "fine")).await.unwrap();
    assert_eq!((&grant.access, grant.probes[0].answer), (&Access::Unknown, Answer::Proven));
}

/// Single sign-on, a dead token, and an account that too many dead tokens have locked.
pub(crate) async fn refusals(fake: &GitHubFake, server: &Url) {
    fake.private_repository("guarded/site", &["build-bot"]);
    fake.require_sso("guarded");
    let tried = classic(server).must_read("guarded/site").revoke_by_api().build().unwrap();
    let grant = tried.inspect(&fake.classic("build-bot", "outside", &["repo"])).await.unwrap();
    assert!(matches!(grant.restrictions[..], [Restriction::SingleSignOn { .. }]), "{grant:?}");

    let (dead, live) = (fake.classic("other-bot", "dead", &[]), fake.classic("other-bot", "live", &[]));
    fake.delete("dead").unwrap();
    for _ in 0..5 {
        assert_eq!(provider(server).inspect(&dead).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    assert_eq!(provider(server).inspect(&live).await.unwrap_err().kind(), ErrorKind::RateLimited, "locked");
}

/// One that is taken, one when the budget is spent, and one to a server that has no such interface.
pub(crate) async fn revocations(fake: &GitHubFake, server: &Url) {
    let token = fake.classic("build-bot", "old", &[]);
    assert!(matches!(provider(server).revoke(&retired(&token)).await.unwrap(), Revocation::Accepted { .. }));
    assert!(!fake.is_alive(&token));

    let kept = fake.classic("build-bot", "kept", &[]);
    fake.spend_anonymous_budget();
    assert_eq!(provider(server).revoke(&retired(&kept)).await.unwrap_err().kind(), ErrorKind::RateLimited);
    fake.without_revocation();
    assert!(matches!(provider(server).revoke(&retired(&kept)).await.unwrap(), Revocation::Guided(_)));
}

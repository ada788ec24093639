//! A GitLab token that replaces itself, without an account: a GitLab on loopback, which ends a whole family of tokens when
//! a dead one is rotated with. The old token dies as the new one is born, so the journal must be durable, and an answer that
//! is lost must be told and never asked for again.
//!
//! ```console
//! cargo run --example gitlab_replace
//! ```

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokenturn::consumer::{ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::journal::{KeyFile, KeySealer, SqliteJournal};
use tokenturn::testing::{GitLabFake, Trouble, VirtualClock};
use tokenturn::{
    AdmittedToken, Answer, Consumer, Decision, Event, GitLab, Http, Outcome, Policy, Predecessor, Rotator, Run,
    ScopeModel, ScopeSet, Token,
};

/// A runner that reads the interface of GitLab with its token.
#[derive(Clone, Debug)]
struct Runner(Arc<GitLabFake>, Arc<Mutex<Token>>);

impl Runner {
    fn token(&self) -> Token {
        self.1.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Consumer for Runner {
    fn name(&self) -> &'static str {
        "runner"
    }
    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("runner").proving(Proof::Always, Proof::Always)
    }
    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        (model == ScopeModel::GITLAB).then(|| ScopeSet::of(["read_api"]))
    }
    async fn preflight(&self) -> tokenturn::Result<Slot> {
        Ok(Slot::at(self.token().fingerprint().to_string()))
    }
    async fn install(&self, token: &AdmittedToken, _: &Slot) -> tokenturn::Result<Installation> {
        *self.1.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = token.token().clone();
        self.preflight().await.map(Installation::Done)
    }
    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> tokenturn::Result<Verification> {
        let say = |yes| if yes { Answer::Proven } else { Answer::Refuted };
        let held = self.token();
        Ok(Verification::new(say(self.0.is_alive(&held)), say(held == *token.token())))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let clock = VirtualClock::new();
    let gitlab = Arc::new(GitLabFake::start_with_clock(Arc::new(clock.clone())).await?);
    let user = gitlab.user("build-bot");
    let first = gitlab.personal(user, "ci since August", &["read_api", "self_rotate"]);
    let runner = Runner(gitlab.clone(), Arc::new(Mutex::new(first.clone())));

    // A program of yours needs no clock, and keeps its key elsewhere.
    let folder = tempfile::tempdir()?;
    let http = Http::builder().user_agent("gitlab-replace/1").allow_plain_http_on_loopback().build()?;
    let provider = GitLab::personal(&http).server(gitlab.base()).clock(Arc::new(clock.clone())).build()?;
    let bot = Rotator::builder("build-bot", provider)
        .consumer(runner.clone())
        .policy(Policy::default().lifetime(Duration::from_hours(90 * 24)))
        .journal(Arc::new(SqliteJournal::open(folder.path().join("journal"))?))
        .sealer(Arc::new(KeySealer::new(&KeyFile::at(folder.path().join("key")))?))
        .accept_unrecoverable(true) // a lost answer is a lost token: a person makes another then
        .clock(Arc::new(clock.clone()))
        .observe(|event: &Event| println!("  {event:#}"))
        .build()?;

    println!("{}", bot.plan(&Predecessor::Held(first.clone())).await?);
    println!("The first rotation:");
    let run = bot.rotate(Predecessor::Held(first.clone())).await?;
    let second = runner.token();
    check(&[
        ("the run is completed", matches!(run.outcome, Outcome::Completed(_))),
        ("GitLab refuses the old token", !gitlab.is_alive(&first)),
        ("the runner has the new one, and it works", second != first && gitlab.is_alive(&second)),
        ("it was asked for with an end, not the default week", gitlab.end_of(&second).as_deref() == Some("2030-04-01")),
    ])?;

    println!("\nThe second one, and its answer is lost on the way:");
    gitlab.trouble("POST /api/v4/personal_access_tokens/self/rotate", Trouble::DropAfter);
    let mut run = bot.rotate(Predecessor::Kept).await?;
    run = finish(&bot, &clock, run).await?;
    let lost = gitlab.newest().ok_or("GitLab has no token")?;
    check(&[
        ("the run says that it needs a person", matches!(run.outcome, Outcome::NeedsPerson { .. })),
        ("the dead token was presented for a rotation once, and not again", gitlab.rotations_with(&second) == 1),
        ("so GitLab has ended no family", gitlab.families_ended() == 0),
        ("the lost token lives, and the run reports it", lost != second && gitlab.is_alive(&lost) && reports(&run)),
        ("and under no name that it does not have", names_what_lives(&gitlab, &run)),
    ])?;

    println!("\nA person revokes the lost one on the settings page, makes another by hand, and it is adopted:");
    bot.resolve(run.id, Decision::Abandon).await?;
    gitlab.revoke(&lost);
    let made = gitlab.personal(user, "ci, made by hand", &["read_api", "self_rotate"]);
    let run = bot.adopt(made.clone(), Predecessor::Held(second.clone())).await?;
    check(&[
        ("the run is completed", matches!(run.outcome, Outcome::Completed(_))),
        ("the runner has the token made by hand", runner.token() == made && gitlab.is_alive(&made)),
        ("it is the only one that lives", gitlab.live() == [made]),
        ("no family was ended", gitlab.families_ended() == 0),
    ])
}

/// Hours pass, until the run is over or wants a decision.
async fn finish(bot: &Rotator, clock: &VirtualClock, mut run: Run) -> Result<Run, Box<dyn Error>> {
    while matches!(run.outcome, Outcome::BackingOff { .. } | Outcome::Draining { .. } | Outcome::Unfinished) {
        clock.advance(Duration::from_hours(1));
        run = bot.resume(run.id).await?;
    }
    Ok(run)
}

fn reports(run: &Run) -> bool {
    matches!(&run.outcome, Outcome::NeedsPerson { orphans, .. } if !orphans.is_empty())
}

/// Whether each name that is told is that of a token that lives.
fn names_what_lives(gitlab: &GitLabFake, run: &Run) -> bool {
    let live: Vec<_> = gitlab.live().iter().filter_map(|token| gitlab.name_of(token)).collect();
    let Outcome::NeedsPerson { orphans, .. } = &run.outcome else { return false };
    orphans
        .iter()
        .filter_map(|orphan| orphan.label.as_ref())
        .all(|label| live.iter().any(|name| name == label.as_str()))
}

/// What GitLab and the runner themselves say, past every interface that the rotation used.
fn check(truth: &[(&str, bool)]) -> Result<(), Box<dyn Error>> {
    println!("\n  The truth:");
    for (what, is_so) in truth {
        println!("    {} {what}", if *is_so { "yes" } else { "NO " });
    }
    let all = truth.iter().all(|(_, is_so)| *is_so);
    if all { Ok(()) } else { Err("the servers' own state is not what the run says".into()) }
}

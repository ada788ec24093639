//! A fleet: many GitLab tokens of three teams replace themselves, over a journal on disk, and the fake GitLab itself says
//! afterwards whether one was lost.
//!
//! ```console
//! cargo run --release --example fleet          # 1,000 credentials
//! cargo run --release --example fleet -- 50
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokenturn::consumer::{ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::fleet::{Fleet, Progress, Report, Tenant, Turn, Turned};
use tokenturn::journal::{KeyFile, KeySealer, SqliteJournal};
use tokenturn::testing::GitLabFake;
use tokenturn::{
    AdmittedToken, Answer, Consumer, GitLab, Http, Outcome, Policy, Predecessor, Rotator, ScopeModel, ScopeSet, Token,
};

/// A runner that reads the interface of GitLab with its token.
#[derive(Clone, Debug)]
struct Runner(Arc<GitLabFake>, Arc<Mutex<Token>>);

impl Runner {
    fn token(&self) -> Token {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = token.token().clone();
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
    let count: usize = std::env::args().nth(1).map_or(Ok(1_000), |count| count.parse())?;
    let gitlab = Arc::new(GitLabFake::start().await?);
    let runners: Vec<(String, Runner)> = (0..count)
        .map(|n| {
            let name = format!("bot-{n:05}");
            let user = gitlab.user(&name);
            let token = gitlab.personal(user, "ci", &["read_api", "self_rotate"]);
            (name, Runner(gitlab.clone(), Arc::new(Mutex::new(token))))
        })
        .collect();

    let folder = tempfile::tempdir()?;
    let journal = Arc::new(SqliteJournal::open(folder.path().join("journal"))?);
    let sealer = Arc::new(KeySealer::new(&KeyFile::at(folder.path().join("key")))?);
    let http = Http::builder().user_agent("fleet/1").allow_plain_http_on_loopback().build()?;
    let provider = Arc::new(GitLab::personal(&http).server(gitlab.base()).build()?);

    // A turn is made when there is room for it, and gone when it is over: a fleet of any size needs no more memory.
    let turns = |team: usize| {
        let (runners, provider, journal, sealer) = (runners.clone(), provider.clone(), journal.clone(), sealer.clone());
        let turn = move |(name, runner): (String, Runner)| -> tokenturn::Result<Turn> {
            let old = runner.token();
            let bot = Rotator::builder(name, provider.clone())
                .consumer(runner)
                .policy(Policy::default().lifetime(Duration::from_hours(90 * 24)))
                .journal(journal.clone())
                .sealer(sealer.clone())
                .accept_unrecoverable(true) // a lost answer is a lost token: a person makes another then
                .build()?;
            Ok(Turn::new(bot, Predecessor::Held(old)))
        };
        let of_the_team = move |(n, runner): (usize, (String, Runner))| (n % 3 == team).then_some(runner);
        runners.into_iter().enumerate().filter_map(of_the_team).filter_map(move |runner| turn(runner).ok())
    };

    let fleet = Fleet::builder().open(128).per_lane(64).observe(tell_what_went_wrong).build()?;
    let began = Instant::now();
    let teams = [("build", 0), ("deploy", 1), ("scan", 2)].map(|(name, team)| Tenant::new(name, turns(team)));
    let running = tokio::spawn({
        let fleet = fleet.clone();
        async move { fleet.run(teams).await }
    });
    while !running.is_finished() {
        if std::io::stdout().is_terminal() {
            draw(&fleet.progress(), count)?;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let summary = running.await?;
    draw(&fleet.progress(), count)?;
    println!("\n");
    for (team, tally) in &summary.tenants {
        println!("  {team:<8} {tally}");
    }
    println!("  {:<8} {} in {:.1} s", "all", summary.total(), began.elapsed().as_secs_f64());

    // What GitLab and the runners themselves say, past every interface that the rotations used.
    let live: BTreeSet<_> = gitlab.live().iter().map(Token::fingerprint).collect();
    let held: BTreeSet<_> = runners.iter().map(|(_, runner)| runner.token().fingerprint()).collect();
    let (lost, forgotten) = (held.difference(&live).count(), live.difference(&held).count());
    println!("\n{lost} lost, {forgotten} alive that nobody holds, of {} that live", live.len());
    let turned = usize::try_from(summary.total().completed)?;
    if lost == 0 && forgotten == 0 && held.len() == count && turned == count {
        Ok(())
    } else {
        Err("the servers' own state is not what the summary says".into())
    }
}

fn tell_what_went_wrong(report: &Report) {
    if !matches!(&report.turned, Turned::Run(run) if matches!(run.outcome, Outcome::Completed(_))) {
        println!("\n{}: {:?}", report.credential, report.turned);
    }
}

/// One line, drawn over the one before.
fn draw(progress: &Progress, count: usize) -> Result<(), Box<dyn Error>> {
    let total = progress.so_far.total();
    let done = usize::try_from(total.reports())?;
    let filled = done * 40 / count.max(1);
    print!("\r[{:<40}] {done}/{count}, {} under way ", "#".repeat(filled), progress.in_flight);
    Ok(std::io::stdout().flush()?)
}

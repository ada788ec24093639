//! A program that dies in the middle of a rotation, twice at the worst moments, and finishes it all the same.
//!
//! ```console
//! cargo run --example resume_after_crash
//! ```
//!
//! The provider is a folder with a file for each live token, and the two places are files with the token that they use.
//! So the truth outlives every process, and can be looked at.

use std::error::Error as StdError;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokenturn::consumer::{ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::journal::{KeyFile, KeySealer, SqliteJournal};
use tokenturn::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, ProviderCapabilities, Revocation,
};
use tokenturn::{
    Access, AdmittedToken, Answer, Consumer, Error, ErrorKind, Event, Expiry, Grant, Label, Outcome, Policy,
    Predecessor, Provider, Result, RetiredToken, Rotator, ScopeModel, ScopeSet, Token, TokenId,
};

/// Where everything is, and when the program dies.
const FOLDER: &str = "TOKENTURN_EXAMPLE_FOLDER";
const DIES: &str = "TOKENTURN_EXAMPLE_DIES";

fn main() -> std::result::Result<ExitCode, Box<dyn StdError>> {
    match std::env::var(FOLDER) {
        Ok(folder) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(program(Path::new(&folder)))?;
        }
        Err(_) => story()?,
    }
    Ok(ExitCode::SUCCESS)
}

// -- the program that rotates -----------------------------------------------------------------------------------------

/// What a program of yours does when it starts: go on with what is open, and else begin.
async fn program(folder: &Path) -> std::result::Result<(), Box<dyn StdError>> {
    let desk = Desk { folder: folder.to_owned() };
    let journal = SqliteJournal::open(folder.join("journal"))?;
    let sealer = KeySealer::new(&KeyFile::at(folder.join("key")))?;
    let bot = Rotator::builder("deploy-bot", desk.clone())
        .consumers(["ci", "deploy"].map(|name| Place { name, desk: desk.clone() }))
        .journal(Arc::new(journal))
        .sealer(Arc::new(sealer))
        // Short, so that nobody has to wait here for what a dead process may have left on the line.
        .policy(
            Policy::default()
                .grace(Duration::ZERO)
                .act_timeout(Duration::from_millis(500))
                .settle(Duration::from_millis(500))
                .lease(Duration::from_secs(1)),
        )
        .observe(|event: &Event| println!("      {event:#}"))
        .build()?;

    let open = bot.open_rotations().await?.pop();
    match &open {
        None => println!("   no rotation is open: it begins one"),
        Some(run) => println!("   it finds {} open, and goes on with it", run.id),
    }
    let run = loop {
        let attempt = match &open {
            None => bot.rotate(Predecessor::Held(desk.read("ci")?)).await,
            Some(run) => bot.resume(run.id.clone()).await,
        };
        match attempt {
            Err(error) if error.kind() == ErrorKind::Busy => {
                let wait = error.retry_after().unwrap_or_default();
                println!("   the dead process still holds its lease: it waits until that has run out");
                tokio::time::sleep(wait).await;
            }
            other => break other?,
        }
    };
    match run.outcome {
        Outcome::Completed(_) => Ok(()),
        other => Err(format!("this was not to happen: {other:?}").into()),
    }
}

/// SIGKILL could not be worse: no destructor runs, nothing is written.
fn die_at(moment: &str) {
    if std::env::var(DIES).is_ok_and(|dies| dies == moment) {
        std::process::abort();
    }
}

// -- the world --------------------------------------------------------------------------------------------------------

/// A folder that stands for everything outside.
#[derive(Clone, Debug)]
struct Desk {
    folder: PathBuf,
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "a file of the example cannot be used: look at its folder").with_source(error)
}

impl Desk {
    fn live(&self) -> PathBuf {
        self.folder.join("live-tokens")
    }

    /// The live tokens: name, and value.
    fn rows(&self) -> Result<Vec<(String, String)>> {
        let mut rows = Vec::new();
        for entry in fs::read_dir(self.live()).map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let value = fs::read_to_string(entry.path()).map_err(broken)?;
            rows.push((entry.file_name().to_string_lossy().into_owned(), value));
        }
        Ok(rows)
    }

    fn is_alive(&self, token: &Token) -> Result<bool> {
        Ok(self.rows()?.iter().any(|(_, value)| value == token.expose()))
    }

    fn issue_as(&self, name: &str) -> Result<Token> {
        let token = Token::new(&format!("example-value-of-{name}"))?;
        fs::write(self.live().join(name), token.expose()).map_err(broken)?;
        Ok(token)
    }

    /// What a place uses.
    fn read(&self, place: &str) -> Result<Token> {
        Token::new(&fs::read_to_string(self.folder.join(place)).map_err(broken)?)
    }

    fn write(&self, place: &str, token: &Token) -> Result<()> {
        fs::write(self.folder.join(place), token.expose()).map_err(broken)
    }
}

#[async_trait]
impl Provider for Desk {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "example"
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::new(Issuer::Api, Fate::Survives)
            .ended_by(EndedBy::Api)
            .ending_by_id()
            .finding_by_label()
            .with_status_by_id()
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::NONE
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        if self.is_alive(token)? {
            return Ok(Grant::of(token, "deploy-bot").with_access(Access::Owner).with_expiry(Expiry::Never));
        }
        Err(Error::new(ErrorKind::Unauthenticated, "there is no such token: hand in a live one"))
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        let token = self.issue_as(request.label.as_str())?;
        die_at("issue");
        Ok(Issuance::Minted(Candidate::new(token).with_id(Some(TokenId::new(request.label.as_str())?))))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(Error::new(ErrorKind::Unsupported, "nothing is ever pending here"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let is_it = |(name, value): &(String, String)| match (token.value(), token.id()) {
            (Some(secret), _) => value == secret.expose(),
            (None, id) => id.is_some_and(|id| name == id.as_str()),
        };
        for (name, _) in self.rows()?.iter().filter(|row| is_it(row)) {
            fs::remove_file(self.live().join(name)).map_err(broken)?;
        }
        Ok(Revocation::Done)
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        let alive = self.rows()?.iter().any(|(name, _)| name == id.as_str());
        Ok(if alive { Liveness::Alive } else { Liveness::Dead })
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        self.rows()?.iter().filter(|(name, _)| name == label.as_str()).map(|(name, _)| TokenId::new(name)).collect()
    }
}

/// A file that holds the token which something uses.
#[derive(Debug)]
struct Place {
    name: &'static str,
    desk: Desk,
}

#[async_trait]
impl Consumer for Place {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("files").proving(Proof::Always, Proof::Always)
    }

    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        Some(ScopeSet::new())
    }

    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::at(self.desk.read(self.name)?.fingerprint().to_string()))
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        if self.preflight().await?.version != expected.version {
            return Err(Error::new(ErrorKind::Conflict, "it changed since it was read: read it again"));
        }
        self.desk.write(self.name, token.token())?;
        die_at("install");
        self.preflight().await.map(Installation::Done)
    }

    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let held = self.desk.read(self.name)?;
        let say = |yes: bool| if yes { Answer::Proven } else { Answer::Refuted };
        Ok(Verification::new(say(self.desk.is_alive(&held)?), say(held == *token.token())))
    }
}

// -- the story --------------------------------------------------------------------------------------------------------

fn story() -> std::result::Result<(), Box<dyn StdError>> {
    // Gone with everything in it when this returns.
    let folder = tempfile::tempdir()?;
    let desk = Desk { folder: folder.path().to_owned() };
    fs::create_dir(desk.live())?;
    let old = desk.issue_as("made-by-hand")?;
    desk.write("ci", &old)?;
    desk.write("deploy", &old)?;
    show(&desk)?;

    let deaths = [
        ("issue", "dies when the provider has made a token, before anybody has heard of it"),
        ("install", "dies when the first place has taken the new token, before that is written down"),
        ("never", "is let live"),
    ];
    for (at, (moment, what)) in deaths.into_iter().enumerate() {
        println!("\n{}. The program starts, and {what}.", at + 1);
        let status = Command::new(std::env::current_exe()?).env(FOLDER, folder.path()).env(DIES, moment).status()?;
        if status.success() != (moment == "never") {
            return Err(format!("it ended otherwise than it was meant to: {status}").into());
        }
        show(&desk)?;
    }

    let rows = desk.rows()?;
    let new = desk.read("ci")?;
    let whole = rows.len() == 1 && desk.is_alive(&new)? && !desk.is_alive(&old)? && desk.read("deploy")? == new;
    if !whole {
        return Err("a token was lost, or a place was left behind".into());
    }
    println!("\ncompleted: one token lives, both places have it, the old one and the orphan are revoked");
    Ok(())
}

/// The truth, past every interface that the rotation uses.
fn show(desk: &Desk) -> Result<()> {
    let mut rows = desk.rows()?;
    rows.sort();
    let name_of = |token: &Token| {
        let row = rows.iter().find(|(_, value)| value == token.expose());
        row.map_or("a dead token", |(name, _)| name.as_str()).to_owned()
    };
    let names: Vec<_> = rows.iter().map(|(name, _)| name.as_str()).collect();
    println!(
        "   live: {}; ci uses {}; deploy uses {}",
        names.join(", "),
        name_of(&desk.read("ci")?),
        name_of(&desk.read("deploy")?)
    );
    Ok(())
}

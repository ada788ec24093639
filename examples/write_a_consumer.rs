#![doc = "A place of one's own: a file from which another program reads its token."]

use std::path::PathBuf;

use async_trait::async_trait;
use tokenturn::consumer::{ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::{
    AdmittedToken, Answer, Consumer, Error, ErrorKind, Policy, Predecessor, Result, Rotator, ScopeModel, ScopeSet,
    Token,
};

#[derive(Debug)]
struct TokenFile(PathBuf);

impl TokenFile {
    fn stored(&self) -> Result<Token> {
        let gone = |_| Error::new(ErrorKind::NotFound, "the token's file cannot be read: check its path and owner");
        Token::new(std::fs::read_to_string(&self.0).map_err(gone)?.trim())
    }
    // Whoever reads the file meanwhile finds the one token or the other, and nobody else may read it.
    fn replace(&self, token: &Token) -> std::io::Result<()> {
        let beside = self.0.with_extension("new");
        std::fs::write(&beside, "")?;
        std::fs::set_permissions(&beside, std::fs::metadata(&self.0)?.permissions())?;
        std::fs::write(&beside, token.expose())?;
        std::fs::rename(beside, &self.0)
    }
}

#[async_trait]
impl Consumer for TokenFile {
    fn name(&self) -> &str {
        self.0.to_str().unwrap_or("token-file")
    }
    fn capabilities(&self) -> ConsumerCapabilities {
        // A look into the file shows whether it is the new token, and nothing of whether that works.
        ConsumerCapabilities::new("builder").proving(Proof::Never, Proof::Always)
    }
    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        (model == ScopeModel::GITHUB_CLASSIC).then(|| ScopeSet::of(["repo"]))
    }
    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::at(self.stored()?.fingerprint().to_string()))
    }
    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        if self.preflight().await? != *expected {
            return Err(Error::new(ErrorKind::Conflict, "the file changed since it was read: read it again"));
        }
        self.replace(token.token()).map_err(|_| Error::new(ErrorKind::Unavailable, "the file cannot be written"))?;
        self.preflight().await.map(Installation::Done)
    }
    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let new = if self.stored()? == *token.token() { Answer::Proven } else { Answer::Refuted };
        Ok(Verification::new(Answer::Unknown, new))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let (provider, path) = (MemoryProvider::new(), std::env::temp_dir().join("tokenturn-example-token"));
    let old = provider.mint("build-bot", ScopeSet::of(["repo"]));
    std::fs::write(&path, old.expose()).map_err(|_| Error::new(ErrorKind::Unavailable, "no temporary file"))?;
    let bot = Rotator::builder("build-bot", provider.clone())
        .consumer(TokenFile(path.clone()))
        .policy(Policy::default().grace(std::time::Duration::ZERO))
        .build()?;
    let run = bot.rotate(Predecessor::Held(old)).await?;
    println!("{:?}: the file holds {:?}", run.outcome, TokenFile(path).stored()?);
    Ok(())
}

//! What goes over the line: one line of JSON each way.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tokenturn::consumer::{Slot, Verification};
use tokenturn::provider::Liveness;
use tokenturn::{Effect, Error, ErrorKind, Grant, Guide, Label, Problem, Result, RunId, ScopeSet, TokenId};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::world::Verdict;

/// A call, for a credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) credential: String,
    pub(crate) call: Call,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    // What a provider is asked.
    Inspect {
        token: String,
    },
    Issue {
        label: Label,
        scopes: ScopeSet,
        current: Option<String>,
    },
    Revoke {
        token: Option<String>,
        id: Option<TokenId>,
    },
    Status {
        id: TokenId,
    },
    Find {
        label: Label,
    },
    // What a place is asked.
    Preflight {
        place: String,
    },
    Install {
        place: String,
        token: String,
        grant: Box<Grant>,
        expected: Slot,
    },
    Verify {
        place: String,
        token: String,
        grant: Box<Grant>,
        slot: Slot,
    },
    // What a person is asked.
    MakeToken,
    // What a worker says.
    /// It begins, and asks for the token that the credential had at first.
    First,
    /// A run waits for a decision.
    Decide {
        run: RunId,
    },
    /// Something went wrong that should not.
    Complain {
        text: String,
    },
    // What the test asks, for no credential.
    /// Answers once so many calls have come in all.
    Until {
        calls: usize,
    },
    /// Answers once no other connection is open and all that was sent has been done.
    Quiet,
    Judge,
    /// From now on answers with new tokens are held back.
    Hold,
    /// Answers once so many are.
    Held {
        answers: usize,
    },
    Release,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Granted(Box<Grant>),
    Minted { token: String, id: Option<TokenId> },
    Guided(Guide),
    Liveness(Liveness),
    Ids(Vec<TokenId>),
    Slot(Slot),
    Verified(Verification),
    Token(String),
    Verdict(Box<Verdict>),
    Done,
    Failed(Problem),
}

/// A line to the world, opened when it is first needed.
#[derive(Debug)]
pub(crate) struct Line {
    world: SocketAddr,
    stream: Mutex<Option<BufReader<TcpStream>>>,
}

impl Line {
    pub(crate) fn to(world: SocketAddr) -> Self {
        Self { world, stream: Mutex::new(None) }
    }

    /// One call and its answer. Where the line breaks, what was asked for may have happened.
    pub(crate) async fn ask(&self, credential: &str, call: Call) -> Result<Reply> {
        let request = Request { credential: credential.to_owned(), call };
        match self.exchange(&request).await {
            Ok(Reply::Failed(problem)) => Err(problem.into()),
            Ok(reply) => Ok(reply),
            Err(error) => {
                let text = "the line to the world broke: start it again";
                Err(Error::new(ErrorKind::Unavailable, text).with_effect(Effect::Unknown).with_source(error))
            }
        }
    }

    async fn exchange(&self, request: &Request) -> std::io::Result<Reply> {
        let mut place = self.stream.lock().await;
        // A call that is dropped half-way takes its connection with it: the next answer there would be another's.
        let mut stream = match place.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(self.world).await?),
        };
        write(stream.get_mut(), request).await?;
        let reply = read(&mut stream).await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        *place = Some(stream);
        Ok(reply)
    }
}

/// One call on a connection of its own.
pub(crate) async fn ask_once(world: SocketAddr, credential: &str, call: Call) -> Reply {
    Line::to(world).ask(credential, call).await.unwrap()
}

pub(crate) async fn write<T: Serialize>(stream: &mut TcpStream, message: &T) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

/// The next message; none when the other side has gone.
pub(crate) async fn read<T: for<'a> Deserialize<'a>>(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<T>> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Ok(None),
        // A process that was killed while it wrote leaves half a line.
        _ if !line.ends_with('\n') => Ok(None),
        _ => Ok(Some(serde_json::from_str(&line)?)),
    }
}

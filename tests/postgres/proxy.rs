//! A line between worker and database that breaks where it is told to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Where the line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// What the worker sends does not arrive.
    Question,
    /// It arrives and is answered, and the answer does not.
    Answer,
    /// It arrives, and then nothing more: the line stays up, and silent.
    Silence,
}

/// A proxy before a database.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
    _task: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    /// What to do, once, and after how many more questions.
    cut: Mutex<Option<(Cut, u64)>>,
    cuts: AtomicU64,
}

impl State {
    /// What becomes of the next question.
    fn next(&self) -> Option<Cut> {
        let mut cut = self.cut.lock().unwrap();
        let (what, left) = (*cut)?;
        if left > 0 {
            *cut = Some((what, left - 1));
            return None;
        }
        *cut = None;
        self.cuts.fetch_add(1, Ordering::Relaxed);
        Some(what)
    }
}

impl Proxy {
    /// One before the server of an address.
    pub(crate) async fn before(address: &str) -> Self {
        let config: tokio_postgres::Config = address.parse().unwrap();
        let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else { panic!("{address}") };
        let behind = (host.clone(), config.get_ports().first().copied().unwrap_or(5432));
        let behind: SocketAddr = tokio::net::lookup_host(behind).await.unwrap().next().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let (shared, mut task) = (state.clone(), JoinSet::new());
        task.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((worker, _)) = listener.accept().await {
                let state = shared.clone();
                lines.spawn(async move {
                    if let Ok(database) = TcpStream::connect(behind).await {
                        let _ = line(worker, database, &state).await;
                    }
                });
            }
        });
        Self { port, state, _task: task }
    }

    /// The same address by way of this proxy.
    pub(crate) fn address(&self, address: &str) -> String {
        let url: url::Url = address.parse().unwrap();
        let user = url.username();
        let password = url.password().map(|password| format!(":{password}")).unwrap_or_default();
        format!("postgres://{user}{password}@127.0.0.1:{}{}", self.port, url.path())
    }

    /// Breaks the line at the question after so many more.
    pub(crate) fn cut(&self, cut: Cut, after: u64) {
        *self.state.cut.lock().unwrap() = Some((cut, after));
    }

    /// How often it broke.
    pub(crate) fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::Relaxed)
    }
}

/// Carries what both say, until it breaks.
async fn line(mut worker: TcpStream, mut database: TcpStream, state: &State) -> std::io::Result<()> {
    let (mut question, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            said = worker.read(&mut question) => {
                let bytes = said?;
                if bytes == 0 {
                    return Ok(());
                }
                let cut = state.next();
                if cut == Some(Cut::Question) {
                    return Ok(());
                }
                database.write_all(&question[..bytes]).await?;
                if cut.is_some() {
                    // Once it says anything, it has done what it was asked.
                    database.readable().await?;
                }
                match cut {
                    Some(Cut::Silence) => return std::future::pending().await,
                    Some(_) => return Ok(()),
                    None => {}
                }
            }
            said = database.read(&mut answer) => {
                let bytes = said?;
                if bytes == 0 {
                    return Ok(());
                }
                worker.write_all(&answer[..bytes]).await?;
            }
        }
    }
}

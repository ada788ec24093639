//! A program that rotates every credential of the fleet again and again, and goes on with what it finds open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokenturn::consumer::Consumer;
use tokenturn::journal::{Journal, Sealer, Span};
use tokenturn::{Ask, Clock, Decision, ErrorKind, Outcome, Predecessor, Result, Rotator, Run, Token};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::clock::ClockAhead;
use crate::fleet::{Kind, Member, brisk, fleet, policy};
use crate::journal;
use crate::planted::{AnswersFirst, Liar, Plant};
use crate::process::Orders;
use crate::remote::{RemoteConsumer, RemoteProvider};
use crate::wire::{Call, Line, Reply};

/// More turns than any rotation takes: one that goes round in a circle is told of.
const MANY: i32 = 2000;

/// How long to wait before another try of what failed.
const BREATH: Duration = Duration::from_millis(10);

pub(crate) async fn work(orders: Orders) {
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ClockAhead::new(orders.ahead));
    let mut journal = journal::journal(&orders.directory, clock.clone());
    if orders.plant == Some(Plant::AnswersFirst) {
        journal = Arc::new(AnswersFirst::over(journal));
    }
    let sealer = journal::sealer(&orders.directory);
    let lives: Vec<Life> =
        fleet().into_iter().map(|member| Life::new(member, &orders, &journal, &sealer, &clock)).collect();
    let (stop, stopped) = watch::channel(orders.finish);
    std::thread::spawn(move || {
        // Whoever started this has nothing more to do, or is gone.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = stop.send(true);
    });
    let rotators: Vec<Rotator> = lives.iter().map(|life| life.rotator.clone()).collect();
    println!("ready");
    let all = join_all(lives.into_iter().map(|life| tokio::spawn(life.live(stopped.clone()))));
    let ended = tokio::select! {
        ended = all => ended,
        _ = terminated.recv() => {
            println!("draining");
            if orders.plant == Some(Plant::Hasty) {
                return;
            }
            join_all(rotators.iter().map(Rotator::drain)).await;
            println!("drained");
            return;
        }
    };
    let rotations: usize = ended.into_iter().map(|life| life.unwrap()).sum();
    println!("finished {rotations}");
}

/// One credential.
struct Life {
    member: Member,
    world: SocketAddr,
    line: Line,
    clock: Arc<dyn Clock>,
    journal: Arc<dyn Journal>,
    rotator: Rotator,
    shared: bool,
}

impl Life {
    fn new(
        member: Member,
        orders: &Orders,
        journal: &Arc<dyn Journal>,
        sealer: &Arc<dyn Sealer>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let provider = RemoteProvider::new(orders.world, &member.name, member.kind);
        let places = member.places().map(|place| {
            let honest = RemoteConsumer::new(orders.world, &member.name, place);
            match orders.plant {
                Some(Plant::Liar) => Arc::new(Liar(honest)) as Arc<dyn Consumer>,
                _ => Arc::new(honest),
            }
        });
        let mut builder = Rotator::builder(&member.name, provider)
            .consumers(places)
            .policy(if orders.shared { brisk() } else { policy() })
            .journal(journal.clone())
            .sealer(sealer.clone())
            .clock(clock.clone())
            .accept_unrecoverable(true);
        if member.canary {
            builder = builder.canary(&member.places()[0]);
        }
        Self {
            world: orders.world,
            line: Line::to(orders.world),
            clock: clock.clone(),
            journal: journal.clone(),
            rotator: builder.build().unwrap(),
            shared: orders.shared,
            member,
        }
    }

    async fn tell(&self, call: Call) -> Reply {
        self.line.ask(&self.member.name, call).await.unwrap_or_else(|error| panic!("{}: {error:?}", self.world))
    }

    async fn token(&self, call: Call) -> Token {
        match self.tell(call).await {
            Reply::Token(value) => Token::new(&value).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Until it is stopped, and what was begun has ended. How many rotations it finished.
    async fn live(self, stopped: watch::Receiver<bool>) -> usize {
        let first = self.token(Call::First).await;
        let (mut finished, mut turns) = (0, 0);
        loop {
            turns += 1;
            if turns > MANY {
                self.tell(Call::Complain { text: "a rotation goes round in a circle".to_owned() }).await;
                return finished;
            }
            match self.turn(&first).await {
                Ok(over) => {
                    finished += usize::from(over);
                    turns *= i32::from(!over);
                    if over && *stopped.borrow() {
                        return finished;
                    }
                }
                // It is being drained.
                Err(error) if error.kind() == ErrorKind::Busy && error.retry_after().is_none() => return finished,
                Err(error) => {
                    let met_another = matches!(
                        error.kind(),
                        ErrorKind::Busy | ErrorKind::Fenced | ErrorKind::NotFound | ErrorKind::Refused
                    );
                    if !(self.shared && met_another) {
                        self.tell(Call::Complain { text: format!("{error:?}") }).await;
                    }
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    /// One step of a program that may have been restarted: whether a rotation came to its end.
    async fn turn(&self, first: &Token) -> Result<bool> {
        let run = match self.rotator.open_rotations().await?.pop() {
            Some(run) => self.go_on(run).await?,
            None => self.rotator.rotate(self.predecessor(first).await?).await?,
        };
        match run.outcome {
            Outcome::Completed(_) => Ok(true),
            // Where the token is lost for good, a person makes another.
            Outcome::Stopped { .. } | Outcome::Abandoned { .. } if self.member.kind == Kind::Replace => {
                let made = self.token(Call::MakeToken).await;
                let run = self.rotator.adopt(made, self.predecessor(first).await?).await?;
                Ok(matches!(run.outcome, Outcome::Completed(_)))
            }
            outcome if outcome.is_over() => {
                self.tell(Call::Complain { text: format!("ended so: {outcome:?}") }).await;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn go_on(&self, run: Run) -> Result<Run> {
        match &run.outcome {
            Outcome::AwaitingPerson { asks, .. } => match asks.as_slice() {
                [Ask::Token { .. }] => {
                    let made = self.token(Call::MakeToken).await;
                    self.rotator.supply(run.id, made).await
                }
                other => panic!("nobody was to be asked this: {other:?}"),
            },
            Outcome::NeedsPerson { .. } => {
                self.tell(Call::Decide { run: run.id.clone() }).await;
                let lost = self.member.kind == Kind::Replace;
                self.rotator.resolve(run.id, if lost { Decision::Abandon } else { Decision::Retry }).await
            }
            Outcome::BackingOff { until, .. } | Outcome::Draining { until, .. } => {
                self.clock.sleep(self.clock.now().until(*until)).await;
                Ok(self.rotator.resume_due().await?.unwrap_or(run))
            }
            _ => self.rotator.resume(run.id).await,
        }
    }

    async fn predecessor(&self, first: &Token) -> Result<Predecessor> {
        let log = self.journal.load(self.rotator.credential(), Span::Head).await?;
        Ok(if log.head.current.is_some() { Predecessor::Kept } else { Predecessor::Held(first.clone()) })
    }
}

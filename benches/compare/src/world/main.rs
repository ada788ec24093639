//! The world: it alone holds the truth, and counts. `world` prints its address and serves until its standard input ends.
//!
//! What was sent happens, be whoever sent it killed meanwhile. `/world/..` is for who watches, and counts for nothing.

#![forbid(unsafe_code)]

mod answer;
mod gitlab;
mod places;
mod state;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokenturn_compare::{Counts, Setting};
use tokio::net::TcpListener;

use answer::Answer;
use state::State;

/// A request, read.
pub(crate) struct Asked {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    token: Option<String>,
    target: Option<String>,
    body: Vec<u8>,
}

impl Asked {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

struct World {
    setting: Setting,
    state: State,
    counts: Counts,
    span: Option<(Instant, Instant)>,
    /// Which request fails: the same ones in every round.
    dice: u64,
}

type Shared = Arc<Mutex<World>>;

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let setting = Setting { fleet: 0, places: 0, latency_ms: 0, faults: false, cap: 100, files: None, record: false };
    let world = Arc::new(Mutex::new(World::of(setting)));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::thread::spawn(|| {
        // Whoever started this has nothing more to do, or is gone.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let world = world.clone();
        tokio::spawn(async move {
            let serve = service_fn(move |request| {
                // In a task of its own: a connection that is cut does not undo what was sent.
                let served = tokio::spawn(serve(world.clone(), request));
                async move { Ok::<_, Infallible>(served.await.unwrap_or_else(|_| Answer::empty(500)).response()) }
            });
            let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), serve).await;
        });
    }
}

async fn serve(world: Shared, request: hyper::Request<Incoming>) -> Answer {
    let asked = read(request).await;
    let segments: Vec<&str> = asked.path.split('/').skip(1).collect();
    if let ["world", call] = segments.as_slice() {
        return watched(&world, call, &asked);
    }
    let (latency, admitted) = lock(&world).begin();
    tokio::time::sleep(latency / 2).await;
    let answer = if admitted { lock(&world).act(&asked, &segments) } else { Answer::too_many() };
    tokio::time::sleep(latency / 2).await;
    lock(&world).end();
    answer
}

async fn read(request: hyper::Request<Incoming>) -> Asked {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = head.uri.query().unwrap_or_default();
    Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        token: header("private-token"),
        target: header("x-amz-target"),
        body: body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default(),
    }
}

/// What is told to who watches.
fn watched(world: &Shared, call: &str, asked: &Asked) -> Answer {
    let mut world = lock(world);
    match call {
        "set" => match serde_json::from_slice(&asked.body) {
            Ok(setting) => {
                *world = World::of(setting);
                Answer::text(world.state.members())
            }
            Err(_) => Answer::empty(400),
        },
        "counts" => Answer::json(200, &json!(world.counts())),
        "truth" => Answer::json(200, &json!(world.state.truth())),
        _ => Answer::empty(404),
    }
}

impl World {
    fn of(setting: Setting) -> Self {
        Self { state: State::of(&setting), setting, counts: Counts::default(), span: None, dice: 1 }
    }

    fn counts(&self) -> Counts {
        let seconds = self.span.map(|(first, last)| (last - first).as_secs_f64()).unwrap_or_default();
        Counts { seconds, ..self.counts.clone() }
    }

    /// A request arrived: how long its answer takes, and whether it is below the cap.
    fn begin(&mut self) -> (Duration, bool) {
        let now = Instant::now();
        self.span.get_or_insert((now, now));
        let counts = &mut self.counts;
        counts.requests += 1;
        counts.in_flight += 1;
        counts.peak = counts.peak.max(counts.in_flight);
        let admitted = counts.in_flight <= self.setting.cap;
        counts.beyond_the_cap += u64::from(!admitted);
        (Duration::from_millis(self.setting.latency_ms), admitted)
    }

    fn end(&mut self) {
        self.counts.in_flight -= 1;
        if let Some((_, last)) = &mut self.span {
            *last = Instant::now();
        }
    }

    fn act(&mut self, asked: &Asked, segments: &[&str]) -> Answer {
        let fault = if self.setting.faults { self.roll() } else { 100 };
        if fault == 0 {
            self.counts.refused += 1;
            return Answer::too_many();
        }
        let (step, answer) = match (&asked.target, segments) {
            (Some(target), _) => places::pipeline(&mut self.state, asked, target),
            (None, ["api", "v4", path @ ..]) => gitlab::answer(&mut self.state, asked, path),
            (None, ["places", path @ ..]) => places::answer(&mut self.state, asked, path),
            _ => ("something else".to_owned(), Answer::empty(404)),
        };
        if self.setting.record {
            self.counts.steps.push(step);
        }
        if fault == 1 {
            self.counts.broken += 1;
            return Answer::empty(502);
        }
        answer
    }

    /// A number below a hundred, by a generator that begins anew with every setting (xorshift).
    fn roll(&mut self) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % 100
    }
}

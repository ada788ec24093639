//! How many requests are under way, and that no far side holds another up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokenturn::provider::Provider;
use tokenturn::testing::{GitHubFake, Trouble, retired};
use tokenturn::{Effect, ErrorKind, Http, HttpBuilder, PersonalTokens, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use url::Url;

use crate::{loopback, provider, token, world};

/// How many requests are being answered, at all far sides that share it.
#[derive(Default)]
struct Load {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A far side that takes requests, and answers them when it is let.
struct Far {
    address: Url,
    let_go: Arc<Semaphore>,
}

impl Far {
    async fn start(load: &Arc<Load>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (let_go, load) = (Arc::new(Semaphore::new(0)), load.clone());
        let far = Self { address, let_go: let_go.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, load.clone(), let_go.clone()));
            }
        });
        far
    }

    /// So many requests to it at once.
    fn asked(&self, http: &Http, many: usize) -> Vec<JoinHandle<bool>> {
        let provider: Arc<PersonalTokens> = Arc::new(provider(http, self.address.clone()));
        let ask = |_| {
            let provider = provider.clone();
            tokio::spawn(async move { provider.revoke(&retired(&token())).await.is_ok() })
        };
        (0..many).map(ask).collect()
    }

    fn answer(&self, requests: usize) {
        self.let_go.add_permits(requests);
    }
}

async fn serve(mut stream: TcpStream, load: Arc<Load>, let_go: Arc<Semaphore>) {
    let mut head = vec![0; 16 * 1024];
    while stream.read(&mut head).await.is_ok_and(|length| length > 0) {
        let now = load.now.fetch_add(1, Ordering::SeqCst) + 1;
        load.most.fetch_max(now, Ordering::SeqCst);
        if let Ok(leave) = let_go.acquire().await {
            leave.forget();
        }
        load.now.fetch_sub(1, Ordering::SeqCst);
        let answer =
            b"HTTP/1.1 202 Accepted\r\ncontent-length: 15\r\ncontent-type: application/json\r\n\r\n{\"login\":\"bot\"}";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// Waits until so many requests are there.
async fn until(load: &Load, many: usize) {
    while load.now.load(Ordering::SeqCst) < many {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn patient() -> HttpBuilder {
    loopback().timeout(Duration::from_mins(5))
}

#[tokio::test]
async fn all_far_sides_together_get_so_many_requests_at_a_time() {
    let load = Arc::new(Load::default());
    let (one, other) = (Far::start(&load).await, Far::start(&load).await);
    let http = patient().concurrency(2).concurrency_in_total(3).build().unwrap();
    let asked: Vec<_> = one.asked(&http, 20).into_iter().chain(other.asked(&http, 20)).collect();
    until(&load, 3).await;
    one.answer(20);
    other.answer(20);
    for answer in asked {
        assert!(answer.await.unwrap());
    }
    assert_eq!(load.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_far_side_that_does_not_answer_keeps_nobody_from_another() {
    let (slow_load, load) = (Arc::new(Load::default()), Arc::new(Load::default()));
    let (slow, other) = (Far::start(&slow_load).await, Far::start(&load).await);
    let http = patient().concurrency(2).concurrency_in_total(3).build().unwrap();
    let held = slow.asked(&http, 50);
    until(&slow_load, 2).await;
    other.answer(20);
    for answer in other.asked(&http, 20) {
        assert!(answer.await.unwrap());
    }
    assert_eq!(slow_load.most.load(Ordering::SeqCst), 2);
    held.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn one_identity_gets_so_many_requests_at_a_time_and_leaves_the_rest_to_others() {
    let load = Arc::new(Load::default());
    let far = Far::start(&load).await;
    let http = patient().concurrency_per_identity(1).build().unwrap();
    let provider = Arc::new(provider(&http, far.address.clone()));
    let tokens = ["ghp_FAKEone", "ghp_FAKEtwo", "ghp_FAKEthree"].map(|secret| Token::new(secret).unwrap());
    let look = |token: &Token| {
        let (provider, token) = (provider.clone(), token.clone());
        tokio::spawn(async move { provider.inspect(&token).await.is_ok() })
    };
    // Tokens that were seen alive are held back by nothing else.
    for token in &tokens {
        far.answer(1);
        assert!(look(token).await.unwrap());
    }
    let of_one: Vec<_> = (0..5).map(|_| look(&tokens[0])).collect();
    until(&load, 1).await;
    far.answer(5);
    for seen in of_one {
        assert!(seen.await.unwrap());
    }
    assert_eq!(load.most.load(Ordering::SeqCst), 1);
    let of_all: Vec<_> = tokens.iter().cycle().take(9).map(look).collect();
    until(&load, 3).await;
    far.answer(9);
    for seen in of_all {
        assert!(seen.await.unwrap());
    }
    assert_eq!(load.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_pause_at_one_far_side_is_none_at_another() {
    let http = loopback().build().unwrap();
    let (one, other) = (GitHubFake::start().await.unwrap(), GitHubFake::start().await.unwrap());
    one.trouble("POST", Trouble::Wait(600));
    let (paused, free) = (provider(&http, one.base()), provider(&http, other.base()));
    for _ in 0..2 {
        let error = paused.revoke(&retired(&token())).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::RateLimited, Effect::None), "{error}");
    }
    free.revoke(&retired(&token())).await.unwrap();
    assert_eq!(one.seen().len(), 1);
}

#[tokio::test]
async fn a_dead_far_side_is_left_alone_and_another_is_not() {
    let http = loopback().build().unwrap();
    let (dead, other) = (GitHubFake::start().await.unwrap(), GitHubFake::start().await.unwrap());
    let (asked, living) = (provider(&http, dead.base()), provider(&http, other.base()));
    dead.stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    // However slow the machine is: one of them comes before the pause that the others caused is over.
    let mut refused = None;
    for _ in 0..50 {
        let error = asked.inspect(&token()).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::None), "{error}");
        if error.to_string().contains("no request was sent") {
            refused = Some(error);
            break;
        }
    }
    assert!(refused.unwrap().retry_after().is_some());
    living.inspect(&other.classic("bot", "ci", &[])).await.unwrap();
}

#[tokio::test]
async fn what_may_have_arrived_stays_unknown_though_the_dead_far_side_is_not_asked_again() {
    let world = world(loopback()).await;
    for _ in 0..3 {
        world.fake.trouble("GET", Trouble::DropBefore);
        world.fake.trouble("POST", Trouble::DropAfter);
    }
    assert_eq!(world.refused().await.kind(), ErrorKind::Unavailable);
    // Its first two tries are the fourth and fifth request in a row without an answer.
    let error = world.provider.revoke(&retired(&world.token)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::Unknown), "{error}");
    assert!(!world.fake.is_alive(&world.token));
}
